"""Small scenarios of one instrument, to be checked by hand, on which kernel and reference must agree.

One tick is 1, one step is 1, money counts in cents, and there are no fees.
"""

from parity.play import disagreement
from reference.model import FillModel, Instrument
from reference.scenarios import MINUTE, NO_LIMITS, Scenario

COIN = Instrument("COIN", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, quote_unit=0.01)
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "cross")
FLAT = (100.0, 100.0, 100.0, 100.0, 1e6)


def scenario_of(rows, *acts, coin=COIN, timeframe=MINUTE, limits=NO_LIMITS, **model) -> Scenario:
    """One instrument, its orders at the close of the candles that are named."""
    acts = tuple((at, 0, act) for at, act in acts)
    model = FillModel(**{**vars(PLAIN), **model})
    return Scenario((coin,), (tuple(rows),), MINUTE, timeframe, 10_000.0, model, acts, limits=limits)


def assert_agreed(scenario: Scenario) -> dict:
    """Gives what both say."""
    found, result = disagreement(scenario)
    assert not found, found
    return result
