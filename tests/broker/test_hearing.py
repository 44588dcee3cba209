"""What is heard under other names and ids than were sent is of the order all the same."""

import asyncio
from decimal import Decimal

from planar.broker.hearing import Hearing
from planar.broker.sent import Sent
from planar.exchange.model import Fill, Order, OrderRequest
from planar.model.instrument import Instrument
from planar.model.order import Kind, Side, Status, Tif

SYMBOL = "BTC/USDT:USDT"
ONE = Decimal(1)


class Books(list):
    """Writes down what it is told."""

    is_sound = True

    def tell(self, what, k, id, *numbers, **info):
        self.append((what, id, info.get("trade")))
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
