"""What is heard under other names and ids than were sent is of the order all the same."""

import asyncio
from decimal import Decimal

import pytest

from planar.broker.hearing import Hearing
from planar.broker.sent import Sent
from planar.exchange.model import Fill, Order, OrderRequest
from planar.model.instrument import Instrument, exact
from planar.model.order import Kind, Reason, Side, Status, Tif

SYMBOL = "BTC/USDT:USDT"
ONE = Decimal(1)


class Books(list):
    """Writes down what it is told."""

    is_sound = True

    def __init__(self, held=0):
        super().__init__()
        self.held, self.reasons = held, []

    def position(self, k):
        return self.held, 0

    def tell(self, what, k, id, *numbers, **info):
        self.append((what, id, info.get("trade")))
        self.reasons += [Reason(numbers[2])] if what == "ended" else []
        return True

    def write(self, kind, body):
        """Nothing of this is kept."""

    def commit(self):
        """Nor is there anything to bring to the disk."""


def stop(id, name, status=Status.OPEN, filled=0):
    return Order(
        id, name, SYMBOL, Side.SELL, Kind.STOP, status, ONE, Decimal(filled), None, Decimal(90), None, None, Tif.GTC,
        False, True, 1, 1,
    )  # fmt: skip


def test_a_stop_that_is_triggered_while_another_takes_its_place_is_booked():
    """Binance goes on with it under a third id, and its trades tell no client id."""

    async def scene():
        hearing = Hearing(None, [Instrument("binance:BTC/USDT")], books := Books(), lambda: 2, None)
        sent = hearing.orders[1] = Sent(1, 0, OrderRequest(SYMBOL, Side.SELL, ONE, stop=Decimal(90), reduce_only=True))
        hearing.orders.name(sent, "first")
        hearing.hear_order(stop("11", "first"))
        hearing.orders.name(sent, "second")
        hearing.hear_order(stop("12", "second"))
        hearing.hear_order(stop("13", "first", Status.FILLED, 1))
        hearing.hear_fill(Fill("7", "13", "", SYMBOL, Side.SELL, Decimal(90), ONE, Decimal(90), None, None, None, 2))
        return books, sent

    books, sent = asyncio.run(scene())
    assert ("filled", 1, "7") in books
    assert not sent.is_behind
    assert sent.exchange_id == "12"


@pytest.mark.parametrize(
    ("held", "counted", "reason"),
    [(0, 0, Reason.NO_POSITION), (1, 0, Reason.IOC_UNFILLED), (1, 1, Reason.NO_POSITION), (-1, 0, Reason.NO_POSITION)],
)
def test_a_reduce_only_order_has_expired_for_want_of_a_position_only_where_there_is_none(held, counted, reason):
    """Else its strategy would not hear that an exit is gone. counted: what another one filled, and nobody told yet."""

    async def scene():
        instrument = Instrument("binance:BTC/USDT")
        units = round(held / exact(instrument.unit))
        hearing = Hearing(None, [instrument], books := Books(units), lambda: 2, None)
        for id, name in ((1, "take"), (2, "stop")):
            request = OrderRequest(SYMBOL, Side.SELL, ONE, price=Decimal(110), reduce_only=True)
            hearing.orders[id] = Sent(id, 0, request)
            hearing.orders.name(hearing.orders[id], name)
        hearing.hear_order(stop("12", "stop", Status.FILLED if counted else Status.OPEN, counted))
        hearing.hear_order(stop("11", "take", Status.EXPIRED))
        return books.reasons

    assert asyncio.run(scene()) == [reason]
