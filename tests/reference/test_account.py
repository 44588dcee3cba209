"""Money, paths, time and endings of the law, each promise small enough to check by hand."""

from dataclasses import replace

import pytest

from .engine import Engine
from .market import Market, strategy_close
from .scenario import COIN, FEES, MINUTE, PLAIN, all_of, columns, fills, outcome, play, script
from .test_reference import FLAT, buy, sell
from .units import Units, base_unit_of, decimal

HOUR, DAY = 60 * MINUTE, 1440 * MINUTE


# Section 1.


def test_whole_numbers_are_worth_their_decimal_text():
    """3 ticks of 0.1 are 0.3; 0.3 is 3 ticks, whichever way it is rounded; 0.05 is 1/20."""
    units = Units(replace(COIN, price_step=0.1))
    assert units.price(3) == 0.3
    assert (units.ticks_down(0.1 * 3), units.ticks_up(0.1 * 3), units.ticks_near(0.25)) == (3, 3, 3)
    assert decimal(0.05).denominator == 20


def test_floats_become_units_of_more_than_one_part():
    """Of 0.4, 1 is 2.5 of them, and 1.3 is 3.25."""
    units = Units(replace(COIN, price_step=0.4, amount_step=0.4, base_unit=0.4, quote_unit=0.4))
    assert (units.base_down(1.0), units.base_up(1.0), units.quote_down(1.3), units.money(5)) == (2, 3, 3, 2.0)
    assert (units.ticks_down(1.0), units.ticks_up(1.0), units.ticks_near(1.3)) == (2, 3, 3)
    assert (units.base_up(0.8), units.base_down(0.4 * 3)) == (2, 3)


@pytest.mark.parametrize(("amount_step", "unit"), [(1.0, 1e-4), (1e-4, 1e-8), (1e-5, 1e-8), (1e-9, 1e-9)])
def test_default_base_unit(amount_step, unit):
    """A ten-thousandth of the step, but not below 1e-8 when the step allows it."""
    assert base_unit_of(replace(COIN, amount_step=amount_step, base_unit=None)) == decimal(unit)


def test_costs_and_fees_round_against_the_trader():
    """1 * 3 * 0.5 quote units: a buyer pays 2, a seller gets 1. A rebate of 1.5 units is 1."""
    units = Units(replace(COIN, price_step=0.01, base_unit=0.5, amount_step=0.5, taker=0.001))
    assert (units.cost_up(1, 3), units.cost_down(1, 3), units.need(1, 3)) == (2, 1, 3)
    assert (units.fee(1500, 10**6), units.fee(1500, -(10**6))) == (2, -1)


def test_affordable_is_the_largest_multiple_of_the_step():
    """At 100 with 0.2 %: 3 need 300.60, so 300.59 affords 2."""
    units = Units(FEES)
    assert (units.affordable(30_060, 100), units.affordable(30_059, 100), units.affordable(5, 100)) == (3, 2, 0)


def test_result_beyond_64_bits_stops_the_run_and_names_the_instrument():
    """10^17 units at 100 cost 10^21 cents."""
    with pytest.raises(OverflowError, match="COIN"):
        play(FLAT, at={0: buy(10**17)})


def test_fee_in_base_leaves_dust_that_is_balance_and_no_position():
    """10 bought, 0.1 % of 10 is 0.01: balance 9.99, position 9; selling it leaves 0.99."""
    based = replace(COIN, taker=0.001, fee_side="base", base_unit=0.01)
    seen = []
    engine = play(
        FLAT, FLAT, FLAT, instrument=based,
        at={0: buy(10), 1: all_of(lambda e: seen.extend([e.balance(0), e.position(0)]), lambda e: e.close(0))},
    )  # fmt: skip
    assert seen == [9.99, 9.0]
    assert (engine.balance(0), engine.position(0), engine.close(0)) == (0.99, 0.0, "NO_POSITION")
    assert engine.fills[0].fee_in_base
    assert not engine.fills[1].fee_in_base
    assert engine.cash_units == 1_000_000 - 100_000 + 90_000 - 90


def test_position_below_the_minimum_cost_is_none():
    """One coin at 100 is worth less than the 150 that the venue asks for once the price fell from 200."""
    engine = play((200,) * 4, (200,) * 4, FLAT, at={0: buy(1)}, instrument=replace(COIN, min_cost=150))
    assert (engine.balance(0), engine.position(0)) == (1.0, 0.0)
    engine = play((200,) * 4, (200, 200, 150.2, 150.2), at={0: buy(1)}, instrument=replace(COIN, min_cost=150.1))
    assert engine.position(0) == 0.0  # in whole ticks it is worth 150


def test_position_below_the_minimum_amount_is_none():
    """Of 8 coins the volume gives 3, which the venue does not let one sell: its minimum is 4."""
    few = replace(COIN, min_amount=4)
    engine = play(FLAT, FLAT, FLAT, instrument=few, participation=0.1, at={0: buy(8, tif="IOC")})
    assert engine.position(0) == 8.0
    thin = play(FLAT, (*FLAT, 3), FLAT, instrument=few, participation=0.1, at={0: buy(8, tif="IOC")})
    assert (thin.balance(0), thin.position(0)) == (3.0, 0.0)


def test_position_at_the_minimums_is_one():
    """3 coins and 300 are enough where 3 and 300 are asked for."""
    engine = play(FLAT, FLAT, at={0: buy(3)}, instrument=replace(COIN, min_amount=3, min_cost=300))
    assert engine.position(0) == 3.0


