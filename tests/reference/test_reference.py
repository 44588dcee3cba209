"""The orders of the law, each promise small enough to check by hand (docs/simulation.md, sections 2 to 4)."""

from dataclasses import replace

import pytest

from .scenario import COIN, FEES, all_of, fills, outcome, play

FLAT = (100, 100, 100, 100)


def buy(amount=None, **terms):
    """Buys instrument 0."""
    return lambda engine: engine.buy(0, amount, **terms)


def sell(amount=None, **terms):
    """Sells instrument 0."""
    return lambda engine: engine.sell(0, amount, **terms)


# Takers.


def test_market_order_pays_the_open_the_adverse_move_and_half_the_spread():
    """15 s of 60 s is a quarter: move 0.5 * 12 * sqrt(0.25) = 3; half 0.5 * 0.02 * 103 = 1.03; 104.03 is tick 105."""
    engine = play(FLAT, (100, 108, 96, 100), at={0: buy(2)}, latency_ms=15_000, spread=0.02)
    assert fills(engine) == [(1, 0, 105, 2, "taker")]


def test_market_order_is_never_moved_beyond_the_extreme():
    """After 48.6 s the move is 0.5 * 12 * sqrt(0.81) = 5.4, but the high or the low is only 2 from the open."""
    engine = play(
        FLAT, (100, 102, 90, 100), (100, 110, 98, 100), at={0: buy(2), 1: sell(2)}, latency_ms=48_600
    )  # fmt: skip
    assert fills(engine) == [(1, 0, 102, 2, "taker"), (2, 1, 98, 2, "taker")]


def test_order_without_latency_meets_the_next_open():
    """An order of T arrives at the open of the candle that opens at T."""
    engine = play(FLAT, (103, 108, 96, 100), at={0: buy(2)})
    assert fills(engine) == [(1, 0, 103, 2, "taker")]


def test_what_is_due_at_the_end_of_a_candle_happens_in_the_next_one():
    """A whole minute on its way, it does not meet the close of 100."""
    engine = play(FLAT, FLAT, (103, 108, 96, 100), at={0: buy(2)}, latency_ms=60_000)
    assert fills(engine) == [(2, 0, 103, 2, "taker")]


def test_order_does_not_arrive_where_its_instrument_has_no_candle():
    """The minute after the decision is a gap, so it arrives at the open after it."""
    engine = play(FLAT, None, (103, 108, 96, 100), at={0: buy(2)}, latency_ms=250)
    assert fills(engine) == [(2, 0, 103, 2, "taker")]


@pytest.mark.parametrize(("price", "ticks"), [(10, 1_001), (1000, 100_010)])
def test_half_spread_is_at_least_half_a_tick_and_one_basis_point(price, ticks):
    """Of 10, half a tick of 0.01 is more than 0.001: 10.005, rounded up; of 1000, one basis point is 0.1."""
    flat = (price,) * 4
    engine = play(flat, flat, at={0: buy(1)}, instrument=replace(COIN, price_step=0.01), spread="estimated")
    assert fills(engine) == [(1, 0, ticks, 1, "taker")]


def test_impact_follows_the_square_root_of_the_share_of_the_day():
    """No whole block yet: v = 0.03, w = 1000 * 1440; 100 * 0.03 * sqrt(14.4 / 1.44e6 -> 16 / 1.44e6) = 0.01."""
    cents = replace(COIN, price_step=0.01)
    engine = play(FLAT, FLAT, at={0: buy(16)}, instrument=cents, impact="square_root")
    assert fills(engine) == [(1, 0, 10_001, 16, "taker")]
    twice = play(FLAT, FLAT, at={0: buy(16)}, instrument=cents, impact=2.0)
    assert fills(twice) == [(1, 0, 10_002, 16, "taker")]
    much = play(FLAT, FLAT, at={0: buy(16)}, impact=500.0)
    assert fills(much) == [(1, 0, 105, 16, "taker")]


def test_impact_in_a_market_without_volume_is_none():
    """The candle's own volume is all that is known, and it is 0; the budget is off."""
    engine = play(FLAT, (100, 100, 100, 100, 0), at={0: buy(5)}, impact="square_root")
    assert fills(engine) == [(1, 0, 100, 5, "taker")]


