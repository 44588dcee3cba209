"""Candles from the local venue into a store, through the real CCXT class: what is missing, once, and no more."""

import asyncio

import polars as pl
import pytest
from engine.fetching import BTC, COUNT, END, ETH, MINUTE, Listening, fetched, minutes, opened, pages_asked

from planar.config.settings import ExchangeSettings
from planar.engine.fetcher import stored_name
from planar.engine.suggest import fetch_command, since
from planar.errors import ConfigError, Rejected, Unreachable
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.store.synthetic import START, synthetic
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

COUNTED = Rule("delay", "GET /api/v3/klines", count=0)
"""Delays no request, and counts them."""


def test_all_closed_candles_are_stored_as_the_exchange_has_them(store):
    async def scene():
        async with opened() as (venue, exchange):
            [done] = await fetched(exchange, store)
            assert (done.series.name, done.added, done.gaps, done.missing) == (f"{BTC} 1m", COUNT, 0, 0)
            assert (done.first, done.last, done.error) == (START, END - MINUTE, None)
            assert minutes(store) == list(range(COUNT))
            klines = venue.floor.market("BTCUSDT").klines.series("1m")
            price = venue.floor.market("BTCUSDT").listing.price
            stored = store.read_candles(BTC, "1m")
            theirs = [[price(t) for t in (k.open, k.high, k.low, k.close)] for k in klines[:COUNT]]
            assert stored.select("open", "high", "low", "close").rows() == [tuple(map(float, row)) for row in theirs]
            assert set(store.imports(BTC, "1m")["source"]) == {"fetched from binance"}

    asyncio.run(scene())


def test_the_open_candle_is_not_stored_even_when_our_clock_is_ahead(store):
    async def scene():
        async with Venue(VenueConfig(history=30)) as venue:
            exchange = CcxtExchange("binance", settings=ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}"))
            async with exchange:
                before = await exchange.server_time()
                [done] = await fetched(exchange, store, start=before - 20 * MINUTE, now=before + 10 * MINUTE)
                after = await exchange.server_time()
            assert before - 2 * MINUTE < done.last <= after - MINUTE
            assert venue.floor.market("BTCUSDT").klines.series("1m")[-1].open_time > done.last

    asyncio.run(scene())


def test_a_second_fetch_asks_for_what_is_missing_at_the_ends_and_in_the_middle_only(store):
    async def scene():
        async with opened() as (_, exchange):
            for first, stop in ((500, 600), (700, 800)):
                await fetched(exchange, store, start=START + first * MINUTE, end=START + stop * MINUTE)
            exchange.asked.clear()
            [done] = await fetched(exchange, store, start=START + 400 * MINUTE, end=START + 900 * MINUTE)
            spans = [("BTC/USDT", first, 100) for first in (400, 600, 800)]
            assert sorted(exchange.asked) == spans
            assert (done.added, done.gaps) == (300, 0)
            exchange.asked.clear()
            [done] = await fetched(exchange, store, start=START + 400 * MINUTE, end=START + 900 * MINUTE)
            assert (done.added, exchange.asked) == (0, [])

    asyncio.run(scene())


def test_a_fetch_without_a_start_goes_on_from_the_first_stored_candle(store):
    async def scene():
        async with opened() as (_, exchange):
            with pytest.raises(
                ConfigError, match=r"binance:BTC/USDT 1m: nothing of it is stored yet: say from when.*--from 2023-12-2"
            ):
                await fetched(exchange, store, start=None)
            await fetched(exchange, store, start=START + 500 * MINUTE, end=START + 600 * MINUTE)
            await fetched(exchange, store, start=None)
            assert minutes(store) == list(range(500, COUNT))

    asyncio.run(scene())


def test_a_hole_of_the_exchange_is_told_noted_and_asked_for_once(store):
    async def scene():
        hole = range(1_200, 1_210)
        async with opened(without=hole) as (_, exchange):
            [done] = await fetched(exchange, store)
            assert (done.added, done.gaps, done.missing) == (COUNT - 10, 1, 10)
            assert minutes(store) == [at for at in range(COUNT) if at not in hole]
            exchange.asked.clear()
            [done] = await fetched(exchange, store)
            assert (done.added, done.gaps, done.missing, exchange.asked) == (0, 1, 10, [])
            [done] = await fetched(exchange, store, again=True)
            assert exchange.asked == [("BTC/USDT", 1_200, 10)]
            assert (done.added, done.missing) == (0, 10)

    asyncio.run(scene())


