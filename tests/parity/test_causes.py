"""A session in which things go wrong: each cause is named with its amount, and the amounts add up to the difference.

The venue asks a spread that the simulation does not know of, lets one order travel for twenty minutes, gives another
nothing and a third only a part, refuses a fourth, loses the tidings of a fifth, and keeps one candle back.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from planar import FillModel, Instrument, Strategy
from planar.broker.journal import read
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.session.attribution import Cause, attributed
from planar.engine.session.calibration import calibrated
from planar.engine.session.listed import of_store
from planar.engine.session.live import LiveSession, Wish
from planar.engine.session.market_candles import compared
from planar.engine.session.story import story_of
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.store.store import Store
from planar.store.synthetic import START, synthetic
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.limits import Limits
from planar.venue.server import Venue

NAME = "binance:BTC/USDT"
HOUR, MINUTE = 3_600_000, 60_000
KNOWN, CASH, SPREAD = 60, 10_000, 0.002
JOURNEY = 20 * MINUTE
KEY, SECRET = "k" * 64, "s" * 64
BARE = FillModel("adaptive", 0, None, None, 0.0, None, "touch")
"""A simulation without a spread: all that is paid is slippage."""

ORDER = "POST /api/v3/order"
MISFORTUNES = {
    (0, 1): "late",
    (1, 0): "nothing",
    (2, 0): "part",
    (3, 1): "refused",
    (4, 0): "untold",
    (5, 0): "kept back",
}
"""By round and turn: even turns buy, odd ones sell."""

FULL = "Account has insufficient balance for requested action."


class Clockwork(Strategy):
    """Buys and sells by the clock: what becomes of its orders changes little of what it asks for next."""

    instruments = [NAME]  # noqa: RUF012
    timeframe = "1h"

    def on_candle(self, candle, broker):
        turn = candle.now // 3_600_000 % 4
        if turn == 0:
            broker.buy(cost=1_000.0)
        elif turn == 1:
            broker.close()
        elif turn == 2:
            broker.buy(cost=800.0, price=candle.close * 0.999)
        else:
            broker.cancel_all()
            broker.close()


def market_of(count):
    [frame] = synthetic([NAME], "1h", START, KNOWN + count, 5).values()
    prices = [pl.col(c).round(2) for c in ("open", "high", "low", "close")]
    instrument = Instrument(NAME, amount_step=1e-5, min_cost=5.0, fee_side="base", maker=0.001, taker=0.001)
    return instrument, frame.with_columns(*prices, pl.col("volume").round(5).clip(0.01))


class Scene:
    """A session at a venue that is stepped hour by hour."""

    def __init__(self, venue, session, frame):
        self.venue, self.session = venue, session
        self.opens = frame["time"].to_list()[KNOWN:]

    def misfortunes(self):
        """What happens at which row: of seven rounds of four hours, each misfortune befalls one order."""
        found = {}
        for row, opens in enumerate(self.opens[4:], 4):
            round_, turn = divmod(opens // HOUR - self.opens[4] // HOUR, 4)
            what = MISFORTUNES.get((round_ % 7, opens // HOUR % 4))
            if what and turn >= 0:
                found[row] = what
        return found

    def lie(self, what, **more):
        self.venue.add_chaos([Rule(what, **{"on": ORDER, **more})])

    async def hour(self, row, *, is_seen=True, delay=0):
        """A candle opens, which closes the one before; what was decided is done; the candle goes on to its end."""
        opens = self.opens[row]
        self.venue.step(opens - self.venue.clock.now())
        if is_seen:
            await self.until(lambda: self.session._moments._decided >= opens)
        if delay:
            self.venue.step(delay)
        await self.until(self.is_quiet)
        self.venue.step(opens + HOUR - 1 - self.venue.clock.now())
        await self.until(self.is_quiet)

    def is_quiet(self):
        account, trader = self.venue.account, self.session.recorder.trader
        is_told = len(account.executions) == trader.record["fills_n"]
        are_open = len(account.open) == sum(int(record["active_n"]) for record in trader.memory.instruments)
        return is_told and are_open and not self.session.broker.busy

    async def until(self, is_so):
        async with asyncio.timeout(20):
            while not is_so():
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def scene(folder, count):
    instrument, frame = market_of(count)
    config = VenueConfig(
        (instrument,), candles={NAME: frame}, timeframe="1h", points=60, speed=0, start=START + KNOWN * HOUR - 1,
        history=KNOWN, model=FillModel("ohlc", 0, SPREAD, None, 0.0, 1.0, "touch"), api_key=KEY, secret=SECRET,
        balances={"USDT": CASH}, limits=Limits(10**9, 10**9, 10**9),
    )  # fmt: skip
    async with Venue(config) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", enable_rate_limit=False)
        exchange = CcxtExchange("binance", settings=settings, credentials=Credentials(Secret(KEY), Secret(SECRET)))
        wish = Wish(Clockwork(), f"{Path(__file__)}:Clockwork", ("BTC/USDT",), history=KNOWN)
        async with exchange, LiveSession(folder, exchange, wish, wall) as session:
            yield Scene(venue, session, frame)


def wall():
    return time.time_ns() // 1_000_000


def told(folder, count):
    """The session's story, and its candles beside those of the market."""
    story = story_of(read(folder / "journal.sqlite"))
    store = Store(folder / "candles.duckdb")
    store.write_candles(NAME, "1h", market_of(count)[1], "the venue")
    return story, compared(story, of_store(story, store))


