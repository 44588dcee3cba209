"""Section 12: when a position is under, at which mark that is, and what its liquidation does."""

import math
from collections.abc import Iterator

from .contract_venue import ContractVenue
from .contracts import Contract
from .margin import reduction_units
from .orders import Fill


def others(venue: ContractVenue, *, at_worst: bool = True) -> Iterator[tuple[Contract, float]]:
    """The other cross positions but the other twin, each with the mark that the path model takes for it; or with its
    last settled.
    """
    for k, contract in venue.ledger.contracts.items():
        if k in (venue.k, venue.contract.twin) or not contract.is_cross or contract.base == 0:
            continue
        yield contract, mark_of(venue, k) if at_worst else contract.mark


def mark_of(venue: ContractVenue, k: int) -> float:
    """The mark that the path model takes for another position."""
    contract, contracts = venue.ledger.contracts[k], venue.ledger.contracts
    if venue.model.path != "pessimistic" or k not in venue.peers:
        return contract.mark
    base = contract.base + (contracts[contract.twin].base if contract.twin is not None else 0)
    candle = venue.peers[k].mark_candle
    return candle.low if base > 0 else candle.high


def twin_of(venue: ContractVenue) -> Contract | None:
    """The other twin, where it is a cross position as well."""
    k = venue.contract.twin
    if k is None or not venue.contract.is_cross or not venue.ledger.contracts[k].base:
        return None
    return venue.ledger.contracts[k]


def money(venue: ContractVenue, *, at_worst: bool = True) -> int:
    """What there is for the position, without its own gain and that of the other twin."""
    if not venue.contract.is_cross:
        return venue.contract.kept
    return venue.ledger.own + sum(contract.gain(mark) for contract, mark in others(venue, at_worst=at_worst))


def money_at(venue: ContractVenue, mark: float) -> int:
    """The same with what the other twin gains at a mark."""
    twin = twin_of(venue)
    return money(venue) + (twin.gain(mark) if twin else 0)


def kept_by_others(venue: ContractVenue, *, at_worst: bool = True) -> int:
    """What other positions must keep of that money."""
    if not venue.contract.is_cross:
        return 0
    return sum(contract.maintenance(mark) for contract, mark in others(venue, at_worst=at_worst))


def is_under(venue: ContractVenue, mark: float) -> bool:
    """Whether the position is to be liquidated at a mark."""
    contract, twin = venue.contract, twin_of(venue)
    there, needed = money_at(venue, mark), kept_by_others(venue)
    for one in (contract, twin):
        if one is not None and one.base:
            needed += one.maintenance(mark)
    return there + (contract.gain(mark) if contract.base else 0) <= needed


def levels(venue: ContractVenue, *, at_worst: bool = True) -> tuple[float, float]:
    """The marks at and below which, and at and above which the position is liquidated; a twin has one of them."""
    contract, units = venue.contract, venue.units
    if contract.base == 0:
        return 0.0, math.inf
    balance = units.money(money(venue, at_worst=at_worst) - kept_by_others(venue, at_worst=at_worst))
    long = short = (0.0, 0.0)
    for one in (contract, twin_of(venue)):
        if one is not None:
            side = units.valued(abs(one.base)), units.money(abs(one.entry))
            long, short = (side, short) if one.base > 0 else (long, side)
    tiers = contract.tiers
    prices = tiers.inverse_liquidation_prices if units.is_inverse else tiers.liquidation_prices
    below, above = prices(balance, *long, *short)
    if contract.hedge:
        return (below, math.inf) if contract.base > 0 else (0.0, above)
    return below, above


def liquidate_at_open(venue: ContractVenue) -> None:
    """Before anything else: a position whose mark opens at or beyond its level."""
    below, above = levels(venue)
    mark = venue.mark_candle.open
    if mark <= below or mark >= above:
        liquidate(venue, venue.candle.open, mark)


