"""What CCXT raises as what Planar raises: the class is the retry policy, the code the reason, the message the remedy.

A read fails as Unreachable (ask again) or Rejected (do not). A write that was sent and not clearly answered fails as
Unknown: only what the exchange certainly turned away is Unreachable or Rejected.
"""

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from planar.errors import ExchangeError, Rejected, Unknown, Unreachable
from planar.exchange.answers.numbers import MalformedError
from planar.exchange.scrub import Scrubber
from planar.exchange.transport import is_loopback
from planar.exchange.wire import Wire

OUTDATED = {"INVALID_PRICE", "INVALID_AMOUNT", "MARKET_CLOSED", "UNKNOWN_SYMBOL"}
"""Refusals by the exchange that say that its markets are not what they were when they were asked for."""

CODES = {
    "BaseError": "EXCHANGE_ERROR",
    "ExchangeError": "EXCHANGE_ERROR",
    "AuthenticationError": "AUTHENTICATION",
    "PermissionDenied": "PERMISSION_DENIED",
    "AccountNotEnabled": "ACCOUNT_NOT_ENABLED",
    "AccountSuspended": "ACCOUNT_SUSPENDED",
    "ArgumentsRequired": "INVALID_REQUEST",
    "BadRequest": "INVALID_REQUEST",
    "BadSymbol": "UNKNOWN_SYMBOL",
    "OperationRejected": "OPERATION_REJECTED",
    "NoChange": "NO_CHANGE",
    "MarginModeAlreadySet": "NO_CHANGE",
    "MarketClosed": "MARKET_CLOSED",
    "ManualInteractionNeeded": "MANUAL_INTERACTION_NEEDED",
    "RestrictedLocation": "RESTRICTED_LOCATION",
    "InsufficientFunds": "INSUFFICIENT_FUNDS",
    "InvalidAddress": "INVALID_ADDRESS",
    "AddressPending": "INVALID_ADDRESS",
    "InvalidOrder": "INVALID_ORDER",
    "OrderNotFound": "ORDER_NOT_FOUND",
    "OrderNotCached": "ORDER_NOT_FOUND",
    "OrderImmediatelyFillable": "POST_ONLY_WOULD_TAKE",
    "OrderNotFillable": "ORDER_NOT_FILLABLE",
    "DuplicateOrderId": "DUPLICATE_ORDER_ID",
    "ContractUnavailable": "MARKET_CLOSED",
    "NotSupported": "NOT_SUPPORTED",
    "InvalidProxySettings": "PROXY",
    "ExchangeClosedByUser": "CLOSED",
    "OperationFailed": "OPERATION_FAILED",
    "NetworkError": "NETWORK",
    "DDoSProtection": "RATE_LIMIT",
    "RateLimitExceeded": "RATE_LIMIT",
    "ExchangeNotAvailable": "NOT_AVAILABLE",
    "OnMaintenance": "MAINTENANCE",
    "InvalidNonce": "CLOCK",
    "ChecksumError": "BAD_RESPONSE",
    "RequestTimeout": "TIMEOUT",
    "BadResponse": "BAD_RESPONSE",
    "NullResponse": "BAD_RESPONSE",
    "CancelPending": "CANCEL_PENDING",
    "UnsubscribeError": "OPERATION_FAILED",
}
"""The code of each class of ``ccxt.base.errors``, by name: importing CCXT takes seconds."""

TURNED_AWAY = {"RATE_LIMIT", "CLOCK"}
"""Refused at the door, before anything was done; it may be sent again."""

UNREACHABLE = TURNED_AWAY | {
    "OPERATION_FAILED",
    "NETWORK",
    "NOT_AVAILABLE",
    "MAINTENANCE",
    "TIMEOUT",
    "BAD_RESPONSE",
    "CANCEL_PENDING",
    "PROXY",
    "TLS",
}
"""Codes of what may go better the next time; all others are refusals."""

UNCERTAIN = (UNREACHABLE - TURNED_AWAY) | {"EXCHANGE_ERROR", "CONNECTOR_FAULT"}
"""Codes that do not tell whether a write was carried out."""

OF_WRITES = {
    "INSUFFICIENT_FUNDS",
    "POST_ONLY_WOULD_TAKE",
    "STOP_WOULD_TRIGGER",
    "ORDER_NOT_FILLABLE",
    "DUPLICATE_ORDER_ID",
    "TOO_MANY_ORDERS",
    "CANCELLED_NOT_REPLACED",
    "AMEND_FAILED",
    "BELOW_MIN_AMOUNT",
    "BELOW_MIN_COST",
    "ABOVE_MAX_AMOUNT",
}
"""Codes that only a write can be answered with: told to a read, it was not the read that was answered."""

