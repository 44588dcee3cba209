"""Markets for the examples: some thousand synthetic candles, or a handful written by hand; and eyes inside a run."""

import functools

import polars as pl
import pytest

import planar
from planar.model.timeframe import milliseconds
from planar.store.synthetic import START, synthetic
from planar.strategy.load import load

MARKET = {"1h": 6_000, "4h": 4_000, "1d": 1_500}  # candles


@functools.cache
def _market(name: str, count: int | None) -> dict[str, pl.DataFrame]:
    cls = load(name)
    return synthetic(cls.instruments, cls.timeframe, candles=count or MARKET[cls.timeframe])


@functools.cache
def _run(name: str, compiled: bool | None) -> planar.Run:
    return planar.backtest(name, candles=_market(name, None), compiled=compiled)


@pytest.fixture(scope="session")
def market():
    """market(example, count): its synthetic candles by instrument."""
    return lambda name, count=None: _market(name, count)


@pytest.fixture(scope="session")
def run_of():
    """run_of(example, compiled): its run over those candles; the same run each time it is asked for."""
    return lambda name, compiled=None: _run(name, compiled)


@pytest.fixture(scope="session")
def bars():
    """bars(timeframe, rows): a frame of (open, high, low, close) rows with plenty of volume, from a Monday on."""

    def made(timeframe: str, rows: list[tuple[float, float, float, float]]) -> pl.DataFrame:
        step = milliseconds(timeframe)
        timed = [(START + i * step, *row, 1e6) for i, row in enumerate(rows)]
        return pl.DataFrame(timed, schema=["time", "open", "high", "low", "close", "volume"], orient="row")

    return made


@pytest.fixture(scope="session")
def watched():
    """watched(example, see): a subclass that calls see(self, candle, broker) after each on_candle."""

    def made(name: str, see) -> type[planar.Strategy]:
        class Watched(load(name)):
            def on_candle(self, candle, broker):
                super().on_candle(candle, broker)
                see(self, candle, broker)

        return Watched

    return made


@pytest.fixture(scope="session")
def watched_step():
    """watched_step(example, see): a subclass that calls see(self, universe) before each on_step."""

    def made(name: str, see) -> type[planar.Strategy]:
        class Watched(load(name)):
            def on_step(self, universe):
                see(self, universe)
                super().on_step(universe)

        return Watched

    return made
