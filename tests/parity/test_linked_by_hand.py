"""Linked orders, worked out by hand from section 13 of docs/simulation.md: kernel and reference give what stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of

WIDE = (100.0, 110.0, 90.0, 100.0, 1e6)
THIN = (100.0, 110.0, 90.0, 100.0, 4.0)
REDUCES = replace(COIN, partial="reduce")
LAST = ("back", 0)


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def sell(amount, **terms):
    return "sell", "amount", float(amount), terms


def held(*asks, rows, **changes):
    """Buys 10 at 100 in candle 2 and asks at its close; the rows are the candles from 3 on."""
    return assert_agreed(scenario_of([FLAT, FLAT, *rows], (1, buy(10)), *((2, ask) for ask in asks), **changes))


def fills(result):
    """Order, price and amount of every fill but the first buy's."""
    return [(order, ticks, amount) for _, _, order, ticks, amount, *_ in result["fills"] if order]


def ends(result):
    return [(order["status"], order["reason"]) for order in result["orders"][1:]]


def answers(result):
    return [answer for *_, answer in result["answers"]]


BOTH = sell(10, stop=95.0), sell(10, price=105.0, oco=LAST)
STOPPED, TAKEN = (1, 95, 10), (2, 105, 10)


@pytest.mark.parametrize(
    ("path", "sold"), [("ohlc", TAKEN), ("optimistic", TAKEN), ("olhc", STOPPED), ("pessimistic", STOPPED)]
)
def test_of_two_exits_inside_one_candle_the_path_takes_the_first(path, sold):
    """The whole position is offered twice, and sold once; up first, the limit is crossed at 106 and has 105."""
    result = held(*BOTH, rows=[FLAT, WIDE], path=path)
    assert answers(result) == [0, 1, 2]
    assert fills(result) == [sold]
    assert sorted(ends(result)) == [("CANCELLED", "LINKED"), ("FILLED", "")]
    assert result["bases"] == [0]


def test_the_other_is_cancelled_at_the_moment_of_the_trigger_and_is_not_told():
    """After 5 of a path of 45, before the stop trades."""
    result = held(*BOTH, rows=[FLAT, (100.0, 100.0, 85.0, 85.0, 1e6)], path="olhc")
    assert result["events"][-3:] == [(186_666, "TRIGGERED", 1), (186_666, "CANCELLED", 2), (186_666, "FILL", 1)]
    assert [what for what, _, order in result["told"] if order == 2] == []


def test_a_gap_through_the_stop_cancels_the_take():
    result = held(*BOTH, rows=[FLAT, (80.0, 120.0, 80.0, 120.0, 1e6)])
    assert fills(result) == [(1, 80, 10)]
    assert ends(result) == [("FILLED", ""), ("CANCELLED", "LINKED")]


def test_a_group_holds_its_largest_member_and_not_the_sum():
    """Of 10, 6 and then 8 are offered by one group: 2 are left for others, and not 3."""
    asks = sell(6, price=105.0), sell(8, price=106.0, oco=LAST), sell(3, price=120.0), sell(2, price=120.0)
    result = held(*asks, rows=[FLAT])
    assert answers(result) == [0, 1, 2, "INSUFFICIENT_FUNDS", 4]
    assert result["reserved_base"] == [10]


def test_a_group_of_buys_may_use_the_same_cash():
    """9,500 twice; the stop counts at 1.01 times its trigger."""
    asks = buy(100, price=95.0), buy(90, stop=104.0, oco=LAST)
    result = assert_agreed(scenario_of([FLAT, FLAT, (100.0, 108.0, 100.0, 108.0, 1e6)], *((1, ask) for ask in asks)))
    assert [(fill[2], fill[3], fill[4]) for fill in result["fills"]] == [(1, 104, 90)]
    assert result["reserved"] == 0


def test_a_partial_fill_cancels_the_others():
    """4 trade in the candle; they all are ours."""
    result = held(*BOTH, rows=[FLAT, THIN, FLAT], participation=1.0, path="ohlc", limit_fill="touch")
    assert [fill[:2] for fill in fills(result)] == [(2, 105)]
    assert ends(result) == [("CANCELLED", "LINKED"), ("PARTIAL", "")]


