"""Strategies that see the future, each in its own way; they all ask for the same."""

import numpy as np
import polars as pl

from planar import Strategy, indicator
from planar.store.synthetic import synthetic

NAMES = ["test:A/USD", "test:B/USD"]
CANDLES = 500
FRAMES = synthetic(NAMES, "1h", candles=CANDLES, seed=4)
WARM_UP = 9
FIRST_OF_B = float(FRAMES[NAMES[1]]["close"][0])
LONE = int(FRAMES[NAMES[0]]["time"][321])


class Honest(Strategy):
    """Buys what rises and sells what falls; its subclasses know more than that."""

    instruments = NAMES[:1]
    timeframe = "1h"

    def indicators(self, candles):
        return {"average": indicator.sma(candles.close, 10), "signal": self.signal(candles)}

    def signal(self, candles):
        return np.append(0.0, np.diff(candles.close))

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.signal > 0.0:
            broker.buy(fraction=0.5)
        elif broker.is_long and candle.signal < 0.0:
            broker.close()


class Shifted(Honest):
    def signal(self, candles):
        return candles.frame["close"].shift(-1)


class Centred(Honest):
    def signal(self, candles):
        return candles.frame["close"].rolling_mean(5, center=True)


class Normalised(Honest):
    def signal(self, candles):
        return (candles.close - candles.close.mean()) / candles.close.std()


class JoinedByOpenTime(Honest):
    timeframes = ["4h"]  # noqa: RUF012

    def signal(self, candles):
        if len(candles.h4) == 0:
            return np.zeros(len(candles))
        row = np.searchsorted(candles.h4.time, candles.time, side="right") - 1
        return candles.h4.close[row]


class OneCandle(Honest):
    def signal(self, candles):
        following = np.append(candles.high[1:], candles.high[-1])
        return np.maximum(candles.high, following)


class AtOnePlace(Honest):
    def signal(self, candles):
        made = candles.close.copy()
        for row in np.flatnonzero(candles.time[:-1] == LONE):
            made[row] = candles.close[row + 1]
        return made


class InTheSecondInstrument(Honest):
    instruments = NAMES

    def signal(self, candles):
        if candles.close[0] != FIRST_OF_B:
            return candles.close
        return np.append(candles.close[1:], 0.0)


class InALongerTimeframe(Honest):
    timeframes = ["4h"]  # noqa: RUF012

    def indicators(self, candles):
        made = super().indicators(candles)
        made["h4"] = {"rising": np.append(np.diff(candles.h4.close), 0.0)[: len(candles.h4)]}
        return made


class BehindALengthCheck(Honest):
    def signal(self, candles):
        if len(candles) < CANDLES - 100:
            return candles.close
        return np.append(candles.close[1:], candles.close[-1])


class OfAValueThatNeverWas(Honest):
    """Only a candle that doubles would show it: where the future is cut off or as it was, nothing does."""

    def signal(self, candles):
        following = np.append(candles.close[1:], candles.close[-1])
        return np.where(following > 2.0 * candles.close, 1.0, 0.0)


class OfTheLength(Honest):
    """What the candles hold does not matter to it, only how many come."""

    def signal(self, candles):
        return np.arange(len(candles)) / len(candles)


class Caught(Honest):
    """Copes with a future that is missing."""

    def signal(self, candles):
        made = np.zeros(len(candles))
        for i in range(len(candles)):
            try:
                made[i] = candles.close[i + 1] - candles.close[i]
            except IndexError:
                made[i] = made[i - 1]
        return made


def tomorrow(values):
    return np.append(values[1:] / values[:-1] - 1.0, 0.0)


class ThroughAHelper(Honest):
    def indicators(self, candles):
        columns = {"average": indicator.sma(candles.close, 10)}
        columns["signal"] = tomorrow(candles.close)
        return columns


FRAME = FRAMES[NAMES[0]]
CLOSES = FRAME["close"].to_numpy()
HELD = {}
BY_TIME = dict(zip(FRAME["time"].to_list(), CLOSES.tolist(), strict=True))


class ReadsAFrameOfItsModule(Honest):
    def on_candle(self, candle, broker):
        row = FRAME.filter(pl.col("time") == candle.now)
        rises = len(row) > 0 and row["close"][0] > candle.close
        if broker.is_flat and rises:
            broker.buy(fraction=0.5)
        elif broker.is_long and not rises:
            broker.close()


class ReadsAnArrayOfItsModule(Honest):
    row = 0

    def on_candle(self, candle, broker):
        self.row += 1
        following = min(self.row + WARM_UP, len(CLOSES) - 1)
        if broker.is_flat and CLOSES[following] > candle.close:
            broker.buy(fraction=0.5)
        elif broker.is_long and CLOSES[following] < candle.close:
            broker.close()


class KeepsTheCandlesInItsModule(Honest):
    def indicators(self, candles):
        HELD["close"], HELD["first"] = candles.close, int(candles.time[0])
        return super().indicators(candles)

    def on_candle(self, candle, broker):
        row = (candle.now - HELD["first"]) // 3_600_000
        rises = row < len(HELD["close"]) and HELD["close"][row] > candle.close
        if broker.is_flat and rises:
            broker.buy(fraction=0.5)
        elif broker.is_long and not rises:
            broker.close()


class ReadsADictOfItsModule(Honest):
    def on_candle(self, candle, broker):
        if broker.is_flat and BY_TIME.get(candle.now, 0.0) > candle.close:
            broker.buy(fraction=0.5)


class DrawsWithoutASeed(Honest):
    def signal(self, candles):
        return np.random.default_rng().normal(size=len(candles))


class CountsItsRuns(Honest):
    def on_candle(self, candle, broker):
        HELD["runs"] = HELD.get("runs", 0) + 1
        broker.buy(cost=10.0 + HELD["runs"])
