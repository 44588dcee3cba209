"""Trades perpetuals at a venue with Binance's own SDK, whose models check each answer; run by `test_official_usdm_sdk`.

Takes the venue's addresses as JSON on its input, prints what it saw as JSON.
"""

import asyncio
import json
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import (
    DerivativesTradingUsdsFutures,
)

BTC = "BTCUSDT"
LIMIT = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01, "price": 20_000}
MARKET = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01, "new_order_resp_type": "RESULT"}
STOP = {
    "algo_type": "CONDITIONAL", "symbol": BTC, "side": "SELL", "type": "STOP_MARKET", "quantity": 0.01,
    "trigger_price": 20_000, "reduce_only": "true",
}  # fmt: skip


def reads(client) -> int:
    """Reads all that the market tells; gives how many answers the SDK's models took."""
    plain = (
        client.test_connectivity, client.check_server_time, client.exchange_information, client.mark_price,
        client.get_funding_rate_history, client.get_funding_rate_info, client.symbol_order_book_ticker,
        client.symbol_price_ticker, client.symbol_price_ticker_v2, client.ticker24hr_price_change_statistics,
    )  # fmt: skip
    of_one = (
        client.order_book, client.recent_trades_list, client.old_trades_lookup, client.compressed_aggregate_trades_list,
        client.open_interest,
    )  # fmt: skip
    candles = (
        client.kline_candlestick_data, client.mark_price_kline_candlestick_data,
    )  # fmt: skip
    told = [read().data() for read in plain] + [read(BTC).data() for read in of_one]
    told += [read(BTC, "1m").data() for read in candles] + [client.index_price_kline_candlestick_data(BTC, "1m").data()]
    return len(told)


def trades(client) -> dict:
    """Sets a contract up, opens and closes a position, places, amends, queries and cancels."""
    client.change_margin_type(BTC, "ISOLATED").data()
    leverage = client.change_initial_leverage(BTC, 10).data().leverage
    taken, placed = client.new_order(**MARKET).data(), client.new_order(**LIMIT).data()
    amended = client.modify_order(BTC, "BUY", 0.02, 19_999, order_id=placed.order_id).data()
    algo = client.new_algo_order(**STOP).data()
    client.modify_isolated_position_margin(BTC, 5, 1).data()
    (held,) = client.position_information_v3().data()
    seen = {
        "leverage": leverage,
        "taken": taken.status,
        "placed": placed.status,
        "amended": amended.orig_qty,
        "algo": client.query_algo_order(algo_id=algo.algo_id).data().algo_status,
        "held": held.position_amt,
        "open": len(client.current_all_open_orders().data()),
        "open_algo": len(client.current_all_algo_open_orders().data()),
        "queried": client.query_order(BTC, order_id=placed.order_id).data().status,
        "cancelled": client.cancel_order(BTC, order_id=placed.order_id).data().status,
        "algo_cancelled": client.cancel_algo_order(algo_id=algo.algo_id).data().code,
    }
    client.new_order(**{**MARKET, "side": "SELL", "reduce_only": "true"}).data()
    return seen


def account(client) -> dict:
    """Reads all that the account is told."""
    for read in (client.account_information_v2, client.futures_account_balance_v2, client.futures_account_balance_v3,
                 client.futures_account_configuration, client.get_current_multi_assets_mode,
                 client.position_information_v2, client.query_user_rate_limit, client.users_force_orders,
                 client.position_adl_quantile_estimation, client.query_all_algo_orders):  # fmt: skip
        read(*((BTC,) if read == client.query_all_algo_orders else ())).data()
    try:
        client.change_position_mode("true")
        refusal = ""
    except BadRequestError as error:
        refusal = str(error)
    return {
        "assets": [one.asset for one in client.account_information_v3().data().assets],
        "one_way": not client.get_current_position_mode().data().dual_side_position,
        "income": sorted({one.income_type for one in client.get_income_history().data()}),
        "fills": len(client.account_trade_list(BTC).data()),
        "orders": len(client.all_orders(BTC).data()),
        "margins": len(client.get_position_margin_change_history(BTC).data()),
        "settings": client.symbol_configuration(BTC).data()[0].margin_type,
        "taker": client.user_commission_rate(BTC).data().taker_commission_rate,
        "refusal": refusal,
    }


async def messages(client) -> dict:
    """Places, amends and cancels over the WebSocket API."""
    connection = await client.websocket_api.create_connection()
    placed = (await connection.new_order(**LIMIT)).data().result
    named = {"symbol": BTC, "order_id": placed.order_id}
    await connection.modify_order(**named, side="BUY", quantity=0.02, price=19_999)
    status = (await connection.query_order(**named)).data().result
    algo = (await connection.new_algo_order(**{**STOP, "reduce_only": "false"})).data().result
    await connection.cancel_algo_order(algo_id=algo.algo_id)
    cancelled = (await connection.cancel_order(**named)).data().result
    for read in (connection.account_information, connection.account_information_v2, connection.futures_account_balance,
                 connection.futures_account_balance_v2, connection.position_information,
                 connection.position_information_v2, connection.symbol_price_ticker):  # fmt: skip
        (await read()).data()
    book = (await connection.order_book(symbol=BTC, limit=5)).data().result
    await connection.close_connection(close_session=True)
    return {"amended": status.orig_qty, "cancelled": cancelled.status, "book": bool(book.last_update_id)}


async def streams(client) -> list[str]:
    """Listens until each stream has told something; gives the kinds of events."""
    connection, seen = await client.websocket_streams.create_connection(), set()
    for stream in (
        await connection.aggregate_trade_streams(symbol="btcusdt"),
        await connection.kline_candlestick_streams(symbol="btcusdt", interval="1m"),
        await connection.diff_book_depth_streams(symbol="btcusdt"),
        await connection.mark_price_stream(symbol="btcusdt"),
        await connection.individual_symbol_book_ticker_streams(symbol="btcusdt"),
    ):
        stream.on("message", lambda event: seen.add(event.e))
    key = client.rest_api.start_user_data_stream().data().listen_key
    own = await connection.user_data(key)
    own.on("message", lambda event: seen.add(type(event.actual_instance).__name__))
    client.rest_api.new_order(**MARKET)
    async with asyncio.timeout(20):
        while len(seen) < 7:
            await asyncio.sleep(0.1)
    await connection.close_connection(close_session=True)
    return sorted(seen)


def main() -> None:
    """Does all of it."""
    at = json.loads(sys.stdin.readline())
    client = DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=at["api_key"], api_secret=at["secret"], base_path=at["rest"]),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=at["api_key"], api_secret=at["secret"], stream_url=at["ws_api"]
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=at["ws"]),
    )
    rest = client.rest_api
    seen = {"reads": reads(rest), "trades": trades(rest), "account": account(rest)}
    seen["messages"] = asyncio.run(messages(client))
    print(json.dumps(seen | {"streams": asyncio.run(streams(client))}))


if __name__ == "__main__":
    main()
