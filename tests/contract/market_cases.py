"""What an exchange tells anyone."""

import time
from decimal import Decimal

import polars as pl
import pytest
from contract.cases import SPOT, Place, case

from planar.errors import Rejected

MINUTE = 60_000


@case("lists markets with steps, minimums and currencies above zero")
async def markets(at: Place) -> None:
    market = await at.market()
    assert (market.symbol, f"{market.base}/{market.quote}") == (at.symbol, at.symbol.partition(":")[0])
    assert market.is_active
    assert min(market.price_step, market.amount_step, market.min_amount, market.min_cost) > 0
    assert isinstance(market.price_step, Decimal)


@case("names an unknown symbol as such, with the one that was probably meant")
async def unknown_symbol(at: Place) -> None:
    with pytest.raises(Rejected, match=f"Did you mean '{at.symbol}'") as caught:
        await at.exchange.ticker(at.symbol.replace("/", ""))
    assert caught.value.code == "UNKNOWN_SYMBOL"
    with pytest.raises(Rejected) as caught:
        await at.exchange.ticker("NOSUCH/COIN")
    assert caught.value.code == "UNKNOWN_SYMBOL"


@case("gives a ticker whose bid is below its ask, where it tells them, and whose last price lies within its day")
async def ticker(at: Place) -> None:
    told = await at.exchange.ticker(at.symbol)
    if at.kind == SPOT or told.bid is not None:  # of Binance's futures, tickers have none
        assert 0 < told.bid < told.ask
    assert told.low <= told.last <= told.high


@case("gives several tickers by the symbols that were asked for")
async def tickers(at: Place) -> None:
    assert set(await at.exchange.tickers([at.symbol])) == {at.symbol}


@case("gives a book of the asked depth, best prices first, not crossed, on the steps")
async def book(at: Place) -> None:
    told, market = await at.exchange.book(at.symbol, 5), await at.market()
    bids, asks = [level.price for level in told.bids], [level.price for level in told.asks]
    assert len(bids) == len(asks) == 5
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    for level in (*told.bids, *told.asks):
        assert level.price % market.price_step == level.amount % market.amount_step == 0
        assert level.amount > 0


@case("gives closed candles only, each once and in order, and ends before the one that is open")
async def closed_candles(at: Place) -> None:
    now = await at.exchange.server_time()
    pages = [page async for page in at.exchange.candles(at.symbol, "1m", now - 30 * MINUTE)]
    times = pl.concat(pages)["time"].to_list()
    after = await at.exchange.server_time()
    assert times == list(range(times[0], times[-1] + 1, MINUTE))
    assert now // MINUTE * MINUTE - MINUTE <= times[-1] <= after - MINUTE


@case("gives candles page by page without a hole or a repetition, and the same ones when asked again")
async def paged_candles(at: Place) -> None:
    end = (await at.exchange.server_time()) // MINUTE * MINUTE
    start = end - 1_500 * MINUTE
    pages = [page async for page in at.exchange.candles(at.symbol, "1m", start, end)]
    whole = pl.concat(pages)
    assert len(pages) > 1
    assert whole["time"].to_list() == list(range(start, end, MINUTE))
    assert (whole["low"] <= whole["high"]).all()
    again = pl.concat([page async for page in at.exchange.candles(at.symbol, "1m", start + 700 * MINUTE, end)])
    assert again.equals(whole[700:])


@case("refuses a timeframe that it does not have")
async def no_such_timeframe(at: Place) -> None:
    with pytest.raises(Rejected) as caught:
        await anext(at.exchange.candles(at.symbol, "7m", 0))
    assert caught.value.code == "NOT_SUPPORTED"


@case("gives the last market trades, oldest first, on the steps, each with its own id")
async def recent_trades(at: Place) -> None:
    trades, market = await at.exchange.recent_trades(at.symbol, 50), await at.market()
    assert len(trades) == 50
    assert [trade.time for trade in trades] == sorted(trade.time for trade in trades)
    assert len({trade.id for trade in trades}) == 50
    assert all(trade.price % market.price_step == 0 and trade.amount > 0 for trade in trades)


@case("gives market trades since a time, none from before it and none twice")
async def trades_since(at: Place) -> None:
    since = (await at.exchange.recent_trades(at.symbol, 50))[0].time
    found = [trade async for page in at.exchange.market_trades(at.symbol, since) for trade in page]
    assert len(found) >= 50
    assert len({trade.id for trade in found}) == len(found)
    assert min(trade.time for trade in found) == since


@case("tells its time, which is near ours once the difference is measured")
async def server_time(at: Place) -> None:
    offset = await at.exchange.sync_clock()
    assert abs(await at.exchange.server_time() - offset - time.time() * 1000) < 2_000


@case("says that it works")
async def status(at: Place) -> None:
    assert (await at.exchange.status()).is_ok


@case("tells what it can do by name: order kinds, timeframes, keys")
async def capabilities(at: Place) -> None:
    told = at.exchange.capabilities()
    part = told["spot" if at.kind == SPOT else "futures"]
    assert {"IOC", "FOK", "GTC"} <= set(part["tif"])
    assert part["post_only"] is part["stop"] is told["fills"] is told["order_history"] is True
    assert "1m" in told["timeframes"]
