"""Planar: one strategy file, backtested, paper-traded and traded live by one engine.

Importing it is cheap: each public name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planar.engine.backtest import backtest
    from planar.engine.bounds import Bounds, bounds
    from planar.engine.portfolio import Book, Portfolio, portfolio
    from planar.engine.run import Run
    from planar.errors import ConfigError, DataError, ExchangeError, PlanarError, StrategyError
    from planar.model.instrument import Instrument
    from planar.model.order import Reason, Side, Status
    from planar.model.tiers import Tiers
    from planar.simulator.drawn import Recorded, Sampled
    from planar.simulator.fee_tiers import FeeTiers
    from planar.simulator.fill_model import FillModel
    from planar.strategy import indicator, series
    from planar.strategy import selection as universe
    from planar.strategy.base import Strategy
    from planar.strategy.override import override
    from planar.strategy.parameter import array, param, shared

__version__ = "0.1.0"

_HOMES = {
    "Book": "planar.engine.portfolio",
    "Bounds": "planar.engine.bounds",
    "ConfigError": "planar.errors",
    "DataError": "planar.errors",
    "ExchangeError": "planar.errors",
    "FeeTiers": "planar.simulator.fee_tiers",
    "FillModel": "planar.simulator.fill_model",
    "Instrument": "planar.model.instrument",
    "PlanarError": "planar.errors",
    "Portfolio": "planar.engine.portfolio",
    "Reason": "planar.model.order",
    "Recorded": "planar.simulator.drawn",
    "Run": "planar.engine.run",
    "Sampled": "planar.simulator.drawn",
    "Side": "planar.model.order",
    "Status": "planar.model.order",
    "Strategy": "planar.strategy.base",
    "StrategyError": "planar.errors",
    "Tiers": "planar.model.tiers",
    "array": "planar.strategy.parameter",
    "backtest": "planar.engine.backtest",
    "bounds": "planar.engine.bounds",
    "indicator": "planar.strategy.indicator",
    "override": "planar.strategy.override",
    "param": "planar.strategy.parameter",
    "portfolio": "planar.engine.portfolio",
    "series": "planar.strategy.series",
    "shared": "planar.strategy.parameter",
    "universe": "planar.strategy.selection",
}

_MODULES = {"indicator", "series", "universe"}

__all__ = [
    "Book", "Bounds", "ConfigError", "DataError", "ExchangeError", "FeeTiers", "FillModel", "Instrument",
    "PlanarError", "Portfolio", "Reason", "Recorded", "Run", "Sampled", "Side", "Status", "Strategy", "StrategyError",
    "Tiers", "array", "backtest", "bounds", "indicator", "override", "param", "portfolio", "series", "shared",
    "universe",
]  # fmt: skip


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'planar' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    value = home if name in _MODULES else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
