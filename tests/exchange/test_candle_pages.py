"""Candles in pages: closed ones, each once, in order, over gaps, whatever an exchange's way of paging is."""

import asyncio

import pytest
from exchange.recorded import START, run

from planar.errors import Rejected
from planar.exchange.candle_pages import candle_pages

MINUTE, DAY = 60_000, 86_400_000


def row(time, price=1.0):
    return [time, price, price, price, price, 1.0]


class Kept:
    """Candles of one minute at these minutes, served as exchanges do."""

    def __init__(self, minutes, *, way="from", limit=5):
        self.times = [minute * MINUTE for minute in minutes]
        self.way, self.limit, self.asked = way, limit, []

    async def fetch(self, timeframe, since, count):
        self.asked.append((timeframe, since // MINUTE))
        if timeframe == "1d":
            return [row(day * DAY) for day in sorted({time // DAY for time in self.times}) if day * DAY >= since][
                :count
            ]
        found = [row(time) for time in self.times if time >= since]
        if self.way == "window":  # only looks at the stretch that a page covers
            found = [one for one in found if one[0] < since + count * MINUTE]
        if self.way == "overlap":  # repeats the candle before
            found = [row(time) for time in self.times if time >= since - MINUTE]
        if self.way == "backwards":
            return found[:count][::-1]
        return found[:count]


def read(kept, start, end, now=None):
    async def gather():
        now_ = (now if now is not None else end + 1) * MINUTE
        async for page in candle_pages(kept.fetch, "1m", start * MINUTE, end * MINUTE, now_, kept.limit, "1d"):
            yield page

    async def all_():
        return [page async for page in gather()]

    return [time // MINUTE for page in asyncio.run(all_()) for time in page["time"]]


@pytest.mark.parametrize("way", ["from", "window", "overlap", "backwards"])
def test_every_candle_of_the_range_comes_once_and_in_order(way):
    minutes = [*range(3, 20), *range(31, 40), 4000, 4001]
    kept = Kept(minutes, way=way)
    assert read(kept, 4, 4001) == [minute for minute in minutes if 4 <= minute < 4001]


def test_an_unclosed_candle_is_not_given():
    assert read(Kept(range(8)), 0, 100, now=7) == list(range(7))


@pytest.mark.parametrize("limit", [5, 100])
def test_a_candle_that_others_follow_is_closed_whatever_the_clock_says(limit):
    assert read(Kept(range(23), limit=limit), 0, 100, now=7) == list(range(22))
    assert read(Kept(range(23), limit=limit), 0, 12, now=7) == list(range(12))


def test_a_long_stretch_without_candles_costs_few_requests():
    kept = Kept([0, 400 * 1440 + 3], way="window", limit=1000)
    assert read(kept, 0, 500 * 1440) == [0, 400 * 1440 + 3]
    assert len(kept.asked) <= 10


def test_an_empty_range_asks_for_nothing():
    kept = Kept(range(10))
    assert read(kept, 5, 5) == []
    assert kept.asked == []


def test_going_on_after_the_last_candle_gives_the_rest():
    kept = Kept(range(10))
    first = read(kept, 0, 6)
    assert first + read(kept, first[-1] + 1, 10) == list(range(10))


def test_candles_come_through_ccxt_closed_and_in_pages():
    now = START + 2500 * MINUTE

    def klines(asked):
        since, count = int(asked["startTime"]), int(asked["limit"])
        times = [since + i * MINUTE for i in range(count) if since + i * MINUTE <= now]
        return [[time, "1.5", "2", "1", "1.75", "10", time + MINUTE - 1, "0", 1, "0", "0", "0"] for time in times]

    async def test(server, exchange):
        server.answers["GET /api/v3/klines"] = klines
        server.answers["GET /api/v3/time"] = lambda asked: {"serverTime": now + 30_000}
        found = [page async for page in exchange.candles("BTC/USDT", "1m", START)]
        assert [page.height for page in found] == [1000, 1000, 500]
        assert found[0].row(0) == (START, 1.5, 2.0, 1.0, 1.75, 10.0)
        assert found[-1]["time"][-1] == now - MINUTE

    run(test, credentials=None)


def test_a_timeframe_that_the_exchange_does_not_have_is_refused():
    async def test(server, exchange):
        with pytest.raises(Rejected, match="does not offer 7m candles, only 1s, 1m"):
            await anext(exchange.candles("BTC/USDT", "7m", START))

    run(test)
