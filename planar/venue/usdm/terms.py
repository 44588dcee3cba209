"""The rules of a perpetual that was only named: brackets, leverage and fees as Binance has them for its largest one."""

from planar.model.instrument import Instrument
from planar.model.tiers import Tiers

BRACKETS = (
    (0, "0.004", 125),
    (300_000, "0.005", 100),
    (800_000, "0.0065", 75),
    (3_000_000, "0.01", 50),
    (12_000_000, "0.02", 25),
    (70_000_000, "0.025", 20),
    (100_000_000, "0.05", 10),
    (230_000_000, "0.1", 5),
    (480_000_000, "0.125", 4),
    (600_000_000, "0.15", 3),
    (800_000_000, "0.25", 2),
    (1_200_000_000, "0.5", 1),
)
"""Floor, maintenance rate and most leverage of each."""

LEVERAGE = 20
MIN_COST = 5.0
MAKER, TAKER, LIQUIDATION = 0.0002, 0.0005, 0.0125


def usual(name: str, tick: float, step: float) -> Instrument:
    """A perpetual as Binance would list it, in cross margin to begin with. name: ``"binance:BTC/USDT:USDT"``."""
    return Instrument(
        name,
        price_step=tick,
        amount_step=step,
        min_cost=MIN_COST,
        maker=MAKER,
        taker=TAKER,
        tiers=Tiers.of(name, BRACKETS),
        leverage=LEVERAGE,
        margin_mode="cross",
        liquidation_fee=LIQUIDATION,
    )
