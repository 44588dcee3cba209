"""Who asks, and whether it is really them: keys, HMAC-SHA256 signatures, timestamps."""

import hashlib
import hmac
from collections.abc import Mapping

from planar.venue.account import Account
from planar.venue.query import Query
from planar.venue.refusal import NO_PERMISSION, Refusal, missing

USUAL_WINDOW, LONGEST_WINDOW = 5_000, 60_000
AHEAD = 1_000


def account_of(accounts: Mapping[str, Account], key: str) -> Account:
    """The account behind a key. Raises Refusal when there is none."""
    if not key:
        raise Refusal(-2014, "API-key format invalid.", 401)
    if key not in accounts:
        raise Refusal(*NO_PERMISSION, 401)
    return accounts[key]


def check_signature(account: Account, signed: str, query: Query, now: int) -> None:
    """Raises Refusal unless the text is signed by the account's secret and made just now.

    signed: the parameters as they were sent, without the signature.
    """
    check_time(query, now)
    given = query.text("signature")
    if not given:
        raise missing("signature")
    made = hmac.new(account.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made, given.lower()):
        raise Refusal(-1022, "Signature for this request is not valid.")


def check_time(query: Query, now: int) -> None:
    """Raises Refusal unless a request's timestamp is within its window."""
    time = query.integer("timestamp")
    if time is None:
        raise missing("timestamp")
    window = query.number("recvWindow") or USUAL_WINDOW
    if window > LONGEST_WINDOW:
        raise Refusal(-1131, "recvWindow must be less than 60000.")
    if time >= now + AHEAD:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now - time > window:
        raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def without_signature(text: str) -> str:
    """Encoded parameters without their signature."""
    return "&".join(pair for pair in text.split("&") if pair and not pair.startswith("signature="))
