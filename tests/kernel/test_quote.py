"""`quote`: one resting limit per slot, left alone, amended or replaced. The reference has no slots."""

import pytest
from parity.play import simulation_of
from reference.model import FillModel, Instrument
from reference.scenarios import MINUTE, NAN, Scenario

from planar.kernel import check
from planar.kernel.state import ON_STEP, SLOTS
from planar.model.order import NEVER, Reason, Side, Status

COIN = Instrument("COIN", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01)
FLAT = (100.0, 100.0, 100.0, 100.0, 1e6)
BUY, SELL = Side.BUY.value, Side.SELL.value


class Quoting:
    """Runs acts, one at the close of each candle, and keeps their answers and what each order then was."""

    def __init__(self, *acts, rows=None, latency_ms=0, participation=None) -> None:
        rows = rows or (FLAT,) * (len(acts) + 2)
        model = FillModel("ohlc", latency_ms, None, None, 0.0, participation, "cross")
        self.simulation = simulation_of(Scenario((COIN,), (tuple(rows),), MINUTE, MINUTE, 10_000.0, model, ()))
        self.address, self.acts, self.answers = self.simulation.memory.address, list(acts), []
        self.simulation.state["hooks"] = ON_STEP
        self.simulation.run(None, self._decide)

    def _decide(self) -> None:
        if self.acts:
            self.answers.append(self.acts.pop(0)(self))

    def orders(self) -> list[tuple]:
        """(status, side, limit, amount) of each."""
        return [
            (Status(int(o["status"])).name, int(o["side"]), int(o["price"]), int(o["amount"]))
            for o in self.simulation.log("orders")
        ]


def quote(side, amount, price, slot=0, post_only=0, sizing=check.AMOUNT):
    """An act that keeps a quote."""
    return lambda run: check.quote(run.address, 0, slot, side, sizing, amount, price, post_only, -1)


def nothing(run):
    """An act that lets a candle pass."""


def test_a_quote_rests_as_a_limit_and_the_same_again_leaves_it_alone():
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 5.0, 90.0))
    assert run.answers == [1, 1]
    assert run.orders() == [("OPEN", BUY, 90, 5)]
    assert len(run.simulation.log("amends")) == 0


def test_another_price_or_amount_amends_the_order_in_the_slot():
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 5.0, 91.0), quote(BUY, 7.0, 91.0))
    assert run.answers == [1, 1, 1]
    assert run.orders() == [("OPEN", BUY, 91, 7)]
    assert len(run.simulation.log("amends")) == 2


def test_an_amount_of_zero_empties_the_slot():
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 0.0, 90.0), quote(BUY, 0.0, 90.0), quote(BUY, 4.0, 80.0))
    assert run.answers == [1, 1, 0, 2]
    assert run.orders() == [("CANCELLED", BUY, 90, 5), ("OPEN", BUY, 80, 4)]


def test_prices_that_round_to_the_same_tick_are_the_same_quote():
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 5.9, 90.9))
    assert len(run.simulation.log("amends")) == 0


def test_the_other_side_cancels_the_order_and_places_one():
    run = Quoting(
        lambda run: check.submit(run.address, 0, BUY, check.AMOUNT, 3.0, NAN, 0, *[NAN] * 4, 0, NEVER, 0, -1, 0, 0, 0),
        quote(BUY, 5.0, 90.0), quote(SELL, 2.0, 110.0),
    )  # fmt: skip
    assert run.answers == [1, 2, 3]
    assert run.orders()[1:] == [("CANCELLED", BUY, 90, 5), ("OPEN", SELL, 110, 2)]


def test_a_filled_quote_is_placed_anew():
    rows = [FLAT, (100.0, 100.0, 80.0, 100.0, 1e6), FLAT, FLAT]
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 5.0, 90.0), rows=rows)
    assert run.answers == [1, 2]
    assert run.orders() == [("FILLED", BUY, 90, 5), ("OPEN", BUY, 90, 5)]


def test_slots_are_apart():
    run = Quoting(quote(BUY, 5.0, 90.0, slot=0), quote(BUY, 5.0, 89.0, slot=1), quote(BUY, 5.0, 88.0, slot=SLOTS - 1))
    assert run.answers == [1, 2, 3]
    assert [order[2] for order in run.orders()] == [90, 89, 88]


def test_the_amount_of_a_quote_is_what_is_to_rest_besides_what_has_filled():
    """Of fifty, the venue's volume fills one; quoting fifty again makes the total fifty-one."""
    rows = [FLAT, (100.0, 100.0, 80.0, 100.0, 2.0), FLAT, FLAT]
    run = Quoting(quote(BUY, 50.0, 95.0), quote(BUY, 50.0, 95.0), rows=rows, participation=1.0)
    filled = int(run.simulation.log("orders")[0]["filled"])
    assert filled == 1  # 16 of 21 ticks of the candle lie at 95 or below: 1.52 of a volume of 2
    assert run.answers == [1, 1]
    assert run.orders() == [("PARTIAL", BUY, 95, 51)]


def test_a_quote_by_cost_is_the_amount_at_its_own_price():
    run = Quoting(quote(BUY, 450.0, 90.0, sizing=check.COST), quote(BUY, 450.0, 50.0, sizing=check.COST))
    assert run.orders() == [("OPEN", BUY, 50, 9)]


def test_while_an_amend_travels_the_same_quote_is_known_and_another_is_pending():
    run = Quoting(
        quote(BUY, 5.0, 90.0),
        nothing,
        nothing,
        quote(BUY, 5.0, 91.0),
        quote(BUY, 5.0, 91.0),
        quote(BUY, 5.0, 92.0),
        latency_ms=150_000,
    )
    assert run.answers == [1, None, None, 1, 1, -Reason.AMEND_PENDING]


def test_a_quote_whose_cancel_travels_is_done():
    run = Quoting(
        quote(BUY, 5.0, 90.0), lambda run: check.cancel(run.address, 0, 1), quote(BUY, 5.0, 91.0), latency_ms=150_000
    )
    assert run.answers == [1, 1, -Reason.ORDER_DONE]


def test_a_quote_that_is_refused_leaves_the_slot_empty():
    run = Quoting(quote(BUY, 0.5, 90.0), quote(BUY, 5.0, 90.0))
    assert run.answers == [-Reason.BELOW_MIN_AMOUNT, 2]


def test_a_quote_below_one_tick_is_refused_and_the_resting_one_stays():
    run = Quoting(quote(BUY, 5.0, 90.0), quote(BUY, 5.0, 0.5))
    assert run.answers == [1, -Reason.INVALID_PRICE]
    assert run.orders() == [("OPEN", BUY, 90, 5)]


def test_a_post_only_quote_that_would_take_is_rejected_at_the_venue():
    run = Quoting(quote(BUY, 5.0, 101.0, post_only=1))
    assert run.answers == [1]
    order = run.simulation.log("orders")[0]
    assert (order["status"], order["reason"]) == (Status.REJECTED, Reason.POST_ONLY_WOULD_TAKE)


@pytest.mark.parametrize("slot", [-1, SLOTS])
def test_a_slot_that_is_not_there_is_an_error(slot):
    with pytest.raises(IndexError, match="slot"):
        Quoting(quote(BUY, 5.0, 90.0, slot=slot))
