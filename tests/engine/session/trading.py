"""A venue, a strategy that trades at every candle, and sessions that die when they are told to."""

import asyncio
import contextlib
import inspect
import time
from pathlib import Path

from planar import Strategy
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.live import NO_LIMITS, LiveSession, Wish
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
SYMBOLS = ("BTC/USDT", "ETH/USDT")
SPEED = 480.0
"""Eight candles of a minute in a second."""

SLOW = 120.0
"""Two: there is time to look at what each decision does."""


class Busy(Strategy):
    """Buys and sells at market, rests limits, amends and cancels them: something at every candle."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    resting = 0

    def on_candle(self, candle, broker):
        self.count += 1
        turn = self.count % 6
        if turn == 1:
            broker.buy(cost=200.0)
        elif turn == 2:
            self.resting = broker.buy(cost=100.0, price=candle.close * 0.9)
        elif turn == 3 and self.resting > 0:
            broker.amend(self.resting, price=candle.close * 0.95)
        elif turn == 4:
            broker.buy(cost=150.0, price=candle.close * 1.01)
        elif turn == 5 and self.resting > 0:
            broker.cancel(self.resting)
        elif turn == 0:
            broker.close()

    def on_order_error(self, order, broker):
        broker.log("an order failed")


class Grid(Strategy):
    """Rests orders on both sides of the market, and takes them all back every fifth candle."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count % 5 == 0:
            broker.cancel_all()
        else:
            broker.buy(cost=100.0, price=candle.close * (1.0 - 0.0002 * (self.count % 5)))
            if broker.position > 0.0:
                broker.sell(broker.position * 0.5, price=candle.close * 1.0003)


class Once(Strategy):
    """Rests one order far below the market of bitcoin, and waits."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            broker.buy(cost=100.0, price=candle.close * 0.5)


class Taker(Strategy):
    """Buys bitcoin at market once, and waits."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            broker.buy(cost=100.0)


class Amender(Strategy):
    """Asks for bitcoin at a price that trades, then for the rest of it below the market, then gives up."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    resting = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            self.resting = broker.buy(cost=5_000.0, price=candle.close * 1.01)
        elif self.count == 6 and self.resting > 0:
            broker.amend(self.resting, price=candle.close * 0.5)
        elif self.count == 14 and self.resting > 0:
            broker.cancel(self.resting)


class Chaser(Strategy):
    """Rests an order below the market of bitcoin, then amends it so that it trades at once."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    resting = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            self.resting = broker.buy(cost=1_000.0, price=candle.close * 0.5)
        elif self.count == 6 and self.resting > 0:
            broker.amend(self.resting, price=candle.close * 1.01)


class StopBuyer(Strategy):
    """Waits with money for bitcoin to rise by a fifth."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            broker.buy(cost=200.0, stop=candle.close * 1.2)


class Guard(Strategy):
    """Buys bitcoin, once, and guards it by a take, a take with a limit and two trailing stops, all of them far away."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 4 and candle.close > 10_000:
            broker.buy(cost=200.0)

    def on_fill(self, fill, broker):
        part = fill.amount * 0.2
        broker.sell(part, take=fill.price * 1.2)
        broker.sell(part, take=fill.price * 1.2, price=fill.price * 1.3)
        broker.sell(part, trail=0.15)
        broker.sell(part, trail=0.02, activation=fill.price * 1.25)


class Remembers(Strategy):
    """What it logs depends on which instruments had a candle at each moment until then, and in which order."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    trace = 0.0

    def on_step(self, universe):
        for one in universe:
            self.trace = self.trace * 0.5 + one.candle.close
            one.broker.log("trace {}", self.trace)


class Raises(Strategy):
    """Raises at its third candle."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 3:
            raise ValueError("it does not like this candle")


class Holds(Strategy):
    """Buys once, and rests a sale and a purchase that nobody meets."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    is_done = False

    def on_candle(self, candle, broker):
        if broker.open_orders == 2:
            self.is_done = True
        if self.is_done or broker.open_orders:
            return
        if broker.is_flat:
            broker.buy(cost=300.0)
        else:
            broker.sell(fraction=0.5, price=candle.close * 2)
            broker.buy(cost=100.0, price=candle.close * 0.5)


class Guarded(Strategy):
    """Buys, protects that, moves the stop to where it is refused once its place is lost, and sells; again and again."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    stop = 0
    count = 0

    def on_candle(self, candle, broker):
        if broker.is_flat:
            if not broker.open_orders:
                broker.buy(cost=300.0)
        elif not broker.open_orders:
            self.stop = broker.sell(broker.position, stop=candle.close * 0.5)
        else:
            self.count += 1
            if self.count % 5 == 0:
                broker.cancel_all()
                broker.close()
            else:
                broker.amend(self.stop, stop=candle.close * (1.2 if self.count % 2 else 0.6))


class Rests(Strategy):
    """Rests a purchase that nobody meets."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    def on_candle(self, candle, broker):
        if not broker.open_orders:
            broker.buy(cost=100.0, price=candle.close * 0.5)


DYING = Busy
"""What is run by programs that kill themselves."""


def venue_config(**changes):
    usual = {
        "instruments": SYMBOLS, "timeframe": "1m", "points": 10, "speed": SPEED, "history": 300, "api_key": KEY,
        "secret": SECRET, "limits": Limits(10**9, 10**9, 10**9),
    }  # fmt: skip
    return VenueConfig(**{**usual, **changes})


def exchange_at(port, key=KEY, **settings):
    made = {"base_url": f"http://127.0.0.1:{port}", "enable_rate_limit": False, **settings}
    keys = Credentials(Secret(key), Secret(SECRET))
    exchange = CcxtExchange("binance", settings=ExchangeSettings(**made), credentials=keys)
    exchange.quirk.receive_window_ms = 500
    return exchange


def session_at(folder: Path, exchange, cls=Busy, *, market=None, paper=None, risk=NO_LIMITS, switch=None, **wish):
    place = f"{inspect.getsourcefile(cls)}:{cls.__name__}"
    wanted = Wish(cls(), place, SYMBOLS, history=100, **wish)
    wall = lambda: time.time_ns() // 1_000_000  # noqa: E731
    return LiveSession(folder, exchange, wanted, wall, market=market, paper=paper, risk=risk, switch=switch)


@contextlib.asynccontextmanager
async def venue(**changes):
    async with Venue(venue_config(**changes)) as made:
        yield made


@contextlib.asynccontextmanager
async def running(session):
    """An open session that goes on by itself; gives the task that ends when the session does."""
    async with session:
        work = asyncio.ensure_future(session.run())
        try:
            yield work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def until(holds, seconds=20.0):
    """Waits until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def settled(session, patience=60.0):
    """Waits until no order is on its way."""
    async with asyncio.timeout(patience):
        while session.broker.busy:
            await asyncio.sleep(0.05)


def check_books(venue, session):
    """The account as the session has it is the venue's; every order of the one is one of the other."""
    trader, account = session.recorder.trader, venue.account
    assert trader.cash()[0] == account.kernel.cash()[0]
    for k in range(len(SYMBOLS)):
        assert trader.base(k)[0] == account.kernel.base(k)[0]
    names = [order.ticket.client_id for order in account.orders.values()]
    assert len(names) == len(set(names))
    intents = {e.body["client_id"]: e.body["order"] for e in session._journal.entries("intent")}
    assert set(names) <= set(intents)
    open_there = {intents[order.ticket.client_id] for order in account.open.values()}
    mine = {int(one["id"]) + 1 for k in range(len(SYMBOLS)) for one in trader.open_records(k)}
    assert open_there == mine
    return names
