"""An order's terms in CCXT's words; what an exchange cannot do is refused, not left out."""

from collections.abc import Callable
from typing import Any, NoReturn

from planar.exchange.model import Market, MarketKind, OrderRequest
from planar.exchange.quirks import Quirk
from planar.model.order import Side, Tif


def order_params(
    request: OrderRequest, market: Market, instance: Any, quirk: Quirk, refuse: Callable[[str], NoReturn]
) -> dict[str, Any]:
    """CCXT's ``params`` of an order. refuse: is called with what the exchange does not offer."""

    def offers(name: str) -> Any:
        return instance.feature_value(market.symbol, "createOrder", name)

    params: dict[str, Any] = {"clientOrderId": request.client_id}
    if request.cost is not None:
        if offers("marketBuyByCost") is False:
            refuse("market buys by cost")
        params["cost"] = f"{request.cost:f}"
    if request.reduce_only:
        if market.kind is MarketKind.SPOT:
            refuse("reduce-only orders on spot")
        params["reduceOnly"] = True
    if request.stop is not None:
        params.update(_trigger(request, offers, quirk, refuse))
    if request.take is not None:
        # Not by a trigger and its direction: few exchanges would know it for one.
        params["takeProfitPrice"] = f"{request.take:f}" if offers("takeProfitPrice") else refuse("take-profit orders")
    if request.is_trailing:
        is_known = market.kind in quirk.trails
        params.update(quirk.trail_params(request, market, refuse) if is_known else refuse("trailing stops"))
    params.update(_time_in_force(request, offers, quirk, refuse))
    return params


def _trigger(
    request: OrderRequest, offers: Callable[[str], Any], quirk: Quirk, refuse: Callable[[str], NoReturn]
) -> dict[str, Any]:
    stop = f"{request.stop:f}"
    if offers("triggerPrice") is not False:
        direction = "ascending" if request.side is Side.BUY else "descending"
        return {quirk.trigger_param: stop, **({"triggerDirection": direction} if offers("triggerDirection") else {})}
    if offers("stopLossPrice"):
        return {"stopLossPrice": stop}
    return refuse("stop orders")


def _time_in_force(
    request: OrderRequest, offers: Callable[[str], Any], quirk: Quirk, refuse: Callable[[str], NoReturn]
) -> dict[str, Any]:
    known = offers("timeInForce")
    wanted = "PO" if request.post_only else request.tif.name
    if isinstance(known, dict) and wanted != "GTC" and not known.get(wanted):
        refuse("post-only orders" if request.post_only else f"{wanted} orders")
    if request.post_only:
        return {"postOnly": True}
    if request.tif is Tif.GTD:
        params = None if request.expire is None else quirk.expire_params(request.expire)
        if params is None:
            refuse("orders that are good until a time")
        return dict(params)
    return {"timeInForce": wanted} if request.tif in (Tif.IOC, Tif.FOK) else {}
