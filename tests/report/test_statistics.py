"""Statistics of a run, on curves small enough to check by hand."""

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar.errors import DataError
from planar.report import statistics

DAY = 86_400_000
YEAR = 365.25 * DAY
START = 1_704_067_200_000  # 2024-01-01

prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40).map(np.array)
changes = st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=40).map(np.array)


def summary(times, equity, *, pnl=(), fills=None, start_cash=100.0, **given) -> dict:
    rows = pl.DataFrame({"time": times, "equity": equity}, schema={"time": pl.Int64, "equity": pl.Float64})
    trades = pl.DataFrame({"pnl": pnl}, schema={"pnl": pl.Float64})
    given = {"start_time": START, "buy_and_hold": 0.1, "exposure": 0.5, **given}
    return statistics.summary(rows, trades, no_fills() if fills is None else fills, start_cash=start_cash, **given)


def no_fills() -> pl.DataFrame:
    text, number = pl.String, pl.Float64
    names = {"time": pl.Int64, "instrument": text, "side": text, "price": number, "amount": number, "cost": number}
    return pl.DataFrame(schema={**names, "fee": number, "fee_currency": text})


def test_total_return_is_the_gain_over_the_start():
    assert statistics.total_return(100.0, 125.0) == 0.25
    assert statistics.total_return(100.0, 0.0) == -1.0


def test_cagr_is_the_yearly_return_that_would_have_done_the_same():
    assert statistics.cagr(100.0, 121.0, 2 * YEAR) == pytest.approx(0.10)
    assert statistics.cagr(100.0, 110.0, YEAR / 2) == pytest.approx(0.21)
    assert statistics.cagr(100.0, 100.0, YEAR) == 0.0


def test_cagr_is_a_total_loss_when_nothing_is_left():
    assert statistics.cagr(100.0, 0.0, YEAR) == -1.0
    assert statistics.cagr(100.0, -5.0, YEAR) == -1.0


def test_cagr_is_undefined_without_a_span_and_beyond_the_largest_number():
    assert statistics.cagr(100.0, 110.0, 0) is None
    assert statistics.cagr(100.0, 200.0, 60_000) is None  # doubled in a minute: 2 ** 525,960


def test_volatility_sharpe_and_sortino_by_hand():
    returns = np.array([0.03, -0.01, 0.03, -0.01])  # mean 0.01, deviation sqrt(0.0016 / 3), downside sqrt(0.0002 / 4)
    assert statistics.volatility(returns, 4.0) == pytest.approx(2 * math.sqrt(0.0016 / 3))
    assert statistics.sharpe(returns, 4.0) == pytest.approx(2 * 0.01 / math.sqrt(0.0016 / 3))
    assert statistics.sortino(returns, 4.0) == pytest.approx(2 * 0.01 / math.sqrt(0.00005))


def test_ratios_are_undefined_for_fewer_than_two_returns_and_for_returns_that_never_change():
    for ratio in (statistics.sharpe, statistics.sortino):
        assert ratio(np.array([0.01]), 365.0) is None
        assert ratio(np.zeros(3), 365.0) is None
        assert ratio(np.full(7, 0.1), 365.0) is None  # its deviation is 1.4e-17, and not zero
    assert statistics.volatility(np.array([0.01]), 365.0) is None
    assert statistics.volatility(np.zeros(3), 365.0) == 0.0


def test_sortino_is_undefined_when_no_period_lost_anything():
    assert statistics.sortino(np.array([0.0, 0.02, 0.01]), 365.0) is None


def test_drawdown_is_the_deepest_fall_below_a_peak_and_lasts_until_the_peak_is_seen_again():
    times = np.arange(7) * 10
    curve = np.array([100.0, 120.0, 120.0, 90.0, 110.0, 120.0, 130.0])
    assert statistics.drawdown(times, curve) == (0.25, 30)  # from 20, the last time at 120, to 50


def test_a_drawdown_that_never_recovers_lasts_to_the_end():
    assert statistics.drawdown(np.arange(4) * 10, np.array([100.0, 50.0, 60.0, 70.0])) == (0.5, 30)


def test_a_curve_that_never_falls_has_no_drawdown():
    assert statistics.drawdown(np.arange(3), np.array([1.0, 1.0, 2.0])) == (0.0, 0)


