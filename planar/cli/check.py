"""``planar check``: does a strategy load and compile, how long does it warm up, does it see the future."""

from planar.cli.answer import say_json
from planar.cli.backtest import class_of, parameters, settings_of
from planar.cli.finding import show
from planar.cli.options import From, Instruments, Json, Params, StoreFile, Strategy, Timeframe, To
from planar.errors import StrategyError

REMEDY = "Use only values up to the candle itself."


def check(
    strategy: Strategy,
    /,
    *,
    from_: From = None,
    to: To = None,
    instrument: Instruments = None,
    timeframe: Timeframe = None,
    param: Params = None,
    store: StoreFile = None,
    seed: int = 0,
    json: Json = False,
) -> None:
    """Check that a strategy loads and compiles, how long it warms up, and that it does not see the future.

    Parameters
    ----------
    seed
        Of the synthetic market, and of where the candles are cut.
    """
    from planar.report.progress import Bar, announce_compiling

    announce_compiling()  # before what is compiled when it is imported
    from planar.engine.check import check as run_check

    usual, bar = settings_of(strategy), Bar("check")
    try:
        found = run_check(
            class_of(strategy, timeframe)(**{**usual.params, **parameters(param or [])}),
            instruments=instrument or usual.instruments or None,
            start=from_,
            end=to,
            store=store,
            seed=seed,
            progress=None if json else bar.tell,
        )
    finally:
        bar.close()
    if json:
        say_json(found)
    else:
        show(found)
    if found.leaks and json:
        raise SystemExit(1)
    if found.leaks:
        raise StrategyError(f"{found.strategy} sees the future: {found.leaks[0].sentence()}. {REMEDY}")