def test_takers_share_one_budget_and_the_rest_waits_for_the_next_open():
    """Volume 10: the first order takes 7, the second the other 3, and 4 at the next open."""
    thin = (100, 100, 100, 100, 10)
    engine = play(FLAT, thin, (105, 105, 105, 105, 10), at={0: all_of(buy(7), buy(7))}, participation=0.1)
    assert fills(engine) == [(1, 0, 100, 7, "taker"), (1, 1, 100, 3, "taker"), (2, 1, 105, 4, "taker")]
    assert outcome(engine, 1) == ("FILLED", "")
    assert engine.orders[1].cost == 72_000


def test_zero_volume_fills_nothing():
    """A candle without volume is no market."""
    engine = play(FLAT, (100, 100, 100, 100, 0), FLAT, at={0: buy(1)}, participation=0.1)
    assert fills(engine) == [(2, 0, 100, 1, "taker")]


def test_without_volume_data_there_is_no_budget_and_no_impact():
    """All volumes are missing: the whole order trades at the open."""
    nan = float("nan")
    engine = play(
        (100, 100, 100, 100, nan), (100, 100, 100, 100, nan), at={0: buy(99)}, participation=0.1, impact="square_root"
    )
    assert fills(engine) == [(1, 0, 100, 99, "taker")]


def test_market_buy_that_turns_too_dear_is_rejected_at_the_venue():
    """99 units reserve 99.99 of 100 at the close of 1; at the open of 2 they cost 198."""
    engine = play((1, 1, 1, 1), (2, 2, 2, 2), at={0: buy(99)}, cash=100)
    assert outcome(engine) == ("REJECTED", "INSUFFICIENT_FUNDS")
    assert engine.fills == []
    assert engine.reserved_quote == 0


# Quote budgets.


def test_full_size_buy_by_fraction_is_not_refused_when_the_price_rises():
    """1000 at 101 with 0.2 % fee buys 9: cost 909, fee 1.818 -> 1.82; a tenth would cost 1012.02."""
    engine = play(FLAT, (101, 101, 101, 101), at={0: buy(fraction=1.0)}, instrument=FEES, cash=1000)
    assert fills(engine) == [(1, 0, 101, 9, "taker")]
    assert outcome(engine) == ("FILLED", "")
    assert engine.cash_units == 100_000 - 90_900 - 182
    assert engine.reserved_quote == 0


def test_buy_by_cost_adds_the_fee_to_its_budget():
    """cost=500 buys exactly 5 at 100: the budget is 501."""
    engine = play(FLAT, FLAT, at={0: buy(cost=500)}, instrument=FEES, cash=1000)
    assert fills(engine) == [(1, 0, 100, 5, "taker")]


def test_budget_that_the_volume_cuts_goes_on_at_the_next_open():
    """Of 1000, volume 4 takes 400 at 100; 600 is left for 6 at 100 or, as here, 5 at 110."""
    engine = play(
        FLAT, (100, 100, 100, 100, 4), (110, 110, 110, 110), at={0: buy(fraction=1.0)}, cash=1000, participation=0.1
    )
    assert fills(engine) == [(1, 0, 100, 4, "taker"), (2, 0, 110, 5, "taker")]
    assert outcome(engine) == ("FILLED", "")


def test_budget_too_small_for_one_step_is_rejected_at_the_venue():
    """150 would buy one at 100, but the market opens at 151."""
    engine = play(FLAT, (151, 151, 151, 151), at={0: buy(cost=150)})
    assert outcome(engine) == ("REJECTED", "BELOW_MIN_AMOUNT")


def test_limit_buy_by_cost_has_the_amount_that_its_limit_affords():
    """500 and 0.2 % is 501: 5 at 99 need 495 and 0.99 of fee, 6 would need 595.19."""
    engine = play(FLAT, FLAT, at={0: buy(cost=500, price=99.5)}, instrument=FEES)
    assert engine.orders[0].amount == 5
    assert engine.orders[0].reserved == 49_599


# Makers.


@pytest.mark.parametrize(
    ("limit_fill", "low", "filled"),
    [("cross", 95, False), ("cross", 94, True), ("touch", 95, True), ("touch", 96, False)],
)
def test_limit_fills_one_tick_through_or_at_the_touch(limit_fill, low, filled):
    """A limit at 95, and how far the price falls."""
    engine = play(FLAT, (100, 100, low, 100), at={0: buy(1, price=95)}, limit_fill=limit_fill)
    assert fills(engine) == ([(1, 0, 95, 1, "maker")] if filled else [])


