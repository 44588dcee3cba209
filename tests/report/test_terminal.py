"""The printout at the end of a run, on every width, with and without colour, UTF or not."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from planar.report.terminal import Summary, duration, money, percent, render, sparkline

DAY = 86_400_000
START = 1_704_067_200_000  # 2024-01-01

RUN = Summary(
    strategy="SmaCross",
    instruments=["binance:BTC/USDT"],
    timeframe="1h",
    start=START,
    end=START + 366 * DAY,
    currency="USDT",
    start_cash=10_000.0,
    statistics={
        "final_equity": 11_300.0,
        "total_return": 0.13,
        "buy_and_hold_return": -0.05,
        "cagr": 0.12972,
        "volatility": 0.4,
        "sharpe": 1.234,
        "sortino": None,
        "max_drawdown": 0.1,
        "max_drawdown_duration_ms": 12 * DAY + 4 * 3_600_000 + 59_000,
        "trades": 1_234,
        "win_rate": 0.5,
        "profit_factor": 1.5,
        "exposure": 0.25,
        "fees": 1_099.5,
        "rejected": {"INSUFFICIENT_FUNDS": 2, "BELOW_MIN_COST": 1},
    },
    # A level of the curve is 100 USDT: 11, 1, 8, 17, 20 and 24 of 24, each over a sixth of the columns.
    equity=np.array([10_000.0, 9_000.0, 9_700.0, 10_600.0, 10_900.0, 11_300.0]),
    market="synthetic market, seed 0",
    believe=[
        ("Execution candles", "1m"),
        ("Fees", "0.10 % taker, 0.10 % maker, assumed because the venue did not say"),
    ],
    notes=["Holding the market lost money."],
)

PAGE = """\
 SmaCross  binance:BTC/USDT  1h
 2024-01-01 to 2025-01-01 UTC, 366d  synthetic market, seed 0

                                        ▁▁▁▁▁▁▁▁▁▁▁▁▁▄▄▄▄▄▄▄▄▄▄▄▄▄█████████████
 ▃▃▃▃▃▃▃▃▃▃▃▃▃                          ███████████████████████████████████████
 █████████████▁▁▁▁▁▁▁▁▁▁▁▁▁████████████████████████████████████████████████████
 Equity between 9,000.00 USDT and 11,300.00 USDT

 Final equity  11,300.00 USDT      Maximum drawdown     10.00 %
 Total return     +13.00 %         Drawdown lasted        12d 4h
 Buy and hold      -5.00 %         Trades               1,234
 CAGR             +12.97 %         Win rate             50.00 %
 Volatility        40.00 %         Profit factor         1.50
 Sharpe             1.23           Exposure             25.00 %
 Sortino             n/a           Fees              1,099.50 USDT
                                   Refused orders           3

 Believe this?
 Execution candles  1m
 Fees               0.10 % taker, 0.10 % maker, assumed because the venue did
                    not say

 - Holding the market lost money.
"""


def printed(run: Summary, width: int, **console) -> str:
    """The page as the console writes it, without the spaces at the ends of lines."""
    out = io.StringIO()
    Console(file=out, width=width, **{"color_system": None, **console}).print(render(run))
    return re.sub(r" +$", "", out.getvalue(), flags=re.MULTILINE).rstrip("\n") + "\n"


def piped(run: Summary, encoding: str) -> str:
    """The page as written to a pipe of that encoding."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=out, width=80).print(render(run))
    out.flush()
    return out.buffer.getvalue().decode(encoding)


def test_a_run_on_one_page():
    assert printed(RUN, 80) == PAGE


@pytest.mark.parametrize("width", [200, 100, 80, 60])
def test_no_line_is_wider_than_the_console(width):
    lines = printed(RUN, width).splitlines()
    assert max(map(len, lines)) == width - 1  # the curve leaves a margin of one on each side


def test_statistics_stand_below_each_other_where_there_is_no_room():
    page = printed(RUN, 60)
    assert "\n Total return         +13.00 %\n" in page
    assert "\n Fees               1,099.50 USDT\n" in page
    assert "\n synthetic market, seed 0\n" in page


@pytest.mark.parametrize("width", [100, 60])
def test_colour_adds_nothing_to_the_words(width):
    coloured = printed(RUN, width, color_system="standard", force_terminal=True)
    assert "\x1b[32m" in coloured
    assert re.sub(r" +$", "", re.sub(r"\x1b\[[0-9;]*m", "", coloured), flags=re.MULTILINE) == printed(RUN, width)


