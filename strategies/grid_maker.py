"""A grid of resting orders below a top line: sells on the lines above the price, buys on those below.

What is bought at one line is sold one line higher. With nothing left to sell, the grid moves up with the price; below its
last line it is left holding.
"""

import math

from planar import Strategy, param


class GridMaker(Strategy):
    instruments = ["binance:ETH/USDT"]
    timeframe = "1h"

    lines = param(8, low=1, high=60)  # below the top one
    spacing = param(0.01, low=0.003, high=0.1)  # from line to line

    top = 0.0  # price of line 0
    lot = 0.0  # base per line

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.close > self.top * (1.0 + self.spacing):
            self.top = candle.close
            self.lot = 0.9 * broker.equity / self.lines / candle.close  # the rest is for fees
        owned = math.ceil(broker.position / self.lot - 0.01)  # lots; a part counts as one
        for line in range(self.lines + 1):
            price = self.top / (1.0 + self.spacing) ** line
            if line > owned:
                broker.quote(line, "buy", price, amount=self.lot, post_only=True)
            elif line < owned:
                broker.quote(line, "sell", price, amount=self.lot, post_only=True)
