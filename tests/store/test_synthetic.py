"""The synthetic market is the same for everyone, and looks like one."""

import hashlib
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar.errors import ConfigError
from planar.model import timeframe as timeframes
from planar.store.candles import PRICES, checked, infer_timeframe
from planar.store.synthetic import START, synthetic

BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"
NAMES = st.sampled_from([BTC, ETH, "binance:ETH/BTC", "kraken:XYZ/USD", "bybit:BTC/USDT:USDT", "odd"])
TIMEFRAMES = st.sampled_from(["1s", "1m", "15m", "1h", "4h", "1d", "1w"])


def returns(frame: pl.DataFrame) -> np.ndarray:
    return np.diff(np.log(frame["close"].to_numpy()))


@pytest.fixture(scope="module")
def year() -> pl.DataFrame:
    return synthetic([BTC], "1m", candles=365 * 1_440)[BTC]


@given(name=NAMES, timeframe=TIMEFRAMES, candles=st.integers(2, 300), seed=st.integers(0, 2**40))
def test_every_series_passes_the_gate_without_gaps(name, timeframe, candles, seed):
    frame = synthetic([name], timeframe, candles=candles, seed=seed)[name]
    assert checked(frame, name=name).equals(frame)
    assert frame.height == candles
    assert frame["time"][0] == START
    assert infer_timeframe(frame["time"].to_numpy()) == timeframes.milliseconds(timeframe)
    assert frame["volume"].min() > 0


@given(timeframe=TIMEFRAMES, shorter=st.integers(1, 200), more=st.integers(1, 200), seed=st.integers(0, 1_000))
def test_a_longer_series_begins_with_the_shorter_one_bit_for_bit(timeframe, shorter, more, seed):
    short = synthetic([BTC], timeframe, candles=shorter, seed=seed)[BTC]
    long = synthetic([BTC], timeframe, candles=shorter + more, seed=seed)[BTC]
    assert long.head(shorter).equals(short)


@given(others=st.lists(NAMES, unique=True))
def test_another_instrument_changes_none(others):
    alone = synthetic([BTC], candles=50)[BTC]
    assert synthetic([*others, BTC], candles=50)[BTC].equals(alone)


def test_seed_name_and_timeframe_each_make_another_series():
    series = [
        synthetic([name], timeframe, candles=50, seed=seed)[name]["close"].to_list()
        for name, timeframe, seed in [(BTC, "1h", 0), (ETH, "1h", 0), (BTC, "4h", 0), (BTC, "1h", 1)]
    ]
    assert len({tuple(closes) for closes in series}) == 4
    assert synthetic([BTC], "60m", candles=50)[BTC]["close"].to_list() == series[0]


def test_the_bits_are_the_same_on_every_machine():
    frame = synthetic([BTC], "1h", candles=5_000, seed=7)[BTC]
    digest = hashlib.sha256(b"".join(frame[column].to_numpy().tobytes() for column in frame.columns))
    assert digest.hexdigest()[:16] == "524d2ed1dbd69648"


def test_the_first_candle_is_the_one_that_holds_the_start():
    frame = synthetic([BTC], "4h", start=START + 5 * 3_600_000, candles=1)[BTC]
    assert frame["time"].to_list() == [START + 4 * 3_600_000]


def test_known_instruments_open_near_their_price():
    frames = synthetic([BTC, ETH, "binance:ETH/BTC"], candles=1)
    assert [frame["open"][0] for frame in frames.values()] == [30_000.0, 2_000.0, 0.066667]


def test_prices_lie_on_a_tick_grid(year):
    for price in PRICES:
        cents = year[price].to_numpy() * 100
        assert np.allclose(cents, np.rint(cents), atol=1e-6)


def test_volatility_clusters_and_tails_are_fat(year):
    moves = returns(year)
    sizes = np.abs(moves)
    standard = (moves - moves.mean()) / moves.std()
    assert (standard**4).mean() > 5  # a normal distribution has 3
    assert np.corrcoef(sizes[:-60], sizes[60:])[0, 1] > 0.1
    assert abs(np.corrcoef(moves[:-1], moves[1:])[0, 1]) < 0.01  # and yet there is no easy money
    assert 0.2 < moves.std() * np.sqrt(365 * 1_440) < 1.5  # yearly volatility


def test_volume_grows_with_the_size_of_the_move(year):
    assert np.corrcoef(np.abs(returns(year)), year["volume"].to_numpy()[1:])[0, 1] > 0.4


def test_the_afternoon_is_busier_than_the_night_and_the_week_than_the_weekend(year):
    time = pl.from_epoch("time", "ms").dt
    hourly = year.group_by(time.hour().alias("hour")).agg(pl.col("volume").mean()).sort("hour")["volume"]
    daily = year.group_by(time.weekday().alias("day")).agg(pl.col("volume").mean()).sort("day")["volume"]
    assert hourly[14] > 1.5 * hourly[4]
    assert daily[:5].min() > daily[5:].max()


def test_few_candles_open_away_from_the_last_close(year):
    gapped = year["open"].to_numpy()[1:] != year["close"].to_numpy()[:-1]
    assert 0.01 < gapped.mean() < 0.03


def test_instruments_move_together():
    frames = synthetic([BTC, ETH, "binance:XYZ/USDT"], candles=20_000)
    between = np.corrcoef([returns(frame) for frame in frames.values()])
    assert between[np.triu_indices(3, 1)].min() > 0.3


def test_centuries_reach_neither_zero_nor_infinity():
    closes = synthetic([BTC], "1w", candles=50_000)[BTC]["close"]
    assert closes.min() >= 30_000 * 0.018
    assert closes.max() <= 30_000 * 55


def test_a_single_name_and_no_candles_are_refused():
    with pytest.raises(ConfigError, match=r"write \['binance:BTC/USDT'\]"):
        synthetic(BTC)
    with pytest.raises(ConfigError, match="candles=0"):
        synthetic([BTC], candles=0)
    with pytest.raises(ConfigError, match="timeframe '1y'"):
        synthetic([BTC], "1y")


def test_frames_are_made_and_checked_without_duckdb():
    modules = "planar.store.synthetic, planar.store.candles, planar.store.files"
    code = f"import sys, {modules}; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
