"""CCXT's structures as ours: exact, complete, and None where nothing is said."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from planar.exchange.answers import account, derivatives, market_data
from planar.exchange.answers.numbers import MalformedError, decimal
from planar.exchange.model import Liquidity, MarketKind, Wallet
from planar.model.order import Kind, Side, Status, Tif

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = [pytest.mark.data, pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")]


@cache
def venue(name):
    """CCXT's class over its recorded markets, with exact numbers; nothing is sent."""
    import ccxt

    instance = getattr(ccxt, name)()
    instance.number = str
    raw = json.loads((DATA / "ccxt_fixtures" / name / "markets.json").read_text())
    instance.set_markets(list(raw.values()))
    return instance


def payload(name):
    return json.loads((DATA / "venue_payloads" / name).read_text())


def market(name, symbol):
    return market_data.market(venue(name).market(symbol))


class TestRecorded:
    pytestmark = needs_data

    @pytest.mark.parametrize("name", ["binance", "coinbase", "kraken"])
    def test_every_recorded_market_is_understood(self, name):
        for symbol, raw in venue(name).markets.items():
            found = market_data.market(raw)
            assert found.symbol == symbol
            assert found.price_step > 0
            assert found.amount_step > 0
            assert found.kind is (MarketKind.SPOT if raw["spot"] else MarketKind(raw["type"]))

    def test_the_rules_of_a_spot_market(self):
        found = market("binance", "BTC/USDT")
        assert (found.price_step, found.amount_step) == (Decimal("0.01"), Decimal("0.00001"))
        assert (found.min_amount, found.min_cost) == (Decimal("0.00001"), Decimal("5"))
        assert found.max_market_amount == Decimal("88.09927941")
        assert (found.maker, found.taker) == (Decimal("0.001"), Decimal("0.001"))
        assert found.fee_side == "base"  # of what a buy receives

    def test_the_rules_of_a_perpetual(self):
        found = market("binance", "BTC/USDT:USDT")
        assert (found.settle, found.min_cost, found.amount_step) == ("USDT", Decimal(100), Decimal("0.001"))
        assert found.fee_side is None

    def test_the_answer_to_a_new_order(self):
        raw = payload("binance/spot/http_json/new_order_full_response.json")
        parsed = venue("binance").parse_order(raw, venue("binance").market("BTC/USDT"))
        found = account.order(parsed, market("binance", "BTC/USDT"))
        assert (found.id, found.client_id) == ("28", "6gCrw2kRUAF9CvJDGP16IP")
        assert (found.kind, found.side, found.status) == (Kind.MARKET, Side.SELL, Status.FILLED)
        assert (found.amount, found.filled, found.price) == (Decimal(10), Decimal(10), None)
        assert found.fees == {"USDT": Decimal("39.983")}

    def test_an_open_order_of_kraken(self):
        raw = payload("kraken/http_open_orders.json")["result"]["open"]
        kraken = venue("kraken")
        rows = [kraken.parse_order({**one, "id": id}, kraken.market("BTC/USDT")) for id, one in raw.items()]
        found = account.order(rows[0], market("kraken", "BTC/USDT"))
        assert found.id == "O26VBY-ISGAE-JP5TLU"
        assert found.status in (Status.OPEN, Status.PARTIAL)

    def test_an_order_of_coinbase(self):
        raw = payload("coinbase/http_order.json")
        coinbase = venue("coinbase")
        found = account.order(
            coinbase.parse_order(raw.get("order", raw), coinbase.market("BTC/USD")), market("coinbase", "BTC/USD")
        )
        assert (found.price, found.kind) == (Decimal("10000.00"), Kind.LIMIT)

    def test_a_fill(self):
        raw = payload("binance/spot/http_json/account_trades_response.json")[0]
        parsed = venue("binance").parse_trade(raw, venue("binance").market("BTC/USDT"))
        found = account.fill(parsed, market("binance", "BTC/USDT"))
        assert (found.id, found.order_id, found.time) == ("28457", "100234", 1499865549590)
        assert (found.price, found.amount, found.cost) == (Decimal("4.000001"), Decimal(12), Decimal("48.000012"))
        assert (found.fee, found.fee_currency) == (Decimal("10.1"), "BNB")
        assert (found.side, found.liquidity) == (Side.BUY, Liquidity.TAKER)

    def test_balances(self):
        parsed = venue("binance").parse_balance_custom(payload("binance/spot/http_json/account_response.json"), "spot")
        found = account.balance(parsed, Wallet.SPOT)
        assert found.total == {"BTC": Decimal("4723846.89208129"), "LTC": Decimal("4763368.68006011")}
        parsed = venue("kraken").parse_balance(payload("kraken/http_spot_balance.json")["result"])
        assert set(account.balance(parsed, Wallet.SPOT).free) == set()

    def test_a_ticker(self):
        raw = payload("binance/spot/http_json/ticker_24hr_response.json")
        found = market_data.ticker(venue("binance").parse_ticker(raw[0] if isinstance(raw, list) else raw), "BNB/BTC")
        assert (found.bid, found.ask, found.volume) == (Decimal("4"), Decimal("4.000002"), Decimal("8913.3"))
        assert found.change == Decimal("-0.95960")

    def test_a_book_and_prints(self):
        raw = payload("binance/legacy_http/http_spot_market_depth.json")
        book = market_data.book(venue("binance").parse_order_book(raw, "BTC/USDT"), "BTC/USDT", 3) if raw else None
        assert book is None or len(book.bids) == 3
        rows = payload("binance/legacy_http/http_spot_market_agg_trades.json")
        prints = [market_data.market_trade(venue("binance").parse_trade(one), "BTC/USDT") for one in rows]
        assert prints[0].price == Decimal("60759.6")
        assert prints[0].side is Side.BUY  # the buyer was not the maker

    def test_positions_and_tiers(self):
        binance = venue("binance")
        raw = payload("binance/futures/http_json/position_risk.json")
        rows = raw if isinstance(raw, list) else [raw]
        parsed = [binance.parse_position_risk(one, binance.market("BTC/USDT:USDT")) for one in rows]
        found = [derivatives.position(one, market("binance", "BTC/USDT:USDT")) for one in parsed]
        assert all(one is None or one.amount > 0 for one in found)

    def test_funding(self):
        rows = payload("binance/legacy_http/http_futures_market_funding_rate.json")
        found = [
            derivatives.past_funding(
                {"timestamp": one["fundingTime"], "fundingRate": one["fundingRate"]}, "BTC/USDT:USDT"
            )
            for one in rows
        ]
        assert found[0].rate == Decimal("-0.0375")
        assert found[0].time == 1570608000000

    def test_candles_are_rows(self):
        raw = payload("binance/legacy_http/http_spot_market_klines.json")
        rows = market_data.candle_rows([venue("binance").parse_ohlcv(one) for one in raw])
        assert rows[0] == [1634943780000, 60685.22, 60729.84, 60670.9, 60719.27, 21.63272]


