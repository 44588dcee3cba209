"""What a run is given: the instrument's rules and the assumptions about fills (section 9)."""

from dataclasses import dataclass

CONTRACT = 2
"""Of twins: what they are twins of."""


@dataclass(frozen=True)
class Instrument:
    """One spot pair or, with tiers, one contract, and the rules of its exchange.

    Fees are rates (0.001 is 0.1 %), `delisted` is a time in ms; tiers are rows of (floor, maintenance rate, max
    leverage) and, where it is told, the maintenance amount.
    """

    name: str
    price_step: float = 0.01
    amount_step: float = 1e-5
    min_amount: float = 0.0
    min_cost: float = 0.0
    maker: float = 0.001
    taker: float = 0.001
    fee_side: str = "quote"
    base_unit: float | None = None
    quote_unit: float = 1e-8
    delisted: int | None = None
    max_orders: int = 200
    share: float = 1.0  # of the volume, section 18
    partial: str = "cancel"  # exit rules, section 13: what a partial fill does to the others of a group,
    armed: str = "full"  # and when what waits for another is armed
    amend: str = "keep"  # and what becomes of an order whose amend is refused
    tiers: tuple[tuple[float, ...], ...] = ()
    leverage: float = 1.0
    margin_mode: str = "isolated"
    liquidation_fee: float = 0.0
    contract_size: float | None = None  # of an inverse contract, section 20
    hedge: int = 0  # section 22: 1 and -1 of a long and a short twin, CONTRACT of what they are twins of
    twin: int | None = None  # the other twin; of a CONTRACT the long one
    owner: int | None = None  # of a twin its contract

    @property
    def is_contract(self) -> bool:
        """Whether it is traded on margin."""
        return bool(self.tiers)

    @property
    def is_inverse(self) -> bool:
        """Whether it is a contract whose money is base."""
        return self.contract_size is not None


@dataclass(frozen=True)
class FillModel:
    """How pessimistic the simulated exchange is; section 9 lists the defaults and their sources."""

    path: str = "pessimistic"
    latency_ms: int | tuple[int, ...] = 250
    spread: str | float | None = "estimated"
    impact: str | float | None = "square_root"
    stop_slippage: float = 0.05
    participation: float | None = 0.10
    limit_fill: str = "cross"
    news_ms: int | tuple[int, ...] = 0
    slippage: float | tuple[float, ...] = 0.0
    seed: int = 0
    tiers: tuple[tuple[float, float, float], ...] = ()  # section 19: from, maker, taker
    volume: float = 0.0
