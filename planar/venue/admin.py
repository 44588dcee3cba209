"""The venue's own interface under ``/venue``: what stands, and what a test wants to happen."""

import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from aiohttp import web

from planar.errors import ConfigError, did_you_mean
from planar.venue.account import Account
from planar.venue.chaos import rules_of
from planar.venue.connection import dumped
from planar.venue.listing import BREAK, TRADING
from planar.venue.refusal import Refusal

if TYPE_CHECKING:
    from planar.venue.server import Venue

DELISTED = "DELISTED"


class Admin:
    """Answers requests under ``/venue``; what is wrong with one is told as ``{"error": …}``."""

    def __init__(self, venue: "Venue") -> None:
        self.venue = venue
        self._calls: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "state"): self.state,
            ("POST", "advance"): self.advance,
            ("POST", "accounts"): self.open_account,
            ("POST", "deposit"): self.deposit,
            ("POST", "rights"): self.set_rights,
            ("POST", "symbols"): self.set_status,
            ("GET", "chaos"): lambda _: self.venue.described_chaos(),
            ("POST", "chaos"): self.add_chaos,
            ("DELETE", "chaos"): self.clear_chaos,
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request under ``/venue``."""
        name, status = request.match_info["call"], 200
        try:
            asked = await _body(request, may_be_list=name == "chaos")
            if (request.method, name) == ("POST", "disconnect"):
                await self.venue.sockets.close(abruptly=bool(asked.get("abruptly")))
                document: Any = {}
            else:
                document = self._call(request.method, name)(asked)
        except (ConfigError, Refusal) as error:
            document, status = {"error": str(error)}, 400
        return web.Response(text=dumped(document), status=status, content_type="application/json")

    def _call(self, method: str, name: str) -> Callable[[Any], Any]:
        """The call of that name. Raises ConfigError when there is none."""
        call = self._calls.get((method, name))
        if call is None:
            known = [f"{method} /venue/{path}" for method, path in self._calls]
            shown = f"{method} /venue/{name}"
            raise ConfigError(f"{shown} is no call; there is {', '.join(known)}.{did_you_mean(shown, known)}")
        return call

    def state(self, _: Any) -> Any:
        """Time, symbols and accounts."""
        floor = self.venue.floor
        return {
            "now": floor.now,
            "server_time": self.venue.api.desk.time(),
            "speed": self.venue.clock.speed,
            "has_ended": floor.has_ended,
            "next_print": floor.next_time,
            "symbols": {
                id: {"status": m.listing.status, "last": m.listing.price_text(m.last), "time": m.time}
                for id, m in floor.markets.items()
            },
            "accounts": {
                a.key: {asset: dict(zip(("free", "locked"), a.balance(asset), strict=True)) for asset in a.assets()}
                for a in floor.accounts.values()
            },
        }

    def advance(self, asked: Any) -> Any:
        """Moves a stepped clock on: by ``ms``, ``until`` a time, or to the next print."""
        if not self.venue.clock.is_stepped:
            raise ConfigError("the venue's clock runs by itself; start it with --stepped to move it by hand.")
        now, floor = self.venue.clock.now(), self.venue.floor
        if "ms" in asked:
            by = _number(asked, "ms")
        elif "until" in asked:
            by = _number(asked, "until") - now
        else:
            by = (floor.next_time or now) - now
        if by < 0:
            raise ConfigError(f"the market's time is {now}; it does not go back.")
        return {"prints": self.venue.step(by), "now": floor.now, "has_ended": floor.has_ended}

    def open_account(self, asked: Any) -> Any:
        """A new account: ``api_key``, ``secret``, ``balances`` by asset; keys are made when there are none."""
        key, secret = asked.get("api_key") or secrets.token_hex(32), asked.get("secret") or secrets.token_hex(32)
        if key in self.venue.floor.accounts:
            raise ConfigError("there is an account with this api_key already.")
        given = asked.get("balances") or {}
        if not isinstance(given, Mapping):
            raise ConfigError(f'balances={given!r} must be amounts by asset, such as {{"USDT": "100"}}.')
        balances = {asset: _decimal(amount, asset) for asset, amount in given.items()}
        self.venue.floor.open_account(key, secret, balances)
        return {"api_key": key, "secret": secret}

    def deposit(self, asked: Any) -> Any:
        """Adds ``amount`` of ``asset`` to the account of ``api_key``, the first where none is named."""
        account, asset = self._account(asked), _text(asked, "asset")
        self.venue.floor.deposit(account, asset, _decimal(asked.get("amount"), "amount"))
        return dict(zip(("free", "locked"), account.balance(asset), strict=True))

    def set_rights(self, asked: Any) -> Any:
        """Sets what the key of ``api_key`` may do, in Binance's words: ``{"enableWithdrawals": true}``."""
        account = self._account(asked)
        wanted = {name: value for name, value in asked.items() if name != "api_key"}
        for name, value in wanted.items():
            if name not in account.rights:
                near = did_you_mean(name, account.rights)
                raise ConfigError(f"{name!r} is no right; there is {', '.join(account.rights)}.{near}")
            if not isinstance(value, bool):
                raise ConfigError(f"{name}={value!r} must be true or false.")
        account.rights.update(wanted)
        return account.rights

    def _account(self, asked: Any) -> Account:
        """The account of ``api_key``, the first where none is named."""
        account = self.venue.floor.accounts.get(asked.get("api_key", self.venue.account.key))
        if account is None:
            raise ConfigError("there is no account with this api_key.")
        return account

    def set_status(self, asked: Any) -> Any:
        """Sets ``symbol`` to ``status``: TRADING, BREAK, or DELISTED, which ends its orders too."""
        listing, status = self.venue.floor.market(_text(asked, "symbol")).listing, _text(asked, "status")
        if status == DELISTED:
            self.venue.floor.delist(listing)
        elif status in (TRADING, BREAK):
            self.venue.floor.set_status(listing, status)
        else:
            raise ConfigError(f"status={status!r} must be TRADING, BREAK or DELISTED.")
        return {"symbol": listing.id, "status": listing.status}

    def add_chaos(self, asked: Any) -> Any:
        """Adds rules of chaos."""
        self.venue.add_chaos(rules_of(asked))
        return self.venue.described_chaos()

    def clear_chaos(self, _: Any) -> Any:
        """Takes all rules back, and the clock's skew."""
        self.venue.chaos.clear()
        self.venue.api.desk.skew = 0
        return []


async def _body(request: web.Request, *, may_be_list: bool) -> Any:
    """What was sent. Raises ConfigError when it is not JSON, or nothing with names."""
    if not request.can_read_body:
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise ConfigError(f"the body is not JSON: {error}.") from None
    if not isinstance(body, Mapping) and not may_be_list:
        raise ConfigError('send a JSON object, such as {"ms": 60000}.')
    return body


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"say {name}, as a text.")
    return value


def _number(asked: Mapping[str, Any], name: str) -> int:
    value = asked[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"{name}={value!r} must be whole milliseconds.")
    return value


def _decimal(value: Any, name: str) -> Decimal:
    """An exact number, best given as a text. Raises ConfigError when it is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ConfigError(f"{name}={value!r} must be a number.")
    return number
