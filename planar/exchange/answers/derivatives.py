"""What derivatives have: positions, tiers of leverage, funding."""

from planar.exchange.answers.numbers import NONE, SIDES, Raw, decimal, needed, positive, time_of
from planar.exchange.model import ContractTerms, FundingPayment, FundingRate, MarginMode, Market, Position, Tier
from planar.model.order import Side
from planar.model.timeframe import milliseconds


def position(raw: Raw, market: Market, *, is_change: bool = False) -> Position | None:
    """Exposure in one derivative; None when there is none, unless that is the change that is told."""
    contracts = decimal(raw.get("contracts"))
    if contracts is None or not (contracts or is_change):
        return None
    side = SIDES.get(raw.get("side") or "") or (Side.BUY if contracts > 0 else Side.SELL)
    mode = raw.get("marginMode")
    return Position(
        symbol=market.symbol,
        side=side,
        amount=abs(contracts) * market.lot,
        entry_price=positive(raw.get("entryPrice")),
        mark_price=positive(raw.get("markPrice")),
        liquidation_price=positive(raw.get("liquidationPrice")),
        leverage=decimal(raw.get("leverage")),
        margin_mode=MarginMode(mode) if mode in ("isolated", "cross") else None,
        margin=decimal(raw.get("collateral")) or decimal(raw.get("initialMargin")),
        unrealised_pnl=decimal(raw.get("unrealizedPnl")),
        time=raw.get("timestamp"),
        kept=decimal(raw.get("positionMargin")) if mode == "isolated" else None,
    )


def contract_terms(raw: Raw, market: Market) -> ContractTerms:
    """How an account has a derivative set. raw: CCXT's leverage, margin mode and position mode in one."""
    mode = raw.get("marginMode")
    return ContractTerms(
        market.symbol,
        decimal(raw.get("longLeverage")),
        MarginMode(mode) if mode in ("isolated", "cross") else None,
        raw.get("hedged"),
    )


def tier(raw: Raw, amount_key: str = "") -> Tier:
    """One bracket of leverage.

    amount_key: what the exchange calls the maintenance amount, for which CCXT has no word.
    """
    return Tier(
        floor=decimal(raw.get("minNotional")) or NONE,
        cap=decimal(raw.get("maxNotional")),
        maintenance_rate=needed(raw, "maintenanceMarginRate"),
        maintenance_amount=decimal((raw.get("info") or {}).get(amount_key)),
        max_leverage=needed(raw, "maxLeverage"),
    )


def funding_rate(raw: Raw, symbol: str) -> FundingRate:
    """What a perpetual pays at the next funding time."""
    interval = raw.get("interval")
    return FundingRate(
        symbol=symbol,
        time=raw.get("fundingTimestamp") or raw.get("nextFundingTimestamp") or time_of(raw),
        rate=needed(raw, "fundingRate"),
        mark_price=decimal(raw.get("markPrice")),
        interval=milliseconds(interval) if interval else None,
    )


def past_funding(raw: Raw, symbol: str) -> FundingRate:
    """What a perpetual paid."""
    return FundingRate(symbol, time_of(raw), needed(raw, "fundingRate"), decimal(raw.get("markPrice")))


def funding_payment(raw: Raw, symbol: str) -> FundingPayment:
    """What was received or paid at one funding time."""
    return FundingPayment(str(raw.get("id") or ""), symbol, time_of(raw), needed(raw, "amount"), raw.get("code") or "")
