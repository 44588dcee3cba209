"""Indicators: names, numbers, warm-up, causality and refusals, for all functions of TA-Lib."""

import inspect
import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import talib

import planar
from planar.errors import ConfigError, DataError
from planar.strategy import indicator, talib_generate
from planar.strategy.talib_call import LONGEST, describe
from planar.strategy.talib_docs import DOCS, NOTES

NAMES = sorted(name.lower() for name in talib.get_functions())
ROW_NUMBERS = {"maxindex", "minindex", "minmaxindex"}
NAN = math.nan


def make_candles(rows: int, seed: int = 1) -> SimpleNamespace:
    """Random candles with volume, and a period for each row."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    open_ = close * np.exp(random.normal(0, 0.005, rows))
    return SimpleNamespace(
        open=open_,
        high=np.maximum(open_, close) * (1 + np.abs(random.normal(0, 0.004, rows))),
        low=np.minimum(open_, close) * (1 - np.abs(random.normal(0, 0.004, rows))),
        close=close,
        volume=random.gamma(2, 50, rows),
        periods=random.integers(2, 31, rows).astype(float),
    )


def transform(candles: SimpleNamespace, change) -> SimpleNamespace:
    """The same candles with every column changed by `change`."""
    return SimpleNamespace(**{name: change(column) for name, column in vars(candles).items()})


def call(name: str, candles: SimpleNamespace, **options) -> tuple[np.ndarray, ...]:
    """Every output of an indicator on these candles, whichever inputs it takes."""
    columns = {"candles": candles, "values": candles.close, "other": candles.open, "periods": candles.periods}
    columns |= {"market": candles.close, "asset": candles.open, "volume": candles.volume}
    function = getattr(indicator, name)
    result = function(*(columns[each] for each in inspect.signature(function).parameters if each in columns), **options)
    return result if isinstance(result, tuple) else (result,)


def options_of(name: str) -> dict[str, object]:
    """The parameters of an indicator and their defaults."""
    parameters = inspect.signature(getattr(indicator, name)).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    """Whether all outputs agree to the bit, NaN with NaN."""
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def rewrites_the_past(function, candles: SimpleNamespace) -> bool:
    """Whether rows added later change an earlier row of the result."""
    whole = function(candles)
    for rows in (1, 2, 3, 17, 31, 34, 64, 65, 100, 256, len(candles.close) - 1):
        past = function(transform(candles, lambda column, rows=rows: column[:rows].copy()))
        if not same(past, tuple(output[:rows] for output in whole)):
            return True
    return False


# Names


def test_every_talib_function_is_there_in_lower_case():
    assert len(NAMES) == 201
    assert set(NAMES) < set(indicator.__all__)
    assert set(NAMES) < set(dir(indicator))


def test_the_checked_in_signatures_are_what_the_generator_makes():
    assert talib_generate.TARGET.read_text(encoding="utf-8") == talib_generate.generate()


def test_every_word_of_the_tables_is_used():
    parameters = {word for name in talib.get_functions() for word in describe(name).parameters}
    outputs = {tuple(describe(name).output_names) for name in talib.get_functions()}
    assert set(talib_generate.PARAMETERS) == parameters
    assert set(talib_generate.OUTPUTS) == {names for names in outputs if len(names) > 1}
    assert set(talib_generate.OUTPUTS.values()) == set(talib_generate.FIELDS)
    assert set(DOCS) | set(NOTES) < set(NAMES)
    assert not set(DOCS) & set(NOTES)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_has_named_arguments_and_a_docstring(name):
    function = getattr(indicator, name)
    kinds = {each.kind for each in inspect.signature(function).parameters.values()}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert "Warm-up: " in function.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_reaches_the_talib_parameter_it_stands_for(name):
    candles = make_candles(300)
    at_home = {"price": ["close"], "price0": ["close"], "price1": ["open"], "periods": ["periods"]}
    columns = [column for word, known in describe(name).input_names.items() for column in at_home.get(word, known)]
    raw, options = {}, {}  # another value for each parameter than its default, and than its neighbour's
    for position, (word, default) in enumerate(describe(name).parameters.items()):
        if (name.upper(), word) in talib_generate.IGNORED:
            continue
        option = talib_generate.PARAMETERS[word]
        if word.endswith("matype"):
            options[option], raw[word] = list(indicator.AVERAGES.items())[position]
        else:
            other = default + position + 1 if isinstance(default, int) else 0.9 * default + 0.001 * (position + 1)
            options[option] = raw[word] = other
    expected = getattr(talib, name.upper())(*(getattr(candles, column) for column in columns), **raw)
    warm_up = describe(name, *raw.values()).lookback

    outputs = call(name, candles, **options)
    for output, original in zip(outputs, expected if isinstance(expected, tuple) else (expected,), strict=True):
        assert output.dtype == np.float64
        assert np.isnan(output[:warm_up]).all()
        assert np.array_equal(output[warm_up:], original[warm_up:].astype(float), equal_nan=True)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(AttributeError, match=r"no indicator 'smaa'. Did you mean 'sma'\?"):
        indicator.smaa  # noqa: B018
    with pytest.raises(AttributeError, match=r"Did you mean 'bbands'\?"):
        indicator.BBANDS  # noqa: B018


def test_importing_it_loads_neither_talib_nor_polars():
    stubs = "for name in 'planar', 'planar.strategy': sys.modules[name] = types.ModuleType(name)"
    program = f"""
