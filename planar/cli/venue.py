"""``planar venue``: a local exchange that speaks Binance's protocols, until it is stopped."""

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from planar.cli.ask import Flag
from planar.errors import ConfigError

if TYPE_CHECKING:
    from planar.venue.config import VenueConfig


def venue(
    *,
    port: int = 0,
    symbols: Annotated[list[str] | None, Parameter(name=["--symbols", "--instrument"], negative=())] = None,
    speed: float = 1.0,
    stepped: Flag = False,
    seed: int = 0,
    candles: Path | None = None,
    trades: Path | None = None,
    books: Annotated[list[Path] | None, Parameter(negative=())] = None,
    chaos: Path | None = None,
    cash: float = 10_000.0,
) -> None:
    """Run a local exchange on loopback and print one JSON line with its addresses and keys.

    Parameters
    ----------
    port
        Where to listen; 0 lets the system choose.
    symbols
        What it lists, such as BTC/USDT, or perpetuals, such as BTC/USDT:USDT; may be repeated. BTC/USDT and ETH/USDT
        when left out.
    speed
        Times real time.
    stepped
        Time stands still until POST /venue/advance moves it.
    seed
        Of the synthetic market.
    candles
        A Parquet or CSV file that moves the market instead, of the one symbol.
    trades
        A Parquet file of recorded trades, likewise: columns time, price, amount, side.
    books
        Parquet files of the order book that was recorded beside the trades, a snapshot first; may be repeated: columns
        time, side (bid, ask), price, amount.
    chaos
        A JSON file of lies to tell.
    cash
        What the first account owns, in the quote currency.
    """
    from decimal import Decimal

    from planar.venue.chaos import read_rules
    from planar.venue.config import VenueConfig

    instruments = tuple(_named(s) for s in symbols or ("BTC/USDT", "ETH/USDT"))
    recorded = _recorded(instruments, candles, trades, books)
    config = VenueConfig(
        instruments,
        **recorded,
        seed=seed,
        speed=0.0 if stepped else speed,
        port=port,
        chaos=tuple(read_rules(chaos)) if chaos else (),
        balances={instruments[0].partition("/")[2].partition(":")[0]: Decimal(str(cash))},
    )
    asyncio.run(_serve(config))


def _named(symbol: str) -> str:
    """``binance:BTC/USDT`` of ``BTC/USDT``. Raises ConfigError for what is no symbol."""
    if "/" not in symbol:
        raise ConfigError(f"--symbols {symbol!r} is not BASE/QUOTE, as BTC/USDT; a perpetual is BTC/USDT:USDT.")
    return symbol if ":" in symbol.partition("/")[0] else f"binance:{symbol}"


def _recorded(
    instruments: tuple[str, ...], candles: Path | None, trades: Path | None, books: list[Path] | None
) -> dict[str, Any]:
    """The file that moves the market, as the config wants it. Raises ConfigError unless it is for one symbol."""
    if books and trades is None:
        raise ConfigError("--books alone do not say what was traded: give the --trades that were recorded beside them.")
    if candles is None and trades is None:
        return {}
    if candles is not None and trades is not None:
        raise ConfigError("a venue runs over candles or over trades: give one of --candles and --trades.")
    if len(instruments) > 1:
        raise ConfigError("one file moves one symbol: name it with --symbols.")
    from planar.venue.recording import read_books, read_candles, read_parquet

    if candles is not None:
        frame, timeframe = read_candles(candles)
        return {"candles": {instruments[0]: frame}, "timeframe": timeframe}
    recorded: dict[str, Any] = {"trades": {instruments[0]: read_parquet(trades)}} if trades else {}
    return recorded | ({"books": {instruments[0]: read_books(books)}} if books else {})


async def _serve(config: "VenueConfig") -> None:
    """Runs the venue until it is told to stop."""
    from planar.kernel.linked import make_all
    from planar.report.progress import announce_compiling

    announce_compiling()
    from planar.venue.server import Venue

    make_all()  # whoever places the first order would wait for the compiler, and all others with him
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Venue(config) as venue:
        print(json.dumps(venue.addresses()), flush=True)  # noqa: T201 - what was asked for
        tasks = [asyncio.create_task(each) for each in (stopped.wait(), venue.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        tasks[0].cancel()
        if tasks[1].done():
            tasks[1].result()
        tasks[1].cancel()
