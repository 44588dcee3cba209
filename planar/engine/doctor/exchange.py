"""One exchange: whether it answers and works, its clock, and whether it takes our keys."""

from collections.abc import AsyncIterator

from planar.engine.doctor.clock import ALLOWED, Clock, clock_of
from planar.engine.doctor.diagnosis import Diagnosis, Grade, failed
from planar.engine.doctor.rights import rights
from planar.errors import ExchangeError, Rejected, Unreachable
from planar.exchange.interface import Exchange
from planar.exchange.model import Wallet

SLOW = 1_000
"""Milliseconds of a request from which on an order comes late."""

NTP = "Set this machine's clock: timedatectl set-ntp true"


async def exchange_at(exchange: Exchange) -> AsyncIterator[Diagnosis]:
    """All of it, each as soon as it is known; nothing more of an exchange that is out of reach."""
    try:
        clock = await clock_of(exchange)
        yield _latency(exchange, clock)
        yield _clock(exchange, clock)
    except Unreachable as error:
        yield failed(exchange.name, "reachable", error)
        return
    except ExchangeError as error:
        yield failed(exchange.name, "clock", error, _grade(error))
    yield await _status(exchange)
    yield await _markets(exchange)
    if not exchange.has_keys:
        remedy = f"To trade, add some: planar exchanges add {exchange.id}{' --sandbox' if exchange.sandbox else ''}"
        yield _ok(exchange, "keys", "there are none: public data only", remedy)
        return
    accepted = await _keys(exchange)
    yield accepted
    if accepted.grade is Grade.OK:
        for each in await rights(exchange):
            yield each


def _ok(exchange: Exchange, check: str, found: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(exchange.name, check, Grade.OK, found, remedy)


def _grade(error: ExchangeError) -> Grade:
    """What an exchange does not offer is no fault of anybody."""
    return Grade.OK if error.code == "NOT_SUPPORTED" else Grade.FAULT


def _latency(exchange: Exchange, clock: Clock) -> Diagnosis:
    found = f"it answers in {clock.latency:,} ms"
    if clock.latency < SLOW:
        return _ok(exchange, "reachable", found)
    return Diagnosis(exchange.name, "reachable", Grade.WARNING, found, "Orders come late: look at the network.")


def _clock(exchange: Exchange, clock: Clock) -> Diagnosis:
    found = f"its clock is {clock}; {ALLOWED:,} ms are allowed"
    if not clock.is_far:
        return _ok(exchange, "clock", found)
    # Requests carry the exchange's time where CCXT can have them do so: no fault.
    return Diagnosis(exchange.name, "clock", Grade.WARNING, found, NTP)


async def _status(exchange: Exchange) -> Diagnosis:
    try:
        status = await exchange.status()
    except ExchangeError as error:
        return failed(exchange.name, "status", error, _grade(error))
    if status.is_ok:
        return _ok(exchange, "status", "it works, as it says itself")
    found = f"it does not work: {status.message or 'it gives no reason'}"
    return Diagnosis(exchange.name, "status", Grade.FAULT, found, "Wait until its maintenance is over.")


async def _markets(exchange: Exchange) -> Diagnosis:
    try:
        found = await exchange.markets(reload=True)
    except ExchangeError as error:
        return failed(exchange.name, "markets", error)
    active = sum(market.is_active for market in found.values())
    return _ok(exchange, "markets", f"{active:,} of {len(found):,} are open")


async def _keys(exchange: Exchange) -> Diagnosis:
    """Whether the exchange tells what is owned; which wallet there is, is the exchange's own matter."""
    for wallet in (Wallet.SPOT, Wallet.FUTURES):
        try:
            await exchange.balance(wallet)
        except Rejected as error:
            if error.code == "NOT_SUPPORTED" and wallet is Wallet.SPOT:
                continue
            return failed(exchange.name, "keys", error)
        except ExchangeError as error:
            return failed(exchange.name, "keys", error)
        break
    return _ok(exchange, "keys", f"they are accepted; the {wallet} wallet can be read")
