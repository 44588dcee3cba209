"""``planar data``: candles into the store, and what is in it."""

from pathlib import Path

from cyclopts import App
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from planar.store.candles import utc
from planar.store.files import import_file
from planar.store.store import Store

STORE = Path("data/planar.duckdb")

app = App(name="data", help="Import candles into the store, and list what is stored.")


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
    print_line = Console(soft_wrap=True, highlight=False, markup=False).print
    print_line(
        f"{done.instrument} {done.timeframe}{inferred}: {written.rows:,} candles from {utc(written.first)} to "
        f"{utc(written.last)}, {written.added:,} added, {written.replaced:,} replaced; gaps: {gaps}. Stored in {store}."
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
