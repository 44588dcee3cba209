"""`VenueConfig`: what a venue lists, what moves its markets, and how it behaves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from planar.errors import ConfigError
from planar.model import timeframe as timeframes
from planar.model.instrument import Instrument
from planar.simulator.fill_model import FillModel
from planar.store import synthetic
from planar.store.candles import checked
from planar.venue import prints
from planar.venue.chaos import Rule
from planar.venue.clock import Clock, wall
from planar.venue.floor import Floor
from planar.venue.limits import Limits
from planar.venue.listing import Listing, listed
from planar.venue.prints import Print, Shape
from planar.venue.replay import Change, first_change, from_books, ordered
from planar.venue.usdm.funding import Funding


@dataclass(frozen=True)
class VenueConfig:
    """All choices of a venue.

    instruments: instruments, or names such as ``"BTC/USDT"``, which are listed as Binance would.
    candles, trades: frames by instrument name (``"binance:BTC/USDT"``) that move the market instead of the synthetic
    one. Trades have the columns time, price, amount and side. books: order books recorded beside trades, as
    `planar.venue.replay.ordered` reads them: what is shown, and what takers pay, is theirs. funding: of perpetuals,
    with the columns time and rate; without it, Binance's usual interest every eight hours. is_fed: nothing moves but
    what `Floor.happen` is given.
    timeframe: of the candles; points: trades that each is walked in. 0 settles it as one print, as a backtest does; 1
    lets it open, so that the one before is over and may be acted on, and a millisecond later settles all of it.
    start: market time to begin at, UTC ms; without it now, or behind the history of what was given.
    history: how many candles happened before. speed: times real time; 0 moves only when stepped.
    model: how orders are filled; its latency is not used, since what arrives has travelled.
    balances: of the first account, the quote's 10,000 when there are none. api_key, secret: random when empty.
    limits: of requests and orders, Binance's own without it. chaos: lies to be told, see `planar.venue.chaos`.
    """

    instruments: tuple[Instrument | str, ...] = ("BTC/USDT", "ETH/USDT")
    candles: Mapping[str, pl.DataFrame] | None = None
    trades: Mapping[str, pl.DataFrame] | None = None
    books: Mapping[str, pl.DataFrame] | None = None
    funding: Mapping[str, pl.DataFrame] | None = None
    is_fed: bool = False
    timeframe: str = "1m"
    points: int = 60
    seed: int = 0
    start: int | None = None
    history: int = 2_880
    speed: float = 1.0
    model: FillModel = field(default_factory=lambda: FillModel("ohlc", 0))
    balances: Mapping[str, Decimal] | None = None
    api_key: str = ""
    secret: str = field(default="", repr=False)
    limits: Limits | None = None
    host: str = "127.0.0.1"
    port: int = 0
    chaos: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if self.candles and self.trades:
            raise ConfigError("a venue runs over candles or over trades: give one of them.")
        if self.books and not self.trades:
            raise ConfigError("books alone do not say what was traded: give the trades that were recorded beside them.")
        if not 0 <= self.speed <= 100_000:
            raise ConfigError(f"speed={self.speed!r} must be from 0 (stepped) to 100,000 times real time.")
        if not 0 <= self.points <= 1_000:
            raise ConfigError(f"points={self.points!r} must be from 0 (whole candles) to 1,000 trades in a candle.")
        if not 1 <= self.history <= 100_000:
            raise ConfigError(f"history={self.history!r} must be from 1 to 100,000 candles.")
        if self.host not in ("127.0.0.1", "localhost", "::1"):
            raise ConfigError(f"host={self.host!r}: the venue listens on loopback only, as its keys are in the open.")


def built(config: VenueConfig) -> tuple[Floor, Clock]:
    """The floor that a config describes, at its start, and its clock."""
    listings = listed(config.instruments, dict(config.candles or {}))
    funding = _funding(config, listings)
    if config.is_fed:
        start = wall() if config.start is None else config.start
        return Floor(listings, iter(()), config.model, start, funding), Clock(start, config.speed)
    start, streams = _recorded(config, listings) if config.candles or config.trades else _synthetic(config, listings)
    clock = Clock(start, config.speed)  # runs while history is made
    return Floor(listings, prints.merged(streams), config.model, start, funding), clock


def _funding(config: VenueConfig, listings: list[Listing]) -> dict[str, Funding]:
    """When each contract pays, by the listing's id. Raises ConfigError for what is none."""
    given = dict(config.funding or {})
    found = {}
    for listing in (i for i in listings if i.is_contract):
        name = listing.instrument.name
        frame = given.pop(name, None)
        found[listing.id] = Funding.usual() if frame is None else Funding.of(frame, name)
    if given:
        raise ConfigError(f"funding was given for {next(iter(given))}, which the venue does not list as a perpetual.")
    return found


def _synthetic(config: VenueConfig, listings: list[Listing]) -> "tuple[int, list[Moves]]":
    length = timeframes.milliseconds(config.timeframe)
    usual = wall() if config.speed else synthetic.START + config.history * length
    start = usual if config.start is None else config.start
    first = timeframes.bucket_open(start, length) - config.history * length
    shape = Shape(config.points, start)
    return start, [prints.from_synthetic(i, config.timeframe, first, config.seed, shape) for i in listings]


def _recorded(config: VenueConfig, listings: list[Listing]) -> "tuple[int, list[Moves]]":
    """Prints of what was given, and when the venue begins: where all instruments have traded."""
    frames = config.candles or config.trades or {}
    missing = [i.instrument.name for i in listings if i.instrument.name not in frames]
    if missing:
        raise ConfigError(f"nothing was given for {missing[0]}; there is {', '.join(frames)}.")
    given = [(listing, frames[listing.instrument.name]) for listing in listings]
    empty = [listing.instrument.name for listing, frame in given if frame.is_empty()]
    if empty:
        raise ConfigError(f"what was given for {empty[0]} is empty.")
    return _of_candles(config, given) if config.candles else _of_trades(config, given)


Given = list[tuple[Listing, pl.DataFrame]]
Moves = Iterator[Print] | Iterator[Change]


def _of_candles(config: VenueConfig, given: Given) -> tuple[int, list[Moves]]:
    length = timeframes.milliseconds(config.timeframe)
    sound = [(listing, checked(frame, name=listing.instrument.name, timeframe=length)) for listing, frame in given]
    silent = next((listing for listing, frame in sound if not frame["volume"].is_finite().any()), None)
    if silent:
        raise ConfigError(f"the candles of {silent.instrument.name} have no volume: nothing would be traded. Add it.")
    usual = max(int(frame["time"][min(config.history, len(frame) // 2)]) for _, frame in sound)
    start = usual if config.start is None else config.start
    shape = Shape(config.points, start)
    return start, [prints.from_candles(listing, frame, length, shape) for listing, frame in sound]


def _of_trades(config: VenueConfig, given: Given) -> tuple[int, list[Moves]]:
    begins = [prints.first_trade(frame) for _, frame in given]
    streams: list[Moves] = [prints.from_trades(listing, frame) for listing, frame in given]
    for listing, _ in given:
        name = listing.instrument.name
        if config.books and name not in config.books:
            raise ConfigError(f"no book was given for {name}; there is {', '.join(config.books)}.")
        if config.books:
            rows = ordered(config.books[name], name)
            begins.append(first_change(rows, name))
            streams.append(from_books(listing, rows))
    return max(begins) if config.start is None else config.start, streams
