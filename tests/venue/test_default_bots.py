"""Bots of CCXT with its default options start and trade, whichever of its three kinds they use."""

import asyncio
import inspect

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest

START = ("load_markets", "fetch_currencies", "fetch_balance", "fetch_trading_fees", "fetch_status")


def settings(venue):
    at = venue.addresses()
    rest, ws = at["rest"], at["ws"]
    sections = {"public": "api/v3", "private": "api/v3", "sapi": "sapi/v1", "fapiPublic": "fapi/v1"}
    urls = {name: f"{rest}/{path}" for name, path in {**sections, "dapiPublic": "dapi/v1"}.items()}
    streams = {"spot": f"{ws}/stream", "ws-api": {"spot": at["ws_api"]}}
    return {"apiKey": at["api_key"], "secret": at["secret"], "urls": {"api": {**urls, "ws": streams}}}


async def ended(call):
    return await call if inspect.isawaitable(call) else call


@pytest.mark.parametrize("module", [ccxt, ccxt.async_support, ccxt.pro], ids=["sync", "async", "pro"])
def test_a_bot_with_default_options_starts_and_trades(module, runner, venue):
    async def trade():
        bot = module.binance(settings(venue))
        for method in START:
            await ended(getattr(bot, method)())
        markets = list(bot.markets)
        bought = await ended(bot.create_order("BTC/USDT", "market", "buy", 0.001))
        resting = await ended(bot.create_order("BTC/USDT", "limit", "buy", 0.001, 10_000))
        cancelled = await ended(bot.cancel_order(resting["id"], "BTC/USDT"))
        if module is not ccxt:
            await bot.close()
        return markets, bought["status"], cancelled["status"]

    async def beside():  # the synchronous one would block the venue
        return await asyncio.to_thread(asyncio.run, trade())

    assert runner.run(beside()) == (["BTC/USDT", "ETH/USDT"], "closed", "canceled")