def is_by_others(venue: ContractVenue, mark: float) -> bool:
    """Whether the position would stand at a mark if those of all others were as last settled."""
    below, above = levels(venue, at_worst=False)
    return (below, above) != levels(venue) and below < mark < above


def liquidate(venue: ContractVenue, price: float, mark: float, *, is_alone: bool = False) -> None:
    """Cancels orders, then reduces the position until the rest of it, if any, is no longer under."""
    contract = venue.contract
    if not is_alone and is_by_others(venue, mark):
        venue.account.joint += 1
    _cancel_orders(venue, is_alone)
    while contract.base:
        n = reduction_units(venue.units, contract.tiers, contract.base, mark)
        _reduce(venue, n, price, _cost_of_taking(venue, n, price), mark)
        if contract.base and not is_under(venue, mark):
            return
    if contract.is_cross and not is_alone:
        _follow(venue, price, mark)


def _cancel_orders(venue: ContractVenue, is_alone: bool) -> None:
    ledger = venue.ledger
    for k, contract in ledger.contracts.items():
        if k == venue.k or (contract.is_cross and venue.contract.is_cross and not is_alone):
            for order in ledger.live[k]:
                if order.is_open or (order.is_live and order.has_reached):
                    ledger.finish(order, venue.moment, "CANCELLED", "LIQUIDATED")


def _cost_of_taking(venue: ContractVenue, n: int, price: float) -> float:
    """By how much worse `n` units trade, as a triggered stop does."""
    slippage = venue.account.draws[venue.k].slippage.draw()
    return venue.half(price) + venue.impact(price, n) + (venue.stop_slip() + price * slippage)


def _reduce(venue: ContractVenue, n: int, price: float, worse: float, mark: float) -> None:
    """Trades `n` units of the position. Beyond the money there is, the other twin being at the mark, the fund pays."""
    contract, units, is_buy = venue.contract, venue.units, venue.contract.base < 0
    ticks = venue.adverse_ticks(is_buy, price, worse)
    left, closed = max(money_at(venue, mark), 0), contract.closed(n)
    if units.pays(is_buy):
        cost = min(units.cost_up(n, ticks), closed + left)
    else:
        cost = max(units.cost_down(n, ticks), closed - left)
    fee = min(units.fee(cost, contract.liquidation_fee), left + contract.realised(n, cost))
    fill = Fill(venue.moment, venue.k, -1, ticks, n, cost, fee, False, "taker", "liquidation", is_buy)
    venue.ledger.book(fill, units)
    venue.fill_count += 1


def _follow(venue: ContractVenue, price: float, mark: float) -> None:
    """The position is gone: while the account is still under, the other twin and then the other positions go wholly."""
    if twin_of(venue) and is_under(venue, mark):
        other = venue.peers[venue.contract.twin]
        n = abs(other.contract.base)
        other.moment = venue.moment
        _reduce(other, n, price, _cost_of_taking(other, n, price), mark)
    for k, contract in venue.ledger.contracts.items():
        if contract.is_cross and contract.base and is_under(venue, mark):
            n, last = abs(contract.base), venue.account.closes[k]
            other, its_mark = venue.peers.get(k), mark_of(venue, k)
            if other is None:
                other = _without_candle(venue, k)
                other.moment = venue.moment
                _reduce(other, n, last, 0.0, its_mark)
                continue
            other.moment = venue.moment
            if venue.model.path == "pessimistic":
                last = other.candle.low if contract.base > 0 else other.candle.high
            _reduce(other, n, last, _cost_of_taking(other, n, last), its_mark)


def _without_candle(venue: ContractVenue, k: int) -> ContractVenue:
    """A contract without a candle in this step, as its last one left it."""
    candles = venue.account.markets[k].candles
    other = ContractVenue(
        venue.account, k, max((c for c in candles if c.time < venue.candle.time), key=lambda c: c.time)
    )
    other.peers = venue.peers
    return other