def test_units_that_do_not_fit_together_stop_before_the_run():
    """Cash is shared, and a step is a number of units; a ten-thousandth of 1e-4 is 1e-8, and may be a unit."""
    with pytest.raises(ValueError, match="quote_unit"):
        Engine([COIN, replace(COIN, quote_unit=0.1)], [columns(FLAT)] * 2, MINUTE)
    with pytest.raises(ValueError, match="amount_step"):
        Units(replace(COIN, amount_step=1.0, base_unit=0.3))
    assert Engine([replace(COIN, quote_unit=0.2)], [columns(FLAT)], MINUTE, cash=1.0).cash_units == 5
    assert Engine([replace(COIN, quote_unit=0.4)], [columns(FLAT)], MINUTE, cash=1.0).cash_units == 2


def test_equity_is_cash_and_balances_at_the_last_close():
    """Bought 2 at 100 of 1000; the close is 107: 800 + 214."""
    engine = play(FLAT, (100, 107, 100, 107), at={0: buy(2)}, cash=1000)
    assert engine.equity_curve == [(MINUTE, 1000.0, 1000.0), (2 * MINUTE, 1014.0, 800.0)]


# Section 2.


def test_market_buy_reserves_one_percent_more_than_the_close():
    """5 at 101 are 505; on the way for a whole candle and more."""
    engine = play(FLAT, FLAT, at={0: buy(5)}, latency_ms=90_000)
    assert (engine.reserved_quote, engine.free_cash()) == (50_500, 9_495.0)


def test_sizes_by_risk_by_target_and_by_close():
    """1 % of 10000 at risk from 100 to 90 is 10; to 25 % is 15 more; to 10 % sells 15; half of 10 is 5."""
    engine = play(
        FLAT, FLAT, FLAT, FLAT, FLAT, FLAT,
        at={
            0: buy(risk=0.01, stop_loss=90),
            1: lambda engine: (engine.cancel_all(0), engine.target(0, 0.25)),  # its stop holds what it bought
            2: lambda engine: engine.target(0, 0.10),
            3: lambda engine: engine.close(0, 0.5),
            4: lambda engine: engine.target(0, 0.0),
        },
    )  # fmt: skip
    assert [(f.order, f.amount) for f in engine.fills] == [(0, 10), (2, 15), (3, 15), (4, 5), (5, 5)]
    assert engine.base_units == [0]


def test_risk_counts_the_fees_of_both_ways():
    """150 of risk, a taker fee of 1 %: one unit loses 100 * 1.01 - 90 * 0.99 = 11.9; 150 / 11.9 = 12.6."""
    dear = replace(COIN, taker=0.01)
    engine = play(FLAT, FLAT, at={0: buy(risk=0.015, stop_loss=90)}, instrument=dear)
    assert engine.orders[0].amount == 12


def test_sell_cannot_use_base_that_another_order_holds():
    """3 of 5 are reserved by the first."""
    said = []
    play(
        FLAT, FLAT, FLAT,
        at={0: buy(5), 1: all_of(sell(3, price=200), lambda engine: said.append(engine.sell(0, 3, price=200)))},
    )  # fmt: skip
    assert said == ["INSUFFICIENT_FUNDS"]


def test_too_many_orders_and_no_price():
    """Two orders are the limit; before the first candle of an instrument there is no price."""
    engine = play(FLAT, at={0: all_of(*[buy(1, price=50)] * 3)}, instrument=replace(COIN, max_orders=2))
    assert outcome(engine, 2) == ("REJECTED", "TOO_MANY_ORDERS")
    late = Engine(
        [COIN, replace(COIN, name="LATE")], [columns(FLAT, FLAT), columns(None, FLAT)], MINUTE, model=PLAIN,
        on_step=script({0: lambda engine: engine.buy(1, 1)}),
    )  # fmt: skip
    late.run()
    assert outcome(late) == ("REJECTED", "NO_PRICE")


# Section 3.


STOP_FIRST = [(2, 1, 95, 12, "taker"), (2, 2, 105, 3, "maker")]
LIMIT_FIRST = [(2, 2, 105, 5, "maker"), (2, 1, 95, 10, "taker")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("pessimistic", STOP_FIRST), ("optimistic", LIMIT_FIRST), ("ohlc", LIMIT_FIRST), ("olhc", STOP_FIRST)],
)
def test_pessimistic_takes_the_worse_of_a_stop_and_a_limit_in_one_candle(path, expected):
    """They share a volume of 15. At a close of 100 a sale at 95 loses 5, one at 105 wins 5.

    The stop first: 12 * -5 + 3 * 5 = -45. The limit first (its share is 15 * 11 / 31 = 5): 5 * 5 + 10 * -5 = -25.
    """
    engine = play(
        FLAT, FLAT, (100, 115, 85, 100, 15), path=path, participation=1.0,
        at={0: buy(17), 1: all_of(sell(12, stop=95), sell(5, price=105))},
    )  # fmt: skip
    assert fills(engine)[1:] == expected
    assert engine.path_decided == 2


@pytest.mark.parametrize("path", ["pessimistic", "optimistic"])
def test_paths_of_equal_worth_are_walked_to_the_high_first(path):
    """A sale at 105 and a purchase at 95 both fill both ways."""
    engine = play(
        FLAT, FLAT, (100, 110, 90, 100), path=path, at={0: buy(1), 1: all_of(buy(1, price=95), sell(1, price=105))}
    )  # fmt: skip
    assert [f.ticks for f in engine.fills] == [100, 105, 95]
    assert engine.path_decided == 0


