"""The exits of a position, worked out by hand from section 21 of docs/simulation.md: kernel and reference give what
stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of

FUTURE = replace(COIN, tiers=((0, 0.01, 50),), leverage=2)
BOTH = [COIN, FUTURE]
HALVES = {"stop": 90.0, "takes": ((110.0, 0.5), (120.0, 0.5))}


def candle(low, high, close=100.0):
    return (100.0, high, low, close, 1e6)


def buy(amount, **terms):
    return "buy", "amount", float(amount), terms


def sell(amount, **terms):
    return "sell", "amount", float(amount), terms


def protect(**terms):
    return "protect", terms


def played(*asks, rows, coin=COIN, **changes):
    """Asked at the close of the candle that is named, the first where none is; the rows are the candles from 2 on."""
    acts = [ask if isinstance(ask[0], int) else (1, ask) for ask in asks]
    return assert_agreed(scenario_of([FLAT, *rows], *acts, coin=coin, limit_fill="touch", **changes))


def every(candles, **terms):
    """The same call at the close of each candle."""
    return [(at, protect(**terms)) for at in candles]


def fills(result):
    return [(ticks, amount) for _, _, _, ticks, amount, *_ in result["fills"]]


def standing(result):
    """Limit or trigger, and what is left, of the open orders."""
    open_ = [o for o in result["orders"] if o["status"] in ("PENDING", "OPEN", "PARTIAL")]
    return sorted((o["price"] or o["stop"], o["amount"] - o["filled"]) for o in open_)


@pytest.mark.parametrize("coin", BOTH)
def test_asked_at_every_candle_it_changes_nothing(coin):
    """The orders of the first call are all there are."""
    once = played(buy(10), *every([2], **HALVES), rows=[FLAT] * 5, coin=coin)
    often = played(buy(10), *every(range(2, 6), **HALVES), rows=[FLAT] * 5, coin=coin)
    assert often["orders"] == once["orders"]
    assert often["events"] == once["events"]


def test_on_spot_each_part_has_its_stop_and_its_take():
    """Two groups of 5; together they hold the 10 that are there."""
    result = played(buy(10), *every([2], **HALVES), rows=[FLAT] * 2)
    assert standing(result) == [(90, 5), (90, 5), (110, 5), (120, 5)]
    assert result["reserved_base"] == [10]


def test_of_a_perpetual_one_stop_is_for_all():
    """It closes whatever is held; the takes are reduce-only."""
    result = played(buy(10), *every([2], **HALVES), rows=[FLAT] * 2, coin=FUTURE)
    assert standing(result) == [(90, 0), (110, 5), (120, 5)]


@pytest.mark.parametrize("coin", BOTH)
def test_a_take_then_the_stop_sell_all_once(coin):
    rows = [FLAT, candle(100, 115), candle(80, 100)]
    result = played(buy(10), *every([2, 3, 4], **HALVES), rows=rows, coin=coin)
    assert fills(result) == [(100, 10), (110, 5), (90, 5)]
    assert (result["bases"], standing(result)) == ([0], [])


@pytest.mark.parametrize("coin", BOTH)
def test_a_take_that_was_filled_is_not_asked_for_again(coin):
    """Of 10, 5 went at 110: the other 5 stay for 120."""
    result = played(buy(10), *every([2, 3, 4], **HALVES), rows=[FLAT, candle(100, 115), FLAT, FLAT], coin=coin)
    assert [where for where in standing(result) if where[0] > 100] == [(120, 5)]


def test_what_is_added_is_shared_out_anew():
    """5 were taken of 10, 10 are added: of the 20 there were, half is 10 for each, of which the first had 5."""
    rows = [FLAT, candle(100, 115), FLAT, FLAT, FLAT]
    result = played(buy(10), *every(range(2, 7), **HALVES), (4, buy(10)), rows=rows, coin=FUTURE)
    assert standing(result) == [(90, 0), (110, 5), (120, 10)]
    assert standing(played(buy(10), *every(range(2, 7), **HALVES), (4, buy(10)), rows=rows)) == [
        (90, 5), (90, 10), (110, 5), (120, 10)
    ]  # fmt: skip


@pytest.mark.parametrize("coin", BOTH)
def test_a_part_that_is_closed_makes_all_of_them_smaller(coin):
    """4 of 10 are closed at market: 3 for each. On spot close has what holds them cancelled, and the next call asks."""
    asks = [buy(10), *every([2], **HALVES), (3, ("close", 0.4)), *every([4, 5], **HALVES)]
    result = played(*asks, rows=[FLAT] * 5, coin=coin)
    assert fills(result) == [(100, 10), (100, 4)]
    assert [where for where in standing(result) if where[0] > 100] == [(110, 3), (120, 3)]


@pytest.mark.parametrize("coin", BOTH)
def test_after_a_close_nothing_stays(coin):
    asks = [buy(10), *every([2], **HALVES), (3, ("close", 1.0)), *every([4], **HALVES)]
    result = played(*asks, rows=[FLAT] * 4, coin=coin)
    assert (result["bases"], standing(result), result["answers"][-1][3]) == ([0], [], "NO_POSITION")


def test_a_target_of_nothing_sells_what_the_exits_hold():
    asks = [buy(10), *every([2], **HALVES), (3, ("target", 0.02))]
    result = played(*asks, rows=[FLAT] * 4)
    assert (fills(result), standing(result)) == ([(100, 10), (100, 8)], [])


def test_a_short_is_protected_the_other_way_round():
    terms = {"stop": 110.0, "takes": ((90.0, 0.5),)}
    result = played(sell(10), *every([2], **terms), rows=[FLAT] * 2, coin=FUTURE)
    assert standing(result) == [(90, 5), (110, 0)]
    result = played(sell(10), *every([2, 3], **terms), rows=[FLAT, candle(85, 100), candle(100, 115)], coin=FUTURE)
    assert fills(result) == [(100, 10), (90, 5), (110, 5)]


@pytest.mark.parametrize("coin", BOTH)
def test_a_stop_that_moves_is_amended(coin):
    """The same orders, at another trigger."""
    moving = [(2, protect(stop=90.0)), (3, protect(stop=95.0))]
    result = played(buy(10), *moving, rows=[FLAT] * 4, coin=coin)
    assert len(result["orders"]) == 2
    assert [o["stop"] for o in result["orders"]] == [0, 95]


@pytest.mark.parametrize("coin", BOTH)
def test_a_trailing_stop_follows_and_is_for_all(coin):
    """10 % below the best price: from 120 at 108."""
    trail = every([2, 3, 4], trail=0.1)
    rows = [FLAT, candle(100, 120, 120.0), (120.0, 120.0, 100.0, 100.0, 1e6)]
    result = played(buy(10), *trail, rows=rows, coin=coin, path="olhc")
    assert fills(result) == [(100, 10), (108, 10)]


def test_a_stop_and_a_trail_end_together():
    """On spot as a group, of a perpetual with the position."""
    for coin, end in ((COIN, "LINKED"), (FUTURE, "NO_POSITION")):
        result = played(buy(10), *every([2], stop=80.0, trail=0.1), rows=[FLAT, candle(85, 100)], coin=coin)
        assert fills(result)[1:] == [(90, 10)]
        assert result["orders"][1]["reason"] == end


@pytest.mark.parametrize("coin", BOTH)
def test_with_nothing_all_is_taken_back(coin):
    result = played(buy(10), *every([2], **HALVES), (3, protect()), rows=[FLAT] * 3, coin=coin)
    assert (standing(result), result["bases"], result["answers"][-1][3]) == ([], [10], 0)


def test_the_parts_add_up_to_the_whole():
    """A third of 10 is 3, two are 6, three are 10."""
    thirds = tuple((110.0 + i, 1 / 3) for i in range(3))
    result = played(buy(10), *every([2], takes=thirds), rows=[FLAT] * 2)
    assert standing(result) == [(110, 3), (111, 3), (112, 4)]


def test_what_is_too_small_goes_with_the_rest():
    """A tenth of 10 is 1, below the minimum of 3: the stop of the rest is for all 10."""
    coin = replace(COIN, min_amount=3.0)
    result = played(buy(10), *every([2], stop=90.0, takes=((110.0, 0.1),)), rows=[FLAT] * 2, coin=coin)
    assert standing(result) == [(90, 10)]


@pytest.mark.parametrize("wrong", [{"stop": 100.0}, {"stop": 105.0}, {"trail": 1.0}, {"takes": ((0.2, 0.5),)}])
def test_on_the_wrong_side_nothing_changes(wrong):
    wrong = {**wrong, "takes": ((-1.0, 0.5),)} if "takes" in wrong else wrong
    result = played(buy(10), *every([2], **HALVES), (3, protect(**wrong)), rows=[FLAT] * 3)
    assert result["answers"][-1][3] == "INVALID_PRICE"
    assert len(standing(result)) == 4


def test_a_turned_position_is_another_one():
    """A long of 10 becomes a short of 5: its exits lie on the other sides, and nothing of it counts as taken."""
    asks = [buy(10), *every([2, 3], **HALVES), (4, sell(10)), (5, protect(stop=110.0, takes=((90.0, 0.5),)))]
    result = played(*asks, rows=[FLAT, candle(100, 115), FLAT, FLAT, FLAT], coin=FUTURE)
    assert (result["bases"], standing(result)) == ([-5], [(90, 2), (110, 0)])


def test_a_stop_of_a_perpetual_may_wait_for_the_mark():
    asks = [buy(10), (2, protect(stop=90.0, trigger="mark"))]
    scenario = scenario_of([FLAT, FLAT, candle(85, 100)], *asks_at(asks), coin=FUTURE)
    result = assert_agreed(replace(scenario, marks=((FLAT[:4], FLAT[:4], (100.0, 100.0, 95.0, 100.0)),)))
    assert fills(result) == [(100, 10)]
    assert played(buy(10), (2, protect(stop=90.0, trigger="mark")), rows=[FLAT])["answers"][-1][3] == "INVALID_ORDER"


def asks_at(asks):
    return [ask if isinstance(ask[0], int) else (1, ask) for ask in asks]
