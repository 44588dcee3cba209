"""Orders of contracts, conditional ones and executions as Binance writes them."""

from fractions import Fraction
from typing import Any

from planar.model.order import NEVER, Side
from planar.venue.listing import text
from planar.venue.order import (
    CANCELED,
    EXPIRED,
    FILLED,
    LIMIT,
    MARKET,
    NEW,
    TRAILING_STOP_MARKET,
    TRIGGERED,
    Execution,
    Order,
    Report,
)
from planar.venue.usdm.account import Income
from planar.venue.usdm.filters import PER_CENT, WORKING
from planar.venue.wire_orders import side

Document = dict[str, Any]
NOTHING, ZERO = "0.00000000", "0"
NOT_CHOSEN = {"priceMatch": "NONE", "selfTradePreventionMode": "NONE"}


def average(order: Order) -> str:
    """What an order's fills cost on average."""
    listing = order.ticket.listing
    if not order.filled:
        return NOTHING
    return text(1, Fraction(order.money * listing.money) / (order.filled * listing.unit))


def _working(order: Order) -> str:
    return WORKING[order.ticket.by_mark]


def form(order: Order) -> str:
    """What an order is in the book: what waited is then a market or a limit order."""
    if not order.ticket.waits:
        return order.ticket.type
    return LIMIT if order.ticket.ticks else MARKET


def number(order: Order) -> int:
    """An order's number in the book."""
    return order.trigger_id or order.id


def placed(order: Order) -> Document:
    """Answer of ``POST``, ``PUT`` and ``DELETE /fapi/v1/order``."""
    told = queried(order)
    del told["time"]
    return {**told, "cumQty": told["executedQty"]}


def acknowledged(order: Order) -> Document:
    """Answer of ``POST /fapi/v1/order`` where only that it was taken is asked for."""
    told = placed(order)
    listing = order.ticket.listing
    nothing = dict.fromkeys(("executedQty", "cumQty", "cumQuote"), listing.amount_text(0))
    return {**told, **nothing, "avgPrice": NOTHING, "status": NEW}


def queried(order: Order) -> Document:
    """Answer of ``GET /fapi/v1/order`` and its like."""
    asked, listing = order.ticket, order.ticket.listing
    trail = {"activatePrice": listing.price_text(asked.stop), "priceRate": _rate(order)} if asked.delta else {}
    return {
        "orderId": number(order),
        "symbol": listing.id,
        "status": order.status,
        "clientOrderId": asked.client_id,
        "price": listing.price_text(asked.ticks),
        "avgPrice": average(order),
        "origQty": listing.amount_text(order.units),
        "executedQty": listing.amount_text(order.filled),
        "cumQuote": listing.money_text(order.money),
        "timeInForce": asked.tif,
        "type": form(order),
        "reduceOnly": asked.reduce_only,
        "closePosition": asked.closes,
        "side": side(order),
        "positionSide": "BOTH",
        "stopPrice": listing.price_text(0 if asked.delta else asked.stop),
        "workingType": _working(order),
        "priceProtect": False,
        "origType": asked.type,
        **NOT_CHOSEN,
        "goodTillDate": _expiry(order),
        **trail,
        "time": order.trigger_time or order.time,
        "updateTime": order.updated,
    }


def _expiry(order: Order) -> int:
    """When an order dies; 0 for never."""
    return 0 if order.ticket.expire == NEVER else order.ticket.expire


def _rate(order: Order) -> str:
    """How far a trailing stop follows, in per cent."""
    return f"{order.ticket.delta / PER_CENT:.2f}"


def algo_status(order: Order) -> str:
    """Where a conditional order stands."""
    if not order.trigger_id:
        return order.status
    return TRIGGERED if order.is_open else "FINISHED"


def algo(order: Order) -> Document:
    """Answer of ``GET`` and ``POST /fapi/v1/algoOrder``."""
    asked, listing = order.ticket, order.ticket.listing
    trail = {}
    if asked.type == TRAILING_STOP_MARKET:
        start = listing.price_text(asked.stop) if asked.stop else None
        trail = {"activatePrice": start, "callbackRate": _rate(order)}
    return {
        "algoId": order.id,
        "clientAlgoId": asked.client_id,
        "algoType": "CONDITIONAL",
        "orderType": asked.type,
        "symbol": listing.id,
        "side": side(order),
        "positionSide": "BOTH",
        "timeInForce": asked.tif,
        "quantity": listing.amount_text(0 if asked.closes else order.units),
        "algoStatus": algo_status(order),
        "actualOrderId": str(order.trigger_id or ""),
        "actualPrice": average(order),
        "actualQty": listing.amount_text(order.filled),
        "triggerPrice": listing.price_text(0 if asked.delta else asked.stop),
        "price": listing.price_text(asked.ticks),
        "icebergQuantity": None,
        "selfTradePreventionMode": "NONE",
        "workingType": _working(order),
        "priceMatch": "NONE",
        "closePosition": asked.closes,
        "priceProtect": False,
        "reduceOnly": asked.reduce_only,
        **trail,
        "createTime": order.time,
        "updateTime": order.updated,
        "triggerTime": order.trigger_time,
        "goodTillDate": 0,
    }