@pytest.mark.parametrize(("path", "filled"), [("pessimistic", 0), ("optimistic", 1), ("adaptive", 0), ("ohlc", 1)])
def test_worth_of_a_path_counts_coins_at_the_close(path, filled):
    """A buy stop at 105 with a limit of 97 fills only when the high comes first, and is worth it at a close of 98.

    What the market order buys at the open is decided already.
    """
    engine = play(FLAT, (100, 107, 95.5, 98), at={0: all_of(buy(1), buy(1, stop=105, price=97))}, path=path)
    assert len(engine.fills) == 1 + filled
    assert engine.path_decided == filled


def test_adaptive_goes_to_the_nearer_extreme_first():
    """A buy stop at 105 with a limit of 97 fills only when the high comes before the low."""
    low_first = play(FLAT, (100, 106, 95, 100), at={0: buy(1, stop=105, price=97)}, path="adaptive")
    high_first = play(FLAT, (100, 105, 94, 100), at={0: buy(1, stop=105, price=97)}, path="adaptive")
    as_near = play(FLAT, (100, 105, 95, 100), at={0: buy(1, stop=105, price=97)}, path="adaptive")
    assert low_first.fills == []
    assert fills(high_first) == fills(as_near) == [(1, 0, 97, 1, "maker")]


def test_legs_of_all_instruments_are_walked_together():
    """Both walk high, low, close: the second one's sell at its high comes before the first one's buy at its low."""
    rows = [columns(FLAT, FLAT, (100, 106, 94, 100))] * 2

    def ask(engine):
        engine.buy(0, 1, price=95)
        engine.sell(1, 1, price=105)

    engine = Engine(
        [COIN, replace(COIN, name="OTHER")], rows, MINUTE, model=PLAIN,
        on_step=script({0: lambda engine: engine.buy(1, 1), 1: ask}),
    )  # fmt: skip
    engine.run()
    assert [(f.instrument, f.ticks) for f in engine.fills] == [(1, 100), (1, 105), (0, 95)]


def test_order_gets_one_fill_per_candle():
    """The stop takes all of volume 2; what is left waits for the next open although the price stays below."""
    engine = play(
        FLAT, FLAT, (100, 100, 90, 91, 2), (92, 93, 90, 91), participation=0.1,
        at={0: buy(5), 1: sell(5, stop=95)},
    )  # fmt: skip
    assert fills(engine)[1:] == [(2, 1, 95, 2, "taker"), (3, 1, 92, 3, "taker")]


# Section 5.


def test_estimates_of_hourly_candles():
    """One hour is one block. Candles (mid 100): closes 101, 99, 100.

    x of the second: (1.01 - 1) * (1.01 - 1) = 1e-4; of the third: (0.99 - 1) * (0.99 - 1) = 1e-4; spread 2 * 0.01.
    r: 0.99 - 1.01 = -0.02 and 1.00 - 0.99 = 0.01; mean square 2.5e-4, of a day 6e-3. Volume 10 an hour is 240 a day.
    """
    market = Market(COIN, columns(*[(100, 102, 98, c, 10) for c in (101, 99, 100, 100)], every=HOUR), HOUR, HOUR)
    estimates = market.estimates(market.candles[3])
    assert estimates.spread == pytest.approx(0.02)
    assert estimates.volatility == pytest.approx(6e-3**0.5)
    assert estimates.volume == 240.0
    start = market.estimates(market.candles[0])
    assert (start.spread, start.volatility, start.volume) == (0.0, 0.03, 240.0)


def test_window_of_the_estimators_is_whole_blocks_of_an_hour():
    """Of minutes, a candle sees the 24 whole hours before its own hour."""
    rows = [(100, 101, 99, 100, hour) for hour in range(30) for _ in range(60)]
    market = Market(COIN, columns(*rows), MINUTE, MINUTE)
    for minute in (0, 59):
        candle = market.candles[29 * 60 + minute]
        assert market.estimates(candle).volume == sum(range(5, 29)) / 24 * 1440


# Sections 6 and 7.


def test_delisting_cancels_orders_and_sells_all_at_the_last_close():
    """Delisted at the close of candle 1, at 107: 3 coins bring 321 less 0.2 %; a later order is refused."""
    engine = play(
        FLAT, (100, 107, 100, 107), (50, 50, 50, 50), cash=1000, instrument=replace(FEES, delisted=2 * MINUTE),
        at={0: all_of(buy(3), buy(1, price=50)), 1: buy(1)},
    )  # fmt: skip
    assert (engine.fills[-1].tag, engine.fills[-1].ticks, engine.fills[-1].amount) == ("delisted", 107, 3)
    assert [outcome(engine, n) for n in range(1, 3)] == [("CANCELLED", "DELISTED"), ("REJECTED", "DELISTED")]
    assert engine.cash_units == 100_000 - 30_000 - 60 + 32_100 - 65  # 64.2 rounded up
    assert (engine.base_units, engine.reserved_quote) == ([0], 0)


