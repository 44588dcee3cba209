"""Cancels and amends of the law, each promise small enough to check by hand (docs/simulation.md, sections 2 to 4)."""

from .scenario import all_of, fills, outcome, play
from .test_reference import FLAT, buy


def test_order_can_be_filled_while_its_cancel_is_on_the_way():
    """The cancel arrives 30 s into candle 2, half of its way: 100, 90 (10), 100 (20). The low is a quarter in."""
    engine = play(
        FLAT, FLAT, (100, 100, 90, 100), (100, 100, 90, 100), latency_ms=30_000,
        at={0: all_of(buy(1, price=95), buy(1, price=80)), 1: lambda engine: engine.cancel_all(0)},
    )  # fmt: skip
    assert fills(engine) == [(2, 0, 95, 1, "maker")]
    assert outcome(engine, 1) == ("CANCELLED", "")


def test_what_is_due_at_a_distance_comes_before_the_order_reached_there():
    """100, 90, 100 is 20 long: after 15 s of 60 the walk is at 95, where the limit of 96 is crossed."""
    engine = play(
        FLAT, FLAT, (100, 100, 90, 100), latency_ms=15_000,
        at={0: buy(1, price=96), 1: lambda engine: engine.cancel(0)},
    )  # fmt: skip
    assert outcome(engine) == ("CANCELLED", "")


def test_amend_moves_the_limit_when_it_arrives():
    """96 would not fill at a low of 96; the new limit of 97 does."""
    engine = play(
        FLAT, FLAT, (100, 100, 96, 100), at={0: buy(1, price=90), 1: lambda engine: engine.amend(0, price=97)}
    )
    assert fills(engine) == [(2, 0, 97, 1, "maker")]
    assert [kind for _, kind, _ in engine.events] == ["ACCEPTED", "AMENDED", "FILL"]


def test_amend_holds_the_larger_reservation_until_it_arrives():
    """10 at 90 hold 900; the amend to 4 at 95 needs 380, the one to 20 at 95 needs 1900."""
    seen = []

    def amend(engine):
        seen.append(engine.amend(0, amount=20, price=95))
        seen.append((engine.reserved_quote, engine.amend(0, amount=4)))

    play(FLAT, FLAT, FLAT, at={0: buy(10, price=90), 1: amend, 2: lambda engine: seen.append(engine.reserved_quote)})
    assert seen == [0, (190_000, "AMEND_PENDING"), 190_000]
    down = play(FLAT, FLAT, FLAT, at={0: buy(10, price=90), 1: lambda engine: engine.amend(0, amount=4, price=95)})
    assert down.reserved_quote == 38_000


def test_amend_to_what_is_already_filled_cancels_the_rest():
    """The maker's share is 0.1 * 40 * 5 / 10 = 2 of 5; the amend to 2 was asked before, and arrives after it."""
    candle = (100, 100, 91, 100, 40)
    engine = play(
        FLAT, candle, candle, candle, latency_ms=59_000, participation=0.1,
        at={0: buy(5, price=95), 1: lambda engine: engine.amend(0, amount=2)},
    )  # fmt: skip
    assert fills(engine) == [(2, 0, 95, 2, "maker")]
    assert outcome(engine) == ("CANCELLED", "")
    assert engine.reserved_quote == 0


def test_amend_that_would_take_leaves_a_post_only_order_as_it_was():
    """The told reason is POST_ONLY_WOULD_TAKE; the limit stays at 90."""
    told = []
    engine = play(
        FLAT, FLAT, FLAT, at={0: buy(1, price=90, post_only=True), 1: lambda engine: engine.amend(0, price=100)},
        on_order_error=lambda *happened: told.append((happened[2].id, happened[2].amend_reason, happened[3])),
    )  # fmt: skip
    assert told == [(0, "POST_ONLY_WOULD_TAKE", 180_000)]
    assert (engine.orders[0].price_ticks, outcome(engine)) == (90, ("OPEN", ""))
    assert engine.reserved_quote == 9_000


def test_changes_of_orders_that_are_not_there_are_refused():
    """Order 0 is filled at once, order 7 was never made."""
    said = []

    def change(engine):
        said.extend([engine.cancel(0), engine.amend(0, price=90), engine.cancel(7), engine.amend(7, price=90)])

    play(FLAT, FLAT, at={0: buy(1), 1: change})
    assert said == ["ORDER_DONE", "ORDER_DONE", "UNKNOWN_ORDER", "UNKNOWN_ORDER"]


def test_amend_may_use_what_its_order_holds():
    """All cash is held by 10 at 90; 9 at 100 need no more than that."""
    said = []
    engine = play(
        FLAT, FLAT, (110,) * 4, cash=900,
        at={0: buy(10, price=90), 1: lambda engine: said.append(engine.amend(0, amount=9, price=100))},
    )  # fmt: skip
    assert said == [0]
    assert (engine.orders[0].amount, engine.orders[0].price_ticks, engine.free_cash()) == (9, 100, 0.0)


def test_fill_keeps_the_reservation_of_an_amend_on_its_way_as_far_as_it_is_still_there():
    """10 at 100 hold 1000, 40 at 50 would hold 2000; 5 fill at 100 before the amend: 35 at 50 need 1750, 1500 is left.

    Nothing else is free, so the amend is refused when it arrives, and 5 at 100 hold 500 again.
    """
    told, held = [], []
    high, candle = (105,) * 4, (105, 105, 96, 105, 100)  # the maker's share: 0.1 * 100 * 5 / 10
    engine = play(
        high, high, high, candle, high, cash=2000, participation=0.1, latency_ms=90_000,
        at={0: buy(10, price=100), 2: lambda engine: engine.amend(0, amount=40, price=50)},
        on_fill=lambda *happened: held.append(happened[0].reserved_quote),
        on_order_error=lambda *happened: told.append(happened[2].amend_reason),
    )  # fmt: skip
    assert (held, told) == ([150_000], ["INSUFFICIENT_FUNDS"])
    assert (engine.reserved_quote, outcome(engine)) == (50_000, ("PARTIAL", ""))
