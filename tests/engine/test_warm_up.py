"""The warm-up that each column needs is measured: until a longer history changes nothing that anybody could see."""

import numpy as np
import pytest

from planar import Strategy, indicator
from planar.engine.check import check
from planar.engine.warm_up import TOLERANCE
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
FRAMES = synthetic([NAME], "1h", candles=3_000, seed=6)


class Columns(Strategy):
    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"
    timeframes = ["1d"]  # noqa: RUF012

    def indicators(self, candles):
        return {
            "sma": indicator.sma(candles.close, 50),
            "ema": indicator.ema(candles.close, 20),
            "rsi": indicator.rsi(candles.close, 14),
            "macd": indicator.macd(candles.close).histogram,
            "slow": indicator.ema(candles.close, 900),
            "obv": indicator.obv(candles),
            "pattern": indicator.cdlhammer(candles),
            "constant": np.ones(len(candles)),
            "d1": {"days": indicator.sma(candles.d1.close, 3)},
        }


class Early(Strategy):
    """Decides as soon as its average is a number."""

    instruments = [NAME]  # noqa: RUF012

    def indicators(self, candles):
        return {"ema": indicator.ema(candles.close, 20)}


class Patient(Early):
    def warmup(self):
        return 160


@pytest.fixture(scope="module")
def found():
    return {each.column: each for each in check(Columns(), candles=FRAMES).warm_ups}


@pytest.mark.parametrize(("column", "candles"), [("sma", 49), ("constant", 0), ("pattern", 11)])
def test_what_looks_back_a_fixed_number_of_candles_has_settled_with_its_first_number(column, candles, found):
    assert (found[column].first, found[column].settled) == (candles, candles)


def test_columns_of_a_longer_timeframe_count_in_candles_of_the_strategy_from_the_worst_beginning(found):
    """Begun at 01:00, the first whole day opens 23 candles later, and the third closes with the 95th candle."""
    assert (found["d1.days"].first, found["d1.days"].settled) == (94, 94)


@pytest.mark.parametrize(("column", "ratio"), [("ema", 1 - 2 / 21), ("rsi", 13 / 14)])
def test_a_recursive_column_settles_when_its_memory_has_faded(column, ratio, found):
    """Of what it begins with, the ratio is left after each candle: a hundredth of it at the start, a millionth then."""
    faded = np.log(TOLERANCE / 0.01) / np.log(ratio)
    assert found[column].first + 0.7 * faded < found[column].settled < found[column].first + 1.8 * faded


@pytest.mark.parametrize("column", ["ema", "rsi", "macd"])
def test_from_any_other_origin_a_column_is_near_the_longer_history_once_it_has_settled(column, found):
    def column_of(first):
        candles = FRAMES[NAME].slice(first)["close"].to_numpy()
        functions = {"macd": lambda x: indicator.macd(x).histogram, "ema": lambda x: indicator.ema(x, 20)}
        return functions.get(column, lambda x: indicator.rsi(x, 14))(candles)

    whole = column_of(0)
    for first in range(100, 2_000, 97):
        settled = slice(first + found[column].settled, None)
        apart = np.abs(column_of(first)[found[column].settled :] - whole[settled])
        assert apart.max() < 10 * TOLERANCE * np.abs(whole[settled]).mean()


def test_a_column_in_which_every_candle_counts_never_settles(found):
    assert (found["obv"].settled, found["obv"].is_endless) == (None, True)


def test_a_column_that_needs_more_than_there_is_is_not_said_to_settle(found):
    assert (found["slow"].settled, found["slow"].is_endless) == (None, False)
    assert found["slow"].looked_at > 1_500


def test_a_warm_up_that_is_too_short_is_told_and_a_longer_one_is_not():
    (early,) = check(Early(), candles=FRAMES).warm_ups
    (patient,) = check(Patient(), candles=FRAMES).warm_ups
    assert early.is_late
    assert not patient.is_late
    assert early.first < early.settled <= 160


def test_a_long_average_settles_on_few_candles_where_it_has_a_number():
    class Long(Early):
        def indicators(self, candles):
            return {"sma": indicator.sma(candles.close, 200)}

    (long,) = check(Long(), candles=FRAMES[NAME].head(365)).warm_ups
    assert (long.first, long.settled, long.is_late) == (199, 199, False)


def test_a_column_of_any_instrument_counts():
    names = [NAME, "test:B/USD"]
    frames = synthetic(names, "1h", candles=1_500, seed=6)
    frames[NAME] = frames[NAME].with_columns(open=1.0, high=1.0, low=1.0, close=1.0)
    found = check(Early(), candles=frames, instruments=names)
    assert found.warm_ups[0].settled > 50  # of the second: the first never moves
