"""What the books of a perpetual are told is what happened there, in whatever order it is heard."""

from dataclasses import replace

import numpy as np
import pytest

from planar import Strategy
from planar.engine.session.trader import Trader
from planar.model.ask import Cancel, Row
from planar.model.order import Forced, Side
from planar.strategy.candles import Candles
from planar.venue.usdm.terms import usual

NAME = "binance:BTC/USDT:USDT"
UNIT = 10**8
LOT, TICKS, PRICE = 10**6, 50_000, 5_000.0
"""A tenth of bitcoin in base units, at 5,000 in ticks of a tenth: 500 USDT."""


class Buys(Strategy):
    """Buys once, later sells once."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 1:
            broker.buy(0.1)
        else:
            broker.sell(0.1)


def books(mode="isolated", cls=Buys):
    """A trader that has bought a tenth at 5 times leverage, with 10,000 USDT."""
    contract = replace(usual(NAME, 0.1, 0.001), margin_mode=mode, leverage=5)
    times = np.arange(100, dtype=np.int64) * 60_000
    price = np.full(100, PRICE)
    past = Candles(times, price, price, price, price, price, timeframe=60_000)
    trader = Trader([cls()], [contract], [past], cash=10_000 * UNIT, base=[0], compiled=False)
    trader.begin()
    trader.step(int(times[-1]) + 60_000)
    assert trader.tell("filled", 0, 1, 1, TICKS, LOT, 500 * UNIT, 0, 0, 0)
    return trader


def standing(trader):
    record = trader.memory.instruments[0]
    return tuple(int(record[name]) for name in ("base", "entry", "kept")), trader.wallet_units()


def forced(trader, amount, cost, how=Forced.LIQUIDATION):
    ticks = round(cost / amount * LOT * TICKS / 500)
    return trader.tell("forced", 0, 0, 2, int(Side.SELL), ticks, amount, cost * UNIT, 0, int(how))


def test_a_forced_close_is_booked_also_where_an_exit_was_heard_first():
    """The exchange closed the long before the exit came, which so became a short: 100 were lost, nothing since."""
    trader = books()
    trader.take(0, Row(100 * 60_000, PRICE, PRICE, PRICE, PRICE, PRICE))
    trader.step(101 * 60_000)
    assert trader.tell("filled", 0, 2, 3, 40_000, LOT, 400 * UNIT, 0, 0, 0)
    assert forced(trader, LOT, 400)
    assert standing(trader) == ((-LOT, -400 * UNIT, 80 * UNIT), 9_900 * UNIT)


def test_a_forced_close_of_more_than_the_books_have_crosses_zero():
    """What was bought before is still to be told."""
    trader = books()
    assert forced(trader, 3 * LOT, 1_500)
    assert standing(trader) == ((-2 * LOT, -1_000 * UNIT, 200 * UNIT), 10_000 * UNIT)


def test_what_a_liquidation_leaves_keeps_its_margin():
    trader = books()
    assert forced(trader, LOT // 2, 240)
    assert standing(trader) == ((LOT // 2, 250 * UNIT, 90 * UNIT), 9_990 * UNIT)


def test_margin_that_was_refused_once_the_position_has_gone_changes_nothing():
    trader = books()
    assert forced(trader, LOT, 500)
    before = standing(trader)
    assert not trader.tell("margined", 0, 0, 3, -1_000 * UNIT)
    assert standing(trader) == before


def test_margin_is_never_below_nothing():
    trader = books()
    assert trader.tell("margined", 0, 0, 3, -1_000 * UNIT)
    assert standing(trader) == ((LOT, 500 * UNIT, 0), 10_000 * UNIT)


@pytest.mark.parametrize(("mode", "kept"), [("isolated", 120), ("cross", 0)])
@pytest.mark.parametrize("base", [2 * LOT, LOT // 2, 0, -LOT])
def test_a_position_that_is_taken_over_realises_nothing(base, mode, kept):
    trader = books(mode)
    realised = float(trader.memory.instruments[0]["realised"])
    trader.hold(0, base, 600 * UNIT if base else 0)
    side = (base > 0) - (base < 0)
    assert standing(trader) == ((base, side * 600 * UNIT, kept * UNIT if base else 0), 10_000 * UNIT)
    assert float(trader.memory.instruments[0]["realised"]) == realised
    worth = base / LOT * 500 - side * 600
    assert trader.put_in == pytest.approx(worth)
    assert trader.equity() == pytest.approx(10_000 + worth)


class Closes(Strategy):
    """Buys once; then asks for a stop and for a take that close the position."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 1:
            broker.buy(0.1)
        elif self.count == 2:
            broker.close(stop=candle.close * 0.9)
            broker.close(take=candle.close * 1.1)


@pytest.mark.parametrize("how", ["its take", "a liquidation", "somebody else"])
@pytest.mark.parametrize("left", [0, 1])
def test_what_may_only_reduce_a_position_is_cancelled_once_that_is_gone(how, left):
    """An exchange may keep it, and the next position would be closed by it. left: lots that are still held."""
    trader = books(cls=Closes)
    for row in (100, 101):
        trader.take(0, Row(row * 60_000, PRICE, PRICE, PRICE, PRICE, PRICE))
        asks = trader.step((row + 1) * 60_000)
        if row == 100:
            assert [(each.id, each.reduce_only, each.units) for each in asks] == [(2, True, LOT), (3, True, LOT)]
            for id in (2, 3):
                trader.tell("accepted", 0, id, 1)
            gone = LOT - left * LOT // 2
            if how == "its take":
                trader.tell("filled", 0, 3, 3, 55_000, gone, 550 * UNIT * gone // LOT, 0, 0, 0)
            elif how == "a liquidation":
                forced(trader, gone, 400 * gone // LOT)
            else:
                trader.hold(0, LOT - gone, 500 * UNIT * (LOT - gone) // LOT)
    over = {3} if how == "its take" else set()
    assert asks == ([] if left else [Cancel(id, 0) for id in (2, 3) if id not in over])
