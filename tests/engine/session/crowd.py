"""Strategies that trade differently, for sessions side by side on one account."""

from planar import Strategy

SYMBOLS = ["binance:BTC/USDT", "binance:ETH/USDT"]


class Takes(Strategy):
    """Market orders in and out."""

    instruments = SYMBOLS
    timeframe = "1m"

    def on_candle(self, candle, broker):
        if broker.is_flat:
            broker.buy(cost=300.0)
        else:
            broker.close()


class Rests(Strategy):
    """A ladder of limits that is cancelled and laid anew; what is filled is sold at a limit."""

    instruments = SYMBOLS
    timeframe = "1m"

    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count % 4 == 1:
            broker.cancel_all()
        elif self.count % 4 == 2:
            broker.buy(cost=100.0, price=candle.close * 0.9999)
            broker.buy(cost=100.0, price=candle.close * 0.9995)
            broker.buy(cost=100.0, price=candle.close * 0.99)
        elif broker.is_long and self.count % 4 == 3:
            broker.sell(fraction=1.0, price=candle.close * 1.0001)


class Guards(Strategy):
    """Buys, protects what it holds with a stop, moves that up, and is stopped or closes."""

    instruments = SYMBOLS
    timeframe = "1m"

    count = 0
    stop = 0

    def on_candle(self, candle, broker):
        self.count += 1
        turn = self.count % 8
        if turn == 1 and broker.is_flat:
            broker.buy(cost=200.0)
        elif turn == 2 and broker.is_long:
            self.stop = broker.sell(fraction=1.0, stop=candle.close * 0.999)
        elif turn in (3, 4, 5) and broker.is_long and self.stop > 0:
            broker.amend(self.stop, stop=candle.close * 0.9992)
        elif turn == 7:
            broker.cancel_all()
        elif turn == 0 and broker.is_long:
            broker.close()


class Quotes(Strategy):
    """Keeps an order on each side of the market, and has it amended at each candle."""

    instruments = SYMBOLS
    timeframe = "1m"

    def on_candle(self, candle, broker):
        broker.quote(0, "buy", candle.close * 0.9997, cost=120.0)
        if broker.position > 0.0:
            broker.quote(1, "sell", candle.close * 1.0003, amount=broker.position)
