"""The workloads as Planar strategies, over the instruments of the benchmark's data.

The rules are those of the peers (README.md), down to the tolerance and the rounding, so that results can be compared
fill by fill.
"""

import math
from dataclasses import dataclass

from planar import Instrument, Strategy, indicator, param

TIE = 1e-6  # averages nearer than this are equal: what tells them apart is round-off
TURNOVER = 30_000.0  # quote that one order of the basket is worth at the first price
NEAR = 0.002  # distance of a limit from the last close


class SmaCross(Strategy):
    """W1: hold one unit while the fast average is above the slow one; market orders."""

    instruments = ["bench:A00/USDT"]  # noqa: RUF012 - a declaration
    timeframe = "1m"

    fast = param(10)  # candles
    slow = param(50)

    def indicators(self, candles):
        return {
            "fast_ma": indicator.sma(candles.close, self.fast),
            "slow_ma": indicator.sma(candles.close, self.slow),
        }

    def on_candle(self, candle, broker):
        lead = candle.fast_ma - candle.slow_ma
        if broker.is_flat and lead > TIE:
            broker.buy(1.0)
        elif broker.is_long and lead < -TIE:
            broker.close()


class Basket(Strategy):
    """W2: the same in twenty instruments with one cash, in orders of about equal worth."""

    instruments = [f"bench:A{k:02d}/USDT" for k in range(20)]  # noqa: RUF012
    timeframe = "1m"

    fast = param(10)
    slow = param(50)
    amount = 0.0  # whole units of one order, chosen at the first decision

    def indicators(self, candles):
        return {
            "fast_ma": indicator.sma(candles.close, self.fast),
            "slow_ma": indicator.sma(candles.close, self.slow),
        }

    def on_candle(self, candle, broker):
        if self.amount == 0.0:
            first_price = candle.back(self.slow - 1).open
            self.amount = max(1.0, math.floor(TURNOVER / first_price + 0.5))
        lead = candle.fast_ma - candle.slow_ma
        if broker.is_flat and lead > TIE:
            broker.buy(self.amount)
        elif broker.is_long and lead < -TIE:
            broker.close()


class Requote(Strategy):
    """W3: every candle a fresh limit order of one unit: to buy below the close when flat, else to sell above it."""

    instruments = ["bench:A00/USDT"]  # noqa: RUF012 - a declaration
    timeframe = "1m"

    def on_candle(self, candle, broker):
        broker.cancel_all()
        if broker.is_flat:
            broker.buy(1.0, price=nearest_tick(candle.close * (1.0 - NEAR)))
        else:
            broker.sell(1.0, price=nearest_tick(candle.close * (1.0 + NEAR)))


def nearest_tick(price):
    """A price on the grid of 0.01."""
    return math.floor(price * 100 + 0.5) / 100


@dataclass(frozen=True)
class Workload:
    """A strategy, the cash it starts with, and what its speed is counted in."""

    strategy: type[Strategy]
    cash: float
    counted: str


WORKLOADS = {
    "W1": Workload(SmaCross, 10_000_000.0, "candles"),
    "W2": Workload(Basket, 100_000_000.0, "candles"),
    "W3": Workload(Requote, 10_000_000.0, "orders"),
}


def rules(name: str) -> Instrument:
    """The venue's rules for an instrument of the data: a cent, whole units, 0.1 %."""
    return Instrument(name, price_step=0.01, amount_step=1.0, maker=0.001, taker=0.001)
