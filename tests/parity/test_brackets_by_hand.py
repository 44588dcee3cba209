"""Brackets and reduce-only orders, worked out by hand from section 13 of docs/simulation.md: kernel and reference give
what stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of

EXITS = {"stop_loss": 95.0, "take_profit": 105.0}


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def played(*asks, rows, **changes):
    """Asked at the close of candle 1; the rows are the candles from 2 on."""
    acts = [ask if isinstance(ask[0], int) else (1, ask) for ask in asks]
    return assert_agreed(scenario_of([FLAT, *rows], *acts, **changes))


def fills(result):
    return [(order, ticks, amount) for _, _, order, ticks, amount, *_ in result["fills"]]


def ends(result):
    return [(order["status"], order["reason"]) for order in result["orders"]]


def answers(result):
    return [answer for *_, answer in result["answers"]]


STOPPED, TAKEN = (1, 95, 10), (2, 105, 10)
PATHS = [("ohlc", TAKEN), ("optimistic", TAKEN), ("olhc", STOPPED), ("pessimistic", STOPPED), ("adaptive", TAKEN)]


@pytest.mark.parametrize(("path", "sold"), PATHS)
def test_both_exits_inside_one_candle(path, sold):
    result = played(buy(10, **EXITS), rows=[FLAT, (100.0, 110.0, 90.0, 100.0, 1e6)], path=path)
    assert fills(result) == [(0, 100, 10), sold]
    assert result["bases"] == [0]
    assert sorted(ends(result)) == [("CANCELLED", "LINKED"), ("FILLED", ""), ("FILLED", "")]


def test_a_gap_through_the_stop_sells_at_the_open():
    result = played(buy(10, **EXITS), rows=[FLAT, (80.0, 120.0, 80.0, 100.0, 1e6)], stop_slippage=0.1)
    assert fills(result) == [(0, 100, 10), (1, 76, 10)]


def test_a_bracket_that_is_filled_in_part_has_no_exits_yet():
    """5 trade in the candle in which it arrives, the rest in the next; the stop is there from then on."""
    rows = [(100.0, 100.0, 100.0, 100.0, 5.0), (100.0, 100.0, 100.0, 100.0, 1e6), (100.0, 100.0, 90.0, 90.0, 1e6)]
    result = played(buy(10, stop_loss=95.0), rows=rows, participation=1.0)
    assert fills(result) == [(0, 100, 5), (0, 100, 5), (1, 95, 10)]
    assert [time for time, kind, order in result["events"] if (kind, order) == ("ACCEPTED", 1)] == [120_000]


def test_a_part_of_it_has_its_exits_at_once_where_the_exchange_does_that():
    rows = [(100.0, 100.0, 90.0, 90.0, 5.0), (90.0, 90.0, 90.0, 90.0, 1e6)]
    coin = replace(COIN, armed="part")
    result = played(buy(10, stop_loss=95.0), rows=rows, participation=1.0, coin=coin)
    assert fills(result) == [(0, 100, 5), (0, 90, 5), (1, 90, 10)]


def test_a_stop_alone_and_a_goal_alone():
    row = (100.0, 110.0, 90.0, 100.0, 1e6)
    assert fills(played(buy(10, stop_loss=95.0), rows=[FLAT, row])) == [(0, 100, 10), (1, 95, 10)]
    assert fills(played(buy(10, take_profit=105.0), rows=[FLAT, row])) == [(0, 100, 10), (1, 105, 10)]


def test_risk_is_sized_by_the_stop_that_it_asks_for():
    """1 % of 10,000 over 5 are 20."""
    result = played(("buy", "risk", 0.01, EXITS), rows=[FLAT, (100.0, 100.0, 90.0, 90.0, 1e6)])
    assert fills(result) == [(0, 100, 20), (1, 95, 20)]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"stop_loss": 100.0}, "INVALID_PRICE"),
        ({"stop_loss": 99.0}, 0),
        ({"stop_loss": 0.2}, "INVALID_PRICE"),
        ({"take_profit": 100.0}, "INVALID_PRICE"),
        ({"take_profit": 100.5}, 0),  # rounded up
        ({"price": 90.0, "stop_loss": 90.0}, "INVALID_PRICE"),
        ({"price": 90.0, "stop_loss": 89.0, "take_profit": 95.0}, 0),
        ({"stop": 110.0, "stop_loss": 105.0, "take_profit": 111.0}, 0),
        ({"stop": 110.0, "take_profit": 105.0}, "INVALID_PRICE"),
    ],
)
def test_exits_on_the_wrong_side_refuse_the_whole(terms, reason):
    """Of the limit, else the trigger, else the close."""
    result = played(buy(10, **terms), rows=[FLAT])
    assert answers(result) == [reason]
    assert len(result["orders"]) == (1 if reason else 1 + len(terms.keys() & EXITS))


def test_there_must_be_room_for_all_three():
    coin = replace(COIN, max_orders=3)
    asks = buy(1, price=50.0), buy(1, **EXITS), buy(1, stop_loss=90.0)
    assert answers(played(*asks, rows=[FLAT], coin=coin)) == [0, "TOO_MANY_ORDERS", 2]


def test_the_stop_of_a_bracket_moves_while_it_waits_and_after():
    """To 92 before the entry fills, to 97 after."""
    asks = (
        buy(10, price=98.0, stop_loss=90.0),
        (2, ("amend", ("any", 1), {"stop": 92.0})),
    )
    rows = [FLAT, FLAT, (100.0, 100.0, 97.0, 97.0, 1e6), (97.0, 97.0, 92.0, 92.0, 1e6)]
    assert fills(played(*asks, rows=rows)) == [(0, 98, 10), (1, 92, 10)]
    asks = *asks, (4, ("amend", ("any", 1), {"stop": 95.0}))
    assert fills(played(*asks, rows=rows)) == [(0, 98, 10), (1, 95, 10)]


def test_reduce_only_refuses_a_buy_on_spot():
    asks = (1, buy(10)), (2, buy(1, reduce_only=True)), (2, ("sell", "amount", 4.0, {"reduce_only": True}))
    result = played(*asks, rows=[FLAT, FLAT])
    assert answers(result) == [0, "REDUCE_ONLY_WOULD_INCREASE", 2]
    assert result["bases"] == [6]