REMEDIES = {
    "AUTHENTICATION": "Check key, secret and, where there is one, passphrase in {keys}, the key's permissions, and "
    "that its IP allow-list holds this machine's address; when all are right, the clock may be off: "
    "`planar exchanges sync-time {exchange}{who}`.",
    "NO_KEYS": "It needs keys: fill in {keys}.",
    "PERMISSION_DENIED": "Give the key of {keys} the permission that this needs, at the exchange; add this machine's "
    "address to its IP allow-list.",
    "ACCOUNT_NOT_ENABLED": "Open that kind of account at the exchange first.",
    "UNKNOWN_SYMBOL": "Symbols are written BTC/USDT, and BTC/USDT:USDT for a perpetual.",
    "RESTRICTED_LOCATION": "The exchange serves no one at this machine's address.",
    "WRONG_SECRET": "The secret in {keys} is not that of the key, or was cut short: copy both anew.",
    "INSUFFICIENT_FUNDS": "See what is free, and in which wallet: `planar balance {exchange} --type {wallet}{who}`.",
    "RATE_LIMIT": "Wait{wait}; then send less, and keep `{exchange}.enable_rate_limit` on.",
    "CLOCK": "This machine's clock and the exchange's differ: run `planar exchanges sync-time {exchange}{who}`.",
    "TIMEOUT": "Check the network, or give it longer: `planar config set {exchange}.timeout 60000`.",
    "NO_VENUE": "Is `planar venue` running there? Its address is {exchange}.base_url, of user/planar.toml.",
    "NOT_AVAILABLE": "Check the network and the exchange's status page; ask again later.",
    "NETWORK": "Check the network; ask again later.",
    "MAINTENANCE": "Wait until the exchange's maintenance is over.",
    "BAD_RESPONSE": "What came is not what the exchange documents, maybe a page of a proxy; ask again later.",
    "PROXY": "See that the proxy runs and lets you through, or change it: `planar config set {exchange}.proxy …`.",
    "TLS": "Somebody stands between, as a proxy of a company does, or this machine's clock or list of trusted "
    "certificates is old; nothing was sent.",
    "EXCHANGE_ERROR": "Look it up in what {exchange} writes of its errors: CCXT does not know it.",
    "OPERATION_FAILED": "Ask again later; see the exchange's status page.",
    "ORDER_NOT_FOUND": "See `planar orders {symbol} --history --exchange {exchange}{who}`, and whether it is of that "
    "market and account.",
    "MARKET_CLOSED": "The exchange does not trade it now; its status page says why.",
    "POST_ONLY_WOULD_TAKE": "Ask for a price that rests in the book, or leave post-only out.",
    "STOP_WOULD_TRIGGER": "The market is past that stop already: place another, or trade at the market.",
    "INVALID_PRICE": "Ask for a price nearer to the market; or its steps have changed: they are asked for again before "
    "the next order, so try once more.",
    "INVALID_AMOUNT": "The market's steps have changed: they are asked for again before the next order, so try again.",
    "ABOVE_MAX_AMOUNT": "Split it.",
    "TOO_MANY_ORDERS": "Cancel some first: `planar orders --exchange {exchange}{who}`.",
    "DUPLICATE_ORDER_ID": "Each open order needs a client id of its own.",
    "CANCELLED_NOT_REPLACED": "The order is gone and its replacement was refused: place it anew if it is still wanted.",
    "AMEND_FAILED": "Nothing was changed; look at the order, it may have filled.",
    "BELOW_MIN_AMOUNT": "Ask for more: nothing is enlarged for you.",
    "BELOW_MIN_COST": "Ask for more: nothing is enlarged for you.",
    "CONNECTOR_FAULT": "The answer or the request does not fit what CCXT knows of the exchange; please report it.",
}


REPORTED = {"NO_KEYS": "AUTHENTICATION", "WRONG_SECRET": "AUTHENTICATION", "NO_VENUE": "NOT_AVAILABLE"}
"""Codes that only choose a remedy, and those that errors have."""

HOSTS = re.compile(r"(?:https|wss)://[\w.-]+(?::\d+)?")
"""The exchange's own addresses, which CCXT names also when requests went to another."""

TAGS = re.compile(r"<[^<>]*>?")
AIOHTTP = re.compile(r" ssl:\S+")
"""What it says of how it was set, and nobody asked."""