import sys, types
{stubs}
sys.modules['planar'].__path__ = [{str(Path(planar.__file__).parent)!r}]
sys.modules['planar.strategy'].__path__ = [{str(Path(indicator.__file__).parent)!r}]
from planar.strategy import indicator
print([name for name in ('talib', 'polars') if name in sys.modules], indicator.sma([1.0, 3.0], 2)[1])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 2.0"


# Numbers


def test_small_numbers_by_hand():
    values = [1.0, 2.0, 4.0, 8.0]
    assert np.array_equal(indicator.sma(values, 2), [NAN, 1.5, 3.0, 6.0], equal_nan=True)
    assert np.array_equal(indicator.mom(values, 2), [NAN, NAN, 3.0, 6.0], equal_nan=True)
    assert np.array_equal(indicator.roc(values, 1), [NAN, 100.0, 100.0, 100.0], equal_nan=True)
    assert np.array_equal(indicator.max(values, 3), [NAN, NAN, 4.0, 8.0], equal_nan=True)
    assert np.array_equal(indicator.sub(values, [1, 1, 1, 1]), [0.0, 1.0, 3.0, 7.0])
    # Weight 2/(3+1) = 1/2, from the mean of 1, 2, 6 on.
    assert np.array_equal(indicator.ema([1, 2, 6, 9], 3), [NAN, NAN, 3.0, 6.0], equal_nan=True)
    # (1*1 + 2*2 + 3*6) / 6
    assert indicator.wma([1, 2, 6], 3)[2] == pytest.approx(23 / 6)
    # Population deviation of 2, 4: 1.
    assert indicator.stddev([2, 4], 2, multiplier=3.0)[1] == pytest.approx(3.0)
    # Up 2, down 1: 2 / 3 of the moves are gains.
    assert indicator.rsi([1, 3, 2], 2)[2] == pytest.approx(100 * 2 / 3)


def test_small_candles_by_hand():
    candles = SimpleNamespace(
        open=np.array([1.0, 2.0, 3.0]),
        high=np.array([2.0, 4.0, 4.0]),
        low=np.array([1.0, 2.0, 2.0]),
        close=np.array([2.0, 3.0, 2.0]),
        volume=np.array([10.0, 5.0, 20.0]),
    )
    assert np.array_equal(indicator.obv(candles), [10.0, 15.0, -5.0])
    assert np.array_equal(indicator.trange(candles), [NAN, 2.0, 2.0], equal_nan=True)
    assert np.array_equal(indicator.medprice(candles), [1.5, 3.0, 3.0])
    upper, middle, lower = indicator.donchian(candles, 2)
    assert (upper[1], middle[1], lower[1]) == (4.0, 2.5, 1.0)
    # Close 2 in the range 1 to 4: a third up from the low.
    assert indicator.willr(candles, 3)[2] == pytest.approx(-100 * 2 / 3)
    typical = [5 / 3, 3.0, 8 / 3]
    assert indicator.vwap(candles)[1] == pytest.approx((10 * typical[0] + 5 * typical[1]) / 15)


def test_sma_is_the_mean_of_the_window():
    close = make_candles(80).close
    expected = [sum(close[row - 9 : row + 1]) / 10 for row in range(9, 80)]
    assert indicator.sma(close, 10)[9:] == pytest.approx(expected, rel=1e-12)


