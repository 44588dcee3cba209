"""Hold the market while its fast average is above its slow one."""

from planar import Strategy, indicator, param


class SmaCross(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1h"

    fast = param(10, low=5, high=60)  # candles
    slow = param(50, low=20, high=240)
    entries = 0  # memory: one number per instrument

    def indicators(self, candles):
        return {
            "fast_ma": indicator.sma(candles.close, self.fast),
            "slow_ma": indicator.sma(candles.close, self.slow),
        }

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.fast_ma > candle.slow_ma:
            broker.buy(fraction=1.0)
            self.entries += 1
        elif broker.is_long and candle.fast_ma < candle.slow_ma:
            broker.close()
