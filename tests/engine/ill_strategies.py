"""Strategies that go wrong at a known candle."""

from planar import Strategy, indicator


class One(Strategy):
    instruments = ["test:GOOG/USD"]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1d"
    seen = 0


class Raises(One):
    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 1234:
            raise ValueError("the author's own words")


class DividesByZero(One):
    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 1234:
            broker.buy(1.0 / (self.seen - 1234))


class LeavesTheData(One):
    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 1234:
            broker.buy(amount=candle.back(5000).close)


class AsksForNan(One):
    def on_candle(self, candle, broker):
        self.seen += 1
        if self.seen == 1234:
            broker.buy(candle.close * float("nan"))


class Misspells(One):
    def on_candle(self, candle, broker):
        if candle.clsoe > 1.0:
            broker.buy(1.0)


class MisspellsBroker(One):
    def on_candle(self, candle, broker):
        if broker.is_flatt:
            broker.buy(1.0)


class WarmsUpTooLong(One):
    def indicators(self, candles):
        return {"ma": indicator.sma(candles.close, 5000)}

    def on_candle(self, candle, broker):
        broker.buy(1.0)


class TwoSizes(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0, cost=10.0)