def test_rsi_is_wilders():
    close = make_candles(80).close.tolist()
    moves = [after - before for before, after in pairwise(close)]
    gain = sum(max(move, 0) for move in moves[:14]) / 14
    loss = sum(max(-move, 0) for move in moves[:14]) / 14
    expected = [100 - 100 / (1 + gain / loss)]
    for move in moves[14:]:
        gain = (gain * 13 + max(move, 0)) / 14
        loss = (loss * 13 + max(-move, 0)) / 14
        expected.append(100 - 100 / (1 + gain / loss))
    assert indicator.rsi(close, 14)[14:] == pytest.approx(expected, rel=1e-10)


def test_atr_is_wilders_average_of_the_true_range():
    candles = make_candles(80)
    high, low, close = candles.high.tolist(), candles.low.tolist(), candles.close.tolist()
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, 80)]
    average = sum(ranges[:14]) / 14
    expected = [average]
    for each in ranges[14:]:
        average = (average * 13 + each) / 14
        expected.append(average)
    assert indicator.atr(candles, 14)[14:] == pytest.approx(expected, rel=1e-10)


def test_bollinger_bands_are_deviations_of_the_whole_window_around_its_mean():
    close = make_candles(80).close.tolist()
    bands = indicator.bbands(close, period=20, up=2.0, down=3.0)
    for row in range(19, 80):
        window = close[row - 19 : row + 1]
        mean = sum(window) / 20
        deviation = math.sqrt(sum((value - mean) ** 2 for value in window) / 20)
        expected = (mean + 2 * deviation, mean, mean - 3 * deviation)
        assert (bands.upper[row], bands.middle[row], bands.lower[row]) == pytest.approx(expected, rel=1e-9)


def test_several_results_carry_the_names_of_what_they_are():
    candles = make_candles(300)
    rising = SimpleNamespace(**{name: np.arange(100.0, 160.0) + shift for name, shift in [("high", 1), ("low", -1)]})
    rising.open, rising.close = rising.low, rising.high

    macd = indicator.macd(candles.close)
    assert macd.signal[150:] == pytest.approx(indicator.ema(macd.macd, 9)[150:])
    assert macd.histogram[50:] == pytest.approx(macd.macd[50:] - macd.signal[50:])
    stoch = indicator.stoch(candles, slow_d=4)
    assert stoch.d[50:] == pytest.approx(indicator.sma(stoch.k, 4)[50:])
    kdj = indicator.kdj(candles)
    assert kdj.j[50:] == pytest.approx(3 * kdj.k[50:] - 2 * kdj.d[50:])
    assert kdj.d[50:] == pytest.approx(indicator.rma(kdj.k, 3)[50:])
    extremes = indicator.minmax(candles.close, 5)
    assert same((extremes.lowest, extremes.highest), (indicator.min(candles.close, 5), indicator.max(candles.close, 5)))
    heikin = indicator.ha(candles)
    assert heikin.close == pytest.approx(indicator.avgprice(candles))
    assert (np.minimum(heikin.low, heikin.open) == heikin.low).all()
    assert (np.maximum(heikin.high, heikin.open) == heikin.high).all()

    assert (indicator.aroon(rising).up[-1], indicator.aroon(rising).down[-1]) == (100.0, 0.0)
    assert indicator.vortex(rising).plus[-1] > indicator.vortex(rising).minus[-1]
    assert indicator.eri(rising).bull[-1] > indicator.eri(rising).bear[-1]
    assert (indicator.supertrend(rising).trend[20:] == 1.0).all()
    assert (indicator.supertrend(rising).supertrend[20:] < rising.close[20:]).all()
    assert indicator.mama(rising.close).mama[-1] > indicator.mama(rising.close).fama[-1]


def test_beta_is_the_slope_of_the_asset_over_the_market():
    market = np.array([100.0, 110.0, 99.0, 108.9])
    moves = np.array([0.1, -0.1, 0.1])
    asset = 100 * np.cumprod(np.concatenate([[1.0], 1 + 2 * moves]))
    assert indicator.beta(market, asset, 3)[3] == pytest.approx(2.0)


@pytest.mark.parametrize("average", [name for name in indicator.AVERAGES if name != "mama"])
def test_an_average_by_name_is_the_function_of_that_name(average):
    close = make_candles(120).close
    assert same((indicator.ma(close, 12, average),), (getattr(indicator, average)(close, 12),))


def test_the_mesa_average_by_name_is_mama_with_its_defaults():
    close = make_candles(120).close
    assert same((indicator.ma(close, 12, "mama"),), (indicator.mama(close).mama,))


