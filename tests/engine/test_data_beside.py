"""``data = {…}``: what is joined to the candles is seen from the first decision at which it was known, never before."""

import math
import re
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planar
from planar import ConfigError, DataError, Strategy, StrategyError, indicator, series
from planar.engine.check import check
from planar.engine.lookahead.after import POISONS, After, Future
from planar.store.store import Store
from planar.store.synthetic import START, synthetic
from planar.strategy.candles import Candles
from planar.strategy.joined import Aligned, Joined

HOUR = 3_600_000
NAME, OTHER = "test:A/USD", "test:B/USD"
PERPETUAL = "test:A/USD:USD"
FRAMES = synthetic([NAME, OTHER], "1h", candles=600, seed=4)
BOTH = pytest.mark.parametrize("compiled", [True, False])


def hours(closes, opens=None):
    """Candles whose prices are one each; opens: hours since 1970, from 0 on where they are left out."""
    times = [h * HOUR for h in (range(len(closes)) if opens is None else opens)]
    columns = {name: [float(c) for c in closes] for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"time": times, **columns, "volume": [1.0] * len(closes)})


def texts(run):
    return run.notes["text"].to_list()


class Reads(Strategy):
    """Notes what it sees of a frame at each close."""

    instruments = [NAME]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    data = {"fear": series.frame()}  # noqa: RUF012

    def indicators(self, candles):
        return {"aligned": candles.fear.value}

    def on_candle(self, candle, broker):
        broker.log("{} {} {}", candle.fear.value, candle.aligned, (candle.now - candle.fear.known_at) // 1000)


@BOTH
def test_a_row_is_seen_from_the_first_decision_at_or_after_it_was_known(compiled):
    """Candles close at 1, 2, 3, 4 and 5 h. By hand: at 2 h to the millisecond, and a millisecond after 3 h."""
    frame = pl.DataFrame({"known_at": [2 * HOUR, 3 * HOUR + 1, 3 * HOUR + 2], "value": [10, 20, 30]})
    run = planar.backtest(Reads, hours([1, 1, 1, 1, 1]), data={"fear": frame}, compiled=compiled)
    assert texts(run) == ["10 10 0", "10 10 3600", "30 30 3599", "30 30 7199"]
    assert run.notes["time"].to_list() == [2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR]


class SeesTooMuch(Reads):
    """Notes from the first candle on, whatever is known."""

    def indicators(self, candles):
        return {"aligned": [float(x) if x == x else -1.0 for x in candles.fear.value]}

    def on_candle(self, candle, broker):
        past = candle.back(2).fear
        broker.log("{} {}", past.value, candle.back(2).aligned)


@BOTH
def test_what_was_not_known_is_nan_and_no_decision_comes_before_it_was(compiled):
    frame = pl.DataFrame({"known_at": [3 * HOUR, 5 * HOUR], "value": [10.0, 20.0]})
    run = planar.backtest(SeesTooMuch, hours([1] * 8), data={"fear": frame}, compiled=compiled)
    assert texts(run) == ["nan -1", "nan -1", "10 10", "10 10", "20 20", "20 20"]
    assert run.notes["time"][0] == 3 * HOUR


class AsksWhen(SeesTooMuch):
    def on_candle(self, candle, broker):
        broker.log("{}", candle.back(2).fear.known_at)


@BOTH
def test_there_is_no_time_at_which_nothing_was_known(compiled):
    frame = pl.DataFrame({"known_at": [3 * HOUR], "value": [10.0]})
    with pytest.raises(StrategyError, match="nothing of it was known at this candle: ask for it later"):
        planar.backtest(AsksWhen, hours([1] * 8), data={"fear": frame}, compiled=compiled)


class Beside(Strategy):
    """Notes what it sees of another instrument."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"
    data = {"other": series.candles(OTHER)}  # noqa: RUF012

    def indicators(self, candles):
        return {"ratio": candles.close / candles.other.close}

    def on_candle(self, candle, broker):
        other = candle.other
        broker.log("{} {} {} {}", other.close, candle.ratio, (candle.now - other.now) // HOUR, other.time // HOUR)


@BOTH
def test_another_instrument_is_seen_as_of_its_last_closed_candle(compiled):
    """The other one has no candle of hour 2; its candle of hour 4 closes with ours."""
    frames = {NAME: hours([10, 20, 30, 40, 50]), OTHER: hours([1, 2, 4, 5], opens=[0, 1, 3, 4])}
    run = planar.backtest(Beside, frames, instruments=[NAME], compiled=compiled)
    assert texts(run) == ["1 10 0 0", "2 10 0 1", "2 15 1 1", "4 10 0 3", "5 10 0 4"]


@BOTH
def test_finer_candles_of_another_instrument_are_made_into_the_strategys(compiled):
    halves = hours([1, 1, 2, 2, 3, 3]).with_columns(
        pl.col("time") // 2, close=pl.Series([1.0, 7.0, 2.0, 8.0, 3.0, 9.0])
    )
    halves = halves.with_columns(high=pl.max_horizontal("open", "close"))
    run = planar.backtest(Beside, hours([10, 20, 30]), data={"other": halves}, compiled=compiled)
    assert [text.split()[0] for text in texts(run)] == ["7", "8", "9"]


class Pays(Strategy):
    """Notes the funding rate, and the mean of the last two."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"
    warmup = 16
    data = {"funding": series.funding(PERPETUAL)}  # noqa: RUF012

    def on_candle(self, candle, broker):
        broker.log("{} {}", candle.funding.rate, candle.funding.last("rate", 2).mean())


@BOTH
def test_a_funding_rate_is_known_at_its_time_whatever_milliseconds_its_record_is_late(compiled, store):
    store.write_candles(NAME, "1h", hours([1] * 20), "a test")
    rates = pl.DataFrame({"time": [13, 8 * HOUR + 29, 16 * HOUR + 7], "rate": [0.25, 0.5, 1.0]})
    store.write_funding(PERPETUAL, rates, "a test")
    run = planar.backtest(Pays, store=store, compiled=compiled)
    assert texts(run) == ["1 0.75"] * 4  # the first decision is at 17 h
    assert (
        run.stats["believe"]["candle.funding"]
        == f"funding rates of {PERPETUAL}, 3 rows, known 1970-01-01 to 1970-01-01"
    )


def test_a_frame_may_have_rows_of_its_own_for_each_instrument():
    class Each(Reads):
        instruments = [NAME, OTHER]  # noqa: RUF012

    frame = pl.DataFrame({"known_at": [0, 0, 2 * HOUR], "instrument": [NAME, OTHER, NAME], "value": [1.0, 2.0, 3.0]})
    frames = {NAME: hours([1, 1, 1]), OTHER: hours([1, 1, 1])}
    run = planar.backtest(Each, frames, data={"fear": frame})
    notes = run.notes.sort("instrument", "time", maintain_order=True)
    assert [text.split()[0] for text in notes["text"]] == ["1", "3", "3", "2", "2", "2"]
    with pytest.raises(DataError, match=rf"data 'fear': there is no row of {OTHER}, only of {NAME}"):
        planar.backtest(Each, frames, data={"fear": frame.filter(pl.col("instrument") == NAME)})


@pytest.mark.parametrize(
    ("known_at", "rows"),
    [
        ("known_at,value\n1970-01-01 02:00:00,1\n1970-01-01 03:00:00,2\n", 2),
        ("known_at,value\n1970-01-02,2\n1970-01-01,1\n", 1),
    ],
)
def test_a_file_is_read_and_may_run_from_new_to_old(tmp_path, monkeypatch, known_at, rows):
    class OfAFile(Reads):
        data = {"fear": series.frame("fear.csv")}  # noqa: RUF012

    monkeypatch.chdir(tmp_path)
    (tmp_path / "fear.csv").write_text(known_at)
    run = planar.backtest(OfAFile, hours([1] * 4))
    assert texts(run)[-1].split()[0] == str(rows)
    assert run.stats["believe"]["candle.fear"].startswith(f"fear.csv, {rows} rows, known 1970-01-01")


def test_a_market_that_is_made_up_has_other_instruments_and_funding_rates(tmp_path, monkeypatch):
    class Everything(Strategy):
        instruments = ["binance:ETH/USDT"]  # noqa: RUF012
        data = {"other": series.candles("binance:BTC/USDT"), "funding": series.funding("binance:ETH/USDT:USDT")}  # noqa: RUF012

        def on_candle(self, candle, broker):
            broker.log("{} {}", candle.other.close, candle.funding.rate)

    monkeypatch.chdir(tmp_path)
    run = planar.backtest(Everything, end="2024-02-01", compiled=False)
    closes = synthetic(["binance:BTC/USDT"], "1h", candles=24 * 31)["binance:BTC/USDT"]["close"]
    assert [float(text.split()[0]) for text in texts(run)] == closes.to_list()
    rates = [float(text.split()[1]) for text in texts(run)]
    assert (min(rates), sorted(rates)[len(rates) // 2]) == (pytest.approx(-0.0005, abs=1e-3), 0.0001)
    assert "(synthetic)" in run.stats["believe"]["candle.funding"]


# As-of joins against a naive oracle.

TIMES = st.lists(st.integers(0, 20 * 4), min_size=1, max_size=30, unique=True).map(sorted)
"""Quarters of hours: at closes, between them, long before and after them."""


@settings(max_examples=200)
@given(quarters=TIMES, moments=st.lists(st.integers(0, 22 * 4), max_size=20).map(sorted), end=st.integers(0, 80))
def test_what_is_joined_is_the_last_row_that_was_known(quarters, moments, end):
    rows = Joined(np.array(quarters, np.int64), {"value": np.array(quarters, float)})
    known = [[row for row, at in enumerate(quarters) if at <= moment] for moment in moments]
    assert rows.as_of(np.array(moments, np.int64)).tolist() == [max(each, default=-1) for each in known]
    aligned = Aligned("fear", rows, np.array(moments, np.int64)).value
    expected = [max((float(quarters[r]) for r in each), default=math.nan) for each in known]
    assert np.array_equal(aligned, np.array(expected), equal_nan=True)
    assert rows.until(end).columns["value"].tolist() == [q for q in quarters if q <= end]


@settings(max_examples=10)
@given(quarters=TIMES, opens=st.lists(st.integers(0, 19), min_size=2, max_size=20, unique=True).map(sorted))
def test_every_join_is_what_a_walk_over_all_rows_finds(quarters, opens):
    """The same through a backtest, over candles with gaps."""
    opens = sorted({0, 1, *opens})
    known_at, values = [q * HOUR // 4 for q in quarters], [float(q) for q in quarters]
    frame = pl.DataFrame({"known_at": known_at, "value": values})
    expected = []
    for close in (h * HOUR + HOUR for h in opens):
        known = [value for at, value in zip(known_at, values, strict=True) if at <= close]
        if known:
            age = (close - max(at for at in known_at if at <= close)) // 1000
            expected.append(f"{known[-1]:g} {known[-1]:g} {age}")
    candles = hours([1] * len(opens), opens=opens)
    if not expected:
        with pytest.raises(DataError, match="nothing of"):
            planar.backtest(Reads, candles, data={"fear": frame})
        return
    for compiled in (True, False):
        assert texts(planar.backtest(Reads, candles, data={"fear": frame}, compiled=compiled)) == expected


class Trades(Strategy):
    """Orders that depend on everything that is joined."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"
    data = {"other": series.candles(OTHER), "fear": series.frame(), "funding": series.funding(PERPETUAL)}  # noqa: RUF012

    def indicators(self, candles):
        ratio = candles.close / candles.other.close
        return {"strength": ratio / indicator.sma(ratio, 24), "calm": 50.0 - candles.fear.value}

    def on_candle(self, candle, broker):
        is_calm = candle.calm > 0.0 and candle.funding.rate < 0.0004 and candle.other.back(3).close > 0.0
        if broker.is_flat and candle.strength > 1.0 and is_calm:
            broker.buy(cost=0.01 * candle.other.last("close", 5).mean() * candle.fear.value, tag="calm")
        elif broker.is_long and (candle.strength < 1.0 or candle.fear.other > 0.0):
            broker.close()


FEAR = pl.DataFrame(
    {
        "known_at": [START + day * 86_400_000 + 7_000_001 for day in range(24)],
        "value": [float(day * 37 % 100) for day in range(24)],
        "other": [math.nan, *(float(day % 5 == 0) for day in range(23))],
    }
)
RATES = pl.DataFrame({"time": [START + k * 8 * HOUR for k in range(75)], "rate": [1e-4 * (k % 7) for k in range(75)]})
JOINED = {"fear": FEAR, "funding": RATES}


def test_orders_are_the_same_compiled_and_interpreted():
    runs = [planar.backtest(Trades, FRAMES, instruments=[NAME], data=JOINED, compiled=c) for c in (True, False)]
    assert len(runs[0].orders) > 15
    assert runs[0].orders.equals(runs[1].orders, null_equal=True)
    assert runs[0].equity.equals(runs[1].equity)


def test_the_data_hash_covers_what_is_joined():
    def hashed(**joined):
        return planar.backtest(Trades, FRAMES, instruments=[NAME], data={**JOINED, **joined}).data_hash

    changed = FEAR.with_columns(value=pl.col("value") + 1.0)
    assert hashed() == hashed() != hashed(fear=changed)


# Look-ahead.


def test_a_strategy_that_reads_only_what_was_known_is_found_clean():
    found = check(Trades(), candles=FRAMES, instruments=[NAME], data=JOINED)
    assert found.leaks == []
    assert found.asked > 10


class PeeksAhead(Trades):
    def indicators(self, candles):
        made = super().indicators(candles)
        return {**made, "strength": pl.Series(candles.other.close).shift(-1).fill_null(1.0).to_numpy() / candles.close}


class Normalised(Trades):
    def indicators(self, candles):
        made = super().indicators(candles)
        fear = pl.Series(candles.fear.value)
        return {**made, "calm": (0.5 - fear / fear.fill_nan(0.0).max()).to_numpy()}


@pytest.mark.parametrize(("strategy", "column"), [(PeeksAhead, "strength"), (Normalised, "calm")])
def test_a_leak_through_joined_data_is_found(strategy, column):
    found = check(strategy(), candles=FRAMES, instruments=[NAME], data=JOINED)
    assert found.leaks[0].what == f"column {column!r}"


def tomorrow(values):
    """What is known one candle later."""
    return np.append(values[1:], values[-1])


class KnowsTheNextCandle(Trades):
    def indicators(self, candles):
        return {**super().indicators(candles), "strength": tomorrow(candles.other.close) / candles.other.close}


class KnowsTheNextRate(Trades):
    def indicators(self, candles):
        due = tomorrow(candles.funding.rate) != candles.funding.rate
        return {**super().indicators(candles), "calm": np.where(due, 1.0, -1.0)}


class KnowsTheNextRow(Trades):
    def indicators(self, candles):
        fear = np.nan_to_num(candles.fear.value)
        later = np.append(fear[24:], fear[-24:])
        return {**super().indicators(candles), "calm": 50.0 - later}


class KnowsAPanicThatNeverWas(Trades):
    """Only where a later row is a million: no end of the data shows it."""

    def indicators(self, candles):
        later = tomorrow(np.nan_to_num(candles.fear.value))
        return {**super().indicators(candles), "calm": np.where(later > 1_000.0, -1.0, 1.0)}


class KnowsACrashThatNeverWas(Trades):
    """The same of the other instrument, in the hook's own column."""

    def indicators(self, candles):
        low = tomorrow(candles.other.low)
        return {**super().indicators(candles), "crash": (low < 0.01).astype(float)}


LEAKS = [
    (KnowsTheNextCandle, "strength", "return np.append(values[1:], values[-1])"),
    (KnowsTheNextRate, "calm", "return np.append(values[1:], values[-1])"),
    (KnowsTheNextRow, "calm", "later = np.append(fear[24:], fear[-24:])"),
    (KnowsAPanicThatNeverWas, "calm", "return np.append(values[1:], values[-1])"),
    (KnowsACrashThatNeverWas, "crash", "return np.append(values[1:], values[-1])"),
]


@pytest.mark.parametrize(("strategy", "column", "line"), LEAKS, ids=[row[0].__name__ for row in LEAKS])
def test_a_leak_through_joined_data_is_named_with_column_time_and_line(strategy, column, line):
    [leak] = check(strategy(), candles=FRAMES, instruments=[NAME], data=JOINED).leaks
    assert leak.what == f"column {column!r}"
    assert leak.time == FRAMES[NAME]["time"][leak.candle] + HOUR
    assert (leak.lines[0].function, leak.lines[-1].text) == ("indicators", line)
    assert f'"{column}":' in leak.lines[0].text
    if "NeverWas" in strategy.__name__:
        assert re.search("million times as (large|small)|mirrored", leak.change)


def test_a_row_that_becomes_known_at_a_close_is_no_leak_and_one_a_moment_later_is_another_future():
    """The cut is at a close: a row of that millisecond is known, and the next one is replaced."""
    times = FRAMES[NAME]["time"].to_list()
    rows = pl.DataFrame(
        {
            "known_at": [t + HOUR + i % 2 for i, t in enumerate(times)],
            "value": [50.0, 7.0] * (len(times) // 2),
            "other": [0.0] * len(times),
        }
    )
    assert check(Trades(), candles=FRAMES, instruments=[NAME], data={**JOINED, "fear": rows}).leaks == []


@pytest.mark.parametrize("after", POISONS)
def test_what_is_joined_has_the_future_of_the_candles(after):
    """No row that was known by the cut is another, each later one is, and none has high below low."""
    known, close = np.arange(1, 9) * HOUR, np.array([4.0, 5.0, 6.0, 9.0, 5.0, 7.0, 8.0, 3.0])
    columns = {"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": close * 2.0}
    rows = Joined(known, columns, HOUR)
    candles = Candles(known - HOUR, *columns.values(), timeframe=HOUR, joined={"other": rows})
    made = Future(3 * HOUR, after, seed=1).of(candles).joined["other"]
    for name, values in made.columns.items():
        assert (values[:3] == columns[name][:3]).all()
        assert (values[3:] != columns[name][3:]).any()
    assert (made.columns["high"] >= made.columns["low"]).all() or after is After.SHUFFLED
    assert (made.known_at == known).all()


def test_a_join_that_would_show_rows_too_early_is_found(monkeypatch):
    """A fault planted in Planar: each row is seen an hour before it was known."""
    right = Joined.as_of
    monkeypatch.setattr(Joined, "as_of", lambda self, moments: right(self, moments + HOUR))
    assert check(Trades(), candles=FRAMES, instruments=[NAME], data=JOINED).leaks != []


# What is refused, with its remedy.


def fear(**columns):
    return {"fear": pl.DataFrame(columns)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (fear(time=[0], value=[1.0]), ["data 'fear'", "'known_at' is missing", "'time', 'value'", "published"]),
        (fear(known_at=[0]), ["no column beside 'known_at'"]),
        (fear(known_at=pl.Series([], dtype=pl.Int64), value=pl.Series([], dtype=pl.Float64)), ["no rows"]),
        (
            fear(known_at=[2 * HOUR, HOUR], value=[1.0, 2.0]),
            ["row 1 (1970-01-01 01:00 UTC) was known before row 0", "Sort the rows by known_at"],
        ),
        (fear(known_at=[HOUR, HOUR], value=[1.0, 2.0]), ["rows 0 and 1 were known at one time", "published last"]),
        (fear(known_at=[HOUR, None], value=[1.0, 2.0]), ["1 of the times are null, first in row 1"]),
        (fear(known_at=[1.5], value=[1.0]), ["known_at", "Float64", "whole UTC milliseconds"]),
        (fear(known_at=["soon"], value=[1.0]), ["known_at", "String"]),
        (fear(known_at=[1_704_067_200], value=[1.0]), ["looks like seconds", "milliseconds"]),
        (fear(known_at=[0], value=["high"]), ["'value' is String, not numbers", "row 0 is 'high'"]),
        (fear(known_at=[0], time=[datetime(2024, 1, 1)], value=[1.0]), ["'time' is Datetime"]),
        (
            fear(known_at=[99 * HOUR], value=[1.0]),
            ["nothing of data 'fear' was known by the end", "choose a later end"],
        ),
        (fear(known_at=[0], values=[1.0]), ["candles.fear has no 'value'; it has values. Did you mean 'values'?"]),
        (fear(known_at=[0], instrument=[None], value=[1.0]), ["'instrument' must have a name"]),
        ({"fear": "fear.csv"}, ["data 'fear': it must be a polars DataFrame, not builtins.str"]),
        ({"feer": pl.DataFrame()}, ["the strategy declares no 'feer'; it declares fear. Did you mean 'fear'?"]),
        (None, ["data 'fear': the class names no file of it", "data={'fear': frame}"]),
    ],
    ids=lambda value: None if isinstance(value, list) else "",
)
def test_a_frame_that_is_none_is_refused_with_its_remedy(data, words):
    with pytest.raises((DataError, ConfigError, StrategyError)) as error:
        planar.backtest(Reads, hours([1] * 4), data=data)
    assert [word for word in words if word not in str(error.value)] == []


def test_what_a_run_on_real_candles_lacks_is_not_made_up(tmp_path, own_cache):
    store = Store(tmp_path / "s.duckdb")
    store.write_candles(NAME, "1h", hours([1] * 20), "a test")
    with pytest.raises(DataError, match="test:A/USD:USD is not stored"):
        planar.backtest(Pays, store=store)
    with pytest.raises(DataError, match="test:B/USD is not there"):
        planar.backtest(Beside, store=store)
    with pytest.raises(DataError, match=r"test:B/USD is not among the given candles; give it as data={'other': frame}"):
        planar.backtest(Beside, {NAME: hours([1] * 5)})
    with pytest.raises(DataError, match="no funding rates of test:A/USD:USD beside given candles"):
        planar.backtest(Pays, {NAME: hours([1] * 20)})


def declared(**body):
    return type("Made", (Strategy,), {"instruments": [NAME], "__module__": __name__, **body})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"data": [1]}, "data is \\[1\\]; write data = "),
        ({"data": {"close": series.frame()}}, "data 'close' cannot be read as candle.close: choose another name"),
        ({"data": {"d1": series.frame()}, "timeframes": ["1d"]}, "data 'd1' cannot be read as candle.d1"),
        ({"data": {"btc": "binance:BTC/USDT"}}, "data 'btc' is a str: write series.candles"),
    ],
)
def test_a_declaration_that_is_none_is_refused_when_the_class_is_made(body, words):
    with pytest.raises(StrategyError, match=words):
        declared(**body)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: series.candles("BTC"), "series.candles\\('BTC'\\): write 'exchange:BASE/QUOTE'"),
        (lambda: series.funding(5), "series.funding\\(5\\)"),
        (lambda: series.frame(pl.DataFrame()), "name a file, or write series.frame\\(\\) and give it as"),
    ],
)
def test_a_series_that_is_none_is_refused_where_it_is_declared(make, words):
    with pytest.raises(StrategyError, match=words):
        make()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"fear": [1.0] * 4}, "column 'fear' has the name of the data 'fear': choose another"),
        ({"fear": {"mean": [1.0] * 4}}, "gives a dict for data 'fear': candles.fear has one value per candle"),
    ],
)
def test_a_column_cannot_have_the_name_of_data(columns, words):
    cls = declared(data={"fear": series.frame()}, indicators=lambda self, candles: columns)
    with pytest.raises(StrategyError, match=words):
        planar.backtest(cls, hours([1] * 4), data=fear(known_at=[0], value=[1.0]))


class Misspelt(Reads):
    def on_candle(self, candle, broker):
        broker.log("{}", candle.fear.valeu)


@BOTH
def test_a_misspelt_value_is_told_with_the_nearest(compiled):
    words = r"row has no 'valeu'; it has .*value.* Did you mean 'value'\?"
    with pytest.raises(StrategyError, match=words):
        planar.backtest(Misspelt, hours([1] * 4), data=fear(known_at=[0], value=[1.0]), compiled=compiled)
