"""Buy a new high with a stop order, and protect what was bought with another stop below it.

Sized so that the stop, were it hit at once, loses one per cent of equity. It moves up with the price and never down.
In a backtest buy(risk=…, stop_loss=…) would do both; sessions cannot send an order with its exits yet.
"""

from planar import Reason, Side, Strategy, indicator, param


class Breakout(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "4h"

    channel = param(30, low=5, high=200)  # candles
    distance = param(2.5, low=1.0, high=10.0)  # average true ranges from price to stop
    risk = param(0.01, low=0.001, high=0.05)  # of equity

    stop = 0.0  # where the position is given up
    stop_id = 0

    def indicators(self, candles):
        return {"highest": indicator.max(candles.high, self.channel), "atr": indicator.atr(candles, 14)}

    def on_candle(self, candle, broker):
        room = self.distance * candle.atr
        if broker.is_flat:
            broker.cancel_all()  # the channel has moved
            self.stop = candle.highest - room
            loss = candle.highest * (1.0 + broker.taker_fee) - self.stop * (1.0 - broker.taker_fee)
            broker.buy(self.risk * broker.equity / loss, stop=candle.highest)
        elif candle.close - room > self.stop:
            self.stop = candle.close - room
            broker.amend(self.stop_id, stop=self.stop)

    def on_fill(self, fill, broker):
        if fill.is_buy:
            broker.cancel_all()  # one stop for all that was bought; what the entry has not got is let go
            self.stop_id = broker.sell(fraction=1.0, stop=self.stop)

    def on_order_error(self, order, broker):
        if order.side == Side.SELL and order.reason == Reason.STOP_WOULD_TRIGGER:
            broker.cancel_all()
            broker.close()  # the price fell through the stop while it was on its way