def test_a_partial_fill_may_reduce_the_others():
    """Of 15 ticks 6 are at or beyond 105: of 5, 2; then the stop sells the 8 that are left."""
    rows = [FLAT, (100.0, 110.0, 96.0, 100.0, 5.0), (100.0, 100.0, 80.0, 80.0, 1e6)]
    result = held(*BOTH, rows=rows, coin=REDUCES, participation=1.0, path="ohlc")
    assert fills(result) == [(2, 105, 2), (1, 95, 8)]
    assert ends(result) == [("FILLED", ""), ("CANCELLED", "LINKED")]
    assert result["orders"][1]["amount"] == 8


def test_what_is_reduced_below_the_minimum_is_cancelled():
    coin = replace(REDUCES, min_amount=9.0)
    rows = [FLAT, (100.0, 110.0, 96.0, 100.0, 5.0)]
    result = held(*BOTH, rows=rows, coin=coin, participation=1.0, path="ohlc")
    assert ends(result) == [("CANCELLED", "LINKED"), ("PARTIAL", "")]


def test_an_amend_on_its_way_does_not_bring_back_what_was_taken_off():
    """Asked to be 9 when it was 10; 2 were sold by then."""
    rows = [FLAT, (100.0, 110.0, 96.0, 100.0, 5.0), FLAT]
    acts = [(1, buy(10)), *((2, ask) for ask in BOTH), (3, ("amend", ("live", 0), {"amount": 9.0}))]
    scenario = scenario_of([FLAT, FLAT, *rows], *acts, coin=REDUCES, participation=1.0, path="ohlc", latency_ms=59_000)
    result = assert_agreed(scenario)
    assert fills(result) == [(2, 105, 2)]
    assert result["orders"][1]["amount"] == 7


def test_a_member_that_is_cancelled_leaves_the_others():
    acts = [(1, buy(10)), *((2, ask) for ask in BOTH), (3, ("cancel", ("live", 0)))]
    result = assert_agreed(scenario_of([FLAT, FLAT, FLAT, FLAT, WIDE], *acts))
    assert fills(result) == [(2, 105, 10)]
    assert ends(result) == [("CANCELLED", ""), ("FILLED", "")]


def test_a_member_on_its_way_is_cancelled_too():
    """The first is a limit that takes at once; the second, asked for at the same time, never arrives."""
    result = held(sell(10, price=90.0), sell(10, stop=80.0, oco=LAST), rows=[FLAT], latency_ms=0)
    assert fills(result) == [(1, 100, 10)]
    assert [kind for _, kind, order in result["events"] if order == 2] == ["CANCELLED"]


def test_links_that_are_none_are_refused():
    asks = [
        buy(1, price=90.0),
        sell(1, stop=90.0, oco=("any", 1)),  # a buy
        sell(1, stop=90.0, oco=("any", 0)),  # done, and a buy
        buy(1, price=90.0, oco=("any", 0)),  # done
        buy(1, price=90.0, oco=("any", 5)),  # itself
        buy(1, price=90.0, oco=("any", 7)),  # there is none
        ("cancel", ("any", 1)),
        buy(1, price=90.0, oco=("any", 1)),  # its cancel is on its way
    ]
    result = held(*asks, rows=[FLAT], latency_ms=250)
    wrong, done = "INVALID_LINK", "ORDER_DONE"
    assert answers(result) == [0, 1, wrong, wrong, done, wrong, "UNKNOWN_ORDER", 1, done]


def test_an_order_that_was_triggered_takes_no_one_in():
    """It rests as a limit since."""
    acts = [(1, buy(10)), (2, sell(5, stop=95.0, price=99.0)), (4, sell(5, price=105.0, oco=("live", 0)))]
    result = assert_agreed(scenario_of([FLAT] * 3 + [(100.0, 100.0, 90.0, 90.0, 1e6)] + [FLAT], *acts))
    assert answers(result)[-1] == "INVALID_LINK"
