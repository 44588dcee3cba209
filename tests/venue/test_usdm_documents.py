"""What the venue writes of perpetuals has the fields that Binance's recorded answers and events have."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from venue.conftest import KEY, SECRET, config
from venue.test_refusals import ask

import planar
from planar.venue.api import Api
from planar.venue.config import built
from planar.venue.order import CALCULATED, TRADE
from planar.venue.protocols import USDM
from planar.venue.usdm import wire_account, wire_market, wire_orders

DATA = Path(planar.__file__).parents[2] / "shared" / "data" / "venue_payloads" / "binance"
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.exists(), reason="no recorded answers beside the project")]
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
LIMIT = {**MARKET, "type": "LIMIT", "price": "20000", "timeInForce": "GTC"}
STOP = {**MARKET, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "20000"}
SHARDS = {"ps", "st"}
"""Fields of a service of theirs, in market streams."""


def recorded(path):
    """The fields of an answer, of its first entry where it is a list."""
    document = json.loads((DATA / path).read_text())
    while isinstance(document, list):
        document = document[0]
    return document.get("data", document)


@pytest.fixture(scope="module")
def floor():
    made = built(config(instruments=("BTC/USDT:USDT",), history=900))[0]
    made.open_account(KEY, SECRET, {"USDT": Decimal(10_000)})
    return made


@pytest.fixture(scope="module")
def api(floor):
    return Api(floor, USDM.limits, USDM.endpoints)


@pytest.fixture(scope="module")
def reports(floor, api):
    """What was told of a trade, of a limit and of a stop, and then how a position was liquidated."""
    told = []
    floor.on_reports.append(lambda _, reports: told.extend(reports))
    for path, asked in (("order", MARKET), ("order", LIMIT), ("algoOrder", STOP)):
        assert ask(api, "POST", f"/fapi/v1/{path}", **asked)[0] == 200
    return told


@pytest.mark.parametrize(
    ("file", "path", "asked"),
    [
        ("legacy_http/http_futures_market_premium_index.json", "v1/premiumIndex", {}),
        ("legacy_http/http_futures_market_funding_rate.json", "v1/fundingRate", {}),
        ("legacy_http/http_futures_market_depth.json", "v1/depth", {}),
        ("legacy_http/http_futures_market_trades.json", "v1/trades", {}),
        ("legacy_http/http_futures_market_agg_trades.json", "v1/aggTrades", {}),
        ("legacy_http/http_futures_market_ticker_24hr.json", "v1/ticker/24hr", {}),
        ("legacy_http/http_futures_market_ticker_price.json", "v1/ticker/price", {}),
        ("legacy_http/http_futures_market_book_ticker.json", "v1/ticker/bookTicker", {}),
        ("legacy_http/http_futures_market_open_interest.json", "v1/openInterest", {}),
        ("legacy_http/http_futures_account_trades.json", "v1/userTrades", {}),
        ("legacy_http/http_futures_account_symbol_config.json", "v1/symbolConfig", {}),
        ("legacy_http/http_futures_wallet_commission_rate_btcusdt.json", "v1/commissionRate", {}),
        ("legacy_http/http_futures_account_positions_one_way.json", "v2/positionRisk", {}),
        ("futures/http_json/position_risk.json", "v2/positionRisk", {}),
        ("futures/http_json/balance.json", "v2/balance", {}),
        ("futures/http_json/account_info_v2.json", "v2/account", {}),
        ("futures/http_json/order_response.json", "v1/allOrders", {}),
    ],
)
def test_an_answer_has_the_fields_of_a_recorded_one(api, reports, file, path, asked):
    status, answer = ask(api, "GET", f"/fapi/{path}", symbol="BTCUSDT", **asked)
    assert status == 200, answer
    ours, theirs = answer[0] if isinstance(answer, list) else answer, recorded(file)
    assert not theirs.keys() - ours.keys()
    for name in ("assets", "positions"):
        if name in theirs:
            assert not theirs[name][0].keys() - ours[name][0].keys()
    for name, value in theirs.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        assert isinstance(ours[name], type(value)) or (is_number and isinstance(ours[name], int | float)), name


def test_a_conditional_order_has_the_fields_of_a_recorded_one(api, reports):
    (ours,) = ask(api, "GET", "/fapi/v1/openAlgoOrders")[1]
    assert recorded("futures/http_json/open_algo_orders.json").keys() - ours.keys() == {"type"}  # now "orderType"


def test_a_symbol_has_the_fields_and_filters_of_a_recorded_one(api):
    theirs = json.loads((DATA / "exchangeInfo.usdm.2025-12.full.json").read_text())
    ours = ask(api, "GET", "/fapi/v1/exchangeInfo")[1]
    assert theirs.keys() == ours.keys()
    recorded_btc = next(one for one in theirs["symbols"] if one["symbol"] == "BTCUSDT")
    assert recorded_btc.keys() == ours["symbols"][0].keys()
    filters = {one["filterType"]: one.keys() for one in ours["symbols"][0]["filters"]}
    for one in recorded_btc["filters"]:
        if one["filterType"] != "POSITION_RISK_CONTROL":
            assert one.keys() == filters[one["filterType"]]
    assert {row["rateLimitType"] for row in theirs["rateLimits"]} == {
        row["rateLimitType"] for row in ours["rateLimits"]
    }


@pytest.mark.parametrize(
    ("file", "event"),
    [
        ("trade_stream", lambda market, now: wire_market.trade_event(market.listing, market.trades[-1], now)),
        ("agg_trade_stream", lambda market, now: wire_market.aggregate_event(market.listing, market.trades[-1], now)),
        ("book_ticker_stream", lambda market, now: wire_market.book_ticker_event(market)),
        ("ticker_stream", wire_market.ticker_event),
        ("mark_price_stream", wire_market.mark_event),
        ("depth_update_stream", lambda market, now: wire_market.partial_depth(market, 5, now)),
    ],
)
def test_a_market_event_has_the_fields_of_a_recorded_one(floor, file, event):
    ours = event(floor.market("BTCUSDT"), floor.now)
    theirs = recorded(f"futures/market_data_json/{file}.json")
    assert not theirs.keys() - ours.keys() - SHARDS
    assert ours["e"] == theirs["e"]


def test_events_of_an_account_have_the_fields_of_recorded_ones(floor, reports):
    account, listing, now = floor.accounts[KEY], floor.listings[0], floor.now
    traded = next(r for r in reports if r.what == TRADE)
    theirs = recorded("futures/user_data_json/order_update_trade.json")
    ours = wire_orders.order_event(traded, now)
    assert theirs.keys() == ours.keys()
    assert theirs["o"].keys() - ours["o"].keys() == {"AP", "cr"}  # of trailing stops alone
    waiting = next(r for r in reports if r.order.ticket.waits)
    (ours,) = wire_orders.algo_events(waiting, now)
    theirs = recorded("futures/user_data_json/algo_update_new.json")
    assert theirs["o"].keys() - ours["o"].keys() == {"ap", "aq", "act", "rm"}  # of what was triggered, and of refusals
    theirs = recorded("futures/user_data_json/account_update.json")
    ours = wire_account.account_event(account, "ORDER", [listing], "0", now)
    assert theirs.keys() == ours.keys()
    for name in ("B", "P"):
        assert theirs["a"][name][0].keys() == ours["a"][name][0].keys()


def test_a_liquidation_has_the_fields_of_a_recorded_one(floor, reports):
    floor.market("BTCUSDT")
    report = next(r for r in reports if r.what == TRADE)._replace(what=CALCULATED)
    ours = wire_market.force_event(wire_orders.order_update(report), floor.now)
    theirs = recorded("futures/market_data_json/liquidation_stream.json")
    assert theirs["o"].keys() - ours["o"].keys() - SHARDS == set()
