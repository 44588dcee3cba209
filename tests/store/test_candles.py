"""What passes the gate for candle frames, and what is refused in which words."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar.errors import DataError
from planar.store.candles import PRICES, SCHEMA, checked, gaps, infer_timeframe, utc
from planar.store.synthetic import START, synthetic

HOUR = 3_600_000
DAY = 24 * HOUR
WEEK = 7 * DAY


def hours(count: int = 5, step: int = HOUR) -> pl.DataFrame:
    """Candles of 10, 12, 9, 11 and a volume of 1, from 2024-01-01 00:00 UTC."""
    prices = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.0}
    time = START + step * np.arange(count)
    return pl.DataFrame({"time": time, **{column: np.full(count, value) for column, value in prices.items()}})


def put(frame: pl.DataFrame, column: str, row: int, value: object) -> pl.DataFrame:
    values = frame[column].to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))


def refusal(frame: object, **kwargs: object) -> str:
    with pytest.raises(DataError) as caught:
        checked(frame, name="binance:BTC/USDT 1h", **kwargs)
    message = str(caught.value)
    assert message.startswith("binance:BTC/USDT 1h: ")
    assert "\n" not in message
    return message.removeprefix("binance:BTC/USDT 1h: ")


def test_good_candles_come_out_as_they_went_in():
    frame = synthetic(["binance:BTC/USDT"], candles=100)["binance:BTC/USDT"]
    assert checked(frame, name="x").equals(frame)
    assert checked(frame, name="x").schema == SCHEMA


def test_other_columns_are_dropped_and_columns_are_put_in_order():
    frame = hours().with_columns(trades=pl.lit(3)).select("trades", "volume", "close", "low", "high", "open", "time")
    assert checked(frame, name="x").equals(hours())


@pytest.mark.parametrize("name", ["time", "timestamp", "date"])
def test_the_opens_are_found_by_three_names(name):
    assert checked(hours().rename({"time": name}), name="x").equals(hours())


def test_a_column_called_time_wins_over_the_others():
    assert checked(hours().with_columns(timestamp=pl.lit(1), date=pl.lit("no date")), name="x").equals(hours())


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_dates_of_any_unit_and_zone_become_utc_milliseconds(unit, zone):
    opens = pl.from_epoch("time", "ms").dt.cast_time_unit(unit)
    opens = opens.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else opens
    assert checked(hours().with_columns(opens), name="x").equals(hours())


def test_days_given_as_dates_become_utc_midnights():
    frame = hours(2, DAY).with_columns(time=pl.Series([date(2024, 1, 1), date(2024, 1, 2)]))
    assert checked(frame, name="x").equals(hours(2, DAY))


def test_any_numeric_type_becomes_float():
    frame = hours().with_columns(pl.col("open").cast(pl.Int32), pl.col("high").cast(pl.Float32))
    frame = frame.with_columns(pl.col("low").cast(pl.Decimal(10, 2)), pl.col("volume").cast(pl.UInt8))
    assert checked(frame, name="x").equals(hours())


def test_chunked_frames_are_the_same_as_whole_ones():
    frame = hours(10)
    assert checked(pl.concat([frame.head(3), frame.tail(7)], rechunk=False), name="x").equals(frame)


@pytest.mark.parametrize("nothing", [None, float("nan"), 0.0])
def test_a_volume_without_any_value_becomes_nan(nothing):
    for dtype in (pl.Float64, pl.Null if nothing is None else pl.Float32):
        frame = hours().with_columns(volume=pl.Series([nothing] * 5, dtype=dtype))
        assert checked(frame, name="x")["volume"].is_nan().all()


def test_some_zero_volumes_are_kept():
    assert checked(put(hours(), "volume", 2, 0.0), name="x")["volume"].to_list() == [1, 1, 0, 1, 1]


def test_gaps_are_allowed():
    frame = hours(10).filter(pl.col("time") != START + 4 * HOUR)
    assert checked(frame, name="x").height == 9


def test_one_candle_passes_and_is_held_to_the_timeframe_if_there_is_one():
    assert checked(hours(1), name="x").height == 1
    assert "not the open of a 1w candle" in refusal(put(hours(1), "time", 0, START + DAY), timeframe=WEEK)


def test_candles_before_1970_pass():
    frame = hours().with_columns(pl.col("time") - 60 * 365 * DAY)
    assert checked(frame, name="x").equals(frame)


@pytest.mark.parametrize("column", SCHEMA)
def test_a_missing_column_is_named_with_those_there_are(column):
    message = refusal(hours().rename({column: f"my_{column}"}))
    assert message.startswith(f"column {column!r} is missing; there are ")
    assert f"Did you mean 'my_{column}'?" in message


def test_a_missing_volume_says_how_to_have_none():
    assert "a column of nulls says that there is no volume data" in refusal(hours().drop("volume"))


def test_what_is_no_frame_is_refused_with_the_conversion():
    assert "polars DataFrame, not builtins.list" in refusal([1, 2, 3])
    assert "frame.collect()" in refusal(hours().lazy())


def test_an_empty_frame_is_refused():
    assert refusal(hours(0)).startswith("there are no candles in it.")


AT_2 = "row 2 (2024-01-01 02:00 UTC)"


@pytest.mark.parametrize(
    ("column", "row", "value", "expected"),
    [
        *(
            (price, 2, bad, f"{price!r} is null, NaN or infinite in {AT_2}")
            for price in PRICES
            for bad in (None, np.nan)
        ),
        ("high", 2, np.inf, f"'high' is null, NaN or infinite in {AT_2}"),
        ("low", 2, -np.inf, f"'low' is null, NaN or infinite in {AT_2}"),
        ("low", 2, 0.0, f"'low' is zero or negative in {AT_2}"),
        ("close", 2, -1.0, f"'close' is zero or negative in {AT_2}"),
        ("high", 2, 8.0, f"'low' is above 'high' in {AT_2}"),
        ("open", 2, 12.5, f"'open' is above 'high' in {AT_2}"),
        ("close", 2, 12.5, f"'close' is above 'high' in {AT_2}"),
        ("open", 2, 8.5, f"'low' is above 'open' in {AT_2}"),
        ("close", 2, 8.5, f"'low' is above 'close' in {AT_2}"),
        ("volume", 2, -1.0, f"'volume' is negative in {AT_2}"),
        ("volume", 2, None, f"'volume' is null or NaN, and elsewhere it is not, in {AT_2}"),
        ("volume", 2, np.nan, f"'volume' is null or NaN, and elsewhere it is not, in {AT_2}"),
        ("volume", 2, np.inf, f"'volume' is infinite in {AT_2}"),
        ("time", 2, None, "1 of the times are null, first in row 2."),
        ("time", 2, START, f"{AT_2[:5]} (2024-01-01 00:00 UTC) is earlier than row 1 (2024-01-01 01:00 UTC). Sort"),
        ("time", 2, START + HOUR, "1 of the times come twice, first in rows 1 and 2 (2024-01-01 01:00 UTC)."),
        ("time", 2, START + 2 * HOUR + 1, "the candles are not evenly spaced: the most common step is 1h, but row 1"),
        ("time", 4, 10**15, "the time of row 4, 1000000000000000, is no date in UTC milliseconds."),
    ],
)
def test_an_impossible_value_is_refused_with_its_row_and_time(column, row, value, expected):
    assert expected in refusal(put(hours(), column, row, value))


def test_all_rows_that_are_wrong_are_counted():
    frame = put(put(hours(), "low", 1, np.nan), "low", 3, None)
    assert "'low' is null, NaN or infinite in 2 rows, first in row 1 (2024-01-01 01:00 UTC)." in refusal(frame)


def test_text_is_refused_with_an_example():
    frame = hours().with_columns(close=pl.Series(["1", "2", "3,5", "4", "5"]))
    assert refusal(frame).startswith("column 'close' is String, not numbers (row 2 is '3,5').")
    assert refusal(hours().with_columns(pl.col("time").cast(pl.String))).startswith("the times are String, and must be")
    assert refusal(hours().with_columns(pl.col("time").cast(pl.Float64))).startswith("the times are Float64, and must")


def test_times_finer_than_a_millisecond_are_refused():
    opens = pl.Series([datetime(2024, 1, 1), datetime(2024, 1, 1, 1, 0, 0, 1)])
    assert "row 1, 2024-01-01 01:00:00.000001, is finer" in refusal(hours(2).with_columns(time=opens))


def test_times_in_seconds_are_refused_with_the_remedy():
    assert "multiply seconds by 1000" in refusal(hours().with_columns(pl.col("time") // 1000))


@pytest.mark.parametrize(("length", "shift"), [(HOUR, HOUR // 2), (DAY, HOUR), (WEEK, DAY)])
def test_times_off_the_grid_are_refused(length, shift):
    frame = hours(5, length)
    assert checked(frame, name="x").equals(frame)
    assert "row 0 (2024-01-0" in refusal(frame.with_columns(pl.col("time") + shift))


def test_times_off_the_grid_of_a_given_timeframe_are_refused():
    assert "row 1 (2024-01-01 01:00 UTC) is not the open of a 4h candle" in refusal(hours(), timeframe=4 * HOUR)
    assert checked(hours(), name="x", timeframe=HOUR // 60).height == 5


def test_a_name_with_braces_is_only_a_name():
    with pytest.raises(DataError, match=r"^\{odd\}\.csv: 'low' is zero"):
        checked(put(hours(), "low", 2, 0.0), name="{odd}.csv")


@given(row=st.integers(0, 99), column=st.sampled_from(PRICES), value=st.sampled_from([0.0, -1.0, 1e9, np.nan, np.inf]))
def test_no_impossible_price_passes_wherever_it_stands(row, column, value):
    frame = hours(100)
    if (column, value) != ("high", 1e9):
        assert f"row {row} (" in refusal(put(frame, column, row, value))


@given(kept=st.sets(st.integers(0, 60), min_size=12), length=st.sampled_from([60_000, HOUR, DAY, WEEK]))
def test_gaps_and_candles_together_fill_the_span(kept, length):
    time = START + length * np.array(sorted(kept))
    missing = gaps(time, length)
    filled = [open_ for first, last, _ in missing.iter_rows() for open_ in range(first, last + 1, length)]
    assert sorted([*time.tolist(), *filled]) == list(range(time[0], time[-1] + 1, length))
    assert missing["missing"].sum() == len(filled)


def test_no_gaps_give_an_empty_table():
    assert gaps(hours()["time"].to_numpy(), HOUR).shape == (0, 3)
    assert gaps(np.array([START]), HOUR).shape == (0, 3)


@pytest.mark.parametrize("length", [1_000, 60_000, HOUR, 4 * HOUR, DAY, WEEK])
def test_the_timeframe_is_the_most_common_step(length):
    steps = np.array([1, 1, 2, 1, 30, 1])
    assert infer_timeframe(START + length * np.cumsum(steps)) == length


def test_the_timeframe_may_be_the_rarer_step_only_if_it_divides_all_others():
    # Steps of 2, 2, 3 hours: the most common does not divide the third.
    with pytest.raises(DataError, match=r"most common step is 2h, but row 2 .* are 3h apart"):
        infer_timeframe(START + HOUR * np.array([0, 2, 4, 7]))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_candles_tell_no_timeframe(count):
    with pytest.raises(DataError, match="do not tell their timeframe"):
        infer_timeframe(START + HOUR * np.arange(count))


def test_opens_that_do_not_rise_tell_no_timeframe():
    with pytest.raises(DataError, match="not evenly spaced"):
        infer_timeframe(np.array([0, HOUR, 2 * HOUR, HOUR, 2 * HOUR]))
    with pytest.raises(DataError, match="not evenly spaced"):
        infer_timeframe(np.array([HOUR, HOUR, HOUR]))


def test_times_in_messages_are_as_fine_as_they_need_be():
    assert utc(START) == "2024-01-01 00:00 UTC"
    assert utc(START + 5_000) == "2024-01-01 00:00:05 UTC"
    assert utc(START + 5) == "2024-01-01 00:00:00.005 UTC"
    assert utc(-1_000) == "1969-12-31 23:59:59 UTC"
