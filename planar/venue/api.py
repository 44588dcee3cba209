"""`Api`: what the venue answers a request, without network: the limits, who asks, then the endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from planar.venue import clock
from planar.venue.account import Account
from planar.venue.filters import random_id
from planar.venue.floor import Floor
from planar.venue.limits import Counter, Limits
from planar.venue.query import Query
from planar.venue.refusal import NO_PERMISSION, Refusal
from planar.venue.signing import account_of, check_signature, without_signature

PUBLIC, KEYED, SIGNED, TRADE = 0, 1, 2, 3


@dataclass
class Desk:
    """What endpoints work with."""

    floor: Floor
    counter: Counter
    listen_keys: dict[str, Account] = field(default_factory=dict)
    skew: int = 0
    share: float = 1.0

    def time(self) -> int:
        """The server's clock, which requests are signed by: the machine's, give or take a planned skew."""
        return clock.wall() + self.skew

    def listen_key(self, account: Account) -> str:
        """The key of the account's user stream, made when it has none."""
        for key, owner in self.listen_keys.items():
            if owner is account:
                return key
        key = random_id() + random_id() + random_id()[:20]
        self.listen_keys[key] = account
        return key


Call = Callable[[Desk, Query, Any], Any]
"""Answers a request with a document: the desk, its parameters, the account (None where nobody need be known)."""


@dataclass(frozen=True)
class Endpoint:
    """One call of the protocol. weight: what it costs, which may depend on what is asked; order: whether it is one."""

    call: Call
    weight: int | Callable[[Query], int] = 1
    security: int = PUBLIC
    order: bool = False

    def cost(self, query: Query) -> int:
        """The weight of a request."""
        return self.weight if isinstance(self.weight, int) else self.weight(query)


@dataclass(frozen=True)
class Request:
    """A request as it came. parameters, body: as they were sent, encoded."""

    method: str
    path: str
    parameters: str
    body: str = ""
    key: str = ""
    address: str = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    document: Any
    headers: dict[str, str]


class Api:
    """Answers requests by a table of endpoints."""

    def __init__(self, floor: Floor, limits: Limits, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self.desk = Desk(floor, Counter(limits))
        self.endpoints = endpoints

    def answer(self, request: Request) -> Answer:
        """Answers a request, an error in the protocol's form included."""
        endpoint = self.endpoints.get((request.method, request.path))
        headers: dict[str, str] = {}
        try:
            query = Query(_parameters(request))
            weight = endpoint.cost(query) if endpoint else 1
            headers |= self.desk.counter.spend(request.address, weight, self.desk.time())
            if endpoint is None:
                return Answer(404, "<html><h2>404 Not found</h2></html>", headers)
            # Binance signs both parts put together, with nothing in between.
            signed = without_signature(request.parameters) + without_signature(request.body)
            document = self.run(endpoint, query, request.key, signed, headers)
            if request.method == "GET" and request.path.startswith("/api/"):
                query.all_read()
            return Answer(200, document, headers)
        except Refusal as refusal:
            return Answer(refusal.status, refusal.body, headers | refusal.headers)

    def run(self, endpoint: Endpoint, query: Query, key: str, signed: str, headers: dict[str, str]) -> Any:
        """Runs an endpoint for whoever asks. Raises Refusal when they may not. headers: gets those of order counts."""
        account = self.account(query, endpoint.security, key, signed)
        if endpoint.order and account is not None:
            headers |= self.desk.counter.order(account.key, self.desk.time())
        return endpoint.call(self.desk, query, account)

    def account(self, query: Query, security: int, key: str, signed: str) -> Account | None:
        """The account that asks; None where nobody need be known. signed: what the signature is of."""
        if security == PUBLIC:
            return None
        account = account_of(self.desk.floor.accounts, key)
        if security >= SIGNED:
            check_signature(account, signed, query, self.desk.time())
        if security == TRADE and not account.rights[account.trading_right]:
            raise Refusal(*NO_PERMISSION, 401)
        return account


def _parameters(request: Request) -> dict[str, str]:
    """Parameters by name. Raises Refusal when one was sent twice."""
    pairs = [pair for text in (request.parameters, request.body) for pair in parse_qsl(text, keep_blank_values=True)]
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refusal(-1101, "Duplicate values for a parameter detected.")
    return found
