"""``planar check``: does a strategy load and compile, how long does it warm up, does it see the future."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from planar.cli.answer import say_json
from planar.cli.backtest import parameters, settings_of
from planar.cli.options import Instruments, Json, Params, StoreFile, Strategy
from planar.errors import StrategyError

if TYPE_CHECKING:
    from planar.engine.check import Finding


def check(
    strategy: Strategy,
    /,
    *,
    instrument: Instruments = None,
    param: Params = None,
    store: StoreFile = None,
    seed: int = 0,
    json: Json = False,
) -> None:
    """Check that a strategy loads and compiles, its warm-up, and that it does not see the future.

    Parameters
    ----------
    seed
        Of the synthetic market and of the truncations.
    """
    from planar.engine.check import check as run_check
    from planar.report.progress import announce_compiling
    from planar.strategy.load import load

    announce_compiling()
    usual = settings_of(strategy)
    made = load(strategy)(**{**usual.params, **parameters(param or [])})
    found = run_check(made, instruments=instrument or usual.instruments or None, store=store, seed=seed)
    if json:
        say_json(found)
        if found.leaks:
            raise SystemExit(1)
        return
    Console(highlight=False, markup=False).print(_table(found))
    if found.leaks:
        remedy = "Use only values up to the candle itself."
        raise StrategyError(f"{found.strategy} sees the future: {found.leaks[0]}. {remedy}")


def _table(found: "Finding") -> Table:
    why = found.why_interpreted
    others = f" and {found.sampled:,} of the other {found.instruments - 1}" if found.instruments > 1 else ""
    part = "them" if found.ordered == found.candles else f"the first {found.ordered:,}"
    asked = f"orders, amends and cancels on {found.truncations} truncations of {part}"
    looked = f"columns on {found.prefixes:,} prefixes{others}, {asked}"
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row(
        "Strategy",
        f"{found.strategy}, on {found.candles:,} candles ({found.source}), {found.orders:,} orders in {part}",
    )
    table.add_row("Compiled", "yes" if why is None else f"no, runs interpreted: {why}")
    table.add_row("Warm-up", f"{found.warm_up:,} candles before the first decision")
    table.add_row("Look-ahead", f"none: {looked}" if not found.leaks else found.leaks[0])
    for leak in found.leaks[1:]:
        table.add_row("", leak)
    return table