def test_variance_offers_no_multiplier_because_talib_ignores_it():
    close = make_candles(60).close
    assert list(options_of("var")) == ["period"]
    assert same((talib.VAR(close, 5, 1.0),), (talib.VAR(close, 5, 7.0),))


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "swaps `fast` and `slow`" in getattr(indicator, name).__doc__]
)
def test_the_oscillators_that_say_so_swap_fast_and_slow(name):
    candles = make_candles(120)
    assert same(call(name, candles, fast=26, slow=12), call(name, candles, fast=12, slow=26))


def test_a_fractal_is_marked_on_the_candle_that_confirms_it():
    high = np.array([1.0, 2.0, 5.0, 3.0, 2.0, 2.0])
    result = indicator.fractal(SimpleNamespace(high=high, low=high), left=2, right=2)
    assert np.array_equal(result.high, [NAN, NAN, NAN, NAN, 100.0, 0.0], equal_nan=True)


def test_the_detrended_price_is_an_earlier_value_less_the_average_now():
    # 4 // 2 + 1 = 3 rows ago: 1 less the mean of 1, 2, 4, 9.
    assert indicator.dpo([1.0, 2.0, 4.0, 9.0], 4)[3] == pytest.approx(1 - 4)


def test_the_period_of_a_row_is_rounded_down_and_kept_within_its_bounds():
    values = [1.0, 2.0, 4.0, 8.0]
    assert indicator.mavp(values, [2.0, 2.9, 1.0, 99.0], shortest=2, longest=3)[2:] == pytest.approx([3.0, 14 / 3])


def test_the_extended_sar_is_the_sar_with_a_minus_while_short():
    price = np.concatenate([np.arange(100.0, 130.0), np.arange(130.0, 100.0, -1.0)])
    candles = SimpleNamespace(high=price + 1, low=price - 1)
    extended, plain = indicator.sarext(candles), indicator.sar(candles)
    assert np.array_equal(np.abs(extended), plain, equal_nan=True)
    assert extended[29] > 0 > extended[59]
    assert indicator.sarext(candles, start=5.0)[1] == 5.0


# Warm-up


@pytest.mark.parametrize("name", NAMES)
def test_an_output_is_as_long_as_the_input_and_nan_only_while_warming_up(name):
    candles = make_candles(400)
    if name in ("acos", "asin"):  # defined from -1 to 1
        candles = transform(candles, lambda column: column / 1000)
    warm_up = describe(name).lookback
    for output in call(name, candles):
        assert output.dtype == np.float64
        assert len(output) == 400
        assert np.isnan(output[:warm_up]).all()
        assert np.isfinite(output[warm_up:]).all()


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(DOCS)))
def test_a_generated_docstring_tells_the_warm_up_with_the_defaults(name):
    assert int(re.search(r"Warm-up: (\d+)", getattr(indicator, name).__doc__)[1]) == describe(name).lookback


@pytest.mark.parametrize("name", sorted(DOCS))
def test_a_docstring_by_hand_tells_the_true_warm_up_as_a_formula(name):
    formula = re.search(r"Warm-up: (.+?)(, for .*)?\.\n", DOCS[name])[1]
    wholes = {option: default for option, default in options_of(name).items() if isinstance(default, int)}
    for more in (0, 1, 5):
        options = {option: default + more * place for place, (option, default) in enumerate(wholes.items(), 1)}
        expected = eval(formula, {"max": max}, options)
        for output in call(name, make_candles(200), **options):
            assert np.isnan(output[:expected]).all()
            assert np.isfinite(output[expected:]).all()


@pytest.mark.parametrize("average", ["sma", "ema", "wma", "trima", "rma"])
def test_the_warm_up_of_bands_and_stochastic_holds_for_the_averages_they_name(average):
    candles = make_candles(100)
    assert np.isnan(indicator.bbands(candles.close, 10, average=average).upper).sum() == 9
    assert np.isnan(indicator.stoch(candles, slow_k_average=average, slow_d_average=average).d).sum() == 8


@pytest.mark.parametrize("name", NAMES)
def test_fewer_rows_than_the_warm_up_give_all_nan(name):
    for rows in {0, describe(name).lookback}:
        for output in call(name, make_candles(rows)):
            assert len(output) == rows
            assert np.isnan(output).all()


