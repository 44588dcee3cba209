"""Takes and trailing stops, on both sides of the market, with and without limits and activations."""

from planar import Strategy


class Guarding(Strategy):
    instruments = ["binance:BTC/USDT"]  # noqa: RUF012
    timeframe = "1h"

    turn = 0

    def on_candle(self, candle, broker):
        if broker.is_long and broker.held >= 24:
            broker.cancel_all()
            broker.close()
        elif broker.is_flat and broker.open_orders > 0 and candle.hour % 12 == 0:
            broker.cancel_all()
        elif broker.is_flat and broker.open_orders == 0:
            self.turn += 1
            if self.turn % 3 == 0:
                broker.buy(0.4)
            elif self.turn % 3 == 1:
                broker.buy(0.4, take=candle.close * 0.998, price=candle.close * 0.9985)
            else:
                broker.buy(0.4, trail=0.002, activation=candle.close * 0.999)

    def on_fill(self, fill, broker):
        if fill.is_buy:
            part = fill.amount * 0.24  # the fee is taken from what was bought
            broker.sell(part, take=fill.price * 1.003)
            broker.sell(part, take=fill.price * 1.004, price=fill.price * 1.0045)
            broker.sell(part, trail=0.006)
            broker.sell(part, trail=0.002, activation=fill.price * 1.002)