@pytest.mark.parametrize(("silence", "sold"), [(1440, 0), (1441, 3)])
def test_series_that_ended_a_day_before_the_run_is_settled_at_the_end(silence, sold):
    """More than a day of minutes without a candle while another instrument goes on."""
    rows = [columns(FLAT, FLAT), columns(FLAT, FLAT, *[None] * (silence - 1), FLAT)]
    engine = Engine(
        [COIN, replace(COIN, name="OTHER")], rows, MINUTE, model=PLAIN,
        on_step=script({0: lambda engine: engine.buy(0, 3)}),
    )  # fmt: skip
    engine.run()
    assert engine.base_units[0] == 3 - sold


@pytest.mark.parametrize(("silence", "sold"), [(10, 0), (11, 3)])
def test_series_that_ended_was_silent_for_more_than_ten_candles(silence, sold):
    """Of candles of a day."""
    rows = [columns(FLAT, FLAT, every=DAY), columns(FLAT, FLAT, *[None] * (silence - 1), FLAT, every=DAY)]
    engine = Engine(
        [COIN, replace(COIN, name="OTHER")], rows, DAY, model=PLAIN,
        on_step=lambda engine, now: engine.buy(0, 3) if now == DAY else None,
    )  # fmt: skip
    engine.run()
    assert engine.base_units[0] == 3 - sold


def test_delisting_sells_at_the_close_rounded_down():
    """100.9 is 100."""
    engine = play(FLAT, (100, 101, 100, 100.9), at={0: buy(3)}, instrument=replace(COIN, delisted=2 * MINUTE))
    assert engine.fills[-1].ticks == 100


