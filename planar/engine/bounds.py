"""``planar.bounds``: one strategy in two scenarios, since a candle does not tell the order of its extremes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from planar.engine.backtest import backtest
from planar.engine.fill_file import fill_model_of
from planar.engine.run import Run
from planar.simulator.fill_model import FillModel
from planar.strategy.base import Strategy
from planar.strategy.load import load


@dataclass(frozen=True)
class Bounds:
    """The same run with each candle's extremes in the worse order, and in the better one.

    They are scenarios, no proven bounds of what could have happened: each candle is chosen for itself, by the equity at
    its close, and a strategy that fares otherwise decides otherwise from there on.
    """

    pessimistic: Run
    optimistic: Run

    def __iter__(self) -> Iterator[Run]:
        return iter((self.pessimistic, self.optimistic))

    @property
    def stats(self) -> dict[str, tuple[Any, Any]]:
        """Each statistic of the pessimistic run with that of the optimistic one."""
        better = self.optimistic.stats
        return {name: (value, better[name]) for name, value in self.pessimistic.stats.items() if name != "believe"}

    def show(self) -> None:
        """Prints both side by side."""
        from rich.console import Console

        from planar.report.scenarios import render

        Console().print(render([run.summary() for run in self], [run.path_decided for run in self]))


def bounds(strategy: Any, candles: Any = None, *, fill: str | FillModel | None = None, **options: Any) -> Bounds:
    """Runs a strategy in the pessimistic and in the optimistic scenario; takes what `planar.backtest` takes.

    fill: all of it counts but its path.
    """
    cls = type(strategy) if isinstance(strategy, Strategy) else load(strategy)
    model = fill_model_of(cls.fill if fill is None else fill)
    worse, better = (
        backtest(strategy, candles, fill=replace(model, path=path), **options) for path in ("pessimistic", "optimistic")
    )
    return Bounds(worse, better)
