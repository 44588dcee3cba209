"""A venue of perpetuals, strategies that go long and short there, and what their books are compared with."""

import contextlib
import inspect
import time
from pathlib import Path

import polars as pl
from engine.session import trading

from planar import Strategy
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.live import NO_LIMITS, LiveSession, Wish
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
MINUTE = 60_000
SPEED = 480.0
"""Eight candles of a minute in a second."""


class LongShort(Strategy):
    """Long, then short, at market and by limits that rest, are amended and cancelled: something at every candle."""

    instruments = [f"binanceusdm:{symbol}" for symbol in SYMBOLS]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    resting = 0
    shifts = 0

    def on_candle(self, candle, broker):
        self.count += 1
        turn = self.count % 8
        if turn == 1:
            broker.buy(cost=400.0)
        elif turn == 2:
            self.resting = broker.buy(cost=100.0, price=candle.close * 0.9)
        elif turn == 3 and self.resting > 0:
            broker.amend(self.resting, price=candle.close * 0.95)
        elif turn == 4:
            broker.sell(cost=900.0)
        elif turn == 5 and self.resting > 0:
            broker.cancel(self.resting)
        elif turn == 6:
            broker.buy(cost=150.0, price=candle.close * 1.01)
        elif turn == 7 and self.shifts > 0:
            broker.set_leverage(10.0 + self.count % 3)
        elif turn == 0:
            broker.close()

    def on_order_error(self, order, broker):
        broker.log("an order failed")


class Shifting(LongShort):
    """The same, whose leverage changes all the time."""

    shifts = 1


class Geared(LongShort):
    """The same at a leverage of its own."""

    def on_start(self, broker):
        broker.set_leverage(7.0)


class TooFine(LongShort):
    """The same at a leverage that Binance does not have."""

    def on_start(self, broker):
        broker.set_leverage(2.5)


class Exits(LongShort):
    """In and out all the time by exits alone, which move with the market; each other position's are asked for once."""

    side = 1.0
    round = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if broker.is_flat:
            if broker.open_orders == 0:
                self.round += 1
                self.side = -self.side
                broker.target(0.05 * self.side)
        elif self.round % 2 == 0:
            far, near = candle.close * 0.0008 * self.side, candle.close * 0.0004 * self.side
            takes = [(candle.close + near, 0.4), (candle.close + far, 0.3)]
            broker.protect(stop=candle.close - far, takes=takes, trail=0.002)
        elif broker.open_orders == 0:
            broker.close(stop=candle.close * (1.0 - 0.0005 * self.side), tag="stop")
            broker.close(take=candle.close * (1.0 + 0.0005 * self.side), tag="take")


def venue_config(**changes):
    usual = {
        "instruments": SYMBOLS, "timeframe": "1m", "points": 10, "speed": SPEED, "history": 300, "api_key": KEY,
        "secret": SECRET, "limits": Limits(10**9, 10**9, 10**9),
    }  # fmt: skip
    return VenueConfig(**{**usual, **changes})


@contextlib.asynccontextmanager
async def venue(**changes):
    async with Venue(venue_config(**changes)) as made:
        yield made


def exchange_at(port, id="binanceusdm", key=KEY, **settings):
    made = {"base_url": f"http://127.0.0.1:{port}", "enable_rate_limit": False, "futures": True, **settings}
    exchange = CcxtExchange(id, settings=ExchangeSettings(**made), credentials=Credentials(Secret(key), Secret(SECRET)))
    exchange.quirk.receive_window_ms = 500
    return exchange


def session_at(folder: Path, exchange, cls=LongShort, *, symbols=SYMBOLS, market=None, paper=None, risk=NO_LIMITS,
               **wish):  # fmt: skip
    place = f"{inspect.getsourcefile(cls)}:{cls.__name__}"
    wanted = Wish(cls(), place, symbols, history=100, **wish)
    wall = lambda: time.time_ns() // 1_000_000  # noqa: E731
    return LiveSession(folder, exchange, wanted, wall, market=market, paper=paper, risk=risk)


def funding(rate, every=30 * MINUTE):
    """Rates of bitcoin's perpetual of the next day, from now on."""
    start = time.time_ns() // 1_000_000 // every * every
    return {
        f"binance:{SYMBOLS[0]}": pl.DataFrame({"time": [start + n * every for n in range(48)], "rate": [rate] * 48})
    }


async def settled(session):
    """Waits until no order is on its way, and all funding is known."""
    await trading.settled(session, 60.0)
    await session.broker.contracts.ask_for_payments()


def check_books(venue, session):
    """Wallet, positions and their margin as the session has them are the venue's; so are its orders."""
    trader, account = session.recorder.trader, venue.account
    kernel = account.kernel
    assert trader.wallet_units() == kernel.wallet()[0]
    for k, mine in enumerate(trader.memory.instruments):
        theirs = kernel.memory.instruments[k]
        for name in ("base", "entry", "kept", "leverage", "is_isolated"):
            assert mine[name] == theirs[name], name
    names = [order.ticket.client_id for order in account.orders.values() if order not in account.forced]
    assert len(names) == len(set(names))
    intents = {e.body["client_id"]: e.body["order"] for e in session._journal.entries("intent")}
    assert set(names) <= set(intents)
    open_there = {intents[order.ticket.client_id] for order in account.open.values()}
    mine = {int(one["id"]) + 1 for k in range(len(trader.instruments)) for one in trader.open_records(k)}
    assert open_there == mine
    return names


DYING = Shifting
"""What is run by programs that kill themselves."""


class Holds(Strategy):
    """Buys once, as much as its margin allows, and waits."""

    instruments = [f"binanceusdm:{SYMBOLS[0]}"]  # noqa: RUF012
    timeframe = "1m"

    has_bought = False
    fills = 0

    def on_candle(self, candle, broker):
        if not self.has_bought and broker.open_orders == 0:
            self.has_bought = True
            broker.buy(fraction=0.5)

    def on_fill(self, fill, broker):
        self.fills += 1
        broker.log("fill of order {}", fill.order_id)


class HoldsShort(Holds):
    """Sells once, and waits."""

    def on_candle(self, candle, broker):
        if not self.has_bought and broker.open_orders == 0:
            self.has_bought = True
            broker.sell(fraction=0.5)
