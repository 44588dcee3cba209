"""Orders that wait for others, worked out by hand from section 13 of docs/simulation.md: kernel and reference give what
stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of

ENDS, PARTS = replace(COIN, armed="end"), replace(COIN, armed="part")
ENTRY = ("back", 0)
THIN = (100.0, 100.0, 90.0, 90.0, 11.0)
"""Of 11 ticks 6 are at or below 95: of 11, 6."""


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def sell(amount, **terms):
    return "sell", "amount", float(amount), terms


def all_of_it(**terms):
    return "sell", "fraction", 1.0, terms


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


BRACKET = (
    buy(10, price=95.0),
    all_of_it(stop=90.0, after=("back", 0)),
    all_of_it(price=105.0, after=("back", 1), oco=("back", 0)),
)


def test_an_exit_waits_without_holding_anything_until_its_entry_fills():
    """Nothing is held, so it may be asked for; as soon as it is armed it holds what was bought."""
    result = played(*BRACKET, rows=[FLAT, FLAT])
    assert answers(result) == [0, 1, 2]
    assert ends(result) == [("OPEN", ""), ("PENDING", ""), ("PENDING", "")]
    assert result["reserved_base"] == [0]
    result = played(*BRACKET, rows=[FLAT, (100.0, 100.0, 93.0, 93.0, 1e6)])
    assert ends(result) == [("FILLED", ""), ("OPEN", ""), ("OPEN", "")]
    assert result["reserved_base"] == [10]


@pytest.mark.parametrize(
    ("row", "sold"),
    [
        ((100.0, 110.0, 85.0, 100.0, 1e6), [(1, 90, 10)]),  # up, down to 94, on to 90
        ((100.0, 100.0, 93.0, 99.0, 1e6), []),
        ((100.0, 100.0, 92.0, 110.0, 1e6), [(2, 105, 10)]),  # down to 94, up again
    ],
)
def test_entry_and_exit_in_one_candle_follow_its_path(row, sold):
    """The path goes up first: what is above the entry has passed by then, what is below has not."""
    assert fills(played(*BRACKET, rows=[FLAT, row], path="ohlc"))[1:] == sold


def test_a_gap_through_entry_and_stop_sells_where_it_opens():
    """The limit fills at 95 while the market stands at 85: the stop is not refused, it triggers there."""
    result = played(*BRACKET, rows=[FLAT, (85.0, 120.0, 85.0, 120.0, 1e6)])
    assert fills(result) == [(0, 95, 10), (1, 85, 10)]
    events = [(kind, order) for time, kind, order in result["events"] if time == 120_000]
    assert events == [
        ("FILL", 0), ("ACCEPTED", 1), ("TRIGGERED", 1), ("CANCELLED", 2), ("FILL", 1),
    ]  # fmt: skip
    assert ends(result)[2] == ("CANCELLED", "LINKED")


def test_a_market_entry_arms_its_exits_at_the_moment_it_arrives():
    """Latency is over for all three at once; until then the market has moved by half its range * sqrt(1 / 240)."""
    asks = buy(10), all_of_it(stop=90.0, after=ENTRY), all_of_it(price=105.0, after=("back", 1), oco=("back", 0))
    result = played(*asks, rows=[(100.0, 106.0, 100.0, 106.0, 1e6)], latency_ms=250)
    assert fills(result) == [(0, 101, 10), (2, 105, 10)]
    assert [time for time, kind, order in result["events"] if kind == "ACCEPTED"] == [60_250] * 3


def test_an_order_that_comes_late_is_armed_when_it_comes():
    """The entry fills at 60.0 s, the stop reaches the venue with it; one asked for a candle later finds it done."""
    asks = (
        (1, buy(10, price=100.0)),
        (1, all_of_it(stop=90.0, after=ENTRY)),
        (2, all_of_it(stop=90.0, after=("any", 0))),
    )
    result = played(*asks, rows=[FLAT, FLAT])
    assert answers(result) == [0, 1, "ORDER_DONE"]
    assert ends(result)[1] == ("OPEN", "")


def test_a_partial_fill_arms_nothing_where_the_exchange_waits_for_the_whole():
    result = played(*BRACKET, rows=[FLAT, THIN], participation=1.0, limit_fill="touch", path="ohlc")
    assert fills(result) == [(0, 95, 6)]
    assert ends(result) == [("PARTIAL", ""), ("PENDING", ""), ("PENDING", "")]


@pytest.mark.parametrize(
    ("coin", "exits"),
    [(COIN, [("CANCELLED", "PARENT_PARTIAL")] * 2), (ENDS, [("OPEN", ""), ("OPEN", "")])],
    ids=["full", "end"],
)
def test_an_entry_that_ends_filled_in_part(coin, exits):
    """6 of 10 are held: as the exchange is, without exits, which is told, or with exits of 6."""
    asks = *BRACKET, (3, ("cancel", ("any", 0)))
    rows = [FLAT, THIN, (92.0, 92.0, 92.0, 92.0, 1e6)]
    result = played(*asks, rows=rows, coin=coin, participation=1.0, limit_fill="touch")
    assert ends(result)[1:] == exits
    assert [order for what, _, order in result["told"] if what == "error"] == ([1, 2] if coin is COIN else [])
    assert result["reserved_base"] == [0 if coin is COIN else 6]


def test_exits_that_are_armed_with_each_fill_grow():
    """Of 10 ticks 5 are at or below 95: of 10 that trade, 5 are bought; 5 more in the next candle; then 10 are sold."""
    rows = [FLAT, (100.0, 100.0, 91.0, 91.0, 10.0), (95.0, 95.0, 92.0, 92.0, 1e6), (92.0, 92.0, 89.0, 89.0, 1e6)]
    result = played(*BRACKET, rows=rows, coin=PARTS, participation=1.0, limit_fill="touch", path="ohlc")
    assert fills(result) == [(0, 95, 5), (0, 95, 5), (1, 90, 10)]
    assert [order for _, kind, order in result["events"] if kind == "AMENDED"] == [1, 2]


def test_what_waits_ends_with_an_entry_that_got_nothing():
    """Cancelled, both at that moment; the author asked for it and is not told."""
    result = played(*BRACKET, (2, ("cancel", ("any", 0))), rows=[FLAT, FLAT])
    assert ends(result) == [("CANCELLED", ""), ("CANCELLED", "LINKED"), ("CANCELLED", "LINKED")]
    assert result["told"] == []


def test_what_waits_can_be_cancelled_and_amended():
    """The stop goes to 92 before the entry fills, the goal is cancelled."""
    asks = *BRACKET, (2, ("amend", ("any", 1), {"stop": 92.0})), (2, ("cancel", ("any", 2)))
    result = played(*asks, rows=[FLAT, FLAT, (100.0, 110.0, 85.0, 110.0, 1e6)], path="ohlc")
    assert fills(result) == [(0, 95, 10), (1, 92, 10)]
    assert ends(result)[2] == ("CANCELLED", "")


def test_the_amount_of_what_is_bound_is_not_amended():
    result = played(*BRACKET, (2, ("amend", ("any", 1), {"amount": 5.0})), rows=[FLAT, FLAT])
    assert answers(result)[-1] == "INVALID_ORDER"


def test_an_exit_of_an_amount_has_no_more_than_the_entry_gave():
    """4 and 20 are asked for, in one group."""
    asks = buy(10), sell(4, price=105.0, after=ENTRY), sell(20, stop=90.0, after=("back", 1), oco=("back", 0))
    result = played(*asks, rows=[FLAT])
    assert [order["amount"] for order in result["orders"]] == [10, 4, 10]


def test_a_fee_in_base_is_not_sold():
    """Of 1,000 with 1 in 1,000 kept: 999."""
    coin = replace(COIN, taker=0.001, fee_side="base")
    result = played(buy(50), all_of_it(stop=90.0, after=ENTRY), rows=[FLAT], coin=replace(coin, base_unit=0.001))
    assert [(order["amount"], order["reserved"]) for order in result["orders"]] == [(50_000, 0), (49_000, 49_000)]


def test_a_share_below_the_minimum_is_refused_when_the_entry_is_done():
    coin = replace(COIN, min_amount=3.0)
    result = played(buy(4), ("sell", "fraction", 0.5, {"price": 105.0, "after": ENTRY}), rows=[FLAT], coin=coin)
    assert ends(result)[1] == ("REJECTED", "BELOW_MIN_AMOUNT")


def test_one_buys_back_what_another_sold():
    """It needs cash when it is armed, not before: 9,000 are in a far bid, and 10 sold at 95 bring 950."""

    def ended(price):
        asks = (1, buy(10)), (2, sell(10, stop=95.0)), (2, ("buy", "fraction", 1.0, {"price": price, "after": ENTRY}))
        rows = [FLAT, (100.0, 100.0, 94.0, 94.0, 1e6), (94.0, 94.0, 85.0, 94.0, 1e6)]
        return ends(played(*asks, (2, buy(180, price=50.0)), rows=rows))[2]

    assert ended(90.0) == ("FILLED", "")
    assert ended(97.0) == ("REJECTED", "INSUFFICIENT_FUNDS")


def test_links_that_are_none_are_refused():
    asks = [
        buy(1, price=90.0),
        buy(1, price=80.0, after=("any", 0)),  # a buy
        all_of_it(price=120.0, after=("any", 2)),  # itself
        all_of_it(price=120.0, after=("any", 4)),  # there is none
        all_of_it(price=120.0, after=("any", 0)),
        sell(1, price=120.0, oco=("any", 4)),  # which waits
        all_of_it(price=120.0, oco=("any", 0), after=("any", 0)),  # a buy
        ("sell", "fraction", 0.0, {"price": 120.0, "after": ("any", 0)}),
        sell(0, price=120.0, after=("any", 0)),
        ("cancel", ("any", 0)),
        all_of_it(price=120.0, after=("any", 0)),  # its cancel is on its way
    ]
    wrong, small = "INVALID_LINK", "BELOW_MIN_AMOUNT"
    expected = [0, wrong, wrong, "UNKNOWN_ORDER", 4, wrong, wrong, small, small, 0, "ORDER_DONE"]
    assert answers(played(*asks, rows=[FLAT], latency_ms=250)) == expected


def test_a_chain_of_three():
    """Bought, sold at a stop, bought back, all in one candle."""
    asks = (
        buy(10, price=95.0),
        all_of_it(stop=93.0, after=ENTRY),
        ("buy", "fraction", 1.0, {"price": 91.0, "after": ENTRY}),
    )
    result = played(*asks, rows=[FLAT, (100.0, 100.0, 85.0, 85.0, 1e6)])
    assert fills(result) == [(0, 95, 10), (1, 93, 10), (2, 91, 10)]