def test_gapped_limit_fills_at_its_limit_and_not_better():
    """It rested in candle 1; candle 2 opens at 90."""
    engine = play(FLAT, FLAT, (90, 92, 88, 90), at={0: buy(1, price=95)})
    assert fills(engine) == [(2, 0, 95, 1, "maker")]


def test_limit_that_crosses_at_arrival_takes_from_the_market():
    """It arrives at the open of 90 and pays 90, not its limit of 95."""
    engine = play(FLAT, (90, 92, 88, 90), at={0: buy(1, price=95)})
    assert fills(engine) == [(1, 0, 90, 1, "taker")]


def test_limit_that_takes_at_a_better_price_pays_no_more_than_that():
    """2 at 90 cost 180 and 0.36 of fee; at the limit of 95 they would free 190.38."""
    engine = play(FLAT, (90, 92, 88, 90), at={0: buy(2, price=95)}, instrument=FEES)
    assert [(f.cost, f.fee) for f in engine.fills] == [(18_000, 36)]
    assert (engine.orders[0].cost, engine.orders[0].fee, engine.cash_units) == (18_000, 36, 1_000_000 - 18_036)


def test_maker_gets_its_share_of_the_volume_at_or_beyond_its_price():
    """Ticks 90 to 109 are 20, those up to 94 are 5: 0.1 * 100 * 5 / 20 = 2.5, whole: 2; then 2 again, then 1."""
    candle = (100, 109, 90, 100, 100)
    engine = play(FLAT, candle, candle, candle, at={0: buy(5, price=94)}, participation=0.1)
    assert fills(engine) == [(n, 0, 94, amount, "maker") for n, amount in ((1, 2), (2, 2), (3, 1))]
    assert outcome(engine) == ("FILLED", "")


def test_selling_maker_gets_its_share_from_the_other_side():
    """Ticks 91 to 110 are 20, those from 106 are 5; 0.1 * 100 * 5 / 20 = 2.5."""
    engine = play(FLAT, FLAT, (100, 110, 91, 100, 100), at={0: buy(5), 1: sell(5, price=106)}, participation=0.1)
    assert fills(engine)[1:] == [(2, 1, 106, 2, "maker")]


@pytest.mark.parametrize(
    ("limit_fill", "high", "filled"),
    [("cross", 105, False), ("cross", 106, True), ("touch", 105, True), ("touch", 104, False)],
)
def test_sell_limit_fills_one_tick_through_or_at_the_touch(limit_fill, high, filled):
    """A limit at 105, and how far the price rises."""
    engine = play(
        FLAT, FLAT, (100, high, 100, 100), at={0: buy(1), 1: sell(1, price=105)}, limit_fill=limit_fill
    )  # fmt: skip
    assert fills(engine)[1:] == ([(2, 1, 105, 1, "maker")] if filled else [])


@pytest.mark.parametrize(("latency", "ticks"), [(7_500, 105), (30_000, 100), (52_500, 95)])
def test_limit_that_arrives_on_the_path_takes_from_the_price_there(latency, ticks):
    """100, 110, 90, 100 is 40: 5 up of the first leg, 10 down of the second, 5 up of the third."""
    engine = play(FLAT, (100, 110, 90, 100), at={0: buy(1, price=120)}, latency_ms=latency)
    assert fills(engine) == [(1, 0, ticks, 1, "taker")]


def test_limit_that_rests_beyond_the_price_is_reached_when_it_moves_on():
    """Half the spread is a tenth of the price: 102 does not cross at 96, nor 98 at 104; 12 s into the candle."""
    engine = play(FLAT, (100, 100, 90, 100), at={0: buy(1, price=102)}, spread=0.2, latency_ms=12_000)
    assert [(f.time, f.liquidity) for f in engine.fills] == [(72_000, "maker")]
    engine = play(
        FLAT, FLAT, (100, 110, 100, 100), spread=0.2, latency_ms=12_000,
        at={0: buy(1), 1: sell(1, price=98)},
    )  # fmt: skip
    assert [(f.time, f.liquidity) for f in engine.fills][1:] == [(132_000, "maker")]


