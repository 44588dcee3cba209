"""The pessimistic and the optimistic scenario of one run, side by side."""

import io
import json

import polars as pl
import pytest
from rich.console import Console

import planar
from planar import FillModel, Instrument, Strategy
from planar.cli import main
from planar.report.scenarios import render

HOUR = 3_600_000
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "touch")


class Brackets(Strategy):
    """Buys at 100, and rests a sale at 110 and a stop of the other half at 90."""

    instruments = ["test:A/USD"]  # noqa: RUF012
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.time == 0:
            broker.buy(10.0)
        elif candle.time == HOUR:
            broker.sell(10.0, price=110.0)
            broker.buy(9.0, stop=105.0)


def run(**options):
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 112, 88, 95), (95, 95, 95, 95)]
    columns = ["time", "open", "high", "low", "close", "volume"]
    frame = pl.DataFrame(
        [(i * HOUR, *map(float, row), 1e6) for i, row in enumerate(rows)], schema=columns, orient="row"
    )
    instrument = Instrument("test:A/USD", price_step=1.0, amount_step=1.0, maker=0.0, taker=0.0)
    return planar.bounds(Brackets, frame, instruments=[instrument], cash=2_000.0, **options)


def test_only_the_path_differs_and_the_optimistic_run_ends_with_more():
    both = run(fill=PLAIN)
    worse, better = both
    assert both.stats["final_equity"] == (worse.stats["final_equity"], better.stats["final_equity"])
    assert worse.stats["final_equity"] <= better.stats["final_equity"]
    paths = [row for run in both for label, row in run.summary().believe if label == "Path and latency"]
    assert paths == ["pessimistic, 0 ms", "optimistic, 0 ms"]


def test_the_printout_has_every_metric_twice_and_calls_them_scenarios():
    both = run(fill=PLAIN)
    console = Console(width=90, record=True, file=io.StringIO())
    console.print(render([each.summary() for each in both], [each.path_decided for each in both]))
    text = console.export_text()
    for label in ("Final equity", "Sharpe", "Maximum drawdown", "Fees", "Fills decided by the path"):
        assert label in text
    assert "Pessimistic" in text
    assert "Optimistic" in text
    assert "scenarios" in text


def test_the_command_prints_both_as_one_document(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "sma_cross", "--bounds", "--json"])
    assert ended.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"pessimistic", "optimistic"}
    assert document["pessimistic"]["data_hash"] == document["optimistic"]["data_hash"]