@pytest.mark.parametrize("name", NAMES)
def test_leading_nan_only_move_the_result(name):
    candles = make_candles(150)
    moved = call(name, transform(candles, lambda column: np.concatenate([[NAN] * 7, column])))
    added = 7 if name in ROW_NUMBERS else 0
    assert same(tuple(output[7:] for output in moved), tuple(output + added for output in call(name, candles)))
    assert all(np.isnan(output[:7]).all() for output in moved)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_without_any_number_give_all_nan(name):
    for output in call(name, transform(make_candles(40), lambda column: column * NAN)):
        assert np.isnan(output).all()


def test_an_indicator_of_an_indicator_warms_up_after_it():
    close = make_candles(60).close
    rsi = indicator.rsi(close, 14)
    assert np.isnan(indicator.sma(rsi, 5)).sum() == 14 + 4
    assert np.isnan(indicator.correl(rsi, indicator.sma(close, 20), 10)).sum() == 19 + 9


# Causality


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_added_later_change_no_earlier_row_to_the_bit(seed):
    candles = make_candles(400, seed)
    if seed == 2:  # many equal prices, some candles without volume
        candles = transform(candles, np.round)
        candles.volume[::7] = 0.0
        candles.volume[100:140] = 0.0
    found = {name for name in NAMES if rewrites_the_past(lambda rows, name=name: call(name, rows), candles)}
    assert found == indicator.NOT_CAUSAL


def test_the_check_for_causality_sees_one_row_of_look_ahead():
    candles = make_candles(400)
    assert rewrites_the_past(lambda rows: (np.append(rows.close[1:], NAN),), candles)


# Inputs


@pytest.mark.parametrize("name", NAMES)
def test_memory_layout_changes_nothing(name):
    candles = make_candles(120)
    expected = call(name, candles)

    def read_only(column: np.ndarray) -> np.ndarray:
        column = column.copy()
        column.flags.writeable = False
        return column

    def unaligned(column: np.ndarray) -> np.ndarray:
        return np.frombuffer(b"x" + column.tobytes(), np.uint8)[1:].view(np.float64)

    for change in (
        read_only,
        unaligned,
        lambda column: np.repeat(column, 3)[::3],
        lambda column: column[::-1].copy()[::-1],
        lambda column: column.astype(">f8"),
        pl.Series,
        list,
    ):
        assert same(call(name, transform(candles, change)), expected)


def test_whole_numbers_and_truth_values_count_as_numbers():
    assert indicator.sma(np.array([1, 3], dtype=np.int32), 2)[1] == 2.0
    assert indicator.sum(np.array([True, False, True]), 3)[2] == 2.0
    assert indicator.sma(pl.Series([None, 1, 3]), 2)[2] == 2.0


def test_a_result_shares_no_memory_with_its_input():
    close = make_candles(30).close
    for name in ("ceil", "ma"):
        assert not np.shares_memory(
            call(name, SimpleNamespace(**(vars(make_candles(30)) | {"close": close})))[0], close
        )


@pytest.mark.parametrize("gap", [NAN, math.inf, -math.inf])
def test_a_gap_after_the_first_number_is_refused_with_its_position(gap):
    with pytest.raises(DataError, match=r"indicator.sma: values has -?(nan|inf) at position 4"):
        indicator.sma([NAN, 1.0, 2.0, 3.0, gap, 5.0], 2)
    candles = make_candles(30)
    candles.low[20] = gap
    with pytest.raises(DataError, match=r"indicator.atr: candles.low has -?(nan|inf) at position 20"):
        indicator.atr(candles, 3)


def test_infinity_is_no_leading_gap():
    with pytest.raises(DataError, match="values has inf at position 1;"):
        indicator.ema([NAN, math.inf, 1.0, 2.0], 2)


@pytest.mark.parametrize(
    "values",
    [["a", "b"], [1.0, None], [[1.0, 2.0], [3.0, 4.0]], 5.0, None, [[1.0], [1.0, 2.0]], [1j, 2j], make_candles(3)],
    ids=repr,
)
def test_an_input_that_is_no_series_of_numbers_is_refused(values):
    with pytest.raises(DataError, match=r"indicator.sma: values must be one series of numbers"):
        indicator.sma(values, 2)


def test_inputs_of_different_length_are_refused_with_both_lengths():
    with pytest.raises(DataError, match=r"indicator.beta needs inputs of the same length.*market 3, asset 2"):
        indicator.beta([1.0, 2.0, 3.0], [1.0, 2.0])


