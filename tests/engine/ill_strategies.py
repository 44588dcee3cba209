"""Strategies that go wrong at a known candle."""

import numpy as np

from planar import Strategy, array, indicator, param


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


class MisspellsMemory(One):
    def on_candle(self, candle, broker):
        broker.plot("seen", self.sene)


class AssignsUndeclared(One):
    def on_candle(self, candle, broker):
        self.count_it()

    def count_it(self):
        self.sene += 1


class SmallTif(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0, price=candle.close, tif="gtc")


class UnknownSide(One):
    def on_candle(self, candle, broker):
        broker.quote(1, "by", candle.close, amount=1.0)


class ByPosition(One):
    def on_candle(self, candle, broker):
        broker.buy(None, 100.0)


class SellsAtLeverage(One):
    def on_candle(self, candle, broker):
        broker.sell(1.0, leverage=3.0)


class TooManyMarks(One):
    def on_candle(self, candle, broker):
        broker.mark("here", candle.close, 1.0)


class AssignsAnArray(One):
    window = array(3)

    def on_candle(self, candle, broker):
        self.window = candle.last("close", 1)


class AssignsASlice(One):
    window = array(3)

    def on_candle(self, candle, broker):
        self.window[1:] = 0.0


class ChangesAParameter(One):
    days = param(3)

    def on_candle(self, candle, broker):
        self.days = 2.5


class MeanOfNothing(One):
    def on_candle(self, candle, broker):
        broker.plot("mean", candle.last("close", 1)[1:].mean())


class MisspellsFill(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0)

    def on_fill(self, fill, broker):
        broker.plot("paid", fill.prise)


class MisspellsOrder(One):
    def on_candle(self, candle, broker):
        broker.plot("limit", broker.order(broker.buy(1.0)).prise)


class LogsNone(One):
    def on_candle(self, candle, broker):
        broker.log("stop {}", None)


class LogsTooFew(One):
    def on_candle(self, candle, broker):
        if self.seen > 5000:
            broker.log("{} and {}", candle.close)


def tells(venue):
    venue.log("{}", 1.0, 2.0)


class LogsTooManyElsewhere(One):
    def on_candle(self, candle, broker):
        tells(broker)


class LogsANumberAlone(One):
    def on_candle(self, candle, broker):
        broker.log(candle.close)


class MeanByNumpy(One):
    def on_candle(self, candle, broker):
        broker.plot("mean", np.mean(candle.last("close", 1)))


class LeavesTheView(One):
    def on_candle(self, candle, broker):
        broker.plot("old", candle.last("close", 1)[5])


class LeavesTheArray(One):
    window = array(3)

    def on_candle(self, candle, broker):
        self.window[-4] = 1.0


class AsksForNoValues(One):
    def on_candle(self, candle, broker):
        broker.plot("none", candle.last("close", 0).mean())


class LooksAhead(One):
    def on_candle(self, candle, broker):
        broker.plot("next", candle.back(-1).close)


class AsksForPartOfAValue(One):
    def on_candle(self, candle, broker):
        broker.plot("part", candle.last("close", 1.5).mean())


class NeverHasANumber(One):
    timeframes = ["1w"]  # noqa: RUF012

    def indicators(self, candles):
        return {"ma": indicator.sma(candles.close, 5), "w1": {"trend": candles.w1.close * np.nan}}

    def on_candle(self, candle, broker):
        broker.buy(1.0)


class SizesByText(One):
    def on_candle(self, candle, broker):
        broker.buy("0.01")


class PricesByText(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0, price="4000.5")


class TargetsByText(One):
    def on_candle(self, candle, broker):
        broker.target("0.5")


class AsksForARefusedOrder(One):
    def on_candle(self, candle, broker):
        broker.plot("filled", broker.order(broker.buy(1e6)).filled)


class UndeclaredTimeframe(One):
    def on_candle(self, candle, broker):
        broker.plot("day", candle.d1.close)


class NumberedColumn(One):
    def indicators(self, candles):
        return {"ma": candles.close, 5: candles.close}

    def on_candle(self, candle, broker):
        pass


class PartOfACandle(One):
    def indicators(self, candles):
        return {"ma": indicator.sma(candles.close, 2.5)}

    def on_candle(self, candle, broker):
        pass


class MisspellsIndicator(One):
    def indicators(self, candles):
        return {"ma": indicator.smaa(candles.closes, 5)}

    def on_candle(self, candle, broker):
        pass


class ReadsClosingTimes(One):
    def indicators(self, candles):
        return {"ma": indicator.sma(candles.closes, 5)}

    def on_candle(self, candle, broker):
        pass


class TwoTriggers(One):
    def on_candle(self, candle, broker):
        broker.sell(1.0, stop=90.0, take=110.0)


class TwoDistances(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0, trail=0.05, trail_by=5.0)


class ActivatesATake(One):
    def on_candle(self, candle, broker):
        broker.sell(1.0, take=110.0, activation=105.0)


class ActivatesNothing(One):
    def on_candle(self, candle, broker):
        broker.buy(1.0, price=100.0, activation=105.0)


class TrailsNowhere(One):
    def on_candle(self, candle, broker):
        broker.sell(1.0, trail=candle.close * float("nan"))


class ClosesAPartLater(One):
    def on_candle(self, candle, broker):
        broker.close(0.5, stop=candle.close * 0.9)


class TakesPricesAlone(One):
    def on_candle(self, candle, broker):
        broker.protect(takes=[candle.close * 1.1])


class TakesTooMuch(One):
    def on_candle(self, candle, broker):
        broker.protect(takes=[(candle.close * 1.1, 0.7), (candle.close * 1.2, 0.7)])


class WaitsForTheMarket(One):
    def on_candle(self, candle, broker):
        broker.protect(stop=candle.close * 0.9, trigger="mrak")
