"""Reduce-only orders, groups and brackets of contracts, worked out by hand from sections 12 and 13 of
docs/simulation.md: kernel and reference give what stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, leverage is 2, and the market
stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of
from reference.limits import Limits

FUTURE = replace(COIN, tiers=((0, 0.01, 50),), leverage=2)
UP, DOWN = (100.0, 120.0, 100.0, 100.0, 1e6), (100.0, 100.0, 80.0, 100.0, 1e6)
NOTHING_LEFT = ("EXPIRED", "NO_POSITION")


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def sell(amount, **terms):
    return "sell", "amount", float(amount), terms


def out(amount, **terms):
    return sell(amount, reduce_only=True, **terms)


def back(amount, **terms):
    return buy(amount, reduce_only=True, **terms)


def played(*asks, rows=(), **changes):
    """Asked at the close of candle 1, or of the one that is named; the rows are the candles from 2 on."""
    acts = [ask if isinstance(ask[0], int) else (1, ask) for ask in asks]
    return assert_agreed(scenario_of([FLAT, *rows], *acts, **{"coin": FUTURE, **changes}))


def fills(result):
    return [(order, ticks, amount) for _, _, order, ticks, amount, *_ in result["fills"]]


def ends(result):
    return [(order["status"], order["reason"]) for order in result["orders"]]


def answers(result):
    return [answer for *_, answer in result["answers"]]


def test_with_nothing_held_and_nothing_coming_it_is_refused_at_once():
    """Binance, error -2022: "ReduceOnly Order is rejected"."""
    assert answers(played(out(5), rows=[FLAT])) == ["REDUCE_ONLY_WOULD_INCREASE"]


def test_on_the_side_of_the_position_it_is_refused():
    result = played(buy(10), (2, back(5)), rows=[FLAT, FLAT])
    assert answers(result) == [0, "REDUCE_ONLY_WOULD_INCREASE"]


def test_with_an_entry_on_its_way_the_venue_decides():
    """The market buy that travels with it is there first; a limit that has not filled by then is none."""
    assert fills(played(buy(10), out(5), rows=[FLAT])) == [(0, 100, 10), (1, 100, 5)]
    result = played(buy(10, price=50.0), out(5), rows=[FLAT])
    assert ends(result)[1] == ("REJECTED", "REDUCE_ONLY_WOULD_INCREASE")


def test_it_is_cut_to_the_position_when_it_arrives():
    """25 are asked of a long of 10; a short of 15 does not come of that."""
    result = played(buy(10), (2, out(25)), rows=[FLAT, FLAT])
    assert fills(result) == [(0, 100, 10), (1, 100, 10)]
    assert result["bases"] == [0]


def test_it_is_cut_when_the_position_shrinks_and_expires_when_it_is_gone():
    asks = [buy(10), (2, out(10, price=110.0)), (3, sell(4)), (4, sell(6))]
    result = played(*asks[:3], rows=[FLAT] * 4)
    assert (result["orders"][1]["amount"], result["bases"]) == (6, [6])
    result = played(*asks, rows=[FLAT] * 4)
    assert (ends(result)[1], result["told"]) == (
        NOTHING_LEFT,
        [("fill", t * 60_000, i) for t, i in [(2, 0), (4, 2), (5, 3)]],
    )


def test_what_was_cut_does_not_come_back_when_the_position_grows():
    asks = [buy(10), (2, out(10, price=110.0)), (3, sell(4)), (4, buy(20))]
    assert played(*asks, rows=[FLAT] * 4)["orders"][1]["amount"] == 6


def test_of_several_that_one_candle_reaches_all_together_close_the_position():
    """Three of 7 each at 110, 111 and 112, of 10: the second has what is left, the third nothing."""
    asks = [(2, out(7, price=price)) for price in (110.0, 111.0, 112.0)]
    result = played(buy(10), *asks, rows=[FLAT, UP])
    assert fills(result)[1:] == [(1, 110, 7), (2, 111, 3)]
    assert (ends(result)[3], result["bases"]) == (NOTHING_LEFT, [0])


def test_stops_at_one_price_close_a_short_once():
    asks = [(2, back(10, stop=110.0)) for _ in range(2)]
    result = played(sell(10), *asks, rows=[FLAT, UP])
    assert fills(result)[1:] == [(1, 110, 10)]
    assert (ends(result)[2], result["bases"]) == (NOTHING_LEFT, [0])


def test_a_plain_order_that_turns_the_position_ends_them():
    """Of the side that the position then has."""
    result = played(buy(10), (2, out(10, stop=90.0)), (3, sell(15)), rows=[FLAT, FLAT, DOWN])
    assert (ends(result)[1], result["bases"]) == (NOTHING_LEFT, [-5])


def test_it_holds_nothing():
    """A long of 180 at 2x leaves 1,000 of 10,000 free; ten orders of 180 each ask no more."""
    asks = [(2, out(180, price=200.0)) for _ in range(10)]
    result = played(buy(180), *asks, rows=[FLAT, FLAT])
    assert [order["reserved"] for order in result["orders"][1:]] == [0] * 10


def test_the_minimum_cost_is_not_asked_of_it():
    """Binance, error -4164: "Order's notional must be no smaller than 5.0 (unless you choose reduce only)"."""
    coin = replace(FUTURE, min_cost=500.0)
    result = played(buy(10), (2, out(1)), (2, sell(1)), rows=[FLAT, FLAT], coin=coin)
    assert ends(result)[1:] == [("FILLED", ""), ("REJECTED", "BELOW_MIN_COST")]


def test_a_close_may_not_turn_the_position():
    """Asked again while the rest of the first waits for volume: the second, there before the open is met, has it."""
    thin = (100.0, 100.0, 100.0, 100.0, 4.0)
    result = played(buy(10), (2, ("close", 1.0)), (3, ("close", 1.0)), rows=[FLAT, thin, FLAT], participation=1.0)
    assert fills(result)[1:] == [(1, 100, 4), (2, 100, 6)]
    assert (ends(result)[1], result["bases"]) == (NOTHING_LEFT, [0])


def test_an_amend_to_more_than_is_held_is_cut():
    asks = [buy(10), (2, out(5, price=110.0)), (3, ("amend", ("any", 1), {"amount": 50.0}))]
    assert played(*asks, rows=[FLAT] * 3)["orders"][1]["amount"] == 10


@pytest.mark.parametrize(("row", "end"), [(UP, (2, 110, 10)), (DOWN, (1, 90, 10))])
def test_a_long_with_its_exits(row, end):
    result = played(buy(10, stop_loss=90.0, take_profit=110.0), rows=[FLAT, row], limit_fill="touch")
    assert fills(result) == [(0, 100, 10), end]
    assert result["bases"] == [0]


@pytest.mark.parametrize(("row", "end"), [(UP, (1, 110, 10)), (DOWN, (2, 90, 10))])
def test_a_short_with_its_exits(row, end):
    """The stop above, the goal below."""
    result = played(sell(10, stop_loss=110.0, take_profit=90.0), rows=[FLAT, row], limit_fill="touch")
    assert fills(result) == [(0, 100, 10), end]
    assert (result["bases"], sorted(ends(result))[0]) == ([0], ("CANCELLED", "LINKED"))


def test_a_short_by_risk_is_sized_and_stopped_by_the_same_price():
    """1 % of 10,000 is 100: 10 that lose 10 each; at the stop they do."""
    result = played(("sell", "risk", 0.01, {"stop_loss": 110.0}), rows=[FLAT, UP])
    assert fills(result) == [(0, 100, 10), (1, 110, 10)]
    assert result["cash"] == 990_000


@pytest.mark.parametrize(
    "exits", [{"stop_loss": 100.0}, {"stop_loss": 95.0}, {"take_profit": 100.0}, {"take_profit": 0.0}]
)
def test_exits_of_a_short_on_the_wrong_side(exits):
    assert answers(played(sell(10, **exits), rows=[FLAT])) == ["INVALID_PRICE"]


def test_a_sell_on_spot_has_no_exits():
    result = played(buy(10), (2, sell(5, stop_loss=110.0)), rows=[FLAT, FLAT], coin=COIN)
    assert answers(result) == [0, "INVALID_ORDER"]


def test_a_stop_and_a_goal_of_a_short_in_one_group():
    """Neither is reduce-only: the goal takes it all, so the stop is gone before it opens a long."""
    asks = [sell(10), (2, buy(10, stop=110.0)), (2, buy(10, price=90.0, oco=("back", 0)))]
    result = played(*asks, rows=[FLAT, (100.0, 120.0, 80.0, 100.0, 1e6)], path="olhc", limit_fill="touch")
    assert fills(result) == [(0, 100, 10), (2, 90, 10)]
    assert (ends(result)[1], result["bases"]) == (("CANCELLED", "LINKED"), [0])


def test_a_group_is_covered_as_often_as_one_of_it():
    """A stop and a goal of all of a long are exits, which pass limits; two of all of it that are no group are not."""
    limits = Limits(max_open_orders=1)
    asks = [buy(10), (2, sell(10, stop=90.0)), (2, sell(10, price=110.0, oco=("back", 0)))]
    result = played(*asks, rows=[FLAT, FLAT], limits=limits)
    assert [status for status, _ in ends(result)] == ["FILLED", "OPEN", "OPEN"]
    result = played(*asks[:2], (2, sell(10, price=110.0)), rows=[FLAT, FLAT], limits=limits)
    assert ends(result)[2] == ("REJECTED", "RISK_LIMIT")


def test_a_liquidation_ends_what_waits_for_another():
    """A dip is to be bought with a stop of its own; the long of before is liquidated, at 90.9 for 10x and 1 %."""
    asks = [("buy", "fraction", 0.9, {}), (2, buy(10, price=20.0, stop_loss=10.0))]
    rows = [FLAT, FLAT, (100.0, 100.0, 60.0, 60.0, 1e6)]
    result = played(*asks, rows=rows, coin=replace(FUTURE, leverage=10))
    assert ends(result)[1:] == [("CANCELLED", "LIQUIDATED")] * 2


def test_exits_are_for_no_more_than_is_held_when_their_entry_turned_the_position():
    """A long of 4 is sold by 10: the short that comes of that is 6, and so are its exits."""
    result = played(buy(4), (2, sell(10, stop_loss=110.0)), rows=[FLAT, FLAT, UP])
    assert fills(result)[1:] == [(1, 100, 10), (2, 110, 6)]
    assert result["bases"] == [0]


# Closing orders, and triggers by the mark.


def closing(kind, price, trigger="last"):
    return "close_when", kind, price, trigger


def beside(result_of, marks):
    """The same scenario with mark candles; the first stand where the price does."""
    return assert_agreed(replace(result_of, marks=((FLAT[:4], *marks),)))


def scenario(*asks, rows, **changes):
    acts = [ask if isinstance(ask[0], int) else (1, ask) for ask in asks]
    return scenario_of([FLAT, *rows], *acts, **{"coin": FUTURE, **changes})


def test_a_closing_stop_is_for_whatever_is_held_when_it_is_triggered():
    """Asked for 10, of which 4 are sold and to which 20 are added: it sells 26. Binance: closePosition, "Close-All"."""
    asks = [buy(10), (2, closing("stop", 90.0)), (3, sell(4)), (4, buy(20))]
    result = played(*asks, rows=[FLAT] * 4 + [DOWN])
    assert fills(result)[-1] == (1, 90, 26)
    assert result["bases"] == [0]
    assert played(*asks, rows=[FLAT] * 4)["orders"][1]["amount"] == 0


def test_a_closing_take_of_a_short_buys_it_back():
    result = played(sell(10), (2, closing("take", 90.0)), rows=[FLAT, DOWN])
    assert fills(result)[-1] == (1, 90, 10)


def test_a_closing_order_ends_with_its_position():
    result = played(buy(10), (2, closing("stop", 90.0)), (3, ("close", 1.0)), rows=[FLAT] * 3)
    assert ends(result)[1] == NOTHING_LEFT


def test_a_closing_order_is_amended_by_its_trigger_only():
    asks = [buy(10), (2, closing("stop", 90.0))]
    amends = [(3, ("amend", ("any", 1), {"amount": 5.0})), (3, ("amend", ("any", 1), {"stop": 95.0}))]
    result = played(*asks, *amends, rows=[FLAT] * 3 + [DOWN])
    assert answers(result)[2:] == ["INVALID_ORDER", 1]
    assert fills(result)[-1] == (1, 95, 10)


def test_a_closing_order_needs_a_position_and_a_contract():
    assert answers(played(closing("stop", 90.0), rows=[FLAT])) == ["NO_POSITION"]
    assert answers(played(buy(10), (2, closing("stop", 90.0)), rows=[FLAT], coin=COIN)) == [0, "INVALID_ORDER"]


def test_a_stop_by_mark_does_not_see_the_last_price():
    """The price falls to 80, its mark to 95: nothing. Binance: workingType MARK_PRICE."""
    asks = [buy(10), (2, out(10, stop=90.0, trigger="mark"))]
    played_ = scenario(*asks, rows=[FLAT, DOWN])
    assert fills(beside(played_, [FLAT[:4], (100.0, 100.0, 95.0, 100.0)]))[1:] == []


def test_a_stop_by_mark_trades_where_the_price_is_when_the_mark_comes_to_it():
    """Down first: on the leg from 100 to 96 the mark goes from 100 to 80. Half of it, at 90, the price is at 98."""
    asks = [buy(10), (2, out(10, stop=90.0, trigger="mark"))]
    rows = [FLAT, (100.0, 100.0, 96.0, 100.0, 1e6)]
    result = beside(scenario(*asks, rows=rows, path="olhc"), [FLAT[:4], (100.0, 100.0, 80.0, 100.0)])
    assert fills(result)[1:] == [(1, 98, 10)]


def test_a_take_of_a_short_by_mark():
    """A short is bought back where the mark has come down to 90: the price is at 98."""
    asks = [sell(10), (2, back(10, take=90.0, trigger="mark"))]
    rows = [FLAT, (100.0, 100.0, 96.0, 100.0, 1e6)]
    result = beside(scenario(*asks, rows=rows, path="olhc"), [FLAT[:4], (100.0, 100.0, 80.0, 100.0)])
    assert fills(result)[1:] == [(1, 98, 10)]


def test_a_mark_that_opens_beyond_the_trigger_trades_at_the_price_s_open():
    asks = [buy(10), (2, closing("stop", 90.0, "mark"))]
    result = beside(scenario(*asks, rows=[FLAT] * 3), [FLAT[:4], FLAT[:4], (85.0,) * 4])
    assert fills(result)[1:] == [(1, 100, 10)]


def test_a_stop_whose_mark_is_beyond_it_already_is_refused():
    """Binance, error -2021: "Order would immediately trigger"."""
    asks = [buy(10), (2, out(10, stop=90.0, trigger="mark"))]
    result = beside(scenario(*asks, rows=[FLAT, FLAT]), [(85.0,) * 4, (85.0,) * 4])
    assert ends(result)[1] == ("REJECTED", "STOP_WOULD_TRIGGER")


def test_a_mark_without_candles_is_the_price():
    result = played(buy(10), (2, out(10, stop=90.0, trigger="mark")), rows=[FLAT, DOWN])
    assert fills(result)[1:] == [(1, 90, 10)]


@pytest.mark.parametrize("terms", [{}, {"price": 90.0}, {"trail": 0.1}])
def test_only_a_stop_or_a_take_waits_for_the_mark(terms):
    assert answers(played(buy(10, trigger="mark", **terms), rows=[FLAT])) == ["INVALID_ORDER"]


def test_spot_has_no_mark():
    assert answers(played(buy(10, stop=110.0, trigger="mark"), rows=[FLAT], coin=COIN)) == ["INVALID_ORDER"]
