"""``planar backtest``: runs a strategy over candles and prints what happened."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.config.settings import StrategySettings
    from planar.engine.run import Run

DEFAULT = "sma_cross"


def backtest(
    strategy: str = DEFAULT,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    cash: float | None = None,
    instrument: Annotated[list[str] | None, Parameter(negative=())] = None,
    timeframe: str | None = None,
    param: Annotated[list[str] | None, Parameter(negative=())] = None,
    fees: float | None = None,
    fill: str = "pessimistic",
    store: Path | None = None,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    interpreted: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Run a strategy over stored candles, or over the synthetic market when there are none.

    Parameters
    ----------
    strategy
        A name in user/strategies or strategies, a path, or module:Class. Where the command line says nothing,
        [strategies.NAME] of user/planar.toml does.
    from_
        First moment of the run, such as 2024-01-31.
    to
        End of the run; candles that close later are left out.
    cash
        Start cash, in the quote currency; 10,000 when left out.
    instrument
        Instead of the strategy's own; may be repeated.
    timeframe
        Instead of the strategy's own, such as 15m.
    param
        A parameter of the strategy, such as fast=12; may be repeated.
    fees
        A fraction (0.001 is 0.1 %), for maker and taker.
    fill
        Fill model: pessimistic, adaptive, optimistic or ideal.
    store
        The DuckDB file with candles; that of [store] in user/planar.toml, data/planar.duckdb, when left out.
    seed
        Of the synthetic market.
    json_
        Print one JSON document instead of the table; its start and end are UTC ms.
    interpreted
        Do not compile the strategy.
    """
    import planar
    from planar.report.progress import announce_compiling
    from planar.strategy.load import load

    announce_compiling()
    usual = settings_of(strategy)
    cls = load(strategy)
    if timeframe is not None:
        cls = type(cls.__name__, (cls,), {"timeframe": timeframe, "__module__": cls.__module__})
    run = planar.backtest(
        cls,
        instruments=instrument or usual.instruments or None,
        start=from_,
        end=to,
        cash=usual.cash if cash is None else cash,
        params={**usual.params, **parameters(param or [])},
        fees=fees,
        fill=fill,
        store=store,
        seed=seed,
        compiled=False if interpreted else None,
        progress=not json_,
    )
    if json_:
        print(json.dumps(_document(run)))  # noqa: T201 - what was asked for
    else:
        run.show()


def _document(run: "Run") -> dict[str, Any]:
    """What ``--json`` prints. start, end: UTC ms; notes: what the printout says under its tables."""
    shown = run.summary()
    return {
        "strategy": run.strategy,
        "instruments": run.instruments,
        "timeframe": run.timeframe,
        "start": shown.start,
        "end": shown.end,
        "parameters": run.parameters,
        "stats": run.stats,
        "counts": {"orders": len(run.orders), "fills": len(run.fills), "trades": len(run.trades)},
        "data_hash": run.data_hash,
        "why_interpreted": run.why_interpreted,
        "notes": list(shown.notes),
    }


def settings_of(strategy: str) -> "StrategySettings":
    """What ``[strategies.NAME]`` says of a strategy that is named by its file."""
    from planar.config.load import load
    from planar.config.settings import StrategySettings

    return load().settings.strategies.get(Path(strategy).stem) or StrategySettings()


def parameters(texts: list[str]) -> dict[str, str]:
    """``name=value`` words as a dict. Raises ConfigError for a word that is not one."""
    made = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"--param {text!r} is not name=value: write --param fast=12.")
        made[name.strip()] = value.strip()
    return made
