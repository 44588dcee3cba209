"""What ``planar data fetch`` says in the end."""

import pytest

from planar.cli.fetched import tell
from planar.engine.fetch import Fetched
from planar.errors import Unreachable
from planar.store.catalog import series
from planar.store.faults import Fault
from planar.store.synthetic import START

BTC, PERPETUAL = "binance:BTC/USDT", "binance:BTC/USDT:USDT"
HOUR = 3_600_000


def candles(**changes):
    usual = {"start": START, "added": 10, "first": START, "last": START + 9 * HOUR, "gaps": 0, "missing": 0}
    return Fetched(series(BTC, "1h", "candles"), **{**usual, **changes})


def test_impossible_candles_are_told_by_time_and_reason_and_many_of_them_in_short(capsys):
    faults = [Fault(START + i * HOUR, "'low' is above 'high'") for i in range(5)]
    tell(
        [
            candles(added=8, gaps=1, missing=1, left_out=faults[2:3]),
            candles(added=5, gaps=1, missing=5, left_out=faults),
        ]
    )
    assert capsys.readouterr().out == (
        "binance:BTC/USDT 1h: 2024-01-01 00:00 UTC to 2024-01-01 09:00 UTC, 8 added; gaps: 1 (1 candle missing).\n"
        "  1 left out that cannot be: 2024-01-01 02:00 UTC ('low' is above 'high').\n"
        "binance:BTC/USDT 1h: 2024-01-01 00:00 UTC to 2024-01-01 09:00 UTC, 5 added; gaps: 1 (5 candles missing).\n"
        "  5 left out that cannot be: 2024-01-01 00:00 UTC, 2024-01-01 01:00 UTC, 2024-01-01 02:00 UTC, and 2 more "
        "('low' is above 'high').\n"
    )


def test_what_has_no_timeframe_has_no_gaps_and_begins_late_only_when_it_is_much(capsys):
    funding = {"start": START, "added": 3, "last": START + 24 * HOUR, "gaps": None, "missing": None}
    for first in (START + 8 * HOUR, START + 9 * HOUR):
        tell([Fetched(series(PERPETUAL, None, "funding"), first=first, **funding)])
    tell([Fetched(series(BTC, None, "trades"), **{**funding, "first": None, "last": None, "added": 0})])
    assert capsys.readouterr().out.splitlines() == [
        "binance:BTC/USDT:USDT funding: 2024-01-01 08:00 UTC to 2024-01-02 00:00 UTC, 3 added.",
        "binance:BTC/USDT:USDT funding: 2024-01-01 09:00 UTC to 2024-01-02 00:00 UTC "
        "(asked for since 2024-01-01 00:00 UTC), 3 added.",
        "binance:BTC/USDT trades: no market trades from 2024-01-01 00:00 UTC on.",
    ]


def test_an_error_is_raised_after_what_came_is_told(capsys):
    error = Unreachable("binance: gone.", exchange="binance", code="NETWORK")
    with pytest.raises(Unreachable):
        tell([candles(error=error), candles()])
    assert capsys.readouterr().out == (
        "binance:BTC/USDT 1h: 2024-01-01 00:00 UTC to 2024-01-01 09:00 UTC, 10 added; gaps: none; "
        "ended early (NETWORK).\n"
        "binance:BTC/USDT 1h: 2024-01-01 00:00 UTC to 2024-01-01 09:00 UTC, 10 added; gaps: none.\n"
        "What came is stored; the same command goes on from there.\n"
    )
