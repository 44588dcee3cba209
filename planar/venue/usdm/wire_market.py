"""The public side of a contract as Binance writes it; what is written as of spot is `planar.venue.wire_market`'s."""

from typing import Any

from planar.venue import wire_market as spot
from planar.venue.book import Book
from planar.venue.klines import Kline
from planar.venue.listing import Listing
from planar.venue.market import Market, Paid, Trade
from planar.venue.usdm.filters import TIFS, TYPES, described
from planar.venue.wire_market import levels

Document = dict[str, Any]
ONBOARD, DELIVERY = 1_569_398_400_000, 4_133_404_800_000
"""When a perpetual was listed, and when it ends."""

NO_BOOK = ("prevClosePrice", "bidPrice", "bidQty", "askPrice", "askQty")
NO_BOOK_EVENT = ("x", "b", "B", "a", "A")
"""What tickers tell on spot alone."""


def symbol(listing: Listing) -> Document:
    """An entry of ``exchangeInfo``."""
    return {
        "symbol": listing.id,
        "pair": listing.id,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY,
        "onboardDate": ONBOARD,
        "status": listing.status if listing.status == "TRADING" else "SETTLING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": _places(listing.tick.denominator),
        "quantityPrecision": _places(listing.step.denominator),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": f"{listing.instrument.liquidation_fee:.6f}",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": described(listing),
        "orderTypes": list(TYPES),
        "timeInForce": list(TIFS),
        "permissionSets": [],
    }


def _places(denominator: int) -> int:
    """Decimals that a step has."""
    return next(places for places in range(9) if 10**places % denominator == 0)


def depth(market: Market, book: Book, count: int, now: int) -> Document:
    """Answer of ``GET /fapi/v1/depth``."""
    told = spot.depth(market, book, count)
    return {"lastUpdateId": told["lastUpdateId"], "E": now, "T": market.time, **told}


def mark_row(listing: Listing, kline: Kline) -> list[Any]:
    """An entry of ``GET /fapi/v1/markPriceKlines`` and its like: prices alone."""
    row = spot.kline_row(listing, kline)
    return [*row[:5], "0", row[6], "0", row[8], "0", "0", "0"]


def price(market: Market) -> Document:
    """Answer of ``GET /fapi/v1/ticker/price``."""
    return {"symbol": market.listing.id, "price": market.listing.price_text(market.last), "time": market.time}


def best(market: Market) -> Document:
    """Answer of ``GET /fapi/v1/ticker/bookTicker``."""
    return {**spot.best(market), "lastUpdateId": market.version, "time": market.time}


def ticker(market: Market) -> Document:
    """Answer of ``GET /fapi/v1/ticker/24hr``."""
    return {name: value for name, value in spot.ticker(market).items() if name not in NO_BOOK}


def premium(market: Market) -> Document:
    """Answer of ``GET /fapi/v1/premiumIndex``: the mark is the last price."""
    due, last_rate = _funding(market)
    now = market.listing.price_text(market.last)
    return {
        "symbol": market.listing.id,
        "markPrice": now,
        "indexPrice": now,
        "estimatedSettlePrice": now,
        "lastFundingRate": last_rate,
        "interestRate": "0.00010000",
        "nextFundingTime": due,
        "time": market.time,
    }


def _funding(market: Market) -> tuple[int, str]:
    """When funding is paid next, and at what rate; zeros where there is none."""
    if market.funding is None:
        return 0, "0.00000000"
    due, rate = market.funding.next(market.time)
    return due, f"{rate:.8f}"


def paid(listing: Listing, one: Paid) -> Document:
    """An entry of ``GET /fapi/v1/fundingRate``."""
    return {
        "symbol": listing.id,
        "fundingTime": one.time,
        "fundingRate": f"{one.rate:.8f}",
        "markPrice": listing.price_text(one.ticks),
    }


def funding_info(market: Market) -> Document:
    """An entry of ``GET /fapi/v1/fundingInfo``."""
    hours = market.funding.interval(market.time) if market.funding else 8
    caps = {"adjustedFundingRateCap": "0.02000000", "adjustedFundingRateFloor": "-0.02000000"}
    return {"symbol": market.listing.id, **caps, "fundingIntervalHours": hours, "disclaimer": False}


def brackets(listing: Listing) -> Document:
    """An entry of ``GET /fapi/v1/leverageBracket``."""
    tiers = listing.instrument.tiers
    rows = tiers.tiers if tiers else ()
    return {
        "symbol": listing.id,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": number,
                "initialLeverage": int(tier.max_leverage),
                "notionalCap": float(tier.cap) if tier.cap is not None else float(10**12),
                "notionalFloor": float(tier.floor),
                "maintMarginRatio": float(tier.maintenance_rate),
                "cum": float(tier.maintenance_amount or 0),
            }
            for number, tier in enumerate(rows, 1)
        ],
    }


# Events


def trade_event(listing: Listing, trade: Trade, event_time: int) -> Document:
    """The event ``trade``."""
    told = spot.trade_event(listing, trade, event_time)
    del told["M"]
    return {**told, "X": "MARKET"}


def aggregate_event(listing: Listing, trade: Trade, event_time: int) -> Document:
    """The event ``aggTrade``."""
    told = spot.aggregate_event(listing, trade, event_time)
    del told["M"]
    return told


def book_ticker_event(market: Market) -> Document:
    """The event of ``@bookTicker``."""
    return {"e": "bookTicker", "E": market.time, "T": market.time, **spot.book_ticker_event(market)}


def ticker_event(market: Market, event_time: int) -> Document:
    """The event ``24hrTicker``."""
    return {name: value for name, value in spot.ticker_event(market, event_time).items() if name not in NO_BOOK_EVENT}


def mark_event(market: Market, event_time: int) -> Document:
    """The event ``markPriceUpdate``."""
    due, rate = _funding(market)
    now = market.listing.price_text(market.last)
    return {"e": "markPriceUpdate", "E": event_time, "s": market.listing.id, "p": now, "ap": now, "P": now, "i": now,
            "r": rate, "T": due}  # fmt: skip


def partial_depth(market: Market, count: int, event_time: int) -> Document:
    """The event of the partial depth streams."""
    book, listing = market.book, market.listing
    return {"e": "depthUpdate", "E": event_time, "T": market.time, "s": listing.id, "U": book.version,
            "u": book.version, "pu": book.version - 1, "b": levels(listing, book.bids[:count]),
            "a": levels(listing, book.asks[:count])}  # fmt: skip


def force_event(order: Document, event_time: int) -> Document:
    """The event ``forceOrder``. order: of the liquidation, as the user stream tells it."""
    names = ("s", "S", "o", "f", "q", "p", "ap", "X", "l", "z", "T")
    return {"e": "forceOrder", "E": event_time, "o": {name: order[name] for name in names}}
