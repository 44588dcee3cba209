"""``planar data``: candles into the store, and what is in it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from planar.cli.answer import say
from planar.cli.ask import Flag, ask
from planar.errors import ConfigError
from planar.report.progress import Bar
from planar.store.candles import utc
from planar.store.files import import_file
from planar.store.store import Store

if TYPE_CHECKING:
    from planar.engine.fetch import Fetched
    from planar.exchange.interface import Exchange

STORE = Path("data/planar.duckdb")

app = App(name="data", help="Bring candles into the store, and list what is stored.")


@app.command(name="import")
def import_(
    file: Path,
    /,
    *,
    instrument: str,
    timeframe: str | None = None,
    store: Path = STORE,
) -> None:
    """Check the candles of a Parquet or CSV file and store them.

    Candles of the same time are replaced. When any candle is wrong, nothing is stored.

    Parameters
    ----------
    file
        Columns time, open, high, low, close, volume under their usual names; times are opens, in UTC.
    instrument
        Such as binance:BTC/USDT.
    timeframe
        Such as 1h; read off the file when left out.
    store
        The DuckDB file, made when it is not there.
    """
    done = import_file(Store(store), file, instrument, timeframe)
    written = done.written
    inferred = " (read off the file)" if done.inferred else ""
    gaps = f"{done.gaps:,} ({done.missing:,} candles missing)" if done.gaps else "none"
    say(
        f"{done.instrument} {done.timeframe}{inferred}: {written.rows:,} candles from {utc(written.first)} to "
        f"{utc(written.last)}, {written.added:,} added, {written.replaced:,} replaced; gaps: {gaps}. Stored in {store}."
    )


@app.command
def fetch(
    exchange: str,
    /,
    *instruments: str,
    timeframe: str,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    sandbox: Flag = False,
    again: Flag = False,
    store: Path = STORE,
) -> None:
    """Fetch the candles that the store lacks from an exchange.

    Every page is stored when it comes: a fetch that was ended goes on where it was, with the same command.

    Parameters
    ----------
    exchange
        Such as binance.
    instruments
        Such as BTC/USDT, or BTC/USDT:USDT for the perpetual; several are fetched side by side.
    timeframe
        Such as 1h.
    from_
        Since when, such as 2024-01-31; the first stored candle when left out.
    to
        Until when; now when left out. The last closed candle is the last that is stored.
    sandbox
        The test environment; its candles are stored as those of binance_sandbox.
    again
        Ask also for what the exchange had no candles of before.
    store
        The DuckDB file, made when it is not there.
    """
    from planar.engine.fetch import fetch as fetch_candles
    from planar.engine.market import moment

    if not instruments:
        raise ConfigError(f"name what to fetch: planar data fetch {exchange} BTC/USDT --timeframe {timeframe}")
    start, end, bar = moment(from_, "--from"), moment(to, "--to"), Bar("fetch")

    async def work(found: "Exchange") -> "list[Fetched]":
        return await fetch_candles(
            found,
            instruments,
            timeframe,
            store=Store(store),
            now=time.time_ns() // 1_000_000,
            start=start,
            end=end,
            again=again,
            progress=bar.tell,
        )

    try:
        done = ask(work, exchange, sandbox=sandbox)
    except KeyboardInterrupt:
        say("Interrupted; the candles that came are stored, and the same command goes on from there.")
        raise SystemExit(130) from None
    finally:
        bar.close()
    for one in done:
        if one.error is None or one.added:
            say(_fetched(one))
    errors = [one.error for one in done if one.error is not None]
    if errors:
        if any(one.error is not None and one.added for one in done):
            say("What came is stored; the same command goes on from there.")
        raise errors[0]


def _fetched(done: "Fetched") -> str:
    """One line about one instrument."""
    ended = f"; ended early ({getattr(done.error, 'code', 'DATA')})" if done.error else ""
    if done.first is None or done.last is None:
        return f"{done.instrument} {done.timeframe}: no candles from {utc(done.start)} on{ended}."
    begins = f" (asked for since {utc(done.start)})" if done.first > done.start else ""
    gaps = f"{done.gaps:,} ({done.missing:,} candles missing)" if done.gaps else "none"
    return (
        f"{done.instrument} {done.timeframe}: {utc(done.first)} to {utc(done.last)}{begins}, "
        f"{done.added:,} added; gaps: {gaps}{ended}."
    )


@app.command(name="list")
def list_(*, store: Path = STORE) -> None:
    """Show the stored instruments and timeframes, their span, and what is missing.

    Parameters
    ----------
    store
        The DuckDB file.
    """
    table = Table("instrument", "timeframe", box=SIMPLE_HEAD, caption="times are opens, in UTC", caption_justify="left")
    for column in ("candles", "first", "last", "gaps", "missing"):
        table.add_column(column, justify="right")
    for name, timeframe, rows, first, last, gaps, missing in Store(store).series().iter_rows():
        span = (utc(time).removesuffix(" UTC") for time in (first, last))
        table.add_row(name, timeframe, f"{rows:,}", *span, f"{gaps:,}", f"{missing:,}")
    # Rather wrapped by a narrow terminal than cut off.
    Console(width=max(Console().width, 110)).print(table)
