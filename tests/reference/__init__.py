"""The simulator's law (`docs/simulation.md`) as slow, plain Python, to compare the compiled kernel with.

Nothing here imports planar, and nothing here was written from the kernel: the page is the only source.

* `model`     what is given: an instrument, the assumptions about fills
* `units`     section 1: whole numbers, their worth, rounding, cost and fee
* `market`    sections 5 and 7: the candles of an instrument, its spread, volatility and volume, its decisions
* `orders`    an order, a change of it on its way, a fill
* `ledger`    who owns what, what is reserved, what happened
* `asking`    section 2: what a strategy asks, and why it is refused
* `limits`    section 11: the limits of a run
* `venue`     section 4: what happens to an order at one price in one candle
* `path`      section 3: the walk along one candle, and which path it takes
* `margin`    `docs/margin.md`: tiers, maintenance, liquidation prices
* `contracts` section 12: the books of a linear contract, what it asks and what its orders hold; `contract_rules`,
              `contract_venue` and `contract_path` are what it changes of the modules so named
* `liquidation` section 12: when a position is under, and what happens then
* `engine`    the clock: steps, decisions, delistings (section 6)
"""

from .engine import Engine
from .limits import Limits
from .model import FillModel, Instrument
from .orders import Fill, Order

__all__ = ["Engine", "Fill", "FillModel", "Instrument", "Limits", "Order"]
