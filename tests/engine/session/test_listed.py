"""Parity asks the exchange which candles there were: one that was missed or has changed is found, with its amount."""

import asyncio
import json
from contextlib import AsyncExitStack

import polars as pl
import pytest
from engine.session.retold import retold

from planar.cli import app
from planar.engine.session.archive import journal
from planar.engine.session.attribution import Cause, attributed
from planar.engine.session.listed import market_of
from planar.engine.session.story import story_of
from planar.exchange import registry
from planar.simulator.fill_model import FillModel
from planar.store.store import Store
from planar.venue.config import VenueConfig
from planar.venue.server import Venue


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listed")
    retold(folder, "sma_cross")
    return journal(folder)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_living", {})
    (tmp_path / "user").mkdir()
    return tmp_path


def found(place, story, frame, store=None):
    """The story's candles beside those of an exchange that lists the frame, and of a store."""

    async def asked():
        instrument, end = story.origin.instruments[0], int(frame["time"][-1]) + story.length
        config = VenueConfig(
            (instrument,), candles={instrument.name: frame}, timeframe=story.origin.timeframe, speed=0,
            start=end + 1, points=0,
        )  # fmt: skip
        async with Venue(config) as venue, AsyncExitStack() as stack:
            settings = f"[binance]\nbase_url = 'http://127.0.0.1:{venue.port}'\n"
            (place / "user" / "planar.toml").write_text(settings)
            return await market_of(story, store or Store(place / "none.duckdb"), stack)

    return asyncio.run(asked())


def check(story, market):
    """The causes add up to the difference, whatever is listed."""
    made = attributed(story, FillModel(), market)
    assert sum(share.amount for share in made.shares) == made.difference
    return {share.cause: share for share in made.shares}


def test_candles_that_are_listed_as_they_came_are_no_cause(place, entries):
    story = story_of(entries)
    [candles] = story.candles()
    market = found(place, story, candles.frame)
    assert (market.missing, market.changed, market.why) == (set(), set(), "")
    assert market.sources == {story.origin.instruments[0].name: "binance"}
    assert check(story, market) == {}


def test_a_candle_that_never_came_is_found_and_the_decision_that_it_cost_has_its_amount(place, entries):
    whole = story_of(entries)
    asking = [e.body for e in entries if e.kind == "step" and e.body["asks"]]
    step = asking[len(asking) // 2]
    opens, places = step["time"] - whole.length, [ask[1] for ask in step["asks"]]
    lost = [
        entry
        for entry in entries
        if not (entry.kind == "candle" and entry.body[1] == opens)
        and not (entry.kind == "step" and entry.body["time"] == step["time"])
    ]
    story = story_of(lost)
    assert not story.outcomes.keys() & set(places)
    market = found(place, story, whole.candles()[0].frame)
    assert (market.missing, market.changed) == ({(0, step["time"])}, set())
    shares = check(story, market)
    assert (shares[Cause.MISSING].count, shares[Cause.MISSING].amount != 0) == (1, True)


def test_candles_that_are_listed_otherwise_now_are_found_with_what_that_is_worth(place, entries):
    story = story_of(entries)

    def change(frame):
        is_late = pl.col("time") >= story.begun + 300 * story.length
        dear = (pl.when(is_late).then(pl.col(c) + 500.0).otherwise(pl.col(c)) for c in ("close", "high"))
        return frame.with_columns(*dear)

    market = found(place, story, change(story.candles()[0].frame))
    assert (len(market.changed), market.missing) == ((story.end - story.begun) // story.length - 300, set())
    shares = check(story, market)
    assert (shares[Cause.CHANGED].count, shares[Cause.CHANGED].amount != 0) == (len(market.changed), True)


def test_the_exchange_is_asked_for_what_the_store_does_not_have_for_sure(place, entries):
    story = story_of(entries)
    [candles], name = story.candles(), story.origin.instruments[0].name
    dearer = candles.frame.with_columns(close=pl.col("close") + 1.0, high=pl.col("high") + 1.0)
    half = story.begun + 200 * story.length
    store = Store(place / "half.duckdb", clock=lambda: half + 5)
    store.write_candles(name, story.origin.timeframe, dearer.filter(pl.col("time") <= half), "a test")
    market = found(place, story, candles.frame, store)
    assert market.sources == {name: "the store and binance"}
    last = half + story.length
    assert market.changed == {(0, time) for time in range(story.begun + story.length, last, story.length)}, (
        "the last was not final when it was stored"
    )


def test_what_the_store_has_needs_no_exchange(place, entries):
    story = story_of(entries)
    [candles], name = story.candles(), story.origin.instruments[0].name
    store = Store(place / "all.duckdb")
    store.write_candles(name, story.origin.timeframe, candles.frame, "a test")

    async def asked():
        async with AsyncExitStack() as stack:
            return await market_of(story, store, stack)

    market = asyncio.run(asked())
    assert (market.sources, market.why, registry._living) == ({name: "the store"}, "", {})


def test_an_exchange_that_cannot_be_asked_or_lists_nothing_is_said(place, entries, capsys):
    story = story_of(entries)
    [candles] = story.candles()
    early = candles.frame.filter(pl.col("time") < story.begun)
    assert found(place, story, early).why == "binance lists no candles of BTC/USDT of that time"
    retold(place / "data" / "sessions" / "one", "sma_cross")
    (place / "user" / "planar.toml").write_text("[binance]\nbase_url = 'http://127.0.0.1:9'\nretries = 0\n")
    app(["parity", "one", "--json"], exit_on_error=False, result_action="return_value")
    told = json.loads(capsys.readouterr().out)["candles"]
    assert told["sources"] == {}
    assert told["why_not"].startswith("binance: ")
