"""The kernel's whole numbers as requests of an exchange, and what the exchange says as whole numbers; all exact."""

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from planar.exchange.model import Fill, Liquidity, OrderRequest
from planar.model.ask import Place
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER, TAKES, Kind, Side, Tif


class Filled(NamedTuple):
    """A fill in whole units: the numbers that `planar.kernel.told.filled` takes after its time.

    fee: base units where ``fee_in_base`` is 1, quote units where it is 0; other currencies are left out.
    """

    ticks: int
    amount: int
    cost: int
    fee: int
    fee_in_base: int
    is_maker: int


def symbol_of(instrument: Instrument) -> str:
    """``"BTC/USDT"`` of ``"binance:BTC/USDT"``."""
    return instrument.name.partition(":")[2]


def bare(name: str) -> str:
    """The symbol of an instrument that may be named with its exchange or without."""
    before, colon, after = name.partition(":")
    return after if colon and "/" not in before else name


def request_of(place: Place, instrument: Instrument, client_id: str) -> OrderRequest:
    """What is to be sent for an order that the strategy asked for."""
    units, spent = place.units, _spent(place.budget, instrument)
    if place.budget and place.stop:  # exchanges take a cost for what trades at once
        amount = spent * exact(instrument.quote_unit) / (place.stop * exact(instrument.price_step))
        step = exact(instrument.amount_step)
        units = int(amount // step * step / exact(instrument.unit))
    request = OrderRequest(
        symbol_of(instrument),
        Side(place.side),
        amount=decimal(units, exact(instrument.unit)) if units else None,
        cost=None if units else decimal(spent, exact(instrument.quote_unit)),
        price=price_of(place.limit, instrument) if place.limit else None,
        tif=Tif(place.tif),
        expire=None if place.expire == NEVER else place.expire,
        post_only=place.post_only,
        reduce_only=place.reduce_only,
        client_id=client_id,
    )
    return replace(request, **_trigger_of(place, instrument))


def _trigger_of(place: Place, instrument: Instrument) -> dict[str, Decimal]:
    """What the order waits for, by the request's names."""
    if place.kind == Kind.TRAIL:
        away = {"trail": Decimal(place.trail).scaleb(-9)} if place.trail > 0 else {}
        away |= {"trail_by": price_of(-place.trail, instrument)} if place.trail < 0 else {}
        return away | ({"activation": price_of(place.activation, instrument)} if place.activation else {})
    name = "take" if place.kind in TAKES else "stop"
    return {name: price_of(place.stop, instrument)} if place.stop else {}


def _spent(budget: int, instrument: Instrument) -> int:
    """Quote units of a budget that buy, the rest being for the fee where that is paid in quote."""
    if instrument.fee_side == "base":
        return budget
    rate = max(exact(instrument.maker), exact(instrument.taker), Fraction(0))
    return math.floor(budget / (1 + rate))


def filled_of(fill: Fill, instrument: Instrument) -> Filled:
    """A fill in whole units, against the trader where the exchange's are finer than ours."""
    is_buy, fee = fill.side is Side.BUY, fill.fee or Decimal(0)
    in_base = is_buy and fill.fee_currency == instrument.base
    ours = in_base or fill.fee_currency == instrument.quote
    rounded = math.ceil if is_buy else math.floor
    return Filled(
        round(Fraction(fill.price) / exact(instrument.price_step)),
        round(Fraction(fill.amount) / exact(instrument.unit)),
        rounded(Fraction(fill.cost) / exact(instrument.quote_unit)),
        math.ceil(Fraction(fee) / exact(instrument.unit if in_base else instrument.quote_unit)) if ours else 0,
        int(in_base),
        int(fill.liquidity is Liquidity.MAKER),
    )


def base_fee_of(fill: Fill, instrument: Instrument) -> int:
    """Base units that the fee of a sale took beside what was sold; `filled_of` has all other fees."""
    if fill.fee is None or fill.side is Side.BUY or fill.fee_currency != instrument.base:
        return 0
    return math.ceil(Fraction(fill.fee) / exact(instrument.unit))


def change_of(fill: Fill, instrument: Instrument) -> tuple[int, int]:
    """What a fill changes in the account, its fee included: quote units, base units."""
    told = filled_of(fill, instrument)
    fee_base, fee_quote = (told.fee, 0) if told.fee_in_base else (base_fee_of(fill, instrument), told.fee)
    sign = 1 if fill.side is Side.BUY else -1
    return -sign * told.cost - fee_quote, sign * told.amount - fee_base


def units_of(amount: Decimal, unit: float | str) -> int:
    """Whole units of an amount, rounded down."""
    return math.floor(Fraction(amount) / exact(unit))


def price_of(ticks: int, instrument: Instrument) -> Decimal:
    """The price of so many ticks."""
    return decimal(ticks, exact(instrument.price_step))


def decimal(count: int, unit: Fraction) -> Decimal:
    """So many units as an exact decimal."""
    whole = count * unit
    return Decimal(whole.numerator) / Decimal(whole.denominator)
