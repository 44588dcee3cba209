"""Hold the cheaper of two related instruments: switch when the ratio of their prices is far from its mean.

Long only: it rises and falls with both, and what it adds is the switch.
"""

from statistics import fmean, pstdev

from planar import Strategy, param


class RelativeValue(Strategy):
    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]
    timeframe = "4h"

    window = param(120, low=20, high=1000)  # candles
    entry = param(1.5, low=0.5, high=4.0)  # standard deviations

    wanted = ""  # name of the one to hold

    def warmup(self):
        return self.window

    def on_step(self, universe):
        if len(universe) < 2 or not all(member.is_fresh for member in universe):
            return
        first, second = universe
        closes = zip(first.candle.last("close", self.window), second.candle.last("close", self.window), strict=True)
        ratios = [a / b for a, b in closes]
        distance = ratios[-1] - fmean(ratios)
        if abs(distance) > self.entry * pstdev(ratios):
            cheap = second if distance > 0.0 else first
            if cheap.name != self.wanted:
                self.wanted = cheap.name
                universe.rebalance({cheap: 1.0})  # the buy waits until the sale has paid for it
