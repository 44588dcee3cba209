"""``planar backtest``: runs a strategy over candles and prints what happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.answer import say_json
from planar.cli.ask import Flag
from planar.cli.options import From, Instruments, Json, Params, StoreFile, Strategy, Timeframe, To
from planar.errors import ConfigError

if TYPE_CHECKING:
    import planar
    from planar.config.settings import StrategySettings
    from planar.engine.run import Run
    from planar.strategy.selection import Top

DEFAULT, STORE = "sma_cross", "store"
USUAL_CASH = 10_000.0


@Parameter(name="*")
@dataclass(frozen=True)
class Choices:
    """What a run is made from, where it is not as the strategy, or its section in user/planar.toml, has it."""

    from_: From = None
    to: To = None
    cash: float | None = None
    """Start cash, in the quote currency; 10,000 when left out."""
    instrument: Instruments = None
    timeframe: Timeframe = None
    param: Params = None
    fees: float | None = None
    """A fraction (0.001 is 0.1 %), for maker and taker."""
    fill: str | None = None
    """Fill model: pessimistic (the default), adaptive, optimistic, ideal, freqtrade, backtesting.py, or a file,
    such as one of `planar parity --calibrate`."""
    trades: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None
    """Run over market trades instead of candles: a Parquet or CSV file of each instrument, in their order (time, price,
    amount, and the taker's side where it is known), or `store` for those that were fetched."""
    store: StoreFile = None
    seed: int = 0
    """Of the synthetic market."""
    interpreted: Flag = False
    """Do not compile the strategy."""
    bounds: Flag = False
    """Show the pessimistic and the optimistic scenario side by side."""
    share: Annotated[list[float] | None, Parameter(negative=(), consume_multiple=True)] = None
    """Of several strategies: each one's part of the cash, in their order; equal parts when left out."""


USUAL = Choices()


def backtest(*strategies: Strategy, choices: Choices = USUAL, json: Json = False) -> None:
    """Run a strategy over stored candles, or over the synthetic market when there are none; several in one account."""
    import planar

    if len(strategies) > 1:
        _run_together(strategies, choices, as_json=json)
        return
    strategy = strategies[0] if strategies else DEFAULT
    if choices.bounds:
        both = _run(planar.bounds, strategy, choices, is_quiet=json)
        if json:
            say_json({"pessimistic": _document(both.pessimistic), "optimistic": _document(both.optimistic)})
        else:
            both.show()
        return
    run = _run(planar.backtest, strategy, choices, is_quiet=json)
    if json:
        say_json(_document(run))
    else:
        run.show()


def _run(make: Callable[..., Any], strategy: str, choices: Choices, *, is_quiet: bool) -> Any:
    from planar.report.progress import announce_compiling

    announce_compiling()
    usual, cls = settings_of(strategy), class_of(strategy, choices.timeframe)
    return make(
        cls,
        instruments=choices.instrument or usual.instruments or None,
        start=choices.from_,
        end=choices.to,
        cash=usual.cash if choices.cash is None else choices.cash,
        params={**usual.params, **parameters(choices.param or [])},
        fees=choices.fees,
        fill=choices.fill or usual.fill or None,
        store=choices.store,
        trades=_trades(choices.trades, choices.instrument or usual.instruments or cls.instruments),
        seed=choices.seed,
        limits=usual.risk,
        compiled=False if choices.interpreted else None,
        progress=not is_quiet,
    )


ALONE = ("bounds", "param", "instrument")


def _run_together(strategies: "Sequence[str]", choices: Choices, *, as_json: bool) -> None:
    """Several strategies in one account; what is said of each in user/planar.toml holds."""
    import planar
    from planar.report.progress import announce_compiling

    for name in ALONE:
        if getattr(choices, name):
            raise ConfigError(f"--{name} is for one strategy: set it in [strategies.NAME] of user/planar.toml.")
    shares = choices.share or [None] * len(strategies)
    if len(shares) != len(strategies):
        raise ConfigError(f"--share names {len(shares)} parts for {len(strategies)} strategies: give one of each.")
    announce_compiling()
    books: list[planar.Book] = []
    names: list[str] = []
    for strategy, share in zip(strategies, shares, strict=True):
        usual, cls = settings_of(strategy), class_of(strategy, choices.timeframe)
        traded = usual.instruments or None
        fill = choices.fill or usual.fill or None
        books.append(planar.Book(cls, share, params=usual.params, instruments=traded, limits=usual.risk, fill=fill))
        declared = traded or cls.instruments
        names += declared if isinstance(declared, list | tuple) else []
    made = planar.portfolio(
        books,
        cash=USUAL_CASH if choices.cash is None else choices.cash,
        start=choices.from_,
        end=choices.to,
        fees=choices.fees,
        store=choices.store,
        trades=_trades(choices.trades, list(dict.fromkeys(names))),
        seed=choices.seed,
        compiled=False if choices.interpreted else None,
        progress=not as_json,
    )
    if as_json:
        say_json({"stats": made.stats, "idle": made.idle, "books": {n: _document(r) for n, r in made.runs.items()}})
    else:
        made.show()


def _trades(words: list[str] | None, names: "Sequence[str] | Top") -> Any:
    """What `planar.backtest` takes as trades."""
    if not words:
        return None
    if words == [STORE]:
        return True
    if len(words) == 1:
        return words[0]
    if not isinstance(names, list | tuple) or len(names) != len(words):
        raise ConfigError(f"--trades names {len(words)} files: give one of each instrument, in their order.")
    return dict(zip(names, words, strict=True))


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
        "path_decided": run.path_decided[0],
        "data_hash": run.data_hash,
        "why_interpreted": run.why_interpreted,
        "notes": list(shown.notes),
    }


def class_of(strategy: str, timeframe: str | None) -> "type[planar.Strategy]":
    """The class of a strategy; with another timeframe, where one is named."""
    from planar.strategy.load import load

    cls = load(strategy)
    if timeframe is None:
        return cls
    return type(cls.__name__, (cls,), {"timeframe": timeframe, "__module__": cls.__module__})


def settings_of(strategy: str) -> "StrategySettings":
    """What ``[strategies.NAME]`` says of a strategy that is named by its file."""
    from planar.config.load import load
    from planar.config.settings import StrategySettings

    settings = load().settings
    return settings.strategies.get(Path(strategy).stem) or StrategySettings(risk=settings.risk)


def parameters(texts: list[str]) -> dict[str, str]:
    """``name=value`` words as a dict. Raises ConfigError for a word that is not one."""
    made = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"--param {text!r} is not name=value: write --param fast=12.")
        made[name.strip()] = value.strip()
    return made
