"""What holds in every run with contracts: money is conserved, margin bounds what a liquidation takes, nothing sees the
future."""

import copy
from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from .contract_scenarios import contract_scenario, exits_scenario, leveraged_scenario, protected_scenario
from .contracts import Contract
from .orders import Fill
from .scenarios import ReferencePlayer, Scenario

SCENARIOS = st.randoms(use_true_random=False).map(contract_scenario)
LEVERAGED = st.randoms(use_true_random=False).map(leveraged_scenario)


class Checked(ReferencePlayer):
    """Looks at the books whenever the strategy does, and at every fill of a contract, those of paths tried included."""

    is_checked = False

    def view(self) -> tuple:
        """What the strategy sees."""
        if not self.is_checked:
            self.is_checked, self.book = True, self.engine.ledger.book
            self.engine.ledger.book = self.checked_book
        conserves(self)
        return super().view()

    def checked_book(self, fill: Fill, units) -> int:
        """Books a fill."""
        ledger, contract = self.engine.ledger, self.engine.ledger.contracts.get(fill.instrument)
        if contract is None:
            return self.book(fill, units)
        before, wallet, own = copy.copy(contract), ledger.wallet, ledger.own
        gone = self.book(fill, units)
        realised = ledger.wallet - wallet + fill.fee
        if fill.order < 0 and fill.tag == "liquidation":
            check_liquidation(before, contract, fill, realised)
            is_last = not any(other.is_cross and other.base for other in ledger.contracts.values())
            assert not (contract.is_cross and is_last) or ledger.own >= min(own, 0)
        elif reduced(before, fill) == 0:
            check_opening(before, contract, fill)
            assert realised == 0
        elif before.base * contract.base > 0:
            check_reducing(before, contract, fill, realised)
        return gone


def reduced(before: Contract, fill: Fill) -> int:
    """Units of a fill against the position."""
    is_against = before.base < 0 if fill.is_buy else before.base > 0
    return min(fill.amount, abs(before.base)) if is_against else 0


def check_opening(before: Contract, after: Contract, fill: Fill) -> None:
    """The entry grows by the cost, the margin by its part."""
    assert abs(after.entry) == abs(before.entry) + fill.cost
    margin = after.kept - before.kept
    assert margin == 0 if after.is_cross else 0 <= margin * after.leverage - fill.cost * 100 < after.leverage


def check_reducing(before: Contract, after: Contract, fill: Fill, realised: int) -> None:
    """Entry and margin shrink by their part, within a unit; the rest of the cost is gain or loss."""
    size, closed, freed = abs(before.base), abs(before.entry) - abs(after.entry), before.kept - after.kept
    assert 0 <= abs(before.entry) * fill.amount - closed * size < size
    assert 0 <= before.kept * fill.amount - freed * size < size
    is_paid = (before.base > 0) != before.units.is_inverse
    assert realised == (fill.cost - closed if is_paid else closed - fill.cost)


def check_liquidation(before: Contract, after: Contract, fill: Fill, realised: int) -> None:
    """It only reduces, and an isolated position never loses more than its margin, of which nothing is freed before
    the end.
    """
    assert reduced(before, fill) == fill.amount
    assert 0 <= fill.fee <= after.units.fee(fill.cost, after.liquidation_fee)
    if not after.is_cross:
        assert realised - fill.fee >= -max(before.kept, 0)
        assert after.kept == (before.kept + realised - fill.fee if after.base else 0)


def conserves(player: ReferencePlayer) -> None:
    """Cash and bases are what fills and funding moved."""
    engine, ledger = player.engine, player.engine.ledger
    cash, bases = engine.units[0].quote_down(player.scenario.cash), [0] * len(engine.instruments)
    for fill in engine.fills:
        sign = 1 if fill.is_buy else -1
        bases[fill.instrument] += sign * fill.amount - (fill.fee if fill.fee_in_base else 0)
        is_inverse = engine.units[fill.instrument].is_inverse
        cash -= (-sign if is_inverse else sign) * fill.cost + (0 if fill.fee_in_base else fill.fee)
    cash -= sum(paid for *_, paid in ledger.fundings)
    assert (ledger.cash_units, ledger.base_units) == (cash, bases)
    for k, contract in ledger.contracts.items():
        assert contract.base == bases[k]
        assert contract.entry * contract.base >= 0
        assert contract.base or (contract.entry, contract.kept) == (0, 0)
        assert not contract.is_cross or contract.kept == 0
        assert contract.asks((0, 0)) == (contract.margin(abs(contract.worth())) if contract.is_cross else 0)
        for order in ledger.live[k]:
            if order.is_live and order.is_limit:
                is_free = order.reduces or order.is_held_back
                assert order.reserved == (0 if is_free else contract.hold(order.left, order.price_ticks))
                assert not (order.reduces and order.is_open) or order.left <= contract.room(order.is_buy)
    assert all(order.reserved + order.extra == 0 for order in engine.orders if not order.is_live)
    for k, base in enumerate(bases):
        assert base >= 0 or k in ledger.contracts


