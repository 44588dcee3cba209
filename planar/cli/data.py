"""``planar data``: what markets did and what their rules are into the store, and what is in it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from planar.cli.answer import NONE, say, say_json, shown, shown_time
from planar.cli.ask import Flag, ask
from planar.cli.options import Json, StoreFile
from planar.config.load import load
from planar.errors import ConfigError, DataError, did_you_mean
from planar.report.progress import Bar
from planar.store.candles import utc
from planar.store.files import import_file
from planar.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polars import DataFrame

    from planar.engine.fetch import Fetched
    from planar.exchange.interface import Exchange
    from planar.store.rules import Snapshot

RULES = ("price_step", "amount_step", "min_amount", "min_cost", "maker", "taker", "fee_side")

app = App(name="data", help="Bring candles, funding, trades and rules into the store, and list what is stored.")


@app.command(name="import")
def import_(
    file: Path,
    /,
    *,
    instrument: str,
    timeframe: str | None = None,
    store: StoreFile = None,
    json: Json = False,
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
    """
    kept = _store(store)
    done = import_file(kept, file, instrument, timeframe)
    written = done.written
    if json:
        say_json({**vars(done), "written": vars(written), "store": str(kept.path)})
        return
    inferred = " (read off the file)" if done.inferred else ""
    gaps = f"{done.gaps:,} ({done.missing:,} candles missing)" if done.gaps else "none"
    say(
        f"{done.instrument} {done.timeframe}{inferred}: {written.rows:,} candles from {utc(written.first)} to "
        f"{utc(written.last)}, {written.added:,} added, {written.replaced:,} replaced; gaps: {gaps}. "
        f"Stored in {kept.path}."
    )


@app.command
def fetch(
    exchange: str,
    *instruments: str,
    timeframe: str | None = None,
    kind: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ("candles",),
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    sandbox: Flag = False,
    again: Flag = False,
    store: StoreFile = None,
    json: Json = False,
) -> None:
    """Fetch what the store lacks from an exchange: candles, funding rates, mark prices, market trades.

    Every page is stored when it comes: a fetch that was ended goes on where it was, with the same command.

    Parameters
    ----------
    exchange
        Such as binance.
    instruments
        Such as BTC/USDT, or BTC/USDT:USDT for the perpetual; several are fetched side by side.
    timeframe
        Of candles and mark candles, such as 1h.
    kind
        candles (as without it), mark (candles of the mark price), funding (rates), trades (of the market); may be
        repeated.
    from_
        Since when, such as 2024-01-31; the first that is stored when left out.
    to
        Until when; now when left out. The last closed candle is the last that is stored.
    sandbox
        The test environment; what it tells is stored as of binance_sandbox.
    again
        Ask also for what the exchange did not have before.
    """
    from planar.cli.fetched import tell, tell_json
    from planar.engine.fetch import Wanted
    from planar.engine.fetch import fetch as fetch_all
    from planar.engine.market import moment

    if not instruments:
        length = f" --timeframe {timeframe}" if timeframe else ""
        raise ConfigError(f"name what to fetch: planar data fetch {exchange} BTC/USDT{length}")
    wanted = Wanted(instruments, timeframe, kind, moment(from_, "--from"), moment(to, "--to"), again)
    bar = Bar("fetch")

    async def work(found: "Exchange") -> "list[Fetched]":
        return await fetch_all(found, _store(store), wanted, now=time.time_ns() // 1_000_000, progress=bar.tell)

    try:
        done = ask(work, exchange, sandbox=sandbox)
    except KeyboardInterrupt:
        say("Interrupted; what came is stored, and the same command goes on from there.")
        raise SystemExit(130) from None
    finally:
        bar.close()
    if json:
        tell_json(done)
    else:
        tell(done)


@app.command(name="list")
def list_(*, store: StoreFile = None, json: Json = False) -> None:
    """Show what is stored of which instruments, its span, and what is missing."""
    kept = _store(store)
    # Nothing yet is an answer; a file that was named and is not there is a mistake.
    found = kept.series() if store is not None or kept.path.exists() else None
    if json:
        say_json([] if found is None else found.to_dicts())
    elif found is None:
        say("Nothing is stored yet; `planar data fetch` stores candles: planar data fetch demo BTC/USDT --timeframe 1h")
    else:
        _print_series(found)


def _print_series(found: "DataFrame") -> None:
    table = Table("instrument", "kind", "timeframe", box=SIMPLE_HEAD, caption="in UTC; of candles, their opens")
    table.caption_justify = "left"
    for column in ("rows", "first", "last", "gaps", "missing"):
        table.add_column(column, justify="right")
    for name, kind, timeframe, rows, first, last, gaps, missing in found.iter_rows():
        span = (shown_time(time).removesuffix(":00") for time in (first, last))
        lacking = (NONE if count is None else f"{count:,}" for count in (gaps, missing))
        table.add_row(name, kind, timeframe or NONE, f"{rows:,}", *span, *lacking)
    _wide().print(table)


@app.command
def rules(*instruments: str, store: StoreFile = None, json: Json = False) -> None:
    """Show the rules that exchanges had for instruments, by the date they were seen: steps, minimums, fees, tiers.

    Parameters
    ----------
    instruments
        Such as binance:BTC/USDT; all when left out.
    """
    kept = _store(store)
    seen = kept.rules()
    for name in instruments:
        if name not in seen:
            raise DataError(
                f"{kept.path}: no rules of {name} are stored.{did_you_mean(name, seen)} A fetch stores them."
            )
    chosen = {name: seen[name] for name in instruments or seen}
    if json:
        say_json({name: [_told(one) for one in snapshots] for name, snapshots in chosen.items()})
    elif not chosen:
        say("No rules are stored; `planar data fetch` stores them.")
    else:
        _print_rules(chosen)


def _store(named: Path | None) -> Store:
    return Store(named or load().settings.store.path)


def _told(snapshot: "Snapshot") -> dict[str, object]:
    return {"seen_at": snapshot.seen_at, "source": snapshot.source, **vars(snapshot.rules)}


def _print_rules(seen: "Mapping[str, Sequence[Snapshot]]") -> None:
    table = Table("instrument", "seen", box=SIMPLE_HEAD, caption="fees as listed, as fractions; tiers: of leverage")
    table.caption_justify = "left"
    for column in ("price step", "amount step", "min amount", "min cost", "maker", "taker", "fee in", "tiers"):
        table.add_column(column, justify="right")
    for name, snapshots in seen.items():
        for one in snapshots:
            told = _told(one)
            numbers = (told[rule] for rule in RULES)
            tiers = NONE if one.rules.tiers is None else len(one.rules.tiers)
            table.add_row(name, shown_time(one.seen_at)[:10], *map(shown, numbers), str(tiers))
    _wide().print(table)


def _wide() -> Console:
    """A terminal on which tables are rather wrapped than cut off, however narrow it is."""
    return Console(width=max(Console().width, 130))