async def quiet_session(folder, count):
    async with scene(folder, count) as play:
        for row in range(count):
            await play.hour(row)


LIES = {
    "late": {"what": "delay", "seconds": 0.2},
    "nothing": {"what": "partial", "share": 0.0},
    "part": {"what": "partial", "share": 1.5e-5},
    "refused": {"what": "answer", "status": 400, "code": -2010, "text": FULL},
    "untold": {"what": "lose", "on": "stream user", "count": 3},
    "kept back": {"what": "lose", "on": "stream btcusdt@kline_1h"},
}


async def unlucky_session(folder, count):
    """Gives when each misfortune befell it."""
    async with scene(folder, count) as play:
        misfortunes = play.misfortunes()
        for row in range(count):
            what = misfortunes.get(row, "")
            if what:
                play.lie(**LIES[what])
            if what == "kept back":
                play.lie("503", on="GET /api/v3/klines", count=0)
            await play.hour(row, is_seen=what != "kept back", delay=JOURNEY if what == "late" else 0)
            if what == "kept back":
                play.venue.chaos.clear()
        return {play.opens[row]: what for row, what in misfortunes.items()}


def attribution_of(folder, count):
    befell = asyncio.run(unlucky_session(folder, count))
    story, market = told(folder, count)
    return befell, attributed(story, BARE, market)


def check(befell, found):
    """Each misfortune has its cause and no other."""
    amounts = {share.cause: share.amount for share in found.shares}
    counts = {share.cause: share.count for share in found.shares}
    times = Counter(befell.values())
    assert sum(amounts.values()) == found.difference == found.session - found.backtest
    for cause, what in NAMED.items():
        assert counts.pop(cause) == times[what], cause
    takers = [pair for pair in found.pairs if pair.actual.fills and not pair.actual.fills[0].is_maker]
    assert counts.pop(Cause.SLIPPAGE) == len(takers)
    assert set(counts) <= {Cause.LATER, Cause.DECISIONS}
    for pair in takers:
        actual, expected = pair.totals
        if befell.get(pair.decided) != "late":
            assert float(pair.place.side * (actual.price / expected.price - 1)) == pytest.approx(SPREAD / 2, rel=0.01)
    return amounts


NAMED = {
    Cause.LATENCY: "late",
    Cause.MISSED: "nothing",
    Cause.PARTIAL: "part",
    Cause.REJECTED: "refused",
    Cause.MISSING: "kept back",
}