def test_gapped_maker_gets_its_share_of_the_whole_candle_and_no_more():
    """All five ticks are beyond 95, or 105: 0.1 * 100."""
    engine = play(FLAT, FLAT, (90, 92, 88, 90, 100), at={0: buy(20, price=95)}, participation=0.1)
    assert fills(engine) == [(2, 0, 95, 10, "maker")]
    engine = play(
        FLAT, FLAT, FLAT, (110, 112, 108, 110, 100), participation=0.1, at={0: buy(20), 1: sell(20, price=105)}
    )
    assert fills(engine)[1:] == [(3, 1, 105, 10, "maker")]


def test_limit_sees_only_the_path_after_its_arrival():
    """ohlc: 100, 110, 90, 100 is 10 + 20 + 10; after 45 s of 60 the walk is at 30 of 40, the low; 95 is behind it."""
    path = (100, 110, 90, 100)
    early = play(FLAT, path, at={0: buy(1, price=95)}, latency_ms=20_000)
    late = play(FLAT, path, at={0: sell(1, price=105)}, latency_ms=45_000)
    assert fills(early) == [(1, 0, 95, 1, "maker")]
    assert fills(late) == []


def test_order_that_arrives_at_the_open_is_not_met_by_that_open():
    """Half the spread is 5, so 102 does not cross at 100; it rests, and only the next open fills it."""
    engine = play(FLAT, FLAT, FLAT, at={0: buy(1, price=102)}, spread=0.1)
    assert fills(engine) == [(2, 0, 102, 1, "maker")]


# Stops.


def test_gap_through_a_stop_trades_at_the_open_with_slip():
    """Stop 95, open 90, range 10: slip 0.05 * 10 = 0.5, so 89.5, rounded down 89."""
    engine = play(FLAT, FLAT, FLAT, (90, 92, 82, 90), at={0: buy(2), 1: sell(2, stop=95)}, stop_slippage=0.05)
    assert fills(engine)[1] == (3, 1, 89, 2, "taker")


def test_stop_on_the_path_trades_from_its_trigger():
    """Range 20: slip 1; the buy stop at 105 pays 106."""
    engine = play(FLAT, (100, 110, 90, 100), at={0: buy(1, stop=105)}, stop_slippage=0.05)
    assert fills(engine) == [(1, 0, 106, 1, "taker")]
    assert [kind for _, kind, _ in engine.events] == ["ACCEPTED", "TRIGGERED", "FILL"]


def test_stop_that_is_past_its_trigger_at_arrival_is_rejected():
    """A buy stop at 105 arrives at 106."""
    engine = play(FLAT, (106, 106, 106, 106), at={0: buy(1, stop=105)})
    assert outcome(engine) == ("REJECTED", "STOP_WOULD_TRIGGER")


def test_stop_limit_takes_when_its_limit_crosses_and_rests_otherwise():
    """Triggered at 105: a limit of 107 pays 106 with slip 1, a limit of 103 waits until the price is below it."""
    candle = (100, 110, 90, 100)
    crossing = play(FLAT, candle, at={0: buy(1, stop=105, price=107)}, stop_slippage=0.05)
    resting = play(FLAT, candle, at={0: buy(1, stop=105, price=103)}, stop_slippage=0.05)
    assert fills(crossing) == [(1, 0, 106, 1, "taker")]
    assert fills(resting) == [(1, 0, 103, 1, "maker")]


# Time in force.


def test_post_only_that_would_take_is_rejected():
    """Limit 100 meets an ask of 100; limit 99 rests."""
    engine = play(FLAT, FLAT, at={0: all_of(buy(1, price=100, post_only=True), buy(1, price=99, post_only=True))})
    assert outcome(engine, 0) == ("REJECTED", "POST_ONLY_WOULD_TAKE")
    assert outcome(engine, 1) == ("OPEN", "")


def test_ioc_takes_what_is_there_and_the_rest_is_gone():
    """Volume 4 of the 7 asked for."""
    engine = play(FLAT, (100, 100, 100, 100, 4), FLAT, at={0: buy(7, tif="IOC")}, participation=0.1)
    assert fills(engine) == [(1, 0, 100, 4, "taker")]
    assert outcome(engine) == ("EXPIRED", "IOC_UNFILLED")


@pytest.mark.parametrize(("volume", "status"), [(6, "EXPIRED"), (7, "FILLED")])
def test_fok_trades_all_or_nothing(volume, status):
    """7 are asked for."""
    engine = play(FLAT, (100, 100, 100, 100, volume), at={0: buy(7, tif="FOK")}, participation=0.1)
    assert engine.orders[0].status == status
    assert engine.orders[0].filled == (7 if status == "FILLED" else 0)