def test_execution_candles_may_be_finer_than_the_strategy_candles():
    """Decided every 3 minutes, also when the last minute is missing, not after the last; filled at the next open."""
    decided = []

    def on_candle(engine, k, now):
        decided.append((k, now // MINUTE))
        if now == 3 * MINUTE:
            engine.buy(0, 1)

    rows = columns(FLAT, FLAT, FLAT, (104,) * 4, FLAT, None, None, None, None, FLAT)
    engine = Engine([COIN], [rows], 3 * MINUTE, execution_ms=MINUTE, model=PLAIN, on_candle=on_candle)
    engine.run()
    assert decided == [(0, 3), (0, 6)]
    assert fills(engine) == [(3, 0, 104, 1, "taker")]


def test_weeks_begin_on_monday():
    """1970-01-05 was a Monday."""
    monday, week = 4 * DAY, 7 * DAY
    assert [strategy_close(monday + d, week) for d in (-1, 0, week - 1)] == [monday, monday + week, monday + week]


def test_hooks_are_called_in_the_order_of_the_law():
    """Fills of a step are told at its close, then each instrument decides, then the step."""
    calls = []

    def note(name):
        return lambda *told: calls.append((name, told[-1] // MINUTE))

    def on_step(engine, now):
        note("on_step")(now)
        if now == MINUTE:
            engine.buy(0, 1)
            engine.buy(0, 1, price=100, post_only=True)

    Engine(
        [COIN], [columns(FLAT, FLAT)], MINUTE, model=PLAIN, on_step=on_step,
        on_candle=note("on_candle"), on_fill=note("on_fill"), on_order_error=note("on_order_error"),
    ).run()  # fmt: skip
    second = ["on_fill", "on_order_error", "on_candle", "on_step"]
    assert calls == [("on_candle", 1), ("on_step", 1), *[(name, 2) for name in second]]


def test_exception_of_a_hook_reaches_the_caller():
    """Nothing swallows an author's mistake."""
    with pytest.raises(ZeroDivisionError):
        play(FLAT, at={0: lambda _: 1 / 0})


# What is told, and when.


def heard(*rows, at, **changes):
    """All that is told, (what, minutes, order), and the engine."""
    calls = []

    def on_fill(_, __, fill, now):
        calls.append(("fill", now / MINUTE, fill.order))

    def on_order_error(_, __, order, now):
        calls.append((order.amend_reason or order.reason, now / MINUTE, order.id))

    engine = play(*rows, at=at, on_fill=on_fill, on_order_error=on_order_error, **changes)
    return calls, engine


def test_ends_at_the_venue_with_a_reason_are_told_and_nothing_else():
    """Told: IOC, GTD. Not told: a refusal at asking, a cancel that was asked for."""
    calls, engine = heard(
        FLAT, FLAT, FLAT,
        at={
            0: all_of(
                buy(1, price=0.5), buy(1, price=90, tif="IOC"), buy(1, price=90),
                buy(1, price=90, tif="GTD", expire=2 * MINUTE + 30_000),
            ),
            1: lambda engine: engine.cancel(2),
        },
    )  # fmt: skip
    assert calls == [("IOC_UNFILLED", 2.0, 1), ("GTD_EXPIRED", 3.0, 3)]
    assert [order.status for order in engine.orders] == ["REJECTED", "EXPIRED", "CANCELLED", "EXPIRED"]
    assert engine.events[-1] == (150_000, "EXPIRED", 3)


def test_delisting_is_told_after_the_fills_of_the_candle_that_closes_then():
    """Order 0 buys in the candle that closes when the instrument is delisted; order 1 never fills."""
    calls, engine = heard(
        FLAT, FLAT, FLAT, instrument=replace(COIN, delisted=2 * MINUTE), at={0: all_of(buy(3), buy(1, price=50))}
    )  # fmt: skip
    assert calls == [("fill", 2.0, 0), ("DELISTED", 2.0, 1), ("fill", 2.0, -1)]
    assert [(f.time, f.order) for f in engine.fills] == [(MINUTE, 0), (2 * MINUTE, -1)]
    assert engine.equity_curve[1] == (2 * MINUTE, 10_000.0, 9_700.0)  # marked and recorded before


def test_delisting_in_a_gap_is_told_with_the_next_candle():
    """Delisted 3.5 minutes in; the next candle opens at 5."""
    calls, _ = heard(
        FLAT, FLAT, None, None, None, FLAT, instrument=replace(COIN, delisted=3 * MINUTE + 30_000), at={0: buy(3)}
    )  # fmt: skip
    assert calls == [("fill", 2.0, 0), ("fill", 6.0, -1)]


def test_delisting_within_a_candle_is_told_at_its_close():
    """Nothing is known before the close; the fill has the time of the delisting, at the close of 107."""
    calls, engine = heard(
        FLAT, FLAT, (100, 107, 100, 107), instrument=replace(COIN, delisted=2 * MINUTE + 30_000), at={0: buy(3)}
    )  # fmt: skip
    assert calls == [("fill", 2.0, 0), ("fill", 3.0, -1)]
    assert (engine.fills[-1].time, engine.fills[-1].ticks) == (2 * MINUTE + 30_000, 107)


def test_delistings_are_settled_in_the_order_of_time_before_any_is_told():
    """Two in one gap, the second of them later; and two at once."""
    seen = []
    rows = columns(FLAT, FLAT, None, None, None, None, FLAT)
    first, second = replace(COIN, delisted=4 * MINUTE), replace(COIN, delisted=3 * MINUTE)
    for others, expected in (
        ([first, second], [(0, 2.0, 9_400.0), (1, 2.0, 9_400.0), (1, 7.0, 10_000.0), (0, 7.0, 10_000.0)]),
        ([first, first], [(0, 2.0, 9_400.0), (1, 2.0, 9_400.0), (0, 7.0, 10_000.0), (1, 7.0, 10_000.0)]),
    ):
        seen.clear()
        Engine(
            others, [rows, rows], MINUTE, model=PLAIN,
            on_step=script({0: lambda engine: [engine.buy(k, 3) for k in (0, 1)]}),
            on_fill=lambda engine, k, _, now: seen.append((k, now / MINUTE, engine.cash())),
        ).run()  # fmt: skip
        assert seen == expected


def test_order_asked_for_when_the_delisting_is_told_is_refused():
    """Cash is there already, the instrument is not."""
    said = []
    rows = columns(FLAT, FLAT, FLAT)
    Engine(
        [replace(COIN, delisted=2 * MINUTE)], [rows], MINUTE, model=PLAIN, on_step=script({0: lambda e: e.buy(0, 3)}),
        on_fill=lambda e, k, fill, _: said.append((fill.order, e.cash(), e.buy(k, 1))),
    ).run()  # fmt: skip
    assert said == [(0, 10_000.0, "DELISTED"), (-1, 10_000.0, "DELISTED")]


def test_delisting_is_settled_before_a_decision_without_a_candle():
    """The last minute of the strategy's candle is missing; it is delisted exactly at its close."""
    rows, seen = columns(FLAT, FLAT, FLAT, FLAT, FLAT, None, FLAT, FLAT, FLAT), []

    def on_candle(engine, k, now):
        if now == 3 * MINUTE:
            engine.buy(k, 3)
        seen.append((now // MINUTE, engine.cash()))

    def on_fill(engine, k, fill, now):
        if fill.order < 0:
            seen.append(("delisted", now // MINUTE))

    engine = Engine(
        [replace(COIN, delisted=6 * MINUTE)], [rows], 3 * MINUTE, execution_ms=MINUTE, model=PLAIN,
        on_candle=on_candle, on_fill=on_fill,
    )  # fmt: skip
    engine.run()
    assert seen == [(3, 10_000.0), ("delisted", 6), (6, 10_000.0), (9, 10_000.0)]


def test_delisting_without_coins_sells_nothing_and_a_price_below_a_tick_counts_as_one():
    """0.4 is no tick, the venue pays 1. An instrument without any candle has nothing to settle."""
    gone = replace(COIN, delisted=2 * MINUTE)
    assert play(FLAT, FLAT, FLAT, at={}, instrument=gone).fills == []
    poor = play(FLAT, (100, 100, 0.4, 0.4), FLAT, at={0: buy(3)}, instrument=gone)
    assert [(f.ticks, f.cost) for f in poor.fills] == [(100, 30_000), (1, 300)]
    empty = Engine([COIN, replace(COIN, name="NONE")], [columns(FLAT, FLAT), columns()], MINUTE, model=PLAIN)
    empty.run()
    assert empty.equity() == 10_000.0


def test_decision_without_a_candle_asks_at_its_own_time():
    """The last minute of the strategy's candle is missing; asked at 3, arrived at 4 and a quarter of a second."""
    rows = columns(FLAT, FLAT, None, None, FLAT)
    engine = Engine(
        [COIN], [rows], 3 * MINUTE, execution_ms=MINUTE, model=replace(PLAIN, latency_ms=90_000),
        on_step=lambda engine, now: engine.buy(0, 1) if now == 3 * MINUTE else None,
    )  # fmt: skip
    engine.run()
    assert [(f.time, f.order) for f in engine.fills] == [(270_000, 0)]


def test_only_instruments_whose_candle_closes_decide():
    """The second one has no candle in the second minute."""
    decided = []
    rows = [columns(FLAT, FLAT, FLAT), columns(FLAT, None, FLAT)]
    Engine(
        [COIN, replace(COIN, name="OTHER")], rows, MINUTE, model=PLAIN,
        on_candle=lambda _, k, now: decided.append((k, now // MINUTE)),
    ).run()  # fmt: skip
    assert decided == [(0, 1), (1, 1), (0, 2), (0, 3), (1, 3)]


def test_series_that_ended_is_settled_at_the_close_of_the_last_step_and_no_hook_is_told():
    """1442 minutes; the rows of the equity curve stay as they were."""
    rows, seen = [columns(FLAT, FLAT), columns(FLAT, FLAT, *[None] * 1440, FLAT)], []
    engine = Engine(
        [FEES, replace(FEES, name="OTHER")], rows, MINUTE, model=PLAIN,
        on_step=script({0: lambda engine: (engine.buy(0, 3), engine.buy(0, 1, price=50))}),
        on_fill=lambda *told: seen.append((told[2].order, told[3] // MINUTE)),
        on_order_error=lambda *told: seen.append((told[2].reason, told[3] // MINUTE)),
    )  # fmt: skip
    engine.run()
    assert seen == [(0, 2)]
    assert engine.orders[1].reason == "DELISTED"
    assert engine.fills[-1].time == 1443 * MINUTE
    assert engine.equity_curve[-1] == (1443 * MINUTE, 9_999.4, 9_699.4)
    assert engine.cash_units == 1_000_000 - 60 - 60


# Rules of section 2 that are about numbers.


def test_no_price_is_the_first_reason():
    """Also for an order whose terms do not fit together."""
    late = Engine(
        [COIN, replace(COIN, name="LATE")], [columns(FLAT, FLAT), columns(None, FLAT)], MINUTE, model=PLAIN,
        on_step=script({0: lambda engine: engine.buy(1, 1, post_only=True)}),
    )  # fmt: skip
    late.run()
    assert outcome(late) == ("REJECTED", "NO_PRICE")


def test_part_of_units_is_never_more_than_all_of_them():
    """0.07 * 100 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996; 2^53 + 1 is no float, all of it is."""
    units = Units(COIN)
    assert [units.part(x, 100) for x in (0.07, 0.29, 0.5, 1.0, 1.5, -0.1)] == [7, 29, 50, 100, 150, -10]
    assert units.part(1.0, 2**53 + 3) == 2**53 + 3
    assert units.part(0.9999999999, 100) == 100


@pytest.mark.parametrize(("amount", "reason"), [(2, "BELOW_MIN_AMOUNT"), (3, 0)])
def test_minimum_amount_counts_whole_units_rounded_up(amount, reason):
    """2.5 coins are 3."""
    said = []
    few = replace(COIN, min_amount=2.5)
    play(FLAT, at={0: lambda engine: said.append(engine.buy(0, amount))}, instrument=few)
    assert said == [reason]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"cost": 0}, "BELOW_MIN_COST"),
        ({"cost": -5}, "BELOW_MIN_COST"),
        ({"fraction": 0.0}, "BELOW_MIN_COST"),
        ({"fraction": -0.5}, "BELOW_MIN_COST"),
        ({"cost": 0.01}, 0),
        ({"cost": 100.01}, "INSUFFICIENT_FUNDS"),
        ({"cost": 100}, 0),
        ({"fraction": 1.5}, "INSUFFICIENT_FUNDS"),
        ({"cost": 99, "price": 100}, "BELOW_MIN_AMOUNT"),
        ({"cost": 120, "price": 100}, 0),
        ({"cost": 220, "price": 100}, "INSUFFICIENT_FUNDS"),
        ({"cost": -5, "price": 100}, "BELOW_MIN_AMOUNT"),
        ({"amount": -5}, "BELOW_MIN_AMOUNT"),
        ({"risk": 0.1, "stop_loss": 100}, "INVALID_PRICE"),
    ],
)
def test_budgets_of_nothing_and_of_too_much(terms, reason):
    """100 is there. With a limit a budget asks for no funds, its amount does."""
    said = []
    engine = play(FLAT, at={0: lambda engine: said.append(engine.buy(0, **terms))}, cash=100)
    assert said == [reason]
    assert engine.orders[0].amount >= 0


@pytest.mark.parametrize(
    ("terms", "amount"),
    [
        ({"cost": 500}, 4),
        ({"cost": 500, "price": 124.5}, 4),
        ({"cost": 500, "price": 127}, 3),
        ({"cost": 300, "stop": 50.4}, 6),
        ({"cost": 300, "stop": 50.4, "price": 42}, 7),
        ({"fraction": 0.5}, 3),
        ({"fraction": 1.0}, 7),
        ({"fraction": 1.2}, 0),
    ],
)
def test_sizes_of_sells(terms, amount):
    """Of 7 coins at a close of 110: 500 / 110 = 4.5, 500 / 125 = 4, 500 / 127 = 3.9, 300 / 50 = 6, 300 / 42 = 7.1.

    1.2 of 7 is 8, which is not there.
    """
    engine = play(FLAT, (100, 110, 100, 110), at={0: buy(7), 1: sell(**terms)})
    asked = engine.orders[1]
    assert (asked.amount if asked.is_live else 0) == amount
    if amount == 0:
        assert asked.reason == "INSUFFICIENT_FUNDS"


@pytest.mark.parametrize("terms", [{}, {"amount": 1, "cost": 1}, {"risk": 0.1}])
def test_size_that_is_not_one_stops_the_run(terms):
    """One size, and risk needs a stop loss."""
    with pytest.raises(ValueError, match="needs"):
        play(FLAT, at={0: lambda engine: engine.buy(0, **terms)})


def test_close_of_a_part_that_is_too_small_is_an_ordinary_refusal():
    """A tenth of 7 is no whole coin; of nothing there is no order at all."""
    said = []
    engine = play(
        FLAT, FLAT, FLAT,
        at={0: lambda e: said.append(e.close(0)), 1: buy(7), 2: lambda e: said.extend([e.close(0, 0.1), e.close(0)])},
    )  # fmt: skip
    assert said == ["NO_POSITION", "BELOW_MIN_AMOUNT", 2]
    assert outcome(engine, 1) == ("REJECTED", "BELOW_MIN_AMOUNT")
    assert engine.orders[2].amount == 7


def test_target_buys_with_the_fee_on_top_and_at_most_what_is_free():
    """Half of 1000 is 500 and 1.00 of fee; twice of it is more than the 1000 that is free."""
    for weight, budget in ((0.5, 50_100), (2.0, 100_000)):
        engine = play(FLAT, at={0: lambda engine, w=weight: engine.target(0, w)}, instrument=FEES, cash=1000)
        assert engine.orders[0].budget == budget


def test_target_sells_the_surplus_and_nothing_when_there_is_none():
    """6 of 1000 in coins at 100 is 0.6; to 0.25 are 350, 3.5 coins. 0.6 itself is there."""
    said = []
    targets = all_of(*[lambda e, w=w: said.append(e.target(0, w)) for w in (0.6, 0.25, -1)])
    engine = play(FLAT, FLAT, FLAT, at={0: buy(6), 1: targets}, cash=1000)
    assert said == [None, 1, 2]  # and never more than is free
    assert engine.orders[1].amount == 3


def test_target_counts_market_orders_on_their_way_as_done():
    """500 of 1000 are asked for twice, then 0, then 0 again once nothing is on its way any more."""
    said = []
    asks = all_of(*[lambda e, w=w: said.append(e.target(0, w)) for w in (0.5, 0.5, 0.6)])
    play(FLAT, FLAT, FLAT, at={0: asks}, cash=1000)
    assert said == [0, None, 1]
    said.clear()
    out = all_of(*[lambda e, w=w: said.append(e.target(0, w)) for w in (0.0, 0.0)])
    engine = play(FLAT, FLAT, FLAT, FLAT, at={0: buy(6), 1: out, 2: out}, cash=1000)
    assert said == [1, None, "NO_POSITION", "NO_POSITION"]
    assert len(engine.fills) == 2


def test_target_of_nothing_and_target_without_a_price():
    """Nothing is held; the second instrument has no candle yet, which is a refusal with a record."""
    said = []
    late = Engine(
        [COIN, replace(COIN, name="LATE")], [columns(FLAT, FLAT), columns(None, FLAT)], MINUTE, model=PLAIN,
        on_step=script({0: lambda e: said.extend([e.target(0, 0.0), e.target(1, 0.0), e.target(1, 0.5)])}),
    )  # fmt: skip
    late.run()
    assert said == ["NO_POSITION", "NO_POSITION", "NO_PRICE"]
    assert outcome(late) == ("REJECTED", "NO_PRICE")


def test_risk_takes_its_fee_in_parts_of_a_billion():
    """A fee of 4e-10 is none: 1000 * 0.1 / (100 - 90) = 10, not a bit below."""
    tiny = replace(COIN, taker=4e-10, amount_step=1e-8, base_unit=1e-8)
    engine = play(FLAT, at={0: buy(risk=0.1, stop_loss=90)}, instrument=tiny, cash=1000)
    assert engine.orders[0].amount == 10**9


# Section 1: what a limit buy pays.


HALVES = replace(COIN, price_step=0.01, base_unit=0.5, amount_step=0.5, fee_side="quote")


def test_parts_of_a_limit_buy_add_up_to_the_whole():
    """A unit at 95 ticks costs 47.5 cents. 5 of them cost 238: 48, 47, 48, 47 and 48, with the first from ceil(190).

    Volume 5 lets the maker have 0.1 * 5 * 1 / 1 = half a coin, one unit, in each candle.
    """
    rows = [(0.94, 0.94, 0.94, 0.94, 5)] * 5
    engine = play((1, 1, 1, 1), (1, 1, 1, 1), *rows, at={0: buy(2.5, price=0.95)}, instrument=HALVES, participation=0.1)
    assert [f.cost for f in engine.fills] == [48, 47, 48, 47, 48]
    assert engine.orders[0].cost == 238


def test_fee_of_a_limit_buy_gives_way_to_what_its_reservation_frees():
    """5 units at 96 ticks cost 240 and 2.4 of fee, 3. 4: 192 + 2; 3: 144 + 2; 2: 96 + 1; 1: 48 + 1.

    So the parts pay 1, 0, 1, 0 and 1, each of which alone would pay 1.
    """
    rows = [(0.95, 0.95, 0.95, 0.95, 5)] * 5
    engine = play(
        (1, 1, 1, 1), (1, 1, 1, 1), *rows, at={0: buy(2.5, price=0.96)}, participation=0.1,
        instrument=replace(HALVES, maker=0.01, taker=0.005),
    )  # fmt: skip
    assert [(f.cost, f.fee) for f in engine.fills] == [(48, 1), (48, 0), (48, 1), (48, 0), (48, 1)]
    based = play(
        (1, 1, 1, 1), (1, 1, 1, 1), *rows, at={0: buy(2.5, price=0.96)}, participation=0.1,
        instrument=replace(HALVES, maker=0.01, fee_side="base"),
    )  # fmt: skip
    assert [(f.cost, f.fee) for f in based.fills] == [(48, 1)] * 5


# Section 3: moments.


def test_fills_have_the_time_of_what_happened():
    """100, 110, 90, 100 is 40: 105 is reached after 5, 7.5 s; 94 after 26, 39 s. An arrival has its own time."""
    path = (100, 110, 90, 100)
    engine = play(FLAT, path, at={0: all_of(buy(1, stop=105), buy(1, price=95), buy(1))}, latency_ms=250)
    assert [(f.time - MINUTE, f.order) for f in engine.fills] == [(250, 2), (7_500, 0), (39_000, 1)]
    times = [(time - MINUTE, kind) for time, kind, id in engine.events if id == 0]
    assert times == [(250, "ACCEPTED"), (7_500, "TRIGGERED"), (7_500, "FILL")]


def test_time_of_a_fill_is_rounded_down():
    """100, 103, 99, 99 is 7: 102 after 2 sevenths of 60 s, 17142.857 ms."""
    engine = play(FLAT, (100, 103, 99, 99), at={0: buy(1, stop=102)})
    assert engine.fills[0].time == MINUTE + 17_142


def test_what_was_due_in_a_gap_happens_when_the_next_candle_opens():
    """Asked at 1 minute, arrived at 4."""
    engine = play(FLAT, None, None, None, FLAT, at={0: buy(1)}, latency_ms=250)
    assert engine.events == [(4 * MINUTE, "ACCEPTED", 0), (4 * MINUTE, "FILL", 0)]


# Limits that were touched.


@pytest.mark.parametrize(
    ("terms", "candle", "touched"),
    [
        ({"price": 95}, (100, 100, 95, 100), 1),
        ({"price": 95}, (100, 100, 95.5, 100), 0),
        ({"price": 95}, (100, 100, 94.5, 100), 1),
        ({"price": 95, "stop": 105}, (100, 104, 95, 100), 0),
        ({"price": 95, "stop": 105}, (100, 105, 95, 100), 1),
        ({"stop": 105}, (100, 104, 95, 100), 0),
    ],
)
def test_touched_counts_limits_that_were_reached_but_not_hit(terms, candle, touched):
    """A buy limit at 95 fills at 94. A stop-limit is a limit from its trigger on."""
    engine = play(FLAT, candle, None, at={0: buy(1, **terms)})
    assert engine.fills == []
    assert engine.touched == touched
    assert play(FLAT, candle, at={0: buy(1, **terms)}, limit_fill="touch").touched == 0


def test_trigger_that_was_passed_before_the_order_arrived_is_not_touched():
    """The stop-limit arrives at 45 s, long after the high of 106; the low of 95 is its limit, but not yet."""
    at = {0: buy(1, stop=105, price=95)}
    engine = play(FLAT, (100, 106, 95, 100), at=at, latency_ms=45_000)
    assert (engine.touched, outcome(engine)) == (0, ("OPEN", ""))


def test_touched_counts_sells_and_every_candle():
    """A sell limit at 105 fills at 106."""
    at = {0: buy(2), 1: all_of(sell(1, price=105), sell(1, price=107))}
    engine = play(FLAT, FLAT, (100, 105, 100, 100), (100, 105.5, 100, 100), (100, 104, 100, 100), None, at=at)
    assert (engine.touched, len(engine.fills)) == (2, 1)


def test_filled_part_without_a_share_is_hit_and_not_touched():
    """The candle went to 94 or 106, there was nothing to have."""
    engine = play(FLAT, (100, 100, 94, 100, 9), at={0: buy(5, price=95)}, participation=0.1)
    assert (engine.touched, outcome(engine)) == (0, ("OPEN", ""))
    engine = play(
        FLAT, FLAT, (100, 106, 100, 100, 9), at={0: buy(5), 1: sell(5, price=105)}, participation=0.1
    )  # fmt: skip
    assert (engine.touched, outcome(engine, 1)) == (0, ("OPEN", ""))


@pytest.mark.parametrize(
    ("other", "touched"),
    [
        (None, 0),
        (buy(1, price=94), 0),
        (buy(1, price=95), 2),
        (sell(1, price=101), 0),
        (sell(1, price=100), 2),
        (sell(1, stop=95), 1),
        (sell(1, stop=94), 0),
        (buy(1, stop=101), 0),
        (buy(1, stop=101, price=96), 0),
        (sell(1), 0),
    ],
)
def test_touched_asks_for_an_order_in_reach_when_the_path_begins(other, touched):
    """The limit of 80 becomes 95 after the low of 95; without another order in reach the path was not looked at.

    An other limit that is in reach is touched as well; one that expires when the candle opens is no longer there.
    """
    gone = buy(1, price=96, tif="GTD", expire=2 * MINUTE)
    asks = [lambda engine: engine.amend(1, price=95), *([other] if other else [])]
    engine = play(
        FLAT, FLAT, (100, 100, 95, 100), latency_ms=45_000,
        at={0: all_of(buy(1), buy(1, price=80), gone), 1: all_of(*asks)},
    )  # fmt: skip
    assert engine.orders[1].price_ticks == 95
    assert engine.touched == touched