def test_a_column_given_for_the_candles_is_refused():
    with pytest.raises(ConfigError, match=r"indicator.atr reads high, low, close .* ndarray has no high, low, close"):
        indicator.atr(make_candles(30).close, 14)


def test_candles_need_only_the_columns_that_are_read():
    candles = make_candles(30)
    smoothed = indicator.ha(candles)  # has no volume
    assert np.isfinite(indicator.atr(smoothed, 5)[5:]).all()
    with pytest.raises(ConfigError, match="HeikinAshi has no volume"):
        indicator.mfi(smoothed, 5)


# Parameters


@pytest.mark.parametrize("name", [name for name in NAMES if any(isinstance(v, int) for v in options_of(name).values())])
def test_a_period_is_refused_exactly_where_talib_refuses_it(name):
    candles = make_candles(5)
    for option, default in options_of(name).items():
        if not isinstance(default, int):
            continue
        accepted = [value for value in (-1, 0, 1, 2, 3, LONGEST, LONGEST + 1) if talib_takes(name, option, value)]
        for value in (-1, 0, 1, 2, 3, LONGEST, LONGEST + 1):
            if value in accepted:
                call(name, candles, **{option: value})
            else:
                with pytest.raises(ConfigError, match=rf"indicator.{name}(: {option} must be a whole number|\()"):
                    call(name, candles, **{option: value})


@pytest.mark.parametrize(
    "name", [name for name in NAMES if any(isinstance(v, float) for v in options_of(name).values())]
)
def test_a_factor_is_refused_exactly_where_talib_refuses_it(name):
    candles = make_candles(5)
    for option, default in options_of(name).items():
        if not isinstance(default, float):
            continue
        edges = [0.0, 0.01, 0.99, 1.0, 100.0]
        values = [-1e6, *edges, *(math.nextafter(edge, side) for edge in edges for side in (-1e9, 1e9)), 1e6]
        for value in values:
            if talib_takes(name, option, value):
                call(name, candles, **{option: value})
            else:
                with pytest.raises(ConfigError, match=f"indicator.{name}: {option} must be a finite number, at least"):
                    call(name, candles, **{option: value})


def talib_takes(name: str, option: str, value: float) -> bool:
    """Whether TA-Lib itself accepts the value for the parameter that Planar calls `option`."""
    word = next(word for word in describe(name).parameters if talib_generate.PARAMETERS[word] == option)
    inputs = [np.arange(1.0, 6.0)] * talib_generate.count_inputs(name.upper())
    try:
        getattr(talib, name.upper())(*inputs, **{word: value})
    except Exception as error:
        if "TA_BAD_PARAM" not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize("period", [0, -3, 1, 2.5, NAN, math.inf, "10", None, True, LONGEST + 1])
def test_a_bad_period_is_refused_by_name_and_bounds(period):
    with pytest.raises(ConfigError, match=r"indicator.rsi: period must be a whole number from 2 to 100000, not "):
        indicator.rsi([1.0, 2.0, 3.0], period)


@pytest.mark.parametrize("period", [3, 3.0, np.int64(3), np.float64(3.0)])
def test_a_whole_number_of_any_type_is_a_period(period):
    assert indicator.sma([1.0, 2.0, 3.0], period)[2] == 2.0


@pytest.mark.parametrize("factor", [NAN, math.inf, "2", None, True, 1e38])
def test_a_factor_that_is_no_finite_number_is_refused(factor):
    with pytest.raises(ConfigError, match=r"indicator.bbands.*up"):
        indicator.bbands([1.0, 2.0, 3.0], 2, up=factor)


@pytest.mark.parametrize("average", [0, 1, "SMA", "none", None, talib.MA_Type.EMA])
def test_an_average_that_is_no_known_name_is_refused(average):
    with pytest.raises(ConfigError, match=r"indicator.bbands: average must be one of sma, ema, .*, not "):
        indicator.bbands([1.0, 2.0, 3.0], 2, average=average)


def test_a_misspelt_average_gets_the_nearest_one():
    with pytest.raises(ConfigError, match=r"not 'emma'. Did you mean 'ema'\?"):
        indicator.ma([1.0, 2.0, 3.0], 2, "emma")


def test_parameters_that_talib_refuses_together_are_named_together():
    with pytest.raises(ConfigError, match=r"indicator.mavp\(shortest=20, longest=10, average='sma'\)"):
        indicator.mavp([1.0, 2.0], [2.0, 2.0], shortest=20, longest=10)