def test_each_misfortune_has_its_name_and_its_amount_and_they_add_up(tmp_path):
    befell, found = attribution_of(tmp_path / "one", 32)
    amounts = check(befell, found)
    by_time = {pair.decided: pair for pair in found.pairs}
    when = {what: time for time, what in befell.items()}
    rows = {row["time"]: row for row in market_of(32)[1].iter_rows(named=True)}
    [last] = {pair.price for pair in found.pairs}

    # What the simulation asks for a journey of twenty minutes: half the range by the root of the time, and its fee.
    late, row = by_time[when["late"]], rows[when["late"]]
    adverse = 0.5 * (row["high"] - row["low"]) * math.sqrt(JOURNEY / HOUR)
    sold = float(late.totals[0].amount)
    assert float(amounts[Cause.LATENCY]) == pytest.approx(-sold * adverse * 0.999, abs=sold * 0.02)

    # What was not bought is worth what it would have earned until the end; likewise what was not sold.
    missed, open_ = by_time[when["nothing"]].totals[1], rows[when["nothing"]]["open"]
    bought = 1_000 // (open_ * 1e-5) * 1e-5
    assert float(amounts[Cause.MISSED]) == pytest.approx(bought * open_ - 0.999 * bought * float(last), abs=1e-6)
    assert float(missed.amount) == pytest.approx(bought)
    refused = by_time[when["refused"]]
    kept = float(refused.totals[1].amount)
    assert float(amounts[Cause.REJECTED]) == pytest.approx(kept * (float(last) - 0.999 * rows[when["refused"]]["open"]))

    # The candle that was kept back cost a purchase and the sale after it.
    first, second = (rows[when["kept back"] + after]["open"] for after in (0, HOUR))
    bought = 1_000 // (first * 1e-5) * 1e-5
    sold = bought * 0.999 // 1e-5 * 1e-5
    earned = 0.999 * sold * second - bought * first + (0.999 * bought - sold) * float(last)
    assert float(amounts[Cause.MISSING]) == pytest.approx(-earned, abs=0.01)  # but for dust of a step

    # A fill that no stream told was asked for: it is like any other.
    untold = by_time[when["untold"]]
    assert "amount" not in untold.differs
    assert untold.actual.status is untold.expected.status


@pytest.mark.slow
def test_they_add_up_for_long(tmp_path, capsys):
    befell, found = attribution_of(tmp_path / "one", 400)
    with capsys.disabled():
        print()
        for share in found.shares:
            print(f"{share.cause:<16} {float(share.amount):>12.6f} {share.count}")
        print(f"{'difference':<16} {float(found.difference):>12.6f}")
    check(befell, found)
    assert len(befell) == 85


def test_a_backtest_with_the_measured_model_is_nearer_to_the_session_than_the_default(tmp_path):
    asyncio.run(quiet_session(tmp_path / "one", 40))
    story, market = told(tmp_path / "one", 40)
    measured = calibrated([(story, market)], FillModel())
    assert measured.model.latency_ms == 0
    assert measured.takers > 15
    assert measured.makers > 5
    assert measured.model.spread == pytest.approx(SPREAD, rel=0.02)
    near, far = (attributed(story, model, market) for model in (measured.model, FillModel()))
    assert apart(near) < apart(far) / 10
    assert abs(near.score.bps) < abs(far.score.bps) / 10

    drawn = calibrated([(story, market)], FillModel(), is_recorded=True).model
    assert (drawn.usual_latency, drawn.spread, drawn.impact) == (0, None, None)
    assert len(drawn.slippage.values) == measured.takers
    assert 2 * drawn.slippage.middle == pytest.approx(measured.model.spread)
    assert apart(attributed(story, drawn, market)) < apart(far) / 10


def apart(found):
    """How far the backtest is from the session, but for the orders that no candle tells of yet."""
    later = sum(share.amount for share in found.shares if share.cause is Cause.LATER)
    return abs(found.difference - later)