def test_gtd_dies_at_its_time():
    """It lives through candle 1 and expires at the open of candle 2, before that open is met."""
    engine = play(FLAT, FLAT, (90, 90, 90, 90), at={0: buy(1, price=95, tif="GTD", expire=120_000)})
    assert outcome(engine) == ("EXPIRED", "GTD_EXPIRED")
    assert engine.fills == []


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"post_only": True}, "INVALID_ORDER"),
        ({"post_only": True, "price": 99, "tif": "IOC"}, "INVALID_ORDER"),
        ({"post_only": True, "price": 99, "stop": 105}, "INVALID_ORDER"),
        ({"stop": 105, "tif": "FOK"}, "INVALID_ORDER"),
        ({"tif": "GTD"}, "INVALID_ORDER"),
        ({"expire": 120_000}, "INVALID_ORDER"),
        ({"tif": "GTD", "expire": 60_000}, "EXPIRED_AT_ONCE"),
        ({"price": 0.5}, "INVALID_PRICE"),
        ({"amount": 0.9}, "BELOW_MIN_AMOUNT"),
        ({"amount": 1}, "BELOW_MIN_AMOUNT"),
        ({"amount": 2, "price": 4}, "BELOW_MIN_COST"),
        ({"amount": 101}, "INSUFFICIENT_FUNDS"),
        ({"amount": 102, "price": 99}, "INSUFFICIENT_FUNDS"),
    ],
)
def test_refusals_name_their_reason_and_reserve_nothing(terms, reason):
    """Minimum 2 units and 10 of cost; free cash pays for 100 units at 99 but not for 101 at 99 with 1 % to spare."""
    strict = replace(COIN, min_amount=2, min_cost=10)
    asked = {"amount": 3, **terms}
    said = []
    engine = play(FLAT, at={0: lambda engine: said.append(engine.buy(0, **asked))}, instrument=strict, cash=9_950)
    assert said == [reason]
    assert outcome(engine) == ("REJECTED", reason)
    assert engine.reserved_quote == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.buy(0, float("nan")),
        lambda engine: engine.buy(0, 1, price=float("inf")),
        lambda engine: engine.close(0, float("nan")),
        lambda engine: engine.target(0, float("nan")),
        lambda engine: engine.amend(7, price=float("nan")),
    ],
)
def test_non_finite_number_stops_the_run(ask):
    """It is an error of the strategy, not a refusal."""
    with pytest.raises(ValueError, match="not finite"):
        play(FLAT, at={0: ask})


def test_unknown_time_in_force_stops_the_run():
    """So is a word that means nothing."""
    with pytest.raises(ValueError, match="tif"):
        play(FLAT, at={0: buy(1, tif="DAY")})


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"amount": 50, "price": 1}, 0),
        ({"amount": 50, "price": 1.99}, 0),
        ({"amount": 49, "price": 1.99}, "BELOW_MIN_COST"),
        ({"amount": 1, "stop": 49.6}, 0),
        ({"amount": 1, "stop": 49.4}, "BELOW_MIN_COST"),
        ({"amount": 100, "stop": 0.5}, 0),
        ({"amount": 1, "stop": 110, "price": 49}, "BELOW_MIN_COST"),
        ({"amount": 10, "stop": 110}, 0),
        ({"amount": 10, "stop": 111}, "INSUFFICIENT_FUNDS"),
    ],
)
def test_limits_of_prices_and_costs(terms, said):
    """One tick is a price, the minimum of 50 itself is enough, and of 1080 a trigger of 110 may ask for 10 at 108."""
    strict, heard = replace(COIN, min_cost=50), []
    play(FLAT, at={0: lambda engine: heard.append(engine.buy(0, **terms))}, instrument=strict, cash=1080)
    assert heard == [said]


def test_minimum_cost_of_a_market_order_counts_the_close_in_whole_ticks():
    """100.9 is 100 ticks; one coin is worth less than 100.5."""
    said = []
    play(
        (100, 101, 100, 100.9), at={0: lambda engine: said.extend([engine.buy(0, 1), engine.buy(0, 2)])},
        instrument=replace(COIN, min_cost=100.5),
    )  # fmt: skip
    assert said == ["BELOW_MIN_COST", 1]


