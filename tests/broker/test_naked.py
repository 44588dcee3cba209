"""How long a position was without the protection that was asked for: told step by step, in numbers checked by hand."""

import numpy as np
import pytest

from planar import Strategy
from planar.broker.journal import Entry
from planar.broker.naked import Naked, nakedness_of
from planar.broker.sent import Orders, Sent
from planar.engine.session.trader import Trader
from planar.exchange.model import Order, OrderRequest
from planar.model.ask import Amend, Cancel, Place, Row
from planar.model.instrument import Instrument
from planar.model.order import Kind, Reason, Side, Status
from planar.strategy.candles import Candles

BTC = Instrument("here:BTC/USDT", price_step=0.01, amount_step=0.001, maker=0.0, taker=0.0, base_unit=0.001)
LAST, MINUTE, BOUND = 100.0, 60_000, 3_000
TURN = []
"""What the strategy asks for at its next candle: calls that take its broker."""


class Scripted(Strategy):
    """Does what it is told."""

    instruments = ["here:BTC/USDT"]  # noqa: RUF012
    timeframe = "1m"

    def on_candle(self, candle, broker):
        for call in TURN:
            call(broker)


class Scene:
    """A session's books, what its broker knows of orders, and a clock that the test moves."""

    def __init__(self, held=1_000):
        flat = np.full(1, LAST)
        past = Candles(np.zeros(1, np.int64), flat, flat, flat, flat, flat, timeframe=MINUTE)
        self.trader = Trader([Scripted()], [BTC], [past], cash=10**13, base=[held], compiled=False)
        self.orders, self.cancelled, self.entries, self.now = Orders(), set(), [], MINUTE
        self.naked = self.measured()
        self.trader.begin()

    def measured(self):
        write = lambda kind, body: self.entries.append(Entry(len(self.entries) + 1, 0, kind, body))  # noqa: E731
        return Naked(self.trader, self.orders, self.cancelled, lambda: self.now, write, BOUND)

    def asks(self, *calls):
        """One candle at which these are asked for; gives the asks."""
        TURN[:] = calls
        row = self.trader.tapes[0].end
        self.trader.take(0, Row(row, LAST, LAST, LAST, LAST, LAST))
        asks = self.trader.step(row + MINUTE)
        for ask in asks:
            if isinstance(ask, Place):
                request = OrderRequest("BTC/USDT", Side(ask.side), None, cost=None)
                self.orders[ask.id] = Sent(ask.id, 0, request)
            elif isinstance(ask, Cancel):
                self.cancelled.add(ask.id)
        return asks

    def at(self, ms):
        """So many milliseconds after the beginning it is looked."""
        self.now = MINUTE + ms
        self.naked.look()

    def accepted(self, id):
        self.orders[id].exchange_id = f"x{id}"
        self.trader.tell("accepted", 0, id, self.now)

    def ended(self, id, status, reason=Reason.NONE):
        self.orders.pop(id, None)
        self.trader.tell("ended", 0, id, self.now, int(status), int(reason))

    def sold(self, id, units):
        self.trader.tell("filled", 0, id, self.now, 9_000, units, 9_000 * units * 1_000, 0, 0, 0)

    def gone(self, id):
        """The exchange has ended the order that it knows, while the books have it open."""
        zero = self.orders[id].booked.get("none", 0) * 0
        self.orders[id].ends[f"x{id}"] = Order(
            f"x{id}", "", "BTC/USDT", Side.SELL, Kind.STOP, Status.CANCELLED, None, zero, None, None, None, None, None,
            False, False, None, None,
        )  # fmt: skip

    @property
    def alarms(self):
        return [entry.body["text"] for entry in self.entries if entry.kind == "alarm"]

    @property
    def times(self):
        return nakedness_of(self.entries, 1)[0]


def stop(amount, at=90.0):
    return lambda broker: broker.sell(amount, stop=at)


def test_a_position_is_naked_from_when_its_stop_is_asked_for_until_the_exchange_has_it():
    scene = Scene()
    scene.at(0)
    assert scene.entries == []
    [place] = scene.asks(stop(1.0))
    scene.at(100)
    scene.at(350)
    scene.accepted(place.id)
    scene.at(400)
    assert (scene.times.count, scene.times.total, scene.times.since) == (1, 300, None)
    assert scene.alarms == []


def test_what_nobody_asked_to_be_protected_is_not_naked():
    scene = Scene()
    scene.asks(lambda b: b.sell(0.5, price=120.0), lambda b: b.buy(1.0, stop=110.0))
    scene.at(100)
    scene.at(10_000)
    scene.naked.watch()
    scene.naked.watch()
    assert (scene.entries, scene.naked.has_stops, scene.naked.documents()) == ([], False, [])


def test_the_gap_of_an_amend_counts_and_an_amend_that_leaves_none_does_not():
    scene = Scene()
    [place] = scene.asks(stop(1.0))
    scene.accepted(place.id)
    scene.at(0)
    assert isinstance(scene.asks(lambda b: b.amend(place.id, stop=95.0))[0], Amend)
    scene.at(100)
    assert scene.entries == []
    scene.gone(place.id)
    scene.at(200)
    scene.orders[place.id].exchange_id = "another"
    scene.trader.tell("amended", 0, place.id, scene.now)
    scene.at(250)
    assert (scene.times.count, scene.times.total, scene.times.longest) == (1, 50, 50)