@dataclass(frozen=True)
class Asked:
    """What a request was for: exchange, its name in messages, the words, whether it may change something.

    ccxt: CCXT's name of the exchange, its own when empty. address: that replaces the exchange's own, where one does.
    who: options of the command line that name the account, such as `` --sandbox``.
    """

    exchange: str
    name: str
    what: str
    is_write: bool = False
    keys: str = ""
    wallet: str = "spot"
    codes: Mapping[str, str] = field(default_factory=dict)
    symbol: str = "SYMBOL"
    ccxt: str = ""
    address: str = ""
    who: str = ""


def translated(error: Exception, asked: Asked, wire: Wire, scrub: Scrubber) -> ExchangeError:
    """Planar's error for what a request raised."""
    said = scrub.text(_said(error, asked.ccxt or asked.exchange))
    if asked.address:
        said = HOSTS.sub(asked.address.rstrip("/"), said)
    code = _code(error, said, asked, wire)
    if code in OF_WRITES and not asked.is_write:
        code = "BAD_RESPONSE"
    told = REPORTED.get(code, code)
    is_sent = asked.is_write and wire.sent > 0
    kind = Unknown if is_sent and told in UNCERTAIN else Unreachable if told in UNREACHABLE else Rejected
    wait = f" {wire.retry_after:g} s" if wire.retry_after else ""
    places = {"keys": asked.keys, "exchange": asked.exchange, "wallet": asked.wallet, "who": asked.who}
    remedy = REMEDIES.get(code, "").format(**places, symbol=asked.symbol, wait=wait)
    doubt = " Whether it was carried out is not known." if kind is Unknown else ""
    message = f"{asked.name}: {asked.what} failed: {said.rstrip('.')}.{doubt} {remedy}".strip()
    found: ExchangeError = kind(message, exchange=asked.exchange, code=told)
    found.retry_after = wire.retry_after
    return found


def _code(error: Exception, said: str, asked: Asked, wire: Wire) -> str:
    names = [kind.__name__ for kind in type(error).__mro__]
    code = next((CODES[name] for name in names if name in CODES), "CONNECTOR_FAULT")
    if isinstance(error, MalformedError):
        return "BAD_RESPONSE"
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return "PROXY"
    if isinstance(cause, aiohttp.ClientSSLError):
        return "TLS"
    if code == "EXCHANGE_ERROR" and isinstance(cause, aiohttp.ClientError):
        return "NETWORK"  # an answer that breaks off, which CCXT takes for one of the exchange
    if code == "AUTHENTICATION" and 'requires "' in said:
        return "NO_KEYS"
    refined = next((refined for mark, refined in asked.codes.items() if mark in str(error)), None)
    if refined is not None:
        return refined
    if wire.status == 451:
        return "RESTRICTED_LOCATION"
    if code == "NOT_AVAILABLE" and never_left(error) and is_loopback(URL(asked.address).host or ""):
        return "NO_VENUE"
    if code == "RATE_LIMIT" and wire.status is not None and wire.status >= 500:
        return "NOT_AVAILABLE"
    if code == "POST_ONLY_WOULD_TAKE" and "trigger" in said.lower():
        return "STOP_WOULD_TRIGGER"
    return code


def never_left(error: BaseException) -> bool:
    """Whether the connection already failed, so that nothing was sent."""
    left_not = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientHttpProxyError
    return isinstance(error.__cause__, left_not | socket.gaierror)


def _said(error: Exception, exchange: str) -> str:
    """The exchange's own words, where there are some."""
    text = str(error).removeprefix(exchange).strip() or type(error).__name__
    cause = error.__cause__
    if isinstance(cause, TimeoutError | aiohttp.ClientError):
        why = "no answer in time" if isinstance(cause, TimeoutError) else str(cause) or type(cause).__name__
        return f"{text}: {AIOHTTP.sub('', why)}"[:300]
    if not type(error).__module__.startswith("ccxt") and not isinstance(error, MalformedError):
        return f"{type(error).__name__}: {text}"
    start = text.find("{")
    try:
        told = json.loads(text[start:]) if start >= 0 else None
    except ValueError:
        return _without_tags(text)
    if isinstance(told, dict):
        words = next((told[key] for key in ("msg", "message", "retMsg", "error") if told.get(key)), None)
        if isinstance(words, str):
            return f"{words.rstrip('.')} ({told['code']})" if "code" in told else words
    return _without_tags(text)


def _without_tags(text: str) -> str:
    """What a page says, on one line."""
    return " ".join(TAGS.sub(" ", text).split())[:300]
