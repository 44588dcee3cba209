"""The kernel in continuous time: prints are candles of their own, what arrives arrives at once."""

import math

import pytest

from planar.kernel import prints
from planar.kernel.check import AMOUNT
from planar.kernel.triggers import STOP
from planar.model.instrument import Instrument
from planar.model.order import NEVER, Event, Reason, Side, Tif
from planar.simulator.fill_model import FillModel
from planar.venue.kernel_state import KernelState
from planar.venue.listing import Listing
from planar.venue.market import Estimates

INSTRUMENT = Instrument("test:COIN/USD", price_step=1.0, amount_step=1.0, base_unit=1.0, maker=0.0, taker=0.0)
NOTHING = float("nan")


def state(model=None, last=100.0):
    made = KernelState([Listing(INSTRUMENT, 0)], model or FillModel("ohlc", 0, None, None, 0.0, 1.0, "touch"))
    made.estimate(0, Estimates())
    made.set_last(0, last)
    made.add_cash(10_000 * 10**8)
    made.add_base(0, 50)
    return made


def place(made, side, amount, price=NOTHING, stop=NOTHING, depth=100.0, tif=Tif.GTC, time=1_000):
    how = 0 if stop != stop else STOP
    terms = (side, AMOUNT, amount, price, how, stop, NOTHING, tif, NEVER, 0)
    return prints.place_now(made.address, 0, time, depth, *terms)


def told(made):
    return [(Event(e["kind"]).name, int(e["time"])) for e in made.log("events", 0)]


def fills(made):
    return [(int(f["ticks"]), int(f["amount"]), bool(f["maker"])) for f in made.log("fills", 0)]


def test_an_order_arrives_at_the_moment_it_is_placed():
    made = state()
    assert place(made, Side.BUY, 3.0) == 1
    assert told(made) == [("ACCEPTED", 1_000), ("FILL", 1_000)]
    assert fills(made) == [(100, 3, False)]


def test_a_taker_finds_no_more_than_the_depth():
    made = state()
    place(made, Side.BUY, 5.0, depth=2.0, tif=Tif.IOC)
    assert fills(made) == [(100, 2, False)]
    assert told(made)[-1] == ("EXPIRED", 1_000)


def test_a_trade_serves_what_rests_at_its_price_with_no_more_than_its_amount():
    made = state()
    place(made, Side.BUY, 5.0, price=98.0)
    assert prints.settle_print(made.address, 0, 2_000, 100.0, 100.0, 100.0, 100.0, 10.0) == 0
    assert prints.settle_print(made.address, 0, 3_000, 98.0, 98.0, 98.0, 98.0, 3.0) == 1
    assert fills(made) == [(98, 3, True)]
    prints.settle_print(made.address, 0, 4_000, 97.0, 97.0, 97.0, 97.0, 9.0)
    assert fills(made) == [(98, 3, True), (98, 2, True)]


def test_a_whole_candle_is_walked_along_its_path():
    made = state()
    place(made, Side.BUY, 1.0, price=95.0)
    place(made, Side.SELL, 1.0, price=105.0)
    prints.settle_print(made.address, 0, 2_000, 100.0, 106.0, 94.0, 100.0, 10.0)
    assert fills(made) == [(105, 1, True), (95, 1, True)]


def test_what_is_asked_for_in_vain_says_why():
    made = state()
    assert place(made, Side.SELL, 51.0) == -Reason.INSUFFICIENT_FUNDS
    assert place(made, Side.BUY, 0.5) == -Reason.BELOW_MIN_AMOUNT
    assert prints.cancel_now(made.address, 0, 99, 1_000) == -Reason.UNKNOWN_ORDER


def test_a_cancel_arrives_at_once_and_only_once():
    made = state()
    id = place(made, Side.BUY, 5.0, price=90.0)
    assert made.cash() == (10_000 * 10**8, 450 * 10**8)
    assert prints.cancel_now(made.address, 0, id, 2_000) == id
    assert made.cash() == (10_000 * 10**8, 0)
    assert prints.cancel_now(made.address, 0, id, 3_000) == -Reason.ORDER_DONE


def test_takers_pay_half_the_spread_and_impact():
    made = state(FillModel("ohlc", 0, 0.02, 1.0, 0.0, 0.1, "cross"))
    made.estimate(0, Estimates(0.0, 0.03, 900.0))
    half, impact = prints.taker_terms(made.address, 0, 100.0)
    assert half == pytest.approx(1.0)
    assert impact == pytest.approx(100 * 0.03 / math.sqrt(900))
    place(made, Side.BUY, 25.0)
    assert fills(made) == [(math.ceil(100 + half + impact * math.sqrt(25)), 25, False)]