def test_a_hole_of_the_store_that_the_exchange_has_is_filled(store):
    async def scene():
        async with opened() as (_, exchange):
            some = synthetic([BTC], "1m", START, COUNT)[BTC]
            store.write_candles(BTC, "1m", some.slice(0, 700).vstack(some.slice(900)), "a file")
            [done] = await fetched(exchange, store)
            assert exchange.asked == [("BTC/USDT", 700, 200)]
            assert (done.added, done.gaps) == (200, 0)

    asyncio.run(scene())


def test_candles_that_may_only_be_late_are_asked_for_again(store):
    async def scene():
        async with opened(without=range(COUNT - 5, COUNT + 60)) as (_, exchange):
            for _ in range(2):
                [done] = await fetched(exchange, store)
            assert minutes(store) == list(range(COUNT - 5))
            assert exchange.asked[-1] == ("BTC/USDT", COUNT - 5, 5)
            assert done.gaps == 0

    asyncio.run(scene())


def test_time_before_the_first_candle_is_asked_for_once(store):
    async def scene():
        async with opened() as (venue, exchange):
            venue.add_chaos([COUNTED])
            year = 365 * 1_440
            [done] = await fetched(exchange, store, start=START - year * MINUTE)
            assert (done.first, done.added) == (START, COUNT)
            assert pages_asked(venue) <= 6  # one that is empty, one for days, three of candles
            exchange.asked.clear()
            await fetched(exchange, store, start=START - year * MINUTE)
            assert exchange.asked == []

    asyncio.run(scene())


def test_a_cancelled_fetch_leaves_whole_pages_and_the_next_goes_on_there(store):
    async def scene():
        async with opened() as (_, exchange):
            task = asyncio.create_task(fetched(exchange, store, progress=lambda _: task.cancel()))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert minutes(store) == list(range(1_000))
            exchange.asked.clear()
            await fetched(exchange, store)
            assert exchange.asked[0] == ("BTC/USDT", 1_000, COUNT - 1_000)
            assert minutes(store) == list(range(COUNT))

    asyncio.run(scene())


def test_gaps_within_a_page_are_not_asked_for_again_after_a_cancelled_fetch(store):
    async def scene():
        async with opened(without=range(0, COUNT - 1_000, 3)) as (_, exchange):
            task = asyncio.create_task(fetched(exchange, store, progress=lambda _: task.cancel()))
            with pytest.raises(asyncio.CancelledError):
                await task
            exchange.asked.clear()
            await fetched(exchange, store)
            assert exchange.asked == [("BTC/USDT", 1_500, COUNT - 1_500)]

    asyncio.run(scene())


@pytest.mark.parametrize("what", ["503", "hang", "drop", "truncate", "429"])
def test_an_outage_in_the_middle_is_waited_for(store, what):
    async def scene():
        async with opened(settings={"timeout": 300}) as (venue, exchange):
            venue.add_chaos([Rule(what, "GET /api/v3/klines", count=2, after=1)])
            [done] = await fetched(exchange, store)
            assert (done.added, done.error, minutes(store)) == (COUNT, None, list(range(COUNT)))

    asyncio.run(scene())


def test_an_outage_that_outlasts_the_exchanges_retries_is_waited_for_too(store):
    async def scene():
        async with opened(settings={"retries": 0}) as (venue, exchange):
            venue.add_chaos([Rule("503", "GET /api/v3/klines", count=3, after=2)])
            [done] = await fetched(exchange, store)
            assert (done.added, done.error) == (COUNT, None)
            assert exchange.asked[2:] == [("BTC/USDT", 2_000, COUNT - 2_000)] * 3

    asyncio.run(scene())


def test_an_exchange_that_never_answered_is_not_waited_for(store):
    async def scene():
        async with opened(settings={"retries": 0}) as (venue, exchange):
            venue.add_chaos([Rule("503", "GET /api/v3/klines", count=1)])
            [done] = await fetched(exchange, store)
            assert isinstance(done.error, Unreachable)
            assert len(exchange.asked) == 1

    asyncio.run(scene())


