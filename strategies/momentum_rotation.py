"""Every Monday, hold in equal parts those that rose most in the last weeks; what falls is not held."""

from planar import Strategy, indicator, param


class MomentumRotation(Strategy):
    instruments = [
        "binance:BTC/USDT",
        "binance:ETH/USDT",
        "binance:BNB/USDT",
        "binance:SOL/USDT",
        "binance:XRP/USDT",
        "binance:ADA/USDT",
    ]
    timeframe = "1d"

    lookback = param(28, low=7, high=180)  # days
    hold = param(2, low=1, high=6)  # instruments

    def indicators(self, candles):
        return {"momentum": indicator.roc(candles.close, self.lookback)}

    def on_step(self, universe):
        ranked = sorted(universe, key=lambda member: member.candle.momentum, reverse=True)
        if ranked[0].candle.weekday == 0:  # the week has ended
            rising = [member for member in ranked[: self.hold] if member.candle.momentum > 0.0]
            universe.rebalance(dict.fromkeys(rising, 1.0 / self.hold))