def test_win_rate_is_the_fraction_of_trades_that_earned_something():
    assert statistics.win_rate(np.array([1.0, 0.0, -1.0, 5.0])) == 0.5
    assert statistics.win_rate(np.array([])) is None


def test_profit_factor_is_won_over_lost_and_undefined_when_nothing_was_lost():
    assert statistics.profit_factor(np.array([3.0, -1.0, 1.0, -1.0])) == 2.0
    assert statistics.profit_factor(np.array([-1.0])) == 0.0
    assert statistics.profit_factor(np.array([3.0])) is None
    assert statistics.profit_factor(np.array([])) is None


def test_thirty_days_of_minutes_are_taken_day_by_day():
    times = START + 60_000 * np.arange(30 * 1_440 + 1)
    curve = 100.0 + np.arange(len(times)) // 1_440  # rises by one at each midnight
    returns, per_year = statistics.returns(times, curve)
    assert per_year == 365.25
    assert returns == pytest.approx([1 / (100 + day) for day in range(30)])


def test_a_mark_at_midnight_belongs_to_the_day_that_ends():
    times = START + DAY // 2 * np.arange(62)
    curve = np.where(times % DAY == 0, 200.0, 150.0)
    returns, _ = statistics.returns(times, curve)
    assert returns[:-1] == pytest.approx(np.zeros(30))
    assert returns[-1] == -0.25  # the last mark is at noon, and its day is half a day


def test_a_day_without_candles_returns_zero():
    hours = np.arange(41 * 24 + 1)
    times = (START + 3_600_000 * hours)[(hours <= 240) | (hours > 264)]  # the eleventh day is missing
    returns, _ = statistics.returns(times, np.arange(len(times)) + 100.0)
    assert len(returns) == 41
    assert np.flatnonzero(returns == 0.0).tolist() == [10]


def test_a_shorter_run_is_taken_row_by_row():
    times = START + 3_600_000 * np.arange(25)
    returns, per_year = statistics.returns(times, np.arange(25) + 100.0)
    assert len(returns) == 24
    assert per_year == pytest.approx(365.25 * 24)


def test_candles_of_a_week_are_taken_row_by_row():
    returns, per_year = statistics.returns(START + 7 * DAY * np.arange(11), np.arange(11) + 100.0)
    assert len(returns) == 10
    assert per_year == pytest.approx(365.25 / 7)


def test_a_curve_that_reaches_zero_ends_there():
    returns, _ = statistics.returns(START + DAY * np.arange(4), np.array([100.0, 50.0, 0.0, 0.0]))
    assert returns.tolist() == [-0.5, -1.0]


def test_statistics_agree_with_empyrical():
    """empyrical-reloaded 0.7.1 on the same daily returns, with annualization=365.25."""
    day = np.arange(366)
    curve = 10_000 * (1 + day / 1_000 + 0.1 * np.sin(day / 7))
    found = summary(START + DAY * day[1:], curve[1:], start_cash=10_000.0)
    assert found["volatility"] == pytest.approx(0.16523128709720808)
    assert found["sharpe"] == pytest.approx(2.376819876997351)
    assert found["sortino"] == pytest.approx(3.749897263508297)
    assert found["max_drawdown"] == pytest.approx(0.1602233441271383)
    assert found["total_return"] == pytest.approx(0.4603371794322104)
    assert found["cagr"] == pytest.approx(0.46071598335874353)


def test_a_summary_names_every_statistic():
    days = [START + day * DAY for day in (1, 2, 3)]
    found = summary(days, [110.0, 88.0, 121.0], pnl=[3.0, -2.0], rejected={"INSUFFICIENT_FUNDS": np.int64(2)})
    assert list(found) == [
        *("final_equity", "total_return", "buy_and_hold_return", "cagr", "volatility", "sharpe", "sortino"),
        *("max_drawdown", "max_drawdown_duration_ms", "trades", "win_rate", "profit_factor", "exposure", "fees"),
        "rejected",
    ]
    assert found["final_equity"] == 121.0
    assert found["total_return"] == pytest.approx(0.21)
    assert found["max_drawdown"] == pytest.approx(0.2)
    assert found["max_drawdown_duration_ms"] == 2 * DAY
    assert (found["trades"], found["win_rate"], found["profit_factor"]) == (2, 0.5, 1.5)
    assert (found["buy_and_hold_return"], found["exposure"], found["fees"]) == (0.1, 0.5, 0.0)
    assert found["rejected"] == {"INSUFFICIENT_FUNDS": 2}
    assert {type(value) for value in found.values()} == {float, int, dict}


