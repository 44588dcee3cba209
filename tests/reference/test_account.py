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


@pytest.mark.parametrize(("amount_step", "unit"), [(1.0, 1e-4), (1e-4, 1e-8), (1e-5, 1e-8), (1e-9, 1e-9)])
def test_default_base_unit(amount_step, unit):
    """A ten-thousandth of the step, but not below 1e-8 when the step allows it."""
    assert base_unit_of(replace(COIN, amount_step=amount_step, base_unit=None)) == decimal(unit)


def test_costs_and_fees_round_against_the_trader():
    """1 * 3 * 0.5 quote units: a buyer pays 2, a seller gets 1. A rebate of 1.5 units is 1."""
    units = Units(replace(COIN, price_step=0.01, base_unit=0.5, amount_step=0.5))
    assert (units.cost_up(1, 3), units.cost_down(1, 3)) == (2, 1)
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


def test_position_below_the_minimum_amount_is_none():
    """Of 8 coins the volume gives 3, which the venue does not let one sell: its minimum is 4."""
    few = replace(COIN, min_amount=4)
    engine = play(FLAT, FLAT, FLAT, instrument=few, participation=0.1, at={0: buy(8, tif="IOC")})
    assert engine.position(0) == 8.0
    thin = play(FLAT, (*FLAT, 3), FLAT, instrument=few, participation=0.1, at={0: buy(8, tif="IOC")})
    assert (thin.balance(0), thin.position(0)) == (3.0, 0.0)


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
            1: lambda engine: engine.target(0, 0.25),
            2: lambda engine: engine.target(0, 0.10),
            3: lambda engine: engine.close(0, 0.5),
            4: lambda engine: engine.target(0, 0.0),
        },
    )  # fmt: skip
    assert [(f.order, f.amount) for f in engine.fills] == [(0, 10), (1, 15), (2, 15), (3, 5), (4, 5)]
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


def test_adaptive_goes_to_the_nearer_extreme_first():
    """A buy stop at 105 with a limit of 97 fills only when the high comes before the low."""
    low_first = play(FLAT, (100, 106, 95, 100), at={0: buy(1, stop=105, price=97)}, path="adaptive")
    high_first = play(FLAT, (100, 105, 94, 100), at={0: buy(1, stop=105, price=97)}, path="adaptive")
    assert low_first.fills == []
    assert fills(high_first) == [(1, 0, 97, 1, "maker")]


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


def test_execution_candles_may_be_finer_than_the_strategy_candles():
    """Decided every 3 minutes, also when the last minute is missing; filled at the open of the next minute."""
    decided = []

    def on_candle(engine, k, now):
        decided.append((k, now // MINUTE))
        if now == 3 * MINUTE:
            engine.buy(0, 1)

    rows = columns(FLAT, FLAT, FLAT, (104,) * 4, FLAT, None, None, None, None, FLAT)
    engine = Engine([COIN], [rows], 3 * MINUTE, execution_ms=MINUTE, model=PLAIN, on_candle=on_candle)
    engine.run()
    assert decided == [(0, 3), (0, 6), (0, 12)]
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
