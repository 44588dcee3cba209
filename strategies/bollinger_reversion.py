"""Buy what falls to the lower Bollinger band, sell it at the middle one: both with resting orders."""

from planar import Strategy, indicator, param


class BollingerReversion(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1h"

    period = param(20, low=10, high=100)  # candles
    width = param(2.0, low=1.0, high=4.0)  # standard deviations

    def indicators(self, candles):
        bands = indicator.bbands(candles.close, period=self.period, up=self.width, down=self.width)
        return {"middle": bands.middle, "lower": bands.lower}

    def on_candle(self, candle, broker):
        broker.cancel_all()  # the bands have moved
        # Never beyond the close: there a post-only order would take, and be refused.
        if broker.is_flat:
            broker.buy(fraction=1.0, price=min(candle.lower, candle.close), post_only=True)
        else:
            broker.sell(fraction=1.0, price=max(candle.middle, candle.close), post_only=True)