RAW_MARKET = {
    "id": "X", "symbol": "A/B:B", "base": "A", "quote": "B", "settle": "B", "type": "swap", "contractSize": "0.01",
    "precision": {"amount": "1", "price": "0.5"},
    "limits": {"amount": {"min": "1", "max": "1000"}, "cost": {"min": "5"}},
}  # fmt: skip
ORDER = {"id": "1", "side": "buy", "type": "limit", "price": "10", "amount": "3", "filled": "1", "status": "open"}


def test_contracts_are_told_in_base():
    market_ = market_data.market(RAW_MARKET)
    assert (market_.lot, market_.amount_step) == (Decimal("0.01"), Decimal("0.01"))
    assert (market_.min_amount, market_.max_amount) == (Decimal("0.01"), Decimal("10"))
    found = account.order(ORDER, market_)
    assert (found.amount, found.filled, found.remaining) == (Decimal("0.03"), Decimal("0.01"), Decimal("0.02"))


def test_inverse_contracts_are_counted():
    market_ = market_data.market({**RAW_MARKET, "settle": "A", "inverse": True, "contractSize": "100"})
    assert (market_.lot, market_.contract_size, market_.amount_step) == (Decimal(1), Decimal(100), Decimal(1))


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ({"status": "open", "filled": "0"}, Status.OPEN),
        ({"status": "open", "filled": "1"}, Status.PARTIAL),
        ({"status": "closed", "filled": "3"}, Status.FILLED),
        ({"status": "closed", "filled": "0"}, Status.CANCELLED),
        ({"status": "canceled", "filled": "1"}, Status.CANCELLED),
        ({"status": "expired", "filled": "0"}, Status.EXPIRED),
        ({"status": "rejected", "filled": "0"}, Status.REJECTED),
        ({"status": None}, Status.PENDING),
        ({"status": "something new"}, Status.UNKNOWN),
    ],
)
def test_the_status_of_an_order(raw, status):
    assert account.order({**ORDER, **raw}, market_data.market(RAW_MARKET)).status is status


def test_the_time_in_force_and_flags():
    found = account.order({**ORDER, "timeInForce": "IOC", "reduceOnly": True}, market_data.market(RAW_MARKET))
    assert (found.tif, found.reduce_only, found.post_only) == (Tif.IOC, True, False)


@pytest.mark.parametrize("raw", [{}, {"id": None}, {"id": "1"}])
def test_an_order_without_id_or_side_is_no_order(raw):
    with pytest.raises(MalformedError):
        account.order(raw, market_data.market(RAW_MARKET))


def test_numbers_are_exact_and_what_is_none_stays_none():
    assert decimal("0.1234567890123456789") == Decimal("0.1234567890123456789")
    assert [decimal(one) for one in (None, "", "NaN", "Infinity")] == [None] * 4
    with pytest.raises(MalformedError):
        decimal("n/a")


def test_what_the_ticker_does_not_say_is_none_and_one_without_any_price_is_none():
    found = market_data.ticker({"last": "5"}, "A/B")
    assert (found.last, found.bid, found.change, found.time) == (Decimal(5), None, None, None)
    with pytest.raises(MalformedError):
        market_data.ticker({"high": "5"}, "A/B")


def test_prints_without_an_id_get_one_from_what_they_are():
    raw = {"timestamp": 1, "price": "2", "amount": "3", "side": "sell"}
    assert market_data.market_trade(raw, "A/B").id == "1-2-3-sell~1"


def test_a_candle_without_prices_is_none_and_one_that_is_no_row_is_an_error():
    rows = [[1, "1", "1", "1", "1", None], [2, None, None, None, None, "0"]]
    assert market_data.candle_rows(rows) == [[1, 1.0, 1.0, 1.0, 1.0, 0.0]]
    with pytest.raises(MalformedError):
        market_data.candle_rows([["x"]])
    with pytest.raises(MalformedError):
        market_data.candle_rows({})


def test_a_flat_position_is_none():
    assert derivatives.position({"contracts": "0"}, market_data.market(RAW_MARKET)) is None
    found = derivatives.position({"contracts": "5", "side": "short"}, market_data.market(RAW_MARKET))
    assert found is not None
    assert (found.side, found.amount) == (Side.SELL, Decimal("0.05"))