def test_funds_of_a_market_buy_count_at_least_one_tick():
    """0.99 is no tick; 100 affords 100 coins at 1, not 101."""
    said = []
    play((1, 1, 1, 1), at={0: lambda e: said.extend([e.buy(0, 101), e.buy(0, 100)])}, cash=100)
    assert said == ["INSUFFICIENT_FUNDS", 1]


def test_market_buy_reserves_no_more_than_is_free():
    """10 at 101 are 1010, 1005 is there."""
    engine = play(FLAT, at={0: buy(10)}, cash=1005)
    assert (engine.orders[0].reserved, engine.free_cash()) == (100_500, 0.0)


def test_limit_of_a_sell_rounds_up():
    """104.2 is 105; a trigger of 94.5 is 95."""
    engine = play(FLAT, FLAT, at={0: buy(2), 1: all_of(sell(1, price=104.2), sell(1, stop=94.5))})
    assert (engine.orders[1].price_ticks, engine.orders[2].stop_ticks) == (105, 95)


# Once per candle, and what a budget can afford.


def test_stop_that_found_no_volume_was_met_and_waits_for_the_next_open():
    """The market order takes all 2; the stop triggers, gets nothing, and trades at the next open without slip."""
    engine = play(
        FLAT, (100, 110, 90, 100, 2), (103, 113, 103, 103), participation=0.1, stop_slippage=0.05,
        at={0: all_of(buy(2), buy(1, stop=105))},
    )  # fmt: skip
    assert fills(engine) == [(1, 0, 100, 2, "taker"), (2, 1, 103, 1, "taker")]


def test_stop_limit_that_takes_at_its_trigger_slips_within_its_limit():
    """Range 20: slip 1, but its limit is 105; the sell at 95 with a limit of 92 gets 94."""
    candle = (100, 110, 90, 100)
    engine = play(FLAT, candle, at={0: buy(1, stop=105, price=105)}, stop_slippage=0.05)
    assert fills(engine) == [(1, 0, 105, 1, "taker")]
    engine = play(
        FLAT, FLAT, candle, at={0: buy(2), 1: all_of(sell(1, stop=95, price=92), sell(1, stop=95, price=95))},
        stop_slippage=0.05,
    )  # fmt: skip
    assert fills(engine)[1:] == [(2, 1, 94, 1, "taker"), (2, 2, 95, 1, "taker")]


def test_stop_limit_that_triggers_in_a_gap_may_be_reached_on_the_path():
    """Open 106: triggered, 103 does not cross; it falls to 102 later in the candle."""
    engine = play(FLAT, FLAT, (106, 108, 100, 106), at={0: buy(1, stop=105, price=103)})
    assert fills(engine) == [(2, 0, 103, 1, "maker")]


@pytest.mark.parametrize(
    ("cash", "volume", "amount", "status"),
    [(1055, 1000, 9, "FILLED"), (1055, 9, 9, "FILLED"), (1060, 9, 9, "PARTIAL"), (1055, 8, 8, "PARTIAL")],
)
def test_budget_is_filled_when_a_fill_is_all_it_can_afford(cash, volume, amount, status):
    """The trigger is 105 and the slip 1: 1055 affords 10 at 105 and 9 at 106, 1060 affords 10 at 106."""
    candle = (100, 110, 90, 100, volume)
    engine = play(FLAT, candle, at={0: buy(fraction=1.0, stop=105)}, cash=cash, participation=0.1, stop_slippage=0.05)
    assert fills(engine) == [(1, 0, 106, amount, "taker")]
    assert engine.orders[0].status == status
    assert engine.orders[0].amount == amount


def test_budget_that_affords_nothing_at_the_price_with_slip_is_rejected():
    """105 would buy one at the trigger, not at 106."""
    engine = play(FLAT, (100, 110, 90, 100), at={0: buy(cost=105, stop=105)}, stop_slippage=0.05)
    assert outcome(engine) == ("REJECTED", "BELOW_MIN_AMOUNT")


def test_rest_of_a_budget_that_buys_nothing_more_is_filled_without_a_word():
    """1000 buys 9 of volume 9 at 100; 100 is left, and the price is 101. Volume 0 does not matter."""
    told = []
    engine = play(
        FLAT, (100, 100, 100, 100, 9), (101, 101, 101, 101, 0), at={0: buy(fraction=1.0)}, cash=1000,
        participation=0.1, on_order_error=lambda *happened: told.append(happened),
    )  # fmt: skip
    assert outcome(engine) == ("FILLED", "")
    assert (told, engine.events[-1], engine.reserved_quote) == ([], (60_000, "FILL", 0), 0)


