"""Keep buys resting on the lines of a grid below the last fill, and sells above it.

A buy at one line is paid back by a sell one line higher. Below the grid it is left holding, above it with cash.
"""

import math

from planar import Strategy, param


class GridMaker(Strategy):
    instruments = ["binance:ETH/USDT"]
    timeframe = "1h"

    levels = param(5, low=1, high=20)  # lines on either side
    spacing = param(0.01, low=0.003, high=0.1)  # from line to line

    anchor = 0.0  # the price of line 0
    lot = 0.0  # base per line
    line = 0  # of the last fill; it stays empty

    def on_candle(self, candle, broker):
        if self.anchor == 0.0:
            self.anchor = candle.close
            self.lot = 0.45 * broker.equity / self.levels / candle.close  # a tenth is kept for fees and falling lines
            broker.buy(self.levels * self.lot)
            return
        sells = min(round(broker.position / self.lot), self.levels)
        buys = min(2 * self.levels - round(broker.position / self.lot), self.levels)
        for line in range(self.line - buys, self.line + sells + 1):
            price = self.anchor * (1.0 + self.spacing) ** line
            slot = line % (2 * self.levels + 1)  # a line keeps its slot: a fill moves two orders, no fill moves none
            if line < self.line:
                broker.quote(slot, "buy", price, amount=self.lot, post_only=True)
            elif line > self.line:
                broker.quote(slot, "sell", price, amount=self.lot, post_only=True)

    def on_fill(self, fill, broker):
        self.line = round(math.log(fill.price / self.anchor) / math.log(1.0 + self.spacing))
