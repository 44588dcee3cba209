"""What ``planar watch`` draws, from a picture that was filled by hand."""

from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from planar.cli.screen import drawn
from planar.engine.picture import Picture, Seen
from planar.exchange.model import Balance, Book, Fill, Level, MarketTrade, Order, Ticker, Wallet
from planar.exchange.subscription import Event, Source
from planar.exchange.tap import Kind
from planar.exchange.watcher import State
from planar.model.order import Kind as OrderKind
from planar.model.order import Side, Status, Tif

NOW = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC
NS = 1_000_000


def ticker(last: str, time: int = NOW - 5_000) -> Ticker:
    return Ticker("BTC/USDT", time, Decimal(last), *[None] * 4, Decimal(20_000), *[None] * 5)


def book(bid: str, ask: str) -> Book:
    bids, asks = ((Level(Decimal(price), Decimal(1)),) for price in (bid, ask))
    return Book("BTC/USDT", NOW, 7, bids, asks)


def trade(number: int, price: str, side: Side = Side.BUY) -> MarketTrade:
    return MarketTrade(str(number), "BTC/USDT", NOW - 1_000 + number, side, Decimal(price), Decimal("0.5"))


def order(id: str, status: Status = Status.OPEN) -> Order:
    return Order(
        id, f"mine-{id}", "BTC/USDT", Side.SELL, OrderKind.LIMIT, status, Decimal("0.25"), Decimal(0),
        Decimal(21_000), None, None, None, Tif.GTC, False, False, NOW, NOW,
    )  # fmt: skip


def fill(id: str) -> Fill:
    half = Decimal("0.5")
    return Fill(id, "1", "", "BTC/USDT", Side.BUY, Decimal(20_000), half, half, Decimal("0.5"), "USDT", None, NOW)


def picture(*told, symbol: str = "BTC/USDT", received: int = NOW - 1_000) -> Picture:
    made = Picture("demo", {"BTC/USDT": Seen("BTC/USDT", Decimal("0.01"))})
    for number, data in enumerate(told):
        made.take(Event(Kind.TICKER, symbol, number, received * NS, Source.STREAM, data))
    return made


def text(of: Picture, *, height: int = 24, width: int = 80) -> str:
    out = StringIO()
    Console(file=out, width=width, height=height).print(drawn(of, NOW * NS, height))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


WHOLE = """\
 demo  2023-11-14 22:13:20 UTC  Ctrl-C ends it

 symbol         last        bid        ask  spread    24 h    age  feed
 ───────────────────────────────────────────────────────────────────────
 BTC/USDT  20,100.50  20,100.00  20,101.00  0.005%  +0.50%  1.0 s  live


 open orders  side  kind   amount  filled   price  stop
 ───────────────────────────────────────────────────────
 BTC/USDT     sell  limit    0.25       0  21,000     –


 last fills  side  amount   price  fee  in    time
 ─────────────────────────────────────────────────────────────────
 BTC/USDT    buy      0.5  20,000  0.5  USDT  2023-11-14 22:13:20

 balance   1 BTC (0.25 in orders)   50 USDT

 market trades  side  amount      price  time
 ────────────────────────────────────────────────────────────
 BTC/USDT       sell     0.5  20,100.50  2023-11-14 22:13:19
 BTC/USDT       buy      0.5  20,100.00  2023-11-14 22:13:19
"""


def test_markets_orders_fills_balance_and_trades_are_drawn():
    balance = Balance(
        Wallet.SPOT, NOW, {"USDT": Decimal(50), "BTC": Decimal(1)}, {}, {"BTC": Decimal("0.25"), "USDT": Decimal(0)}
    )
    trades = trade(1, "20100"), trade(2, "20100.5", Side.SELL)
    shown = picture(ticker("20000"), book("20100", "20101"), *trades, order("7"), fill("1"), balance)
    shown.states = {"ticker BTC/USDT": (State.LIVE, ""), "orders": (State.LIVE, "")}
    assert text(shown) == WHOLE


def test_before_anything_is_heard_there_are_dashes():
    assert " BTC/USDT     –    –    –       –     –    –  –" in text(picture())


def test_a_feed_that_is_down_is_marked_and_the_reason_stands_once():
    shown = picture(ticker("20000"), received=NOW - 75_000)
    lost = State.POLLING, "NetworkError: the cable"
    shown.states = {"ticker BTC/USDT": (State.LIVE, ""), "book BTC/USDT": lost, "orders": lost}
    drawing = text(shown)
    assert " 75 s  by REST" in drawing
    assert " NetworkError: the cable  (book BTC/USDT, orders)" in drawing


def test_an_order_that_ended_is_gone():
    assert "open orders" not in text(picture(order("7"), order("7", Status.FILLED)))
    assert "open orders" in text(picture(order("7"), order("8", Status.CANCELLED)))


def test_the_balance_of_another_wallet_is_passed_over():
    futures, spot = (Balance(wallet, NOW, {"USDT": Decimal(7)}, {}, {}) for wallet in (Wallet.FUTURES, Wallet.SPOT))
    assert picture(futures, spot).balance is futures
    assert picture(futures, again := Balance(Wallet.FUTURES, NOW, {}, {}, {})).balance is again


def test_a_fill_that_is_told_twice_is_shown_once():
    assert text(picture(fill("1"), fill("1"), fill("2"))).count("BTC/USDT    buy ") == 2


@pytest.mark.parametrize(("told_last", "shown"), [("20200", "20,200.00"), ("20300", "20,300.00")])
def test_the_last_price_is_that_of_whatever_was_told_later(told_last, shown):
    early, late = (ticker(told_last, NOW - 5_000), trade(1, told_last)), (trade(1, "20000"), ticker(told_last, NOW))
    for told in (early, late):
        assert f" BTC/USDT  {shown}" in text(picture(*told))


@pytest.mark.parametrize("height", [12, 24, 60])
def test_market_trades_take_the_lines_that_are_left(height):
    drawing = text(picture(*(trade(number, "20000") for number in range(50))), height=height)
    assert drawing.count("BTC/USDT       buy") == max(height - 10, 6)
    assert len(drawing.splitlines()) <= max(height, 16)


def test_a_narrow_terminal_breaks_no_line():
    assert all(len(line) <= 40 for line in text(picture(ticker("20000"), fill("1")), width=40).splitlines())