def test_an_outage_that_does_not_end_keeps_what_came_and_lets_the_others_go_on(store):
    async def scene():
        async with opened(settings={"retries": 0}) as (venue, exchange):
            await fetched(exchange, store, "ETH/USDT")
            venue.add_chaos([Rule("503", "GET /api/v3/klines", count=0, after=1)])
            done = await fetched(exchange, store, "BTC/USDT", "ETH/USDT")
            assert isinstance(done[0].error, Unreachable)
            assert (done[0].added, done[1].added, done[1].error) == (1_000, 0, None)
            assert minutes(store) == list(range(1_000))

    asyncio.run(scene())


def test_several_instruments_are_fetched_and_a_name_may_be_written_with_its_exchange(store):
    async def scene():
        async with opened() as (_, exchange):
            told = []
            done = await fetched(exchange, store, BTC, "ETH/USDT", "BTC/USDT", progress=told.append)
            assert [(one.series.instrument, one.added) for one in done] == [(BTC, COUNT), (ETH, COUNT)]
            assert told == sorted(told)
            assert told[-1] == pytest.approx(1.0)

    asyncio.run(scene())


def test_a_long_span_is_fetched_in_pieces_side_by_side(store):
    async def scene():
        async with opened() as (_, exchange):
            await fetched(exchange, store, rows=500)
            assert exchange.asked[1:] == [("BTC/USDT", at, 500) for at in (1_000, 1_500, 2_000)]
            assert minutes(store) == list(range(COUNT))

    asyncio.run(scene())


def test_a_page_without_volume_does_not_make_the_volume_unknown(store):
    frame = synthetic([BTC], "1m", START, 20)[BTC]
    still = frame.slice(10).with_columns(volume=pl.lit(0.0))
    store.write_candles(BTC, "1m", frame.slice(0, 10), "x", asked=(START, START + 10 * MINUTE))
    store.write_candles(BTC, "1m", still, "x", asked=(START + 10 * MINUTE, START + 20 * MINUTE))
    assert store.read_candles(BTC, "1m")["volume"].to_list() == [*frame["volume"][:10], *[0.0] * 10]


def test_a_test_environment_is_stored_as_an_exchange_of_its_own():
    names = [stored_name(CcxtExchange("binance", sandbox=test), "BTC/USDT") for test in (False, True)]
    assert names == [BTC, "binance_sandbox:BTC/USDT"]


def test_mistakes_are_told_before_anything_is_fetched(store):
    async def scene():
        async with opened() as (_, exchange):
            with pytest.raises(Rejected, match=r"no market 'BTCUSDT'. Did you mean 'BTC/USDT'"):
                await fetched(exchange, store, "ETH/USDT", "BTCUSDT")
            with pytest.raises(ConfigError, match=r"--from 2024-01-01 00:00 UTC: --to 2023-12-31 .* is not after it"):
                await fetched(exchange, store, end=START - 1_440 * MINUTE)
            with pytest.raises(ConfigError, match=r"no candle closed after it"):
                await fetched(exchange, store, start=END + 1_440 * MINUTE)
            with pytest.raises(ConfigError, match=r"timeframe '1x' is not a count"):
                await fetched(exchange, store, timeframe="1x")
            [done] = await fetched(exchange, store, timeframe="7m")
            assert "does not offer 7m candles, only 1s, 1m" in str(done.error)
            assert not store.path.exists()

    asyncio.run(scene())


def test_an_exchange_that_is_not_there_is_told(store):
    async def scene():
        exchange = Listening("binance", settings=ExchangeSettings(base_url="http://127.0.0.1:9", retries=1))
        try:
            with pytest.raises(Unreachable, match="binance"):
                await fetched(exchange, store)
        finally:
            await exchange.close()

    asyncio.run(scene())


def test_the_command_is_named_for_exchanges_that_there_are_and_begins_where_it_is_worth_while():
    command = "planar data fetch binance BTC/USDT --timeframe 1h --from"
    assert fetch_command(BTC, "1h", START) == f"{command} 2023-06-06"  # 5,000 hours before
    assert fetch_command(BTC, "1h", START, start=START - 86_400_000) == f"{command} 2023-12-31"
    assert fetch_command("nowhere:BTC/USDT", "1h", START) == ""
    assert [since(START, length) for length in (0, MINUTE, 86_400_000)] == ["2023-12-25", "2023-12-25", "2016-01-03"]
