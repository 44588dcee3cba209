"""Buy an hourly dip while the daily trend is up; sell when the dip is over or the trend is."""

from planar import Strategy, indicator, param


class RsiTwoTimeframes(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1h"
    timeframes = ["1d"]

    dip = param(35.0, low=10.0, high=45.0)
    recovered = param(60.0, low=50.0, high=90.0)
    trend = param(20, low=5, high=100)  # days

    def indicators(self, candles):
        return {
            "rsi": indicator.rsi(candles.close, 14),
            "d1": {"trend": indicator.sma(candles.d1.close, self.trend)},
        }

    def on_candle(self, candle, broker):
        is_rising = candle.d1.close > candle.d1.trend  # of the last day that has ended
        if broker.is_flat and is_rising and candle.rsi < self.dip:
            broker.buy(fraction=1.0, tag="dip")
        elif broker.is_long and candle.rsi > self.recovered:
            broker.close(tag="recovered")
        elif broker.is_long and not is_rising:
            broker.close(tag="trend broken")
