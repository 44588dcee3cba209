"""Section 12: what an order of a contract must obey when it is asked for, its size, and a change of the leverage."""

import math

from .account import Account
from .contracts import Contract, hundredths
from .model import CONTRACT
from .orders import Order
from .refusal import RefusedError
from .units import down


def reservation(account: Account, order: Order, n: int, price_ticks: int, stop_ticks: int) -> int:
    """Rules 6 to 8: what `n` units on these terms hold; new terms of an order take the place of its old ones."""
    k, ledger = order.instrument, account.ledger
    contract = ledger.contracts[k]
    if order.reduces:
        return 0
    hold = contract.hold(n, contract.hold_ticks(order.is_buy, price_ticks, stop_ticks, account.closes[k]))
    if ledger.is_covered(order, n, at_venue=False):
        return hold
    holds = ledger.holds(k, at_venue=False, new=(order, hold))
    if exceeds(contract, contract.engages(holds), contract.leverage):
        raise RefusedError("MAX_POSITION")
    if not ledger.admits(order, n, hold, at_venue=False):
        raise RefusedError("INSUFFICIENT_FUNDS")
    return hold


def check_reduces(account: Account, order: Order) -> None:
    """Rule 1: there is something to reduce, or something on its way that may be."""
    k = order.instrument
    coming = (o for o in account.ledger.live[k] if o.is_live and o.cancel_due is None and o.is_buy != order.is_buy)
    if not account.ledger.contracts[k].room(order.is_buy) and not any(coming):
        raise RefusedError("REDUCE_ONLY_WOULD_INCREASE")


def exceeds(contract: Contract, notional: int, leverage: int) -> bool:
    """Whether a notional is more than the tiers allow at a leverage, in hundredths."""
    return contract.units.money(notional) > contract.tiers.max_notional(leverage / 100)


def part_of_position_or_free(account: Account, order: Order, x: float) -> int:
    """`fraction`: the part `x` of the position that the order is against, else what `x` of free is enough for."""
    k = order.instrument
    held = account.position_units(k)
    if (held < 0) if order.is_buy else (held > 0):
        return account.units[k].part(x, abs(held))
    return part_of_free(account, order, x)


def part_of_free(account: Account, order: Order, x: float) -> int:
    """The most whole steps whose margin and fee are within the part `x` of what is free."""
    k = order.instrument
    contract, free = account.ledger.contracts[k], account.ledger.free("buy", k)
    ticks = contract.hold_ticks(order.is_buy, order.price_ticks, order.stop_ticks, account.closes[k])
    return contract.largest(max(account.units[k].part(x, free), 0), ticks)


def towards(account: Account, order: Order, worth: float) -> int:
    """`target`: units worth so much at the close, but no more than close what the order is against and use all that is
    free.
    """
    k = order.instrument
    held = account.position_units(k)
    against = abs(held) if (held < 0 if order.is_buy else held > 0) else 0
    wanted = account.units[k].amount_worth(worth, account.closes[k])
    return min(account.units[k].base_down(wanted), against + part_of_free(account, order, 1.0))


def set_leverage(account: Account, k: int, leverage: float) -> str | None:
    """Changes the leverage at once; the name of a reason when it is refused."""
    contract, ledger = account.ledger.contracts.get(k), account.ledger
    if contract is None or not math.isfinite(leverage) or leverage < 1:
        raise ValueError("a leverage is that of a contract, and 1 or more")
    if contract.hedge == CONTRACT:
        return "POSITION_SIDE"
    new, old = hundredths(leverage), contract.leverage
    if exceeds(contract, abs(contract.worth()), new):
        return "MAX_POSITION"
    if new < old and contract.base and not contract.is_cross:
        return "INSUFFICIENT_FUNDS"
    before = ledger.free("buy", k)
    contract.leverage = new
    free = ledger.free("buy", k)
    if free < 0 and free < before:
        contract.leverage = old
        return "INSUFFICIENT_FUNDS"
    return None


def add_margin(account: Account, k: int, money: float) -> str | None:
    """Moves money between the wallet and an isolated position at once; the name of a reason when it is refused."""
    contract, units = account.ledger.contracts.get(k), account.units[k]
    if contract is None or not math.isfinite(money):
        raise ValueError("margin is that of a contract, and a number")
    if contract.hedge == CONTRACT:
        return "POSITION_SIDE"
    if contract.is_cross:
        return "INVALID_ORDER"
    if not contract.base:
        return "NO_POSITION"
    n = down(abs(money) * units.qd / units.qn)
    if money > 0:
        if n > account.ledger.free("buy", k):
            return "INSUFFICIENT_FUNDS"
        contract.kept += n
        return None
    left = contract.kept - n + min(contract.gain(contract.mark), 0)
    if left < contract.margin(abs(contract.worth())):
        return "INSUFFICIENT_FUNDS"
    contract.kept -= n
    return None
