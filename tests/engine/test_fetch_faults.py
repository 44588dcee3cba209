"""An exchange tells candles that cannot be: they are left out, told, and stop nothing."""

import asyncio

import polars as pl
import pytest
from engine.fetching import BTC, COUNT, MINUTE, fetched, minutes, opened

from planar.engine.sources import Trades
from planar.store.faults import Fault
from planar.store.synthetic import START


def spoilt(venue, **rows):
    """Changes candles that the venue tells: by what they become, in ticks, the minutes that do."""
    klines = venue.floor.market("BTCUSDT").klines.series("1m")
    for what, minute in rows.items():
        kline = klines[minute]
        match what:
            case "high_below_low":
                kline.high, kline.low = kline.low - 1, kline.high
            case "open_zero":
                kline.open = 0
            case "close_outside":
                kline.close = kline.high + 5
            case "off_grid":
                kline.open_time += 30_000
            case "volume_negative":
                kline.units = -kline.units


def test_impossible_candles_are_left_out_told_with_their_reason_and_the_others_stored(store):
    async def scene():
        bad = {"high_below_low": 20, "open_zero": 21, "close_outside": 1_500, "off_grid": 1_501, "volume_negative": 9}
        async with opened() as (venue, exchange):
            spoilt(venue, **bad)
            [done] = await fetched(exchange, store)
            assert done.error is None
            assert minutes(store) == [at for at in range(COUNT) if at not in bad.values()]
            assert (done.added, done.gaps, done.missing) == (COUNT - 5, 3, 5)
            assert done.left_out == [
                Fault(START + 9 * MINUTE, "'volume' is negative or no number"),
                Fault(START + 20 * MINUTE, "'low' is above 'high'"),
                Fault(START + 21 * MINUTE, "'open' is zero or negative"),
                Fault(START + 1_500 * MINUTE, "'close' is above 'high'"),
                Fault(START + 1_501 * MINUTE + 30_000, "it is not the open of a 1m candle"),
            ]

    asyncio.run(scene())


def test_what_was_left_out_is_a_gap_that_was_asked_for_and_filled_when_the_exchange_mends_it(store):
    async def scene():
        async with opened() as (venue, exchange):
            spoilt(venue, high_below_low=20)
            await fetched(exchange, store)
            exchange.asked.clear()
            [done] = await fetched(exchange, store)
            assert (exchange.asked, done.left_out, done.missing) == ([], [], 1)
            kline = venue.floor.market("BTCUSDT").klines.series("1m")[20]
            kline.high, kline.low = kline.low, kline.high + 1
            [done] = await fetched(exchange, store, again=True)
            assert exchange.asked == [("BTC/USDT", 20, 1)]
            assert (done.added, done.missing, minutes(store)) == (1, 0, list(range(COUNT)))

    asyncio.run(scene())


@pytest.mark.parametrize("stop", [1, 3])
def test_a_page_of_impossible_candles_only_stops_nothing(store, stop):
    async def scene():
        async with opened() as (venue, exchange):
            for minute in range(stop):
                spoilt(venue, open_zero=minute)
            [done] = await fetched(exchange, store, end=START + stop * MINUTE)
            assert (done.error, done.added, len(done.left_out)) == (None, 0, stop)
            [done] = await fetched(exchange, store, end=START + 100 * MINUTE)
            assert (done.added, done.error) == (100 - stop, None)
            assert exchange.asked[-1] == ("BTC/USDT", stop, 100 - stop)

    asyncio.run(scene())


def test_candles_of_another_grid_throughout_are_an_error_and_no_candles_left_out(store):
    async def scene():
        async with opened() as (venue, exchange):
            for kline in venue.floor.market("BTCUSDT").klines.series("1m"):
                kline.open_time += 30_000
            [done] = await fetched(exchange, store)
            assert "is not the open of a 1m candle" in str(done.error)
            assert not store.path.exists() or BTC not in set(store.series()["instrument"])

    asyncio.run(scene())


def test_prints_without_a_price_or_an_amount_are_left_out(store):
    page = pl.DataFrame({"time": [1, 2, 3], "id": ["a", "b", "c"], "price": [1.0, 0.0, 2.0], "amount": [1.0, 1.0, 0.0]})
    kept, left_out = Trades(None, store, "trades", None, 0, 1).sound(page)
    assert kept["id"].to_list() == ["a"]
    assert left_out == [Fault(2, "'price' is zero or negative"), Fault(3, "'amount' is zero or negative")]
