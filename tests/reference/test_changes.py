"""Cancels and amends of the law, each promise small enough to check by hand (docs/simulation.md, sections 2 to 4)."""

from dataclasses import replace

import pytest

from .scenario import COIN, MINUTE, all_of, fills, outcome, play
from .test_reference import FLAT, buy, sell


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
    at = {0: buy(10, price=90), 1: lambda engine: engine.amend(0, amount=4, price=95)}
    assert play(FLAT, FLAT, FLAT, at=at).reserved_quote == 38_000
    assert play(FLAT, FLAT, FLAT, at=at, latency_ms=70_000).reserved_quote == 90_000


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
    assert [kind for _, kind, _ in engine.events] == ["ACCEPTED", "FILL", "CANCELLED"]


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
        said.extend([engine.cancel(-1), engine.buy(0, 1, price=90), engine.cancel(1), engine.cancel(2)])

    play(FLAT, FLAT, at={0: buy(1), 1: change})
    assert said == ["ORDER_DONE", "ORDER_DONE", *["UNKNOWN_ORDER"] * 3, 1, 1, "UNKNOWN_ORDER"]


def test_amend_may_use_what_its_order_holds():
    """All cash is held by 10 at 90; 9 at 100 need no more than that."""
    said = []
    engine = play(
        FLAT, FLAT, (110,) * 4, cash=900,
        at={0: buy(10, price=90), 1: lambda engine: said.append(engine.amend(0, amount=9, price=100))},
    )  # fmt: skip
    assert said == [0]
    assert (engine.orders[0].amount, engine.orders[0].price_ticks, engine.free_cash()) == (9, 100, 0.0)


