"""Long above the mean and short below it, with resting exits on both sides; it stands still where funding is paid."""

from planar import Strategy, indicator


class LongShort(Strategy):
    instruments = ["binance:BTC/USDT:USDT", "binance:ETH/USDT:USDT"]  # noqa: RUF012
    timeframe = "1h"

    resting = 0

    def indicators(self, candles):
        return {"mean": indicator.sma(candles.close, 12)}

    def on_start(self, broker):
        broker.set_leverage(4.0)

    def on_candle(self, candle, broker):
        # A backtest takes the position before the open and after it for the worse, an exchange the one that there is.
        if candle.now % 28_800_000 == 0:
            return
        if candle.close > candle.mean and not broker.is_long:
            broker.cancel_all()
            broker.target(0.6)
        elif candle.close < candle.mean and not broker.is_short:
            broker.cancel_all()
            broker.target(-0.6)
        elif broker.open_orders == 0 and broker.is_long:
            self.resting = broker.sell(fraction=0.5, price=candle.close * 1.004)
            broker.sell(fraction=0.5, stop=candle.close * 0.992, tag="guard")
        elif broker.open_orders == 0 and broker.is_short:
            self.resting = broker.buy(fraction=0.5, price=candle.close * 0.996)
            broker.buy(fraction=0.5, stop=candle.close * 1.008, tag="guard")
        elif self.resting > 0 and broker.open_orders == 2:
            broker.amend(self.resting, price=candle.close * (1.003 if broker.is_long else 0.997))