def test_a_stop_that_is_replaced_counts_only_while_less_is_behind_stops_than_was_wanted():
    scene = Scene()
    [old] = scene.asks(stop(1.0))
    scene.accepted(old.id)
    scene.at(0)
    _, new = scene.asks(lambda b: b.cancel_all(), stop(1.0, 95.0))
    scene.at(100)
    assert scene.entries == []
    scene.ended(old.id, Status.CANCELLED)
    scene.at(200)
    scene.accepted(new.id)
    scene.at(230)
    assert (scene.times.count, scene.times.total) == (1, 30)


def test_half_a_position_behind_a_stop_that_was_all_that_was_asked_for_is_protected():
    scene = Scene()
    [place] = scene.asks(stop(0.5))
    scene.accepted(place.id)
    scene.at(0)
    assert scene.entries == []
    [other] = scene.asks(stop(0.5, 80.0))
    scene.at(10)
    scene.accepted(other.id)
    scene.at(30)
    assert (scene.times.count, scene.times.total) == (1, 20)


def test_a_stop_that_the_strategy_cancels_is_missed_by_nobody():
    scene = Scene()
    [place] = scene.asks(stop(1.0))
    scene.accepted(place.id)
    scene.at(0)
    scene.asks(lambda b: b.cancel(place.id))
    scene.ended(place.id, Status.CANCELLED)
    scene.at(5_000)
    assert scene.entries == []


@pytest.mark.parametrize(
    ("status", "reason", "how"),
    [
        (Status.REJECTED, Reason.VENUE_REFUSED, "order 1 was refused (VENUE_REFUSED)"),
        (Status.CANCELLED, Reason.NONE, "order 1 was cancelled by others"),
        (Status.CANCELLED, Reason.STOP_WOULD_TRIGGER, "was cancelled by its amend and could not be put back"),
        (Status.EXPIRED, Reason.IOC_UNFILLED, "order 1 expired (IOC_UNFILLED)"),
    ],
)
def test_a_stop_that_is_lost_raises_the_alarm_and_the_position_is_naked_until_another_stands(status, reason, how):
    scene = Scene()
    [place] = scene.asks(stop(1.0))
    scene.accepted(place.id)
    scene.at(0)
    scene.ended(place.id, status, reason)
    scene.at(100)
    assert len(scene.alarms) == 1
    assert how in scene.alarms[0]
    assert scene.alarms[0].startswith("BTC/USDT: the position of 1 BTC has lost its protection: ")
    scene.at(200)
    [another] = scene.asks(stop(1.0))
    scene.at(300)
    scene.accepted(another.id)
    scene.at(1_000)
    assert (scene.times.count, scene.times.total, scene.times.since, len(scene.alarms)) == (1, 900, None, 1)


def test_with_the_position_ends_what_was_missed():
    scene = Scene()
    [place] = scene.asks(stop(1.0))
    scene.accepted(place.id)
    scene.at(0)
    scene.ended(place.id, Status.CANCELLED)
    scene.at(100)
    [sale] = scene.asks(lambda b: b.close())
    scene.sold(sale.id, 1_000)
    scene.at(600)
    assert (scene.times.total, scene.times.since, scene.naked.has_stops) == (500, None, False)


def test_a_stop_that_did_its_work_was_not_lost():
    scene = Scene()
    [place] = scene.asks(stop(0.4))
    scene.accepted(place.id)
    scene.at(0)
    scene.sold(place.id, 400)
    scene.at(100)
    assert scene.entries == []


def test_the_alarm_is_raised_once_for_what_lasts_longer_than_the_bound_and_two_looks():
    scene = Scene()
    scene.asks(stop(1.0))
    scene.at(0)
    scene.now += BOUND
    scene.naked.watch()
    scene.now += 1
    scene.naked.watch()
    assert scene.alarms == []
    for _ in range(3):
        scene.naked.watch()
    assert len(scene.alarms) == 1
    assert "is without its stop for 3 s. Watch it, or close it with `planar close`." in scene.alarms[0]
    scene.accepted(1)
    scene.at(9_000)
    assert scene.entries[-1].body["was_alarmed"]


def test_a_session_that_goes_on_misses_what_was_lost_while_it_was_away_since_it_became_naked():
    scene = Scene()
    [place, other] = scene.asks(stop(0.5), stop(0.5, 80.0))
    scene.accepted(place.id)
    scene.at(100)
    scene.naked = scene.measured()
    scene.naked.restore(scene.entries)
    assert scene.naked.times[0].since == MINUTE + 100
    scene.accepted(other.id)
    scene.ended(place.id, Status.CANCELLED)
    scene.at(5_100)
    assert len(scene.alarms) == 1
    assert scene.naked.documents()[0] == {
        "instrument": "here:BTC/USDT", "is_naked": True, "count": 1, "total": 5_000, "longest": 5_000,
    }  # fmt: skip
