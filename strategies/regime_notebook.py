"""Note what followed each kind of market; buy into a kind that was worth the fees, leave one that lost.

A kind is the direction, how wild it is, and the part of the day. The notebook is a dict, so this runs interpreted.
"""

from planar import Strategy, indicator, param


class RegimeNotebook(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1h"

    ahead = param(24, low=1, high=200)  # candles until a note is taken
    enough = param(100, low=1, high=1000)  # notes before they are believed

    notebook = {}  # kind of market -> (notes, average gain that followed)

    def warmup(self):
        return 200 + self.ahead

    def indicators(self, candles):
        return {
            "trend": indicator.ema(candles.close, 100),
            "wildness": indicator.natr(candles, 12) / indicator.natr(candles, 200),
        }

    def kind(self, candle):
        return candle.close > candle.trend, candle.wildness > 1.0, candle.hour // 8

    def on_candle(self, candle, broker):
        then = candle.back(self.ahead)
        notes, average = self.notebook.get(self.kind(then), (0, 0.0))
        gain = candle.close / then.close - 1.0
        self.notebook[self.kind(then)] = notes + 1, average + (gain - average) / (notes + 1)

        notes, average = self.notebook.get(self.kind(candle), (0, 0.0))
        if broker.is_flat and notes >= self.enough and average > 4.0 * broker.taker_fee:
            broker.buy(fraction=1.0)
        elif broker.is_long and average < 0.0:
            broker.close()