def test_a_loss_of_the_first_candle_is_a_drawdown_from_the_start_cash():
    assert summary([START + DAY], [90.0])["max_drawdown"] == pytest.approx(0.1)


def test_what_is_undefined_is_none_and_the_summary_is_json():
    found = summary([], [], buy_and_hold=float("nan"), exposure=None)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {name for name, value in found.items() if value is None} == {
        *("buy_and_hold_return", "cagr", "volatility", "sharpe", "sortino", "win_rate", "profit_factor", "exposure"),
    }
    assert (found["final_equity"], found["total_return"], found["max_drawdown"]) == (100.0, 0.0, 0.0)


def test_fees_of_all_fills_are_summed():
    fill = {"time": 0, "instrument": "binance:BTC/USDT", "side": "buy", "price": 100.0, "amount": 1.0, "cost": 100.0}
    book = pl.DataFrame([{**fill, "fee": 0.25, "fee_currency": "USDT"}, {**fill, "fee": 0.01, "fee_currency": "BTC"}])
    assert summary([START], [100.0], fills=book)["fees"] == 1.25


@pytest.mark.parametrize(
    ("times", "equity", "cash", "message"),
    [
        ([START + 2, START + 1], [1.0, 1.0], 100.0, "must rise in time"),
        ([START - 1], [1.0], 100.0, "begin at the run's start"),
        ([START + 1, START + 2], [1.0, float("nan")], 100.0, "equity row 1 is not a finite number"),
        ([START + 1], [1.0], 0.0, "start cash above zero"),
    ],
)
def test_a_curve_that_cannot_be_measured_is_refused(times, equity, cash, message):
    with pytest.raises(DataError, match=message):
        summary(times, equity, start_cash=cash)


@given(prices)
def test_drawdown_is_a_fraction_and_the_worst_of_all_pairs(curve):
    depth, duration = statistics.drawdown(np.arange(len(curve)), curve)
    worst = max(1 - later / earlier for row, earlier in enumerate(curve) for later in curve[row:])
    assert 0.0 <= depth < 1.0
    assert depth == pytest.approx(worst)
    assert 0 <= duration < len(curve)


@given(prices, st.floats(1e-3, 1e3))
def test_statistics_of_a_curve_do_not_depend_on_its_currency(curve, rate):
    times = START + DAY * np.arange(len(curve))
    ours, theirs = (statistics.returns(times, units) for units in (curve, curve * rate))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6, abs=1e-9)
    assert statistics.drawdown(times, curve)[0] == pytest.approx(statistics.drawdown(times, curve * rate)[0], abs=1e-12)


@given(changes, st.floats(0.01, 100.0))
def test_ratios_do_not_change_with_the_size_of_the_stake(returns, stake):
    for ratio in (statistics.sharpe, statistics.sortino):
        ours, theirs = ratio(returns, 365.25), ratio(returns * stake, 365.25)
        if ours is not None and theirs is not None:
            assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=400), st.integers(1, 40), st.integers(0, 23))
def test_returns_compound_to_the_total_return_however_they_are_sampled(steps, hours, offset):
    times = START + 3_600_000 * (offset + hours * np.arange(len(steps) + 1))
    curve = 100.0 * np.cumprod(np.concatenate(([1.0], 1 + np.array(steps))))
    returns, per_year = statistics.returns(times, curve)
    assert np.prod(1 + returns) == pytest.approx(curve[-1] / 100.0)
    assert per_year > 0.0


@given(st.lists(st.floats(-1e6, 1e6), max_size=40).map(np.array))
def test_win_rate_is_a_fraction_and_the_profit_factor_beats_one_when_trades_earned(pnl):
    rate, factor = statistics.win_rate(pnl), statistics.profit_factor(pnl)
    assert rate is None or 0.0 <= rate <= 1.0
    if factor is not None and abs(pnl.sum()) > 1e-6:
        assert (factor > 1.0) == (pnl.sum() > 0.0)
