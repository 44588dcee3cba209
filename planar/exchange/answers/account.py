"""What is one's own: balances, orders, fills, fees."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from planar.exchange.answers.numbers import NONE, SIDES, MalformedError, Raw, decimal, needed, positive, scaled, time_of
from planar.exchange.model import Balance, Fees, Fill, Liquidity, Market, Order, OrderRequest, Wallet
from planar.exchange.quirks import Quirk
from planar.model.order import Kind, Status, Tif

STATUSES = {
    "open": Status.OPEN,
    "closed": Status.FILLED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "canceling": Status.OPEN,
    "rejected": Status.REJECTED,
    "expired": Status.EXPIRED,
    "expired_in_match": Status.EXPIRED,
}
USUAL = Quirk()
NOTHING: Mapping[str, Decimal] = {}
TIFS = {"GTC": Tif.GTC, "IOC": Tif.IOC, "FOK": Tif.FOK, "GTD": Tif.GTD, "GTT": Tif.GTD, "PO": Tif.GTC, "GTX": Tif.GTC}


def balance(
    raw: Raw,
    wallet: Wallet,
    *,
    is_change: bool = False,
    is_funding: bool = False,
    settled: Mapping[str, Decimal] = NOTHING,
) -> Balance:
    """What is owned in a wallet. is_change: only what changed of it, also what is empty now."""
    parts = {part: {c: decimal(v) for c, v in (raw.get(part) or {}).items()} for part in ("total", "free", "used")}
    if not raw.get("info") and not parts["total"]:
        raise MalformedError("the balance is empty")
    total: dict[str, Decimal] = {}
    free: dict[str, Decimal] = {}
    used: dict[str, Decimal] = {}
    for currency in parts["total"]:
        whole, open_, held = (parts[part].get(currency) for part in ("total", "free", "used"))
        whole = whole if whole is not None or open_ is None else open_ + (held or NONE)
        if whole is None or not (whole or is_change):
            continue
        total[currency] = whole
        if open_ is not None or held is not None:
            free[currency] = open_ if open_ is not None else whole - (held or NONE)
            used[currency] = whole - free[currency]
    return Balance(wallet, raw.get("timestamp") or None, total, free, used, is_funding, dict(settled))


def order(raw: Raw, market: Market, request: OrderRequest | None = None, quirk: Quirk = USUAL) -> Order:
    """An order. request: what was asked for, where the exchange answers an order with less than all of it."""
    if not raw.get("id"):
        raise MalformedError("the order has no id")
    side = SIDES.get(raw.get("side") or "") or (request.side if request else None)
    if side is None:
        raise MalformedError("the order has no side")
    price = positive(raw.get("price"))
    stop = positive(raw.get("triggerPrice") or raw.get("stopPrice") or raw.get("takeProfitPrice"))
    amount = scaled(positive(raw.get("amount")), market.lot)
    filled = scaled(decimal(raw.get("filled")), market.lot) or NONE
    trail: dict[str, Decimal | None] = {**quirk.trail(raw)}
    if request is not None:
        price, stop, amount = price or request.price, stop or request.trigger, amount or request.amount
        if request.is_trailing:
            trail = {"trail": request.trail, "trail_by": request.trail_by, "activation": request.activation}
    if trail:
        trail, stop = {"activation": stop, **trail}, None
    kind = Kind.TRAIL if trail else _kind(raw, price, stop, request)
    status = _status(raw, filled)
    return Order(
        id=str(raw["id"]),
        client_id=quirk.client_id(raw) or str(raw.get("clientOrderId") or (request.client_id if request else "")),
        symbol=market.symbol,
        side=side,
        kind=kind,
        status=status,
        amount=amount,
        filled=filled,
        price=price if kind in (Kind.LIMIT, Kind.STOP_LIMIT, Kind.TAKE_LIMIT) else None,
        stop=stop,
        cost=decimal(raw.get("cost")),
        average=positive(raw.get("average")),
        tif=TIFS.get((raw.get("timeInForce") or "").upper(), request.tif if request else None),
        post_only=bool(raw.get("postOnly")) or (request is not None and request.post_only),
        reduce_only=bool(raw.get("reduceOnly")) or (request is not None and request.reduce_only),
        time=_past(raw.get("timestamp")),
        updated=_past(raw.get("lastUpdateTimestamp") or raw.get("lastTradeTimestamp") or raw.get("timestamp")),
        fees=_fees_of(raw),
        **trail,
        is_triggered=kind >= Kind.STOP and status <= Status.PARTIAL and quirk.is_triggered(raw),
    )


def _past(time: int | None) -> int | None:
    """Binance writes -1 for when a stop began to work that waits; CCXT takes that for its time."""
    return time if time is not None and time > 0 else None


def _kind(raw: Raw, price: Decimal | None, stop: Decimal | None, request: OrderRequest | None) -> Kind:
    type_ = (raw.get("type") or "").lower()
    if request is not None and type_ not in ("market", "limit"):
        return request.kind
    is_market = "market" in type_ or type_ in ("stop_loss", "take_profit") or (price is None and "limit" not in type_)
    if stop is not None and (raw.get("takeProfitPrice") or (request is not None and request.take is not None)):
        return Kind.TAKE if is_market else Kind.TAKE_LIMIT
    if stop is not None:
        return Kind.STOP if is_market else Kind.STOP_LIMIT
    return Kind.MARKET if is_market else Kind.LIMIT


def _status(raw: Raw, filled: Decimal) -> Status:
    told = raw.get("status")
    if told is None:
        return Status.PENDING
    status = STATUSES.get(told, Status.UNKNOWN)
    if status is Status.OPEN and filled > 0:
        return Status.PARTIAL
    # "closed" is also what CCXT makes of an order that ended without a fill.
    return Status.CANCELLED if status is Status.FILLED and filled == 0 else status


def _fees_of(raw: Raw) -> dict[str, Decimal]:
    fees: dict[str, Decimal] = {}
    for fee in raw.get("fees") or ([raw["fee"]] if raw.get("fee") else []):
        cost = decimal(fee.get("cost"))
        if cost is not None and fee.get("currency"):
            fees[fee["currency"]] = fees.get(fee["currency"], NONE) + cost
    return fees


def fills(rows: Iterable[Raw], market: Market) -> list[Fill]:
    """A page of executions. Those without an id get one that tells them apart, the same whenever they are asked for.

    A page has to begin with the first of its millisecond.
    """
    found, times = [], Counter[str]()
    for raw in rows:
        one = fill(raw, market)
        if not raw.get("id"):
            times[one.id] += 1
            one = one if times[one.id] == 1 else replace(one, id=f"{one.id}:{times[one.id]}")
        found.append(one)
    return found


def fill(raw: Raw, market: Market, client_id: str = "") -> Fill:
    """One execution of an own order. An id that is missing is made of what it says."""
    side = SIDES.get(raw.get("side") or "")
    if side is None:
        raise MalformedError("the fill has no side")
    price, amount = needed(raw, "price"), needed(raw, "amount") * market.lot
    fee = raw.get("fee") or {}
    time = time_of(raw)
    return Fill(
        id=str(raw.get("id") or f"{raw.get('order') or ''}:{time}:{price.normalize():f}:{amount.normalize():f}"),
        order_id=str(raw.get("order") or ""),
        client_id=client_id,
        symbol=market.symbol,
        side=side,
        price=price,
        amount=amount,
        cost=decimal(raw.get("cost")) or price * amount,
        fee=decimal(fee.get("cost")),
        fee_currency=fee.get("currency"),
        liquidity=Liquidity(raw["takerOrMaker"]) if raw.get("takerOrMaker") in ("maker", "taker") else None,
        time=time,
    )


def fees(raw: Raw, symbol: str) -> Fees:
    """What the account pays."""
    return Fees(symbol, needed(raw, "maker"), needed(raw, "taker"))
