"""Endpoints of an account's margin, positions and income, and of how its contracts are set."""

from collections.abc import Callable
from typing import Any

from planar.model.order import Reason
from planar.venue.api import SIGNED, TRADE, Desk, Endpoint
from planar.venue.listing import Listing
from planar.venue.public import market_of
from planar.venue.query import Query
from planar.venue.refusal import Refusal
from planar.venue.usdm import wire_account as wire
from planar.venue.usdm import wire_market, wire_orders
from planar.venue.usdm.account import ContractAccount
from planar.venue.usdm.kernel_state import Position
from planar.venue.usdm.refusal import NOT_YET

ADD, TAKE = "1", "2"
TOO_LITTLE = {ADD: (-4050, "Cross balance insufficient."), TAKE: (-4051, "Isolated balance insufficient.")}
DONE = {"code": 200, "msg": "success"}


def balances(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v2/balance`` and v3."""
    return [wire.balance(account, asset) for asset in account.assets()]


def account_v2(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v2/account``."""
    return wire.account_v2(account)


def account_v3(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v3/account``."""
    return wire.account_v3(account)


def risk_v2(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v2/positionRisk``: all contracts."""
    return [wire.position_risk(account, account.position(i), is_v3=False) for i in _listings(desk, query)]


def risk_v3(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v3/positionRisk``: those with a position or orders."""
    chosen = _listings(desk, query)
    return [wire.position_risk(account, p, is_v3=True) for p in wire.positions(account) if p.listing in chosen]


def _listings(desk: Desk, query: Query) -> list[Listing]:
    return [market_of(desk, query).listing] if query.has("symbol") else desk.floor.listings


def config(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/accountConfig``."""
    return wire.config(account)


def symbol_config(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/symbolConfig``."""
    return [wire.symbol_config(account.position(listing)) for listing in _listings(desk, query)]


def set_leverage(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/leverage``."""
    listing, wanted = market_of(desk, query).listing, query.integer("leverage")
    tiers = listing.instrument.tiers
    if wanted is None or tiers is None or not 1 <= wanted <= tiers.tiers[0].max_leverage:
        raise Refusal(-4028, f"Leverage {query.required('leverage')} is not valid")
    position = account.position(listing)
    answer = account.kernel.set_leverage(listing.index, wanted)
    if answer:
        raise _refused_leverage(-answer, position, wanted)
    desk.floor.tell_config(account, listing)
    position = account.position(listing)
    return {"symbol": listing.id, "leverage": wanted, "maxNotionalValue": wire.most(position)}


def _refused_leverage(reason: int, position: Position, wanted: int) -> Refusal:
    if reason == Reason.MAX_POSITION:
        return Refusal(-2027, "Exceeded the maximum allowable position at current leverage.")
    if position.is_isolated and position.units and wanted < position.leverage:
        return Refusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions")
    return Refusal(-2028, "Leverage is smaller than permitted: insufficient margin balance")


def set_margin_type(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/marginType``."""
    listing = market_of(desk, query).listing
    wanted = query.one_of("marginType", ("ISOLATED", "CROSSED"), -1128, "Combination of optional parameters invalid.")
    if account.position(listing).is_isolated == (wanted == "ISOLATED"):
        raise Refusal(-4046, "No need to change margin type.")
    if any(order.ticket.listing is listing for order in account.open.values()):
        raise Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
    if account.kernel.held(listing.index):
        raise Refusal(-4048, "Margin type cannot be changed if there exists position.")
    account.kernel.set_isolated(listing.index, wanted == "ISOLATED")
    desk.floor.tell_margin(account, listing, "MARGIN_TYPE_CHANGE")
    return DONE


def position_mode(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/positionSide/dual``: one-way."""
    return {"dualSidePosition": False}


def set_position_mode(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/positionSide/dual``: there is one-way mode alone."""
    text = "Data sent for parameter 'dualSidePosition' is not valid."
    if query.text("dualSidePosition").lower() == "false":
        raise Refusal(-4059, "No need to change position side.")
    query.one_of("dualSidePosition", ("true", "TRUE", "True"), -1130, text)
    raise Refusal(*NOT_YET)


def assets_mode(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/multiAssetsMargin``: single."""
    return {"multiAssetsMargin": False}


def set_assets_mode(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/multiAssetsMargin``: margin is in the quote alone."""
    if query.text("multiAssetsMargin").lower() == "false":
        raise Refusal(-4171, "No need to change multi-assets mode.")
    raise Refusal(*NOT_YET)


def move_margin(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``POST /fapi/v1/positionMargin``: adds to the margin of an isolated position, or takes from it."""
    listing = market_of(desk, query).listing
    amount = query.number("amount") if query.required("amount") else None
    kind = query.one_of("type", (ADD, TAKE), -1130, "Data sent for parameter 'type' is not valid.")
    position = account.position(listing)
    if not amount:
        raise Refusal(-4055, "Amount must be positive.")
    if not position.is_isolated:
        raise Refusal(-4049, "Add margin only support for isolated position.")
    if not position.units:
        raise Refusal(-4054, "Cannot add position margin: position is 0.")
    if account.kernel.add_margin(listing.index, float(amount) if kind == ADD else -float(amount)):
        raise Refusal(*TOO_LITTLE[kind])
    account.note_margin(listing, desk.floor.now, kind, account.position(listing).kept - position.kept)
    desk.floor.tell_margin(account, listing, "MARGIN_TRANSFER")
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": int(kind)}


def margin_history(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/positionMargin/history``."""
    listing, kind, limit = market_of(desk, query).listing, query.integer("type"), query.limit(500, 1000)
    rows = [row for row in account.margins if row.listing is listing and kind in (None, int(row.kind))]
    return [
        {"symbol": listing.id, "type": int(row.kind), "deltaType": "USER_ADJUST", "asset": listing.quote,
         "amount": listing.money_text(abs(row.units)), "time": row.time, "positionSide": "BOTH"}
        for row in rows[-limit:]
    ]  # fmt: skip


def income(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/income``."""
    listing = market_of(desk, query).listing if query.has("symbol") else None
    what, start, end = query.text("incomeType"), query.integer("startTime"), query.integer("endTime")
    limit = query.limit(100, 1000)
    found = [
        one
        for one in account.income
        if (listing is None or one.listing is listing)
        and (not what or one.what == what)
        and (start is None or one.time >= start)
        and (end is None or one.time <= end)
    ]
    chosen = found[-limit:] if start is None else found[:limit]
    return [wire_orders.income(one, desk.floor.listings[0]) for one in chosen]


def brackets(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/leverageBracket``."""
    return [wire_market.brackets(listing) for listing in _listings(desk, query)]


def commission(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/commissionRate``."""
    instrument = market_of(desk, query).listing.instrument
    rates = {"makerCommissionRate": f"{instrument.maker:.6f}", "takerCommissionRate": f"{instrument.taker:.6f}"}
    return {"symbol": market_of(desk, query).listing.id, **rates}


def quantiles(desk: Desk, query: Query, account: ContractAccount) -> Any:
    """``GET /fapi/v1/adlQuantile``: nobody is deleveraged here."""
    return [{"symbol": listing.id, "adlQuantile": {"BOTH": 0}} for listing in _listings(desk, query)]


def _signed(call: Callable[..., Any], weight: int = 5) -> Endpoint:
    return Endpoint(call, weight, SIGNED)


ENDPOINTS = {
    ("GET", "/fapi/v2/balance"): _signed(balances),
    ("GET", "/fapi/v3/balance"): _signed(balances),
    ("GET", "/fapi/v2/account"): _signed(account_v2),
    ("GET", "/fapi/v3/account"): _signed(account_v3),
    ("GET", "/fapi/v2/positionRisk"): _signed(risk_v2),
    ("GET", "/fapi/v3/positionRisk"): _signed(risk_v3),
    ("GET", "/fapi/v1/accountConfig"): _signed(config),
    ("GET", "/fapi/v1/symbolConfig"): _signed(symbol_config),
    ("POST", "/fapi/v1/leverage"): Endpoint(set_leverage, 1, TRADE),
    ("POST", "/fapi/v1/marginType"): Endpoint(set_margin_type, 1, TRADE),
    ("GET", "/fapi/v1/positionSide/dual"): _signed(position_mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Endpoint(set_position_mode, 1, TRADE),
    ("GET", "/fapi/v1/multiAssetsMargin"): _signed(assets_mode, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(set_assets_mode, 1, TRADE),
    ("POST", "/fapi/v1/positionMargin"): Endpoint(move_margin, 1, TRADE),
    ("GET", "/fapi/v1/positionMargin/history"): _signed(margin_history, 1),
    ("GET", "/fapi/v1/income"): _signed(income, 30),
    ("GET", "/fapi/v1/leverageBracket"): _signed(brackets, 1),
    ("GET", "/fapi/v1/commissionRate"): _signed(commission, 20),
    ("GET", "/fapi/v1/adlQuantile"): _signed(quantiles),
}
