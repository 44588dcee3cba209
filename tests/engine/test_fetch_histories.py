"""Market trades, funding rates and mark candles into a store: each once, in pages, and on from where a fetch ended."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from engine.fetching import BTC, END, MINUTE, SOON, fetched, opened, pages_asked
from exchange.recorded import against as against_recorded
from exchange.recorded import answers, recorded

from planar.engine.fetch import Pace, Wanted, fetch
from planar.errors import ConfigError, Rejected
from planar.store.synthetic import START
from planar.venue.chaos import Rule

HOUR, DAY = 3_600_000, 86_400_000
PERPETUAL = "binance:BTC/USDT:USDT"
PAYLOADS = Path(__file__).parents[2].parent / "shared/data/venue_payloads/binance/legacy_http"


def venue_trades(venue, start, end):
    market = venue.floor.market("BTCUSDT")
    found = [one for one in market.trades if start <= one.time < end]
    return [(one.time, str(one.id), float(market.listing.price(one.ticks))) for one in found]


def squeeze(venue, start):
    """Lets all prints since a time happen in the hour after it, and those about the end of the first page at once."""
    trades = venue.floor.market("BTCUSDT").trades
    first = next(i for i, one in enumerate(trades) if one.time >= start)
    for i in range(first, len(trades)):
        trades[i] = replace(trades[i], time=start + (trades[i].time - start) // 6)
    for i in range(first + 990, first + 1_010):
        trades[i] = replace(trades[i], time=trades[first + 990].time)


TRADES = {"kinds": ["trades"], "timeframe": None}
"""The venue keeps its last prints."""


def test_trades_are_stored_as_the_exchange_has_them_each_id_once(store):
    async def scene():
        async with opened() as (venue, exchange):
            span = {"start": END - 300 * MINUTE, "end": END}
            [done] = await fetched(exchange, store, **TRADES, **span)
            told = venue_trades(venue, span["start"], END)
            stored = store.read_trades(BTC)
            assert stored.select("time", "id", "price").rows() == told
            assert (done.added, done.error, done.gaps, done.series.kind) == (len(told), None, None, "trades")
            assert len(told) > 1_000  # several pages
            assert set(stored["side"]) == {"buy", "sell"}
            [done] = await fetched(exchange, store, **TRADES, **span)
            assert (done.added, store.read_trades(BTC).height) == (0, len(told))

    asyncio.run(scene())


def test_pages_of_trades_that_part_a_millisecond_double_and_lose_none(store):
    async def scene():
        async with opened() as (venue, exchange):
            squeeze(venue, END - 300 * MINUTE)
            told = venue_trades(venue, END - 300 * MINUTE, END)
            await fetched(exchange, store, **TRADES, start=END - 300 * MINUTE, end=END)
            assert store.read_trades(BTC)["id"].to_list() == [id for _, id, _ in told]

    asyncio.run(scene())


def test_a_cancelled_fetch_of_trades_keeps_its_pages_and_the_next_asks_for_the_rest_only(store):
    async def scene():
        async with opened() as (venue, exchange):
            span = {"start": END - 300 * MINUTE, "end": END}
            squeeze(venue, span["start"])
            task = asyncio.create_task(fetched(exchange, store, **TRADES, **span, progress=lambda _: task.cancel()))
            with pytest.raises(asyncio.CancelledError):
                await task
            before = store.read_trades(BTC)
            assert before.height == 1_000
            [hole] = store.missing(BTC, None, span["start"], END, kind="trades")
            assert hole == (before["time"][-1], END)
            await fetched(exchange, store, **TRADES, **span)
            assert store.read_trades(BTC)["id"].to_list() == [id for _, id, _ in venue_trades(venue, *span.values())]

    asyncio.run(scene())


def test_what_is_long_past_is_asked_for_once_and_what_may_only_be_late_again(store):
    async def scene():
        async with opened() as (_, exchange):
            await fetched(exchange, store, **TRADES, start=END - 300 * MINUTE, end=END - 100 * MINUTE)
            assert store.missing(BTC, None, END - 300 * MINUTE, END - 100 * MINUTE, kind="trades") == []
            await fetched(exchange, store, **TRADES, start=END - 300 * MINUTE)
            last = store.read_trades(BTC)["time"][-1]
            now = END + MINUTE // 2
            assert store.missing(BTC, None, END - 300 * MINUTE, now, kind="trades") == [(last, now)]

    asyncio.run(scene())


def test_years_before_the_first_trade_are_stepped_over_and_not_asked_for_again(store):
    async def scene():
        async with opened() as (venue, exchange):
            venue.add_chaos([Rule("delay", "GET /api/v3/aggTrades", count=0)])  # delays none, and counts them
            span = {"start": START - 400 * DAY, "end": START + HOUR}
            [done] = await fetched(exchange, store, **TRADES, **span)
            assert done.added == len(venue_trades(venue, *span.values())) > 0
            assert START <= done.first < START + MINUTE
            assert pages_asked(venue) <= 4
            asked = pages_asked(venue)
            await fetched(exchange, store, **TRADES, **span)
            assert pages_asked(venue) == asked

    asyncio.run(scene())


def test_an_outage_among_trades_is_waited_for(store):
    async def scene():
        async with opened(settings={"retries": 0}) as (venue, exchange):
            venue.add_chaos([Rule("503", "GET /api/v3/aggTrades", count=2, after=1)])
            span = {"start": END - 300 * MINUTE, "end": END}
            [done] = await fetched(exchange, store, **TRADES, **span)
            assert (done.error, done.added) == (None, len(venue_trades(venue, *span.values())))

    asyncio.run(scene())


def test_candles_and_trades_are_fetched_side_by_side_and_spot_has_no_funding(store):
    async def scene():
        async with opened() as (_, exchange):
            done = await fetched(
                exchange, store, kinds=["candles", "trades", "funding", "mark"], start=END - 50 * MINUTE
            )
            assert [one.series.kind for one in done] == ["candles", "trades", "funding", "mark"]
            assert [one.added > 0 for one in done] == [True, True, False, False]
            for one in done[2:]:
                assert isinstance(one.error, Rejected)
                assert "BTC/USDT is a spot market and has no" in str(one.error)
                assert "its perpetual is written BTC/USDT:USDT" in str(one.error)
            assert store.series()["kind"].to_list() == ["candles", "trades"]

    asyncio.run(scene())


def test_kinds_that_there_are_not_and_candles_without_a_timeframe_are_refused(store):
    async def scene():
        async with opened() as (_, exchange):
            with pytest.raises(ConfigError, match=r"kind 'fundings' is none of candles.*Did you mean 'funding'"):
                await fetched(exchange, store, kinds=["fundings"])
            with pytest.raises(ConfigError, match=r"mark candles have a timeframe: name it, as in --timeframe 1h"):
                await fetched(exchange, store, kinds=["mark"], timeframe=None)
            with pytest.raises(ConfigError, match=r"binance:BTC/USDT trades: nothing of it is stored yet: say from"):
                await fetched(exchange, store, **TRADES, start=None)

    asyncio.run(scene())


def of_futures(store, exchange, kinds, **rest):
    wanted = Wanted(["BTC/USDT:USDT"], kinds=kinds, **{"start": START, **rest})
    return fetch(exchange, store, wanted, now=START + 300 * DAY, pace=Pace(20_000, SOON))


def on_recorded(test, **settings):
    async def scene():
        async with recorded() as server, against_recorded(server, futures=True, **settings) as exchange:
            await test(server, exchange)

    asyncio.run(scene())


def rates(asked):
    """Every eight hours for ever, with the jitter of the real ones; 100 in a page."""
    first = (int(asked["startTime"]) - START + 8 * HOUR - 1) // (8 * HOUR)
    found = [(START + i * 8 * HOUR + i % 7, f"0.000{i % 90 + 10}") for i in range(max(first - 1, 0), first + 100)]
    return [
        {"symbol": "BTCUSDT", "fundingTime": time, "fundingRate": rate, "markPrice": "30000"}
        for time, rate in found
        if time >= int(asked["startTime"])
    ][:100]


def test_funding_rates_are_stored_once_and_only_new_ones_are_asked_for(store):
    async def test(server, exchange):
        server.answers["GET /fapi/v1/fundingRate"] = rates
        [done] = await of_futures(store, exchange, ["funding"])
        stored = store.read_funding(PERPETUAL)
        assert stored["time"].to_list() == [START + i * 8 * HOUR + i % 7 for i in range(900)]
        assert stored["rate"][3] == 0.00013
        assert (done.added, done.error, done.series.name) == (900, None, f"{PERPETUAL} funding")
        before = server.count("GET /fapi/v1/fundingRate")
        [done] = await of_futures(store, exchange, ["funding"])
        assert (done.added, server.count("GET /fapi/v1/fundingRate")) == (0, before + 1)
        asked = [words for _, path, words in server.requests if path == "/fapi/v1/fundingRate"]
        assert int(asked[-1]["startTime"]) == START + 300 * DAY - HOUR  # what may only be late

    on_recorded(test)


def test_an_outage_among_funding_rates_is_waited_for_and_leaves_none_out(store):
    async def test(server, exchange):
        server.answers["GET /fapi/v1/fundingRate"] = rates
        server.fail("GET /fapi/v1/fundingRate", *[None] * 2, answers(503, "busy"), answers(503, "busy"))
        [done] = await of_futures(store, exchange, ["funding"])
        assert (done.error, store.read_funding(PERPETUAL).height) == (None, 900)

    on_recorded(test, retries=0, timeout=10_000)


def test_mark_candles_are_stored_beside_those_of_trades_and_neither_is_taken_for_the_other(store):
    def klines(price):
        def rows(asked):
            first, limit = int(asked["startTime"]), int(asked["limit"])
            opens = [time for time in range(first - first % HOUR, first + limit * HOUR, HOUR) if time >= first]
            return [[t, price, price, price, price, "0", t + HOUR - 1, "0", 1, "0", "0", "0"] for t in opens[:limit]]

        return rows

    async def test(server, exchange):
        server.answers["GET /fapi/v1/klines"] = klines("100.5")
        server.answers["GET /fapi/v1/markPriceKlines"] = klines("101.25")
        span = {"end": START + 30 * DAY, "timeframe": "1h"}
        done = await of_futures(store, exchange, ["candles", "mark"], **span)
        assert [(one.added, one.gaps, one.error) for one in done] == [(720, 0, None)] * 2
        assert set(store.read_candles(PERPETUAL, "1h")["close"]) == {100.5}
        mark = store.read_candles(PERPETUAL, "1h", kind="mark")
        assert set(mark["close"]) == {101.25}
        assert mark["volume"].is_nan().all()  # a mark price has none
        assert store.series()["kind"].to_list() == ["candles", "mark"]

    on_recorded(test)


@pytest.mark.data
@pytest.mark.skipif(not PAYLOADS.exists(), reason="no ../shared/data")
def test_recorded_payloads_are_stored_to_the_last_digit(store):
    def payload(name):
        return json.loads((PAYLOADS / f"http_futures_market_{name}.json").read_text())

    async def test(server, exchange):
        told = {"GET /fapi/v1/fundingRate": "funding_rate", "GET /fapi/v1/markPriceKlines": "mark_price_klines"}
        for path, name in told.items():
            server.answers[path] = lambda asked, name=name: [
                row
                for row in payload(name)
                if (row if name[0] == "m" else [row["fundingTime"]])[0] >= int(asked["startTime"])
            ]
        [funding] = await of_futures(store, exchange, ["funding"], start=1_570_000_000_000)
        assert store.read_funding(PERPETUAL).rows() == [(1570608000000, -0.0375), (1570636800000, 0.0001)]
        start = 1_591_256_400_000
        span = {"start": start, "end": start + 5 * MINUTE, "timeframe": "1m"}
        [mark] = await of_futures(store, exchange, ["mark"], **span)
        [row] = store.read_candles(PERPETUAL, "1m", kind="mark").rows()
        assert row[:5] == (1591256460000, 9653.29201333, 9654.56401333, 9653.07367333, 9653.07367333)
        assert funding.error is mark.error is None

    on_recorded(test)


def test_leverage_tiers_are_kept_where_the_exchange_tells_them_and_stay_where_it_does_not(store):
    bracket = {"bracket": 1, "initialLeverage": 125, "notionalCap": 50000, "notionalFloor": 0,
               "maintMarginRatio": 0.004, "cum": 0.0}  # fmt: skip

    async def test(server, exchange):
        server.answers["GET /fapi/v1/fundingRate"] = rates
        server.answers["GET /fapi/v1/leverageBracket"] = lambda asked: [{"symbol": "BTCUSDT", "brackets": [bracket]}]
        await of_futures(store, exchange, ["funding"])
        [seen] = store.rules()[PERPETUAL]
        [tier] = seen.rules.tiers
        assert (tier.max_leverage, tier.cap, tier.maintenance_rate) == (125, 50_000, Decimal("0.004"))
        assert (seen.rules.price_step, seen.rules.min_cost, seen.rules.fee_side) == (Decimal("0.1"), 100, None)
        server.fail("GET /fapi/v1/leverageBracket", answers(403, "for customers"))
        await of_futures(store, exchange, ["funding"])
        assert store.rules()[PERPETUAL] == [seen]

    on_recorded(test)


def test_a_clock_that_is_hours_ahead_leaves_no_hole_in_what_the_exchange_has_not_had_yet(store):
    async def scene():
        async with recorded() as server, against_recorded(server) as exchange:
            there = [START]

            def prints(asked):
                since, until = int(asked["startTime"]), int(asked["endTime"])
                ids = [number for number in range(40) if since <= START + number * MINUTE <= min(until, there[0])]
                return [{"a": n, "p": "1", "q": "1", "f": n, "l": n, "T": START + n * MINUTE, "m": False} for n in ids]

            server.answers["GET /api/v3/aggTrades"] = prints
            server.answers["GET /api/v3/klines"] = lambda asked: []
            server.answers["GET /api/v3/time"] = lambda asked: {"serverTime": there[0]}
            for minutes, ahead in ((20, 3 * HOUR), (39, 0)):
                there[0] = START + minutes * MINUTE + 1
                [done] = await fetched(exchange, store, **TRADES, now=there[0] + ahead)
                assert done.error is None
            assert store.read_trades(BTC)["id"].to_list() == [str(number) for number in range(40)]

    asyncio.run(scene())