def own_trade(order: Order, execution: Execution) -> Document:
    """An entry of ``GET /fapi/v1/userTrades``."""
    listing = order.ticket.listing
    return {
        "symbol": listing.id,
        "id": execution.id,
        "orderId": number(order),
        "side": side(order),
        "price": listing.price_text(execution.ticks),
        "qty": listing.amount_text(execution.units),
        "realizedPnl": listing.money_text(execution.realised),
        "quoteQty": listing.money_text(execution.money),
        "commission": listing.money_text(execution.fee),
        "commissionAsset": listing.quote,
        "marginAsset": listing.quote,
        "time": execution.time,
        "positionSide": "BOTH",
        "buyer": order.ticket.side == Side.BUY,
        "maker": execution.is_maker,
    }


def income(one: Income, listing: Any) -> Document:
    """An entry of ``GET /fapi/v1/income``. listing: any, for what the money is counted in."""
    return {
        "symbol": one.listing.id if one.listing else "",
        "incomeType": one.what,
        "income": listing.money_text(one.units),
        "asset": listing.quote,
        "info": one.what,
        "time": one.time,
        "tranId": one.id,
        "tradeId": str(one.trade or ""),
    }


# Events


def order_event(report: Report, event_time: int) -> Document:
    """The event ``ORDER_TRADE_UPDATE`` of what happened to an order in the book."""
    return {"e": "ORDER_TRADE_UPDATE", "E": event_time, "T": report.time, "o": order_update(report)}


def order_update(report: Report) -> Document:
    """What happened to an order in the book."""
    order, execution = report.order, report.execution
    asked, listing = order.ticket, order.ticket.listing
    paid = (
        {"N": listing.quote, "n": listing.money_text(execution.fee), "rp": listing.money_text(execution.realised)}
        if execution
        else {"rp": ZERO}
    )
    spent = Fraction(report.money * listing.money)
    return {
        "s": listing.id,
        "c": asked.client_id,
        "S": side(order),
        "o": form(order),
        "f": asked.tif,
        "q": listing.amount_text(order.units),
        "p": listing.price_text(asked.ticks),
        "ap": text(1, spent / (report.filled * listing.unit)) if report.filled else ZERO,
        "sp": listing.price_text(0 if asked.delta else asked.stop),
        "x": NEW if report.what == TRIGGERED else report.what,
        "X": report.status,
        "i": number(order),
        "l": listing.amount_text(execution.units if execution else 0),
        "z": listing.amount_text(report.filled),
        "L": listing.price_text(execution.ticks if execution else 0),
        **paid,
        "T": report.time,
        "t": execution.id if execution else 0,
        "b": ZERO,
        "a": ZERO,
        "m": execution.is_maker if execution else False,
        "R": asked.reduce_only,
        "wt": _working(order),
        "ot": asked.type,
        "ps": "BOTH",
        "cp": asked.closes,
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "NONE",
        "pm": "NONE",
        "gtd": _expiry(order),
    }


def algo_events(report: Report, event_time: int) -> list[Document]:
    """The events ``ALGO_UPDATE`` of what happened to a conditional order."""
    order = report.order
    if not order.trigger_id or report.what == TRIGGERED:
        statuses = ["TRIGGERING", TRIGGERED] if report.what == TRIGGERED else [report.status]
    else:
        statuses = ["FINISHED"] if report.status in (FILLED, CANCELED, EXPIRED) else []
    return [
        {"e": "ALGO_UPDATE", "E": event_time, "T": report.time, "o": _algo_update(report, status)}
        for status in statuses
    ]


def _algo_update(report: Report, status: str) -> Document:
    order, listing = report.order, report.order.ticket.listing
    told = algo(order)
    is_in_book = status in (TRIGGERED, "FINISHED")
    spent = Fraction(report.money * listing.money)
    filled = {
        "ai": str(order.trigger_id),
        "ap": text(1, spent / (report.filled * listing.unit)) if report.filled else ZERO,
        "aq": listing.amount_text(report.filled),
        "act": form(order),
    }
    return {
        "caid": told["clientAlgoId"],
        "aid": order.id,
        "at": told["algoType"],
        "o": told["orderType"],
        "s": listing.id,
        "S": told["side"],
        "ps": "BOTH",
        "f": told["timeInForce"],
        "q": told["quantity"],
        "X": status,
        **(filled if is_in_book else {"ai": ""}),
        "tp": told["triggerPrice"],
        "p": told["price"],
        "V": "NONE",
        "wt": told["workingType"],
        "pm": "NONE",
        "cp": order.ticket.closes,
        "pP": False,
        "R": told["reduceOnly"],
        "tt": order.trigger_time,
        "gtd": 0,
        **({"AP": told["activatePrice"], "cr": told["callbackRate"]} if "callbackRate" in told else {}),
    }
