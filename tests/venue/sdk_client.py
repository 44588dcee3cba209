"""Trades at a venue with Binance's own SDK, whose models check each answer; run by `test_official_sdk` elsewhere.

Takes the venue's addresses as JSON on its input, prints what it saw as JSON.
"""

import asyncio
import json
import sys

from binance_common.configuration import ConfigurationWebSocketAPI, ConfigurationWebSocketStreams
from binance_common.errors import BadRequestError
from binance_sdk_spot.spot import ConfigurationRestAPI, Spot

BTC = "BTCUSDT"
LIMIT = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01, "price": 20_000}
MARKET = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}


def rest(client) -> dict:
    """Reads the market, then places, queries, replaces and cancels."""
    for read in (client.ping, client.time, client.exchange_info, client.ticker_price, client.ticker_book_ticker):
        read().data()
    for read in (client.depth, client.get_trades, client.agg_trades, client.ticker24hr, client.avg_price):
        read(BTC).data()
    client.klines(BTC, "1m").data()
    client.order_test(**MARKET).data()
    placed, taken = client.new_order(**LIMIT).data(), client.new_order(**MARKET).data()
    replace = {**LIMIT, "cancel_replace_mode": "STOP_ON_FAILURE", "cancel_order_id": placed.order_id}
    replaced = client.order_cancel_replace(**replace).data()
    try:
        client.new_order(**{**MARKET, "quantity": 1_000}).data()
        refusal = ""
    except BadRequestError as error:
        refusal = str(error)
    return {
        "placed": placed.status,
        "taken": taken.status,
        "replaced": replaced.new_order_result,
        "queried": client.get_order(BTC, order_id=placed.order_id).data().status,
        "open": len(client.get_open_orders().data()),
        "cancelled": len(client.delete_open_orders(BTC).data()),
        "orders": len(client.all_orders(BTC).data()),
        "fills": len(client.my_trades(BTC).data()),
        "assets": sorted(b.asset for b in client.get_account().data().balances),
        "limits": len(client.rate_limit_order().data()),
        "refusal": refusal,
    }


async def messages(client) -> dict:
    """Places and cancels over the WebSocket API."""
    connection = await client.websocket_api.create_connection()
    placed = (await connection.order_place(**LIMIT)).data()
    cancelled = (await connection.open_orders_cancel_all(symbol=BTC)).data()
    account = (await connection.account_status()).data()
    await connection.close_connection(close_session=True)
    return {"status": placed.result.status, "cancelled": len(cancelled.result), "can_trade": account.result.can_trade}


async def streams(client) -> list[str]:
    """Listens until each stream has told something; gives the kinds of events."""
    connection, seen = await client.websocket_streams.create_connection(), set()
    for stream in (
        await connection.trade(symbol="btcusdt"),
        await connection.kline(symbol="btcusdt", interval="1m"),
        await connection.diff_book_depth(symbol="btcusdt"),
    ):
        stream.on("message", lambda event: seen.add(event.e))
    async with asyncio.timeout(20):
        while len(seen) < 3:
            await asyncio.sleep(0.1)
    await connection.close_connection(close_session=True)
    return sorted(seen)


def main() -> None:
    """Does all of it."""
    at = json.loads(sys.stdin.readline())
    keys = {"api_key": at["api_key"], "api_secret": at["secret"]}
    client = Spot(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=at["rest"]),
        config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=at["ws_api"]),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=at["ws"]),
    )
    seen = {"rest": rest(client.rest_api), "messages": asyncio.run(messages(client))}
    print(json.dumps(seen | {"streams": asyncio.run(streams(client))}))


if __name__ == "__main__":
    main()
