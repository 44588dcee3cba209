"""Funding rates and market trades in the store, beside candles and mark candles."""

import duckdb
import polars as pl
import pytest

from planar.errors import ConfigError, DataError
from planar.store.store import Store
from planar.store.synthetic import START, synthetic

BTC, PERPETUAL, HOUR = "binance:BTC/USDT", "binance:BTC/USDT:USDT", 3_600_000
FUNDING = pl.DataFrame({"time": [START + i * 8 * HOUR for i in range(4)], "rate": [0.0001, -0.0375, 0.0, 0.0002]})
TRADES = pl.DataFrame(
    {
        "time": [START, START, START + 1],
        "id": ["9", "10", "11"],
        "price": [100.5, 100.25, 100.5],
        "amount": [1.0, 0.5, 2.0],
        "side": ["buy", None, "sell"],
    }
)
CANDLES = synthetic([PERPETUAL], candles=20)[PERPETUAL]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "s.duckdb")


def test_what_is_written_is_read_and_those_of_one_time_stay_in_their_order(store):
    store.write_funding(PERPETUAL, FUNDING, "test")
    store.write_trades(BTC, TRADES, "test")
    assert store.read_funding(PERPETUAL).equals(FUNDING)
    assert store.read_trades(BTC).equals(TRADES)
    assert store.read_funding(PERPETUAL, START + 1, START + 16 * HOUR).rows() == [(START + 8 * HOUR, -0.0375)]
    assert store.read_trades(BTC, end=START).is_empty()


def test_an_id_is_stored_once_and_a_rate_of_the_same_time_replaced(store):
    store.write_trades(BTC, TRADES, "test")
    again = store.write_trades(BTC, TRADES.slice(1).vstack(TRADES.slice(2).with_columns(id=pl.lit("12"))), "test")
    assert (again.rows, again.added, again.replaced) == (3, 1, 0)
    assert store.read_trades(BTC)["id"].to_list() == ["9", "10", "11", "12"]
    store.write_funding(PERPETUAL, FUNDING, "test")
    mended = store.write_funding(PERPETUAL, FUNDING.with_columns(rate=pl.lit(0.0)), "test")
    assert (mended.added, mended.replaced) == (0, 3)
    assert store.read_funding(PERPETUAL)["rate"].to_list() == [0.0] * 4


def test_the_list_has_every_kind_and_counts_gaps_only_where_there_is_a_timeframe(store):
    store.write_candles(PERPETUAL, "1h", CANDLES.gather_every(2), "test", kind="mark")
    store.write_candles(PERPETUAL, "1h", CANDLES, "test")
    store.write_funding(PERPETUAL, FUNDING, "test")
    store.write_trades(BTC, TRADES, "test")
    assert store.series().select("instrument", "kind", "timeframe", "rows", "gaps", "missing").rows() == [
        (BTC, "trades", None, 3, None, None),
        (PERPETUAL, "candles", "1h", 20, 0, 0),
        (PERPETUAL, "funding", None, 4, None, None),
        (PERPETUAL, "mark", "1h", 10, 9, 9),
    ]
    assert store.imports(BTC, kind="trades")["rows"].to_list() == [3]


def test_mark_candles_are_no_candles(store):
    store.write_candles(PERPETUAL, "1h", CANDLES, "test", kind="mark")
    with pytest.raises(DataError, match=r"has no 1h candles\. Import it with"):
        store.read_candles(PERPETUAL, "1h")
    with pytest.raises(DataError, match=r"has no funding rates\. Fetch them with `planar data fetch binance BTC/USDT:"):
        store.read_funding(PERPETUAL)
    with pytest.raises(DataError, match=r"has no 4h mark candles; stored are 1h\..*--kind mark"):
        store.read_candles(PERPETUAL, "4h", kind="mark")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": 0.0}, "'price' is no positive number in 3 rows, first in row 0"),
        ({"amount": float("nan")}, "'amount' is no positive number"),
        ({"side": "BUY"}, "'side' is neither 'buy' nor 'sell'"),
        ({"time": None}, "something is null"),
        ({"price": "dear"}, "conversion from `str` to `f64` failed"),
    ],
)
def test_trades_that_cannot_be_are_refused(store, change, message):
    frame = TRADES.with_columns(**{name: pl.lit(value) for name, value in change.items()})
    with pytest.raises(DataError, match=f"market trades: {message}"):
        store.write_trades(BTC, frame, "test")
    assert not store.path.exists()


def test_funding_that_cannot_be_is_refused(store):
    with pytest.raises(DataError, match=r"funding rates: 'rate' is no number in row 2"):
        store.write_funding(PERPETUAL, FUNDING.with_columns(rate=pl.Series([0.0, 0.0, float("inf"), 0.0])), "test")
    with pytest.raises(DataError, match=r"column 'rate' is missing; there are time, rates\. Did you mean 'rates'"):
        store.write_funding(PERPETUAL, FUNDING.rename({"rate": "rates"}), "test")
    with pytest.raises(DataError, match="there are none"):
        store.write_funding(PERPETUAL, FUNDING.clear(), "test")


def test_a_kind_that_there_is_not_is_refused(store):
    with pytest.raises(ConfigError, match=r"kind 'market' is none of candles, mark, funding, trades"):
        store.write_candles(BTC, "1h", CANDLES, "test", kind="market")


def test_a_store_of_format_1_goes_on_with_its_candles_and_takes_the_rest(store):
    with duckdb.connect(store.path) as con:
        con.execute("""
            create table format (version integer not null);
            insert into format values (1);
            create table markets (id integer not null, instrument varchar not null, timeframe_ms bigint not null);
            insert into markets values (1, 'binance:BTC/USDT:USDT', 3600000);
            create table candles (
                market integer not null, time bigint not null, open double not null, high double not null,
                low double not null, close double not null, volume double not null
            );
            create table imports (
                market integer not null, source varchar not null, fetched_at bigint not null,
                first bigint not null, last bigint not null, rows bigint not null, final boolean not null
            );
        """).complete()
        con.execute("insert into candles values (1, ?, 1.0, 2.0, 1.0, 2.0, 5.0)", [START]).complete()
    assert store.read_candles(PERPETUAL, "1h").rows() == [(START, 1.0, 2.0, 1.0, 2.0, 5.0)]
    assert store.write_candles(PERPETUAL, "1h", CANDLES, "test").replaced == 1
    store.write_candles(PERPETUAL, "1h", CANDLES, "test", kind="mark")
    store.write_funding(PERPETUAL, FUNDING, "test", asked=(START, START + 1))
    assert store.series()["kind"].to_list() == ["candles", "funding", "mark"]
    assert store.missing(PERPETUAL, None, START, START + 2, kind="funding") == [(START + 1, START + 2)]
    assert store.rules() == {}
