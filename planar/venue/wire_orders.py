"""Orders, executions and accounts as Binance writes them."""

from typing import Any

from planar.model.order import Side
from planar.venue.account import Account
from planar.venue.listing import Listing
from planar.venue.order import FILLED, TRIGGERED, Execution, Order, Report

Document = dict[str, Any]
NOTHING = "0.00000000"
ENDS = ("CANCELED", "EXPIRED")


def side(order: Order) -> str:
    """``BUY`` or ``SELL``."""
    return "BUY" if order.ticket.side == Side.BUY else "SELL"


def _terms(order: Order) -> Document:
    """What is told of an order wherever one is told of."""
    asked, listing = order.ticket, order.ticket.listing
    return {
        "price": listing.price_text(asked.ticks),
        "origQty": listing.amount_text(order.units),
        "executedQty": listing.amount_text(order.filled),
        "origQuoteOrderQty": listing.money_text(asked.money),
        "cummulativeQuoteQty": listing.money_text(order.money),
        "status": order.status,
        "timeInForce": asked.tif,
        "type": asked.type,
        "side": side(order),
        **({"stopPrice": listing.price_text(asked.stop)} if asked.stop else {}),
        **_trail(order, "trailingDelta"),
    }


def _trail(order: Order, name: str) -> Document:
    return {name: order.ticket.delta} if order.ticket.delta else {}


def queried(order: Order) -> Document:
    """Answer of ``GET /api/v3/order`` and its like."""
    return {
        "symbol": order.ticket.listing.id,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.ticket.client_id,
        **_terms(order),
        "stopPrice": order.ticket.listing.price_text(order.ticket.stop),
        "icebergQty": NOTHING,
        "time": order.time,
        "updateTime": order.updated,
        "isWorking": order.is_working,
        "workingTime": order.working_time,
        "selfTradePreventionMode": "NONE",
    }


def placed(order: Order, kind: str) -> Document:
    """Answer of ``POST /api/v3/order``. kind: ACK, RESULT or FULL."""
    made: Document = {
        "symbol": order.ticket.listing.id,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.ticket.client_id,
        "transactTime": order.time,
    }
    if kind == "ACK":
        return made
    made |= _terms(order) | {"workingTime": order.working_time, "selfTradePreventionMode": "NONE"}
    if kind == "FULL":
        made["fills"] = [_fill(order.ticket.listing, e) for e in order.executions]
    return made


def cancelled(order: Order) -> Document:
    """Answer of ``DELETE /api/v3/order``."""
    return {
        "symbol": order.ticket.listing.id,
        "origClientOrderId": order.ticket.client_id,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.cancel_client_id,
        "transactTime": order.updated,
        **_terms(order),
        "selfTradePreventionMode": "NONE",
    }


def _fee(listing: Listing, execution: Execution) -> tuple[str, str]:
    """Fee and its asset."""
    if execution.fee_in_base:
        return listing.amount_text(execution.fee), listing.base
    return listing.money_text(execution.fee), listing.quote


def _fill(listing: Listing, execution: Execution) -> Document:
    fee, asset = _fee(listing, execution)
    return {
        "price": listing.price_text(execution.ticks),
        "qty": listing.amount_text(execution.units),
        "commission": fee,
        "commissionAsset": asset,
        "tradeId": execution.id,
    }


def own_trade(order: Order, execution: Execution) -> Document:
    """An entry of ``GET /api/v3/myTrades``."""
    listing = order.ticket.listing
    fee, asset = _fee(listing, execution)
    return {
        "symbol": listing.id,
        "id": execution.id,
        "orderId": order.id,
        "orderListId": -1,
        "price": listing.price_text(execution.ticks),
        "qty": listing.amount_text(execution.units),
        "quoteQty": listing.money_text(execution.money),
        "commission": fee,
        "commissionAsset": asset,
        "time": execution.time,
        "isBuyer": order.ticket.side == Side.BUY,
        "isMaker": execution.is_maker,
        "isBestMatch": True,
    }


def execution_report(report: Report, event_time: int, id: int) -> Document:
    """The event ``executionReport`` of what happened to an order. id: of the execution, unique."""
    order, execution = report.order, report.execution
    asked, listing = order.ticket, order.ticket.listing
    fee, asset = _fee(listing, execution) if execution else ("0", None)
    is_cancelled = report.what == "CANCELED"
    return {
        "e": "executionReport",
        "E": event_time,
        "s": listing.id,
        "c": order.cancel_client_id or asked.client_id if is_cancelled else asked.client_id,
        "S": side(order),
        "o": asked.type,
        "f": asked.tif,
        "q": listing.amount_text(order.units),
        "p": listing.price_text(asked.ticks),
        "P": listing.price_text(asked.stop),
        "F": NOTHING,
        "g": -1,
        "C": asked.client_id if is_cancelled else "",
        "x": "NEW" if report.what == TRIGGERED else report.what,
        "X": report.status,
        "r": "NONE",
        "i": order.id,
        "l": listing.amount_text(execution.units) if execution else NOTHING,
        "z": listing.amount_text(report.filled),
        "L": listing.price_text(execution.ticks) if execution else NOTHING,
        "n": fee,
        "N": asset,
        "T": report.time,
        "t": execution.id if execution else -1,
        "I": id,
        "w": order.is_working and report.status not in (FILLED, *ENDS),
        "m": execution.is_maker if execution else False,
        "M": execution is not None,
        "O": order.time,
        "Z": listing.money_text(report.money),
        "Y": listing.money_text(execution.money) if execution else NOTHING,
        "Q": listing.money_text(asked.money),
        "V": "NONE",
        **_trail(order, "d"),
    } | ({"W": order.working_time} if order.is_working else {})


def balances(account: Account, assets: list[str]) -> list[Document]:
    """Balances in the form of the user stream."""
    pairs = [(asset, *account.balance(asset)) for asset in assets]
    return [{"a": asset, "f": free, "l": locked} for asset, free, locked in pairs]


def account_document(account: Account) -> Document:
    """Answer of ``GET /api/v3/account``."""
    instrument = account.listings[0].instrument
    rates = {"maker": f"{instrument.maker:.8f}", "taker": f"{instrument.taker:.8f}"}
    return {
        "makerCommission": round(instrument.maker * 10_000),
        "takerCommission": round(instrument.taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {**rates, "buyer": NOTHING, "seller": NOTHING},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.updated,
        "accountType": "SPOT",
        "balances": [{"asset": b["a"], "free": b["f"], "locked": b["l"]} for b in balances(account, account.assets())],
        "permissions": ["SPOT"],
        "uid": 1,
    }