def test_fill_leaves_the_extra_of_an_amend_on_its_way():
    """10 at 100 hold 1000, 40 at 50 an extra 1000; 5 fill at 100: 500 and the extra. 35 at 50 need 1750, 1500 is there.

    The amend is refused when it arrives, and 5 at 100 hold 500 without the extra.
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


# What is said at once about an amend.


def said_of_amends(*changes, order, rows=(FLAT, FLAT, FLAT), act=None, **terms):
    """What a strategy hears that asks for changes of order 0 at the close of the last but one candle."""
    said = []
    ask = all_of(*[lambda engine, change=change: said.append(engine.amend(0, **change)) for change in changes])
    at = {0: order, len(rows) - 2: all_of(act, ask) if act else ask}
    return said, play(*rows, at=at, **terms)


@pytest.mark.parametrize(
    ("order", "change", "reason"),
    [
        (buy(5, price=90), {}, "INVALID_ORDER"),
        (buy(5, price=90), {"stop": 110}, "INVALID_ORDER"),
        (buy(5, stop=110), {"price": 110}, "INVALID_ORDER"),
        (buy(cost=500, stop=110), {"amount": 3}, "INVALID_ORDER"),
        (buy(5, price=90), {"price": 0.5}, "INVALID_PRICE"),
        (buy(5, stop=110), {"stop": 0.4}, "INVALID_PRICE"),
        (buy(5, price=90), {"amount": 0.5}, "BELOW_MIN_AMOUNT"),
        (buy(5, price=90), {"amount": -3}, "BELOW_MIN_AMOUNT"),
        (buy(5, price=90), {"amount": 1}, "BELOW_MIN_AMOUNT"),
        (buy(5, price=90), {"amount": 2, "price": 20}, "BELOW_MIN_COST"),
        (buy(5, price=90), {"amount": 12}, "INSUFFICIENT_FUNDS"),
        (buy(5, stop=110), {"amount": 10}, "INSUFFICIENT_FUNDS"),
        (buy(5, price=90), {"amount": 11}, 0),
        (buy(5, stop=110), {"stop": 120.4}, 0),
        (buy(cost=500, stop=110), {"stop": 120}, 0),
        (buy(5, stop=110, price=108), {"stop": 120, "price": 118}, 0),
    ],
)
def test_amend_is_refused_for_the_first_reason_and_leaves_no_trace(order, change, reason):
    """Of 1000, 11 at 90 need 990; 10 at 110 with 1 % less 1080 (ticks of 108.9). The venue wants 2 units and 50."""
    strict = replace(COIN, min_amount=2, min_cost=50)
    said, engine = said_of_amends(change, order=order, instrument=strict, cash=1000)
    assert said == [reason]
    kinds = [kind for _, kind, _ in engine.events]
    assert kinds == (["ACCEPTED", "AMENDED"] if reason == 0 else ["ACCEPTED"])


def test_amend_after_a_cancel_is_of_an_order_that_is_done():
    """The cancel travels ahead; a second cancel changes nothing, also not its time."""
    said, engine = said_of_amends(
        {"price": 91}, order=buy(1, price=90), act=all_of(*[lambda engine: engine.cancel(0)] * 2), latency_ms=250
    )
    assert said == ["ORDER_DONE"]
    assert outcome(engine) == ("CANCELLED", "")
    assert engine.events[-1] == (2 * MINUTE + 250, "CANCELLED", 0)


def test_second_cancel_does_not_put_off_the_first():
    """90 s on the way, asked at 1 and 2 minutes: over at 2.5."""
    cancel = {1: lambda engine: engine.cancel(0), 0: all_of(buy(1, price=90), lambda engine: engine.cancel(0))}
    engine = play(FLAT, FLAT, FLAT, FLAT, at=cancel, latency_ms=90_000)
    assert engine.events == [(150_000, "ACCEPTED", 0), (150_000, "CANCELLED", 0)]


def test_market_order_and_triggered_stop_cannot_be_amended():
    """Volume 2 of 5; what is left waits for the next open. A stop-limit that triggered is a limit."""
    thin = (100, 106, 100, 100, 2)
    said, _ = said_of_amends({"amount": 3}, order=buy(5), rows=(FLAT, thin, FLAT), participation=0.1)
    assert said == ["INVALID_ORDER"]
    said, _ = said_of_amends({"amount": 3}, order=buy(5, stop=105), rows=(FLAT, thin, FLAT), participation=0.1)
    assert said == ["INVALID_ORDER"]
    said, _ = said_of_amends(
        {"stop": 107}, {"price": 95, "amount": 3}, order=buy(5, stop=105, price=95), rows=(FLAT, thin, FLAT)
    )  # fmt: skip
    assert said == ["INVALID_ORDER", 0]


def test_amend_to_what_is_filled_when_it_is_asked_is_below_the_minimum():
    """2 of 5 are filled: 2 is refused, 3 is taken."""
    candle = (100, 100, 91, 100, 40)  # the maker's share is 0.1 * 40 * 5 / 10
    said, _ = said_of_amends(
        {"amount": 2}, {"amount": 3}, order=buy(5, price=95), rows=(FLAT, candle, FLAT), participation=0.1
    )  # fmt: skip
    assert said == ["BELOW_MIN_AMOUNT", 0]


def test_amend_of_the_price_keeps_the_total():
    """2 of 5 are filled; 3 at 94 are left, and hold 282."""
    candle = (100, 100, 91, 100, 40)
    said, engine = said_of_amends({"price": 94}, order=buy(5, price=95), rows=(FLAT, candle, FLAT), participation=0.1)
    assert said == [0]
    order = engine.orders[0]
    assert (order.amount, order.filled, order.reserved, order.status) == (5, 2, 28_200, "PARTIAL")


def test_rules_hold_for_what_would_remain():
    """5 less 2 filled is 3, and 3 is fewer than 4; 6 less 2 is 4."""
    candle, four = (100, 100, 91, 100, 40), replace(COIN, min_amount=4)
    said, _ = said_of_amends(
        {"price": 94}, {"amount": 6}, order=buy(5, price=95), rows=(FLAT, candle, FLAT), participation=0.1,
        instrument=four,
    )  # fmt: skip
    assert said == ["BELOW_MIN_AMOUNT", 0]


def test_amended_stop_reserves_one_percent_more_than_its_new_trigger():
    """5 at 110 hold 5 * 112 (111.1 rounded up), at 120 5 * 122 (121.2): an extra of 50 until it is there."""
    seen = []

    def look(engine):
        seen.append((engine.orders[0].reserved, engine.orders[0].extra, engine.reserved_quote, engine.free_cash()))

    _, engine = said_of_amends({"stop": 120}, order=buy(5, stop=110), act=look, cash=1000)
    look(engine)
    assert seen == [(56_000, 0, 56_000, 440.0), (61_000, 0, 61_000, 390.0)]
    _, engine = said_of_amends({"stop": 120}, order=buy(5, stop=110), act=look, cash=1000, latency_ms=70_000)
    look(engine)
    assert seen[2:] == [(56_000, 0, 56_000, 440.0), (56_000, 5_000, 61_000, 390.0)]


def test_amended_sell_may_use_what_its_order_holds_and_no_more():
    """5 coins, 3 in the order: 5 may be sold, 6 not."""
    said = []
    engine = play(
        FLAT, FLAT, FLAT, FLAT, latency_ms=250,
        at={
            0: buy(5),
            1: sell(3, price=120),
            2: lambda engine: said.extend(
                [engine.amend(1, amount=6), engine.amend(1, amount=5), engine.reserved_base, engine.sell(0, 1)]
            ),
        },
    )  # fmt: skip
    assert said == ["INSUFFICIENT_FUNDS", 1, [5], "INSUFFICIENT_FUNDS"]
    assert (engine.orders[1].amount, engine.orders[1].reserved, engine.reserved_base) == (5, 5, [5])


# What the venue says to an amend.


@pytest.mark.parametrize(("amount", "reasons"), [(10, []), (11, ["INSUFFICIENT_FUNDS"])])
def test_amend_beyond_what_the_venue_finds_free_is_refused(amount, reasons):
    """Of 1000, 5 at 70 hold 350 and 4 at 75 hold 300, whose cancel counts when asking, but comes later by its id.

    10 at 70 need 700, the 350 of its own and all of the 350 that is free; 11 need 770.
    """
    told = []
    engine = play(
        FLAT, FLAT, FLAT, cash=1000,
        at={0: all_of(buy(5, price=70), buy(4, price=75)), 1: all_of(
            lambda engine: engine.cancel(1), lambda engine: engine.amend(0, amount=amount)
        )},
        on_order_error=lambda *happened: told.append(happened[2].amend_reason),
    )  # fmt: skip
    assert told == reasons
    assert engine.reserved_quote == (35_000 if reasons else 70_000)


def test_amend_of_a_sell_beyond_what_the_venue_finds_free_is_refused():
    """Of 5 coins order 1 sells 2. Order 2 sells 3 and its cancel is on its way, so order 1 may grow to 5.

    Within one moment the amend of order 1 comes before the cancel of order 2.
    """
    told = []

    def grow(engine):
        engine.cancel(2)
        engine.amend(1, amount=5)

    engine = play(
        FLAT, FLAT, FLAT, FLAT, at={0: buy(5), 1: all_of(sell(2, price=120), sell(3, price=130)), 2: grow},
        on_order_error=lambda *happened: told.append((happened[2].id, happened[2].amend_reason)),
    )  # fmt: skip
    assert told == [(1, "INSUFFICIENT_FUNDS")]
    assert [(order.amount, order.reserved, order.status) for order in engine.orders[1:]] == [
        (2, 2, "OPEN"),
        (3, 0, "CANCELLED"),
    ]


def test_amended_stop_past_its_trigger_stays_as_it_was():
    """The open is 110 when the new trigger of 108 arrives."""
    told = []
    engine = play(
        FLAT, FLAT, (110,) * 4, at={0: buy(1, stop=120), 1: lambda engine: engine.amend(0, stop=108)},
        on_order_error=lambda *happened: told.append(happened[2].amend_reason),
    )  # fmt: skip
    assert told == ["STOP_WOULD_TRIGGER"]
    assert (engine.orders[0].stop_ticks, outcome(engine)) == (120, ("OPEN", ""))
    assert engine.orders[0].reserved == 12_200
    assert engine.events[-1] == (2 * MINUTE, "AMEND_REJECTED", 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stop": 107}, "INVALID_ORDER"),
        ({"stop": 105, "price": 94}, ""),
        ({"price": 94}, ""),
    ],
)
def test_another_stop_for_a_stop_that_triggered_meanwhile_is_refused(change, reason):
    """It triggers at 105 on the way up, 7.5 s into the candle; the amend arrives after 10 s.

    The same stop is no other one.
    """
    told = []
    path = (100, 110, 90, 100)
    engine = play(
        FLAT, FLAT, path, latency_ms=10_000,
        at={0: buy(1, stop=105, price=80), 1: lambda engine: engine.amend(0, **change)},
        on_order_error=lambda *happened: told.append(happened[2].amend_reason),
    )  # fmt: skip
    assert told == ([reason] if reason else [])
    assert [f.ticks for f in engine.fills] == ([] if reason else [94])


def test_amend_of_what_became_a_market_order_is_refused():
    """Triggered, 2 of 5 sold, 3 left for the next open; the amend to 2 would have ended it."""
    told = []
    engine = play(
        FLAT, FLAT, FLAT, (100, 100, 90, 100, 2), FLAT, latency_ms=40_000, participation=0.1,
        at={0: buy(5), 1: sell(5, stop=95), 2: lambda engine: engine.amend(1, amount=2)},
        on_order_error=lambda *happened: told.append((happened[2].id, happened[2].amend_reason)),
    )  # fmt: skip
    assert told == [(1, "INVALID_ORDER")]
    assert fills(engine)[1:] == [(3, 1, 95, 2, "taker"), (4, 1, 100, 3, "taker")]


def test_amended_limit_that_crosses_takes_unless_it_was_met_in_this_candle():
    """95 gets its share of 2 at 94, 18 s into the candle; at 54 s the amend to 99 arrives at 98 and would cross.

    It was met, so it waits: the next open of 98 is its hit, and it fills at its limit.
    """
    candle = (100, 100, 90, 100, 40)  # the maker's share is 0.1 * 40 * 6 / 11 = 2.2
    at = {0: buy(5, price=95), 1: lambda engine: engine.amend(0, price=99)}
    met = play(FLAT, FLAT, candle, (98, 98, 98, 98, 1000), latency_ms=54_000, participation=0.1, at=at)
    assert fills(met) == [(2, 0, 95, 2, "maker"), (3, 0, 99, 3, "maker")]
    unmet = play(FLAT, FLAT, (100, 100, 95, 100, 40), FLAT, latency_ms=54_000, participation=0.1, at=at)
    assert fills(unmet) == [(2, 0, 99, 5, "taker")]


def test_maker_without_a_share_was_met_all_the_same():
    """0.1 * 9 * 5 / 10 = 0.45 is no coin; the amend that arrives later in the candle does not trade."""
    candle = (100, 100, 91, 100, 9)
    at = {0: buy(5, price=95), 1: lambda engine: engine.amend(0, price=99)}
    engine = play(FLAT, FLAT, candle, (101,) * 4, latency_ms=54_000, participation=0.1, at=at)
    assert fills(engine) == []
    assert [kind for _, kind, _ in engine.events] == ["ACCEPTED", "AMENDED"]


def test_limit_amended_at_the_open_is_met_by_that_open_once():
    """Half the spread is 5: 102 does not cross at 100, so it rests, and the same open fills it."""
    engine = play(FLAT, FLAT, FLAT, spread=0.1, at={0: buy(1, price=90), 1: lambda engine: engine.amend(0, price=102)})
    assert fills(engine) == [(2, 0, 102, 1, "maker")]
    thin = (100, 100, 100, 100, 3)
    engine = play(
        FLAT, FLAT, thin, FLAT, participation=0.1,
        at={0: buy(5, price=90), 1: lambda engine: engine.amend(0, price=102)},
    )  # fmt: skip
    assert fills(engine) == [(2, 0, 100, 3, "taker"), (3, 0, 102, 2, "maker")]


# Cancels and funds.


def test_cancel_returns_its_reservation_to_what_is_asked_after_it():
    """All of 900 is in order 0; order 1 counts on its cancel, which arrives first."""
    seen = []

    def swap(engine):
        seen.append((engine.free_cash(), engine.buy(0, 9, price=100)))
        engine.cancel(0)
        seen.append((engine.free_cash(), engine.reserved_quote, engine.buy(0, 9, price=100), engine.free_cash()))

    engine = play((110,) * 4, (110,) * 4, (110,) * 4, cash=900, at={0: buy(10, price=90), 1: swap})
    assert seen == [(0.0, "INSUFFICIENT_FUNDS"), (900.0, 90_000, 2, 0.0)]
    assert [outcome(engine, id)[0] for id in (0, 2)] == ["CANCELLED", "OPEN"]
    assert engine.reserved_quote == 90_000


def test_extra_of_an_order_whose_cancel_is_on_its_way_counts_as_returned_too():
    """5 at 90 hold 450, 10 at 90 an extra 450; both come back with the order."""
    seen = []

    def change(engine):
        engine.amend(0, amount=10)
        seen.append(engine.free_cash())
        engine.cancel(0)
        seen.append(engine.free_cash())

    play(FLAT, FLAT, FLAT, cash=900, at={0: buy(5, price=90), 1: change})
    assert seen == [0.0, 900.0]


def test_order_that_counts_on_a_cancel_is_rejected_when_the_fill_comes_first():
    """Order 0 buys at the open before anything that is asked now arrives: then 400 is not there for order 1."""
    engine = play(
        FLAT, FLAT, (89, 89, 89, 89), cash=900, latency_ms=250,
        at={0: buy(10, price=90), 1: all_of(lambda engine: engine.cancel(0), buy(5, price=80))},
    )  # fmt: skip
    assert outcome(engine) == ("FILLED", "")
    assert outcome(engine, 1) == ("REJECTED", "INSUFFICIENT_FUNDS")
    assert [kind for _, kind, id in engine.events if id == 1] == ["REJECTED"]
    assert engine.reserved_quote == 0


def test_sell_that_counts_on_a_cancel_is_rejected_when_the_fill_comes_first():
    """Order 1 sells all 5 at the open; order 2 finds none."""
    engine = play(
        FLAT, FLAT, FLAT, (121,) * 4, latency_ms=250,
        at={0: buy(5), 1: sell(5, price=120), 2: all_of(lambda engine: engine.cancel(1), sell(5, price=130))},
    )  # fmt: skip
    assert outcome(engine, 1) == ("FILLED", "")
    assert outcome(engine, 2) == ("REJECTED", "INSUFFICIENT_FUNDS")


@pytest.mark.parametrize(("stop", "status"), [(None, "FILLED"), (101, "REJECTED")])
def test_market_buy_by_amount_goes_on_with_what_the_venue_finds_free(stop, status):
    """Order 0 spent 400 of 900 before its cancel came. 8 are reserved with 808 or more; 500 is there and pays 8 at 62.

    A stop-market buy has to find all of its reservation.
    """
    engine = play(
        FLAT, FLAT, (62, 62, 62, 62), cash=900, latency_ms=250,
        at={0: buy(5, price=80), 1: all_of(lambda engine: engine.cancel(0), buy(8, stop=stop))},
    )  # fmt: skip
    assert engine.orders[0].cost == 40_000
    assert outcome(engine, 1)[0] == status


def test_market_buy_that_goes_on_with_less_holds_what_is_left_of_that():
    """As above, and volume 9, of which order 0 took 5: 4 at 62 cost 248 of the 500."""
    engine = play(
        FLAT, FLAT, (62, 62, 62, 62, 9), cash=900, latency_ms=250, participation=1.0,
        at={0: buy(5, price=80), 1: all_of(lambda engine: engine.cancel(0), buy(8))},
    )  # fmt: skip
    assert fills(engine)[1:] == [(2, 1, 62, 4, "taker")]
    assert engine.orders[1].reserved == 50_000 - 24_800


def test_reservation_of_a_market_buy_that_paid_more_than_it_held_is_nothing():
    """5 reserve 505; 4 of them cost 600."""
    engine = play(FLAT, (150, 150, 150, 150, 4), at={0: buy(5)}, participation=0.1)
    assert (outcome(engine), engine.orders[0].reserved) == (("PARTIAL", ""), 0)


def test_market_refuses_before_funds_do():
    """Both orders find nothing of the 900 that order 0 spent, and both would be refused for their price as well."""
    for terms, reason in (
        ({"stop": 88}, "STOP_WOULD_TRIGGER"),
        ({"price": 89, "post_only": True}, "POST_ONLY_WOULD_TAKE"),
        ({"price": 88}, "INSUFFICIENT_FUNDS"),
    ):
        engine = play(
            FLAT, FLAT, (89, 89, 89, 89), cash=900, latency_ms=250,
            at={0: buy(10, price=90), 1: all_of(lambda engine: engine.cancel(0), buy(8, **terms))},
        )  # fmt: skip
        assert outcome(engine, 1) == ("REJECTED", reason)


def test_market_refuses_an_amend_before_funds_do():
    """The amend counts on the cancel of order 1, which is later by its id, and 100 would take."""
    told = []
    play(
        FLAT, FLAT, FLAT, cash=1000,
        at={0: all_of(buy(5, price=70, post_only=True), buy(4, price=75)), 1: all_of(
            lambda engine: engine.cancel(1), lambda engine: engine.amend(0, amount=10, price=100)
        )},
        on_order_error=lambda *happened: told.append(happened[2].amend_reason),
    )  # fmt: skip
    assert told == ["POST_ONLY_WOULD_TAKE"]


def test_other_market_orders_have_to_find_all_of_their_reservation():
    """A market sell of 5 coins that were sold meanwhile, and a buy of 500 for money that was spent."""
    engine = play(
        FLAT, FLAT, FLAT, (121,) * 4, latency_ms=250,
        at={0: buy(5), 1: sell(5, price=120), 2: all_of(lambda engine: engine.cancel(1), sell(5))},
    )  # fmt: skip
    assert [kind for _, kind, id in engine.events if id == 2] == ["REJECTED"]
    engine = play(
        FLAT, FLAT, (89,) * 4, cash=1350, latency_ms=250,
        at={0: buy(10, price=90), 1: all_of(lambda engine: engine.cancel(0), buy(cost=500))},
    )  # fmt: skip
    assert outcome(engine, 1) == ("REJECTED", "INSUFFICIENT_FUNDS")


def test_what_is_due_for_an_order_that_is_done_does_nothing():
    """It expires 10 s into the candle; its cancel comes at 20 s."""
    engine = play(
        FLAT, FLAT, FLAT, latency_ms=20_000,
        at={0: buy(1, price=90, tif="GTD", expire=130_000), 1: lambda engine: engine.cancel(0)},
    )  # fmt: skip
    assert outcome(engine) == ("EXPIRED", "GTD_EXPIRED")
    assert [kind for _, kind, _ in engine.events] == ["ACCEPTED", "EXPIRED"]


def test_market_buy_with_nothing_left_at_the_venue_is_rejected_there():
    """Accepted with a reservation of 0, and too dear."""
    engine = play(
        FLAT, FLAT, (89,) * 4, cash=900, latency_ms=250,
        at={0: buy(10, price=90), 1: all_of(lambda engine: engine.cancel(0), buy(5))},
    )  # fmt: skip
    assert outcome(engine, 1) == ("REJECTED", "INSUFFICIENT_FUNDS")
    assert [kind for _, kind, id in engine.events if id == 1] == ["ACCEPTED", "REJECTED"]


def test_venue_does_not_know_orders_on_their_way():
    """5 at 150 cost 750 of 1000, more than the 505 held: they come out of the 490 that order 1 holds on its way.

    The other way round the limit is accepted first, and only 510 is there for the market order.
    """
    dear = (150,) * 4
    market_first = play(FLAT, dear, cash=1000, at={0: all_of(buy(5), buy(5, price=98))})
    assert [order.status for order in market_first.orders] == ["FILLED", "REJECTED"]
    assert outcome(market_first, 1) == ("REJECTED", "INSUFFICIENT_FUNDS")
    limit_first = play(FLAT, dear, cash=1000, at={0: all_of(buy(5, price=98), buy(5))})
    assert [order.status for order in limit_first.orders] == ["OPEN", "REJECTED"]


def test_venue_does_not_know_the_extra_of_an_amend_on_its_way():
    """4 at 70 hold 280, 12 at 70 an extra 560: of 1000, 160 is free, but the venue finds 720 for one at 161."""
    engine = play(
        FLAT, FLAT, FLAT, (161,) * 4, cash=1000, latency_ms=70_000,
        at={0: buy(4, price=70), 1: buy(1), 2: lambda engine: engine.amend(0, amount=12)},
    )  # fmt: skip
    assert engine.orders[0].extra == 56_000
    assert fills(engine) == [(3, 1, 161, 1, "taker")]