@pytest.mark.parametrize(("volume", "status"), [(9, "EXPIRED"), (10, "FILLED")])
def test_all_of_a_budget_is_what_it_affords_before_impact(volume, status):
    """1000 at 100 is 10."""
    engine = play(
        FLAT, (100, 100, 100, 100, volume), at={0: buy(fraction=1.0, tif="FOK")}, cash=1000, participation=0.1
    )
    assert engine.orders[0].status == status


def test_market_buy_that_turns_too_dear_after_a_part_is_cancelled():
    """50 of 99 at 1; the other 49 cost 98, and 50 is left."""
    engine = play((1, 1, 1, 1), (1, 1, 1, 1, 50), (2, 2, 2, 2, 1000), at={0: buy(99)}, cash=100, participation=0.1)
    assert outcome(engine) == ("CANCELLED", "INSUFFICIENT_FUNDS")
    assert engine.orders[0].filled == 50


def test_what_a_market_buy_may_cost_counts_its_fee():
    """All of 1011 is reserved for 10 at 101, 1010. A fee of 1 % of a percent is 1.01, but nothing when paid in base."""
    for taker, side, status in (
        (0.0009, "quote", "FILLED"),
        (0.001, "quote", "REJECTED"),
        (0.001, "base", "FILLED"),
    ):
        engine = play(
            FLAT, (101,) * 4, at={0: buy(10)}, cash=1010.91, instrument=replace(COIN, taker=taker, fee_side=side)
        )  # fmt: skip
        assert outcome(engine) == (status, "INSUFFICIENT_FUNDS" if status == "REJECTED" else "")


def test_market_order_moves_against_a_seller_too():
    """A quarter of the candle: 0.5 * 12 * 0.5 = 3 below the open, well above the low."""
    engine = play(FLAT, FLAT, (100, 106, 94, 100), at={0: buy(1), 1: sell(1)}, latency_ms=15_000)
    assert fills(engine)[1] == (2, 1, 97, 1, "taker")


def test_seller_gets_at_least_one_tick():
    """Half the spread is more than the price of 1 leaves."""
    one = (1, 1, 1, 1)
    engine = play(one, one, one, at={0: buy(1), 1: sell(1)}, spread=0.1)
    assert fills(engine) == [(1, 0, 2, 1, "taker"), (2, 1, 1, 1, "taker")]


def test_given_spread_is_at_least_a_tick():
    """Of 10.006, half of 0.0001 is 0.0005, and half a tick 0.005: 10.011, rounded up."""
    flat = (10.006,) * 4
    engine = play(flat, flat, at={0: buy(1)}, instrument=replace(COIN, price_step=0.01), spread=0.0001)
    assert fills(engine) == [(1, 0, 1_002, 1, "taker")]


@pytest.mark.parametrize(("price", "status"), [(105, "REJECTED"), (104, "OPEN")])
def test_stop_triggers_at_its_trigger_itself(price, status):
    """At arrival, for a buy and a sell."""
    engine = play(FLAT, (price,) * 4, at={0: buy(1, stop=105)})
    assert engine.orders[0].status == status
    engine = play(FLAT, FLAT, (200 - price,) * 4, at={0: buy(1), 1: sell(1, stop=95)})
    assert engine.orders[1].status == status


def test_fok_without_a_budget_of_volume_trades_all():
    """Participation is off, and the candle has no volume."""
    engine = play(FLAT, (100, 100, 100, 100, 0), at={0: buy(7, tif="FOK")})
    assert fills(engine) == [(1, 0, 100, 7, "taker")]


def test_volume_counts_in_units():
    """Units of 0.4: a volume of 2 is 5 of them; the maker's share of 8 is 0.1 * 8 * 5 / 10 = 0.4, 1 unit."""
    fifths = replace(COIN, amount_step=0.4, base_unit=0.4)
    engine = play(FLAT, (100, 100, 100, 100, 2), None, at={0: buy(4)}, instrument=fifths, participation=0.1)
    assert [f.amount for f in engine.fills] == [5]
    engine = play(FLAT, (100, 100, 91, 100, 8), None, at={0: buy(4, price=95)}, instrument=fifths, participation=0.1)
    assert [f.amount for f in engine.fills] == [1]
