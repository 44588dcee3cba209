"""What a session remembers of its orders is bounded, and the last of it is always there."""

from decimal import Decimal

from planar.broker import sent as module
from planar.broker.sent import Heard, Orders, Sent
from planar.exchange.model import OrderRequest
from planar.model.order import Side

REQUEST = OrderRequest("BTC/USDT", Side.BUY, Decimal(1))


def ended(orders, number):
    one = orders[number] = Sent(number, 0, REQUEST)
    for name in (f"a{number}", f"b{number}"):
        orders.name(one, name)
    for id in (f"{number}1", f"{number}2"):
        orders.bind(one, id)
    orders.end(one)


def test_of_orders_that_are_over_the_last_are_found_under_all_their_names(monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    orders = Orders()
    for number in range(1, 11):
        ended(orders, number)
    assert not orders
    for number in (8, 9, 10):
        assert orders.found("BTC/USDT", "", f"a{number}").id == number
        assert orders.found("BTC/USDT", f"{number}2", "").id == number
    for number in range(1, 8):
        assert orders.found("BTC/USDT", f"{number}1", f"b{number}") is None
    assert (len(orders._by_name), len(orders._by_id)) == (6, 6)


def test_an_order_that_is_not_over_is_never_forgotten(monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    orders = Orders()
    waiting = orders[1] = Sent(1, 0, REQUEST)
    orders.name(waiting, "mine")
    for number in range(2, 12):
        ended(orders, number)
    assert orders.found("BTC/USDT", "", "mine") is waiting
    assert list(orders) == [1]


def test_what_is_heard_twice_is_news_once_and_the_oldest_is_forgotten():
    heard = Heard(3)
    assert [heard.add(key) for key in (1, 1, 2, 3, 4)] == [True, False, True, True, True]
    assert list(heard) == [2, 3, 4]
