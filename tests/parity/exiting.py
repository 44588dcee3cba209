"""Long above the mean and short below it, with exits that `protect` keeps; it stands still where funding is paid."""

from planar import Strategy, indicator


class Exiting(Strategy):
    instruments = ["binance:BTC/USDT:USDT", "binance:ETH/USDT:USDT"]  # noqa: RUF012
    timeframe = "1h"

    stop = 0.0
    first = 0.0
    second = 0.0

    def indicators(self, candles):
        return {"mean": indicator.sma(candles.close, 12)}

    def on_start(self, broker):
        broker.set_leverage(4.0)

    def on_candle(self, candle, broker):
        # A backtest takes the position before the open and after it for the worse, an exchange the one that there is.
        if candle.now % 28_800_000 == 0:
            return
        if broker.is_flat and broker.open_orders == 0:
            way = 1.0 if candle.close > candle.mean else -1.0
            self.stop = candle.close * (1.0 - 0.02 * way)
            self.first = candle.close * (1.0 + 0.015 * way)
            self.second = candle.close * (1.0 + 0.025 * way)
            broker.target(0.5 * way)
        elif not broker.is_flat:
            broker.protect(stop=self.stop, takes=[(self.first, 0.5), (self.second, 0.5)])
            self.stop *= 1.0005 if broker.is_long else 0.9995