def test_gains_are_green_and_losses_red():
    coloured = printed(RUN, 60, color_system="standard", force_terminal=True)
    assert re.search(r"Total return.*\x1b\[32m +\+13\.00", coloured)
    assert re.search(r"Buy and hold.*\x1b\[31m +-5\.00", coloured)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_pipe_that_is_not_utf_gets_what_it_can_write(encoding):
    page = piped(replace(RUN, strategy="Größe ▲", notes=["Größe ▲"], market="", believe=[("▲", "▲")]), encoding)
    assert page.startswith(" Gr??e ?  binance" if encoding == "ascii" else " Größe ?  binance")
    assert "#" in page  # the curve, in ASCII
    assert "▁" not in page


def test_text_is_never_markup():
    page = printed(replace(RUN, strategy="[red]Mean", notes=["see :warning: [/]"], believe=[("[bold]", "[1m]")]), 80)
    assert "[red]Mean" in page
    assert "[bold]  [1m]" in page
    assert "see :warning: [/]" in page


def test_more_instruments_than_three_are_counted():
    names = [f"binance:{base}/USDT" for base in ("BTC", "ETH", "SOL", "XRP", "ADA")]
    assert "binance:BTC/USDT, binance:ETH/USDT, binance:SOL/USDT and 2 more  1h" in printed(
        replace(RUN, instruments=names), 100
    )
    assert "and" not in printed(replace(RUN, instruments=names[:3]), 100).splitlines()[0]


def test_a_period_not_of_whole_days_shows_its_hours():
    run = replace(RUN, start=START + 3_600_000, end=START + 40 * DAY + 90 * 60_000)
    assert "2024-01-01 01:00 to 2024-02-10 01:30 UTC, 40d\n" in printed(replace(run, market=""), 80)


def test_a_run_of_less_than_thirty_days_warns_of_yearly_numbers():
    warning = "- Less than 30 days: CAGR"
    assert warning in printed(replace(RUN, end=START + 29 * DAY), 80)
    assert warning not in printed(replace(RUN, end=START + 30 * DAY), 80)


def test_a_run_without_candles_is_printed_too():
    page = printed(replace(RUN, equity=np.array([]), statistics={}, believe=[], notes=[]), 60)
    assert page.count("n/a") == 15
    assert "Equity between" not in page
    assert "Believe" not in page


def test_the_sparkline_spans_from_an_eighth_of_a_line_to_all_lines():
    lines = sparkline(np.array([0.0, 7.0, 8.0, 15.0]), 8.0, 4, height=2)
    assert [line.plain for line in lines] == ["  ▁█", "▁███"]
    assert [(span.start, span.end, span.style) for span in lines[0].spans] == [(0, 2, "red"), (2, 4, "green")]


def test_each_column_of_the_sparkline_is_the_last_value_of_its_share():
    assert sparkline(np.array([9.0, 0.0, 9.0, 7.0]), 0.0, 2, height=1)[0].plain == "▁█"
    assert sparkline(np.array([0.0, 7.0]), 0.0, 4, height=1)[0].plain == "▁▁██"


def test_a_curve_that_never_changes_stands_in_the_middle():
    assert sparkline(np.full(9, 5.0), 5.0, 3, height=1)[0].plain == "▅▅▅"


def test_the_sparkline_has_ascii_levels():
    assert sparkline(np.arange(8.0), 0.0, 8, height=1, utf=False)[0].plain == ".:-=+*%#"


@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=300).map(np.array), st.integers(1, 120), st.integers(1, 4))
def test_a_sparkline_is_as_wide_and_as_high_as_asked(values, width, height):
    lines = sparkline(values, 1.0, width, height=height)
    assert [len(line.plain) for line in lines] == [width] * height
    assert " " not in lines[-1].plain


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.12345, "+12.35 %"),
        (-0.1, "-10.00 %"),
        (0.0, "0.00 %"),
        (-1e-9, "0.00 %"),
        (12.0, "+1,200.00 %"),
        (1e6, "+1.00e+08 %"),
    ],
)
def test_percent_has_a_sign_where_there_is_a_gain_or_a_loss(share, text):
    assert percent(share, signed=True) == text


def test_a_share_has_no_sign():
    assert percent(0.4321) == "43.21 %"


@pytest.mark.parametrize(
    ("value", "start", "text"),
    [
        (1_234_567.891, 10_000.0, "1,234,567.89 X"),
        (-0.001, 10_000.0, "0.00 X"),
        (1.5, 1.0, "1.5000 X"),
        (0.0123456, 0.01, "0.012346 X"),
    ],
)
def test_money_shows_five_digits_of_the_start_cash_and_cents_at_least(value, start, text):
    assert money(value, "X", start) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (59_999, "59s"),
        (60_000, "1m"),
        (3_661_000, "1h 1m"),
        (86_400_000, "1d"),
        (86_400_000 + 59_000, "1d"),
        (12 * DAY + 4 * 3_600_000, "12d 4h"),
    ],
)
def test_a_duration_is_its_largest_unit_and_the_one_below(ms, text):
    assert duration(ms) == text