def result_of(scenario: Scenario, player: type[ReferencePlayer] = ReferencePlayer, **changes) -> dict:
    """What happened; a result outside 64 bits is an end, too."""
    try:
        return player(scenario, **changes).result()
    except OverflowError:
        return {"raised": "OverflowError"}


@settings(max_examples=100, deadline=None)
@given(SCENARIOS)
def test_books_of_contracts_are_exact(scenario):
    """At every decision, whatever is told and at every fill."""
    result_of(scenario, Checked)


@settings(max_examples=100, deadline=None)
@given(LEVERAGED)
def test_a_liquidation_takes_no_more_than_the_margin(scenario):
    """And books are exact where many positions are liquidated."""
    result_of(scenario, Checked)


@settings(max_examples=40, deadline=None)
@given(LEVERAGED, st.integers(1, 60))
def test_nothing_depends_on_later_candles_marks_or_rates(scenario, count):
    """A run on the first candles is the beginning of the run on all of them."""
    count = count * scenario.timeframe // scenario.execution
    part, whole = result_of(scenario.until(count)), result_of(scenario)
    if "raised" in part or "raised" in whole or not part["equity"]:
        return
    assert part["equity"] == whole["equity"][: len(part["equity"])]
    done = [fill for fill in part["fills"] if fill[2] >= 0]
    assert done == [fill for fill in whole["fills"] if fill[2] >= 0][: len(done)]


@settings(max_examples=40, deadline=None)
@given(SCENARIOS, st.integers(1, 600))
def test_shifting_time_shifts_the_run(scenario, times):
    """By whole days and whole strategy candles of any length nothing else changes."""
    shift = times * 5 * 7 * 86_400_000
    here, there = result_of(scenario), result_of(scenario, shift=shift)
    if "raised" in here:
        assert there == here
        return
    for name in ("fills", "events", "equity", "funding"):
        assert [(time + shift, *values) for time, *values in here[name]] == there[name], name


def test_random_scenarios_reach_what_contracts_know():
    """Every reason that they add, liquidations of every kind, funding, turns and both signs."""
    seen = Counter()
    for number in range(240):
        scenario = (contract_scenario, leveraged_scenario)[number % 2](Random(number))
        result = result_of(scenario)
        if "raised" in result:
            continue
        seen.update(answer for *_, answer in result["answers"] if isinstance(answer, str))
        seen.update(order["reason"] for order in result["orders"])
        seen.update(tag for *_, tag in result["settled"])
        seen.update("paid" if paid > 0 else "received" for *_, paid in result["funding"])
        seen["isolated"] += any(kept for *_, kept, _ in result["entries"])
        seen["cross"] += any(entry and not kept for _, entry, kept, _ in result["entries"])
        seen["short"] += any(base < 0 for base in result["bases"])
        inverse = {k for k, one in enumerate(scenario.instruments) if one.is_inverse}
        seen["inverse"] += any(fill[1] in inverse for fill in result["fills"])
        twins = {k for k, one in enumerate(scenario.instruments) if one.hedge in (1, -1)}
        seen["twins"] += any(fill[1] in twins for fill in result["fills"])
        seen["twins gone"] += any(fill[1] in twins and fill[2] < 0 for fill in result["fills"])
        seen["inverse gone"] += any(fill[1] in inverse and fill[2] < 0 for fill in result["fills"])
        seen["fills"] += len(result["fills"])
    reasons = {"MAX_POSITION", "INSUFFICIENT_FUNDS", "LIQUIDATED", "RISK_LIMIT"}
    kinds = {"liquidation", "delisted", "paid", "received", "isolated", "cross", "short"}
    kinds |= {"inverse", "inverse gone", "twins", "twins gone"}
    assert reasons | kinds <= set(seen), seen
    assert min(seen["liquidation"], seen["paid"], seen["received"], seen["LIQUIDATED"]) >= 20, seen


PROTECTED = st.randoms(use_true_random=False).map(protected_scenario)
EXITS = st.randoms(use_true_random=False).map(exits_scenario)


class Reducing(Checked):
    """Looks at every fill of a reduce-only order, those of paths tried included."""

    def checked_book(self, fill: Fill, units) -> int:
        """Books a fill."""
        order = self.engine.orders[fill.order] if fill.order >= 0 else None
        assert (
            order is None
            or not order.reduces
            or reduced(self.engine.ledger.contracts[fill.instrument], fill) == (fill.amount)
        )
        return super().checked_book(fill, units)


@settings(deadline=None)
@given(PROTECTED)
def test_what_may_only_reduce_never_opens_or_turns_a_position(scenario):
    """Whatever else fills, and in whichever order."""
    result_of(scenario, Reducing)


@settings(deadline=None)
@given(EXITS)
def test_the_exits_of_a_position_never_sell_more_than_is_held(scenario):
    """On spot no balance goes below 0, and no perpetual is turned by what `protect` has asked for."""
    result_of(scenario, Reducing)
