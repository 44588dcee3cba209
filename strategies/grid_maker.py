"""A grid of resting orders below a top line: sells on the lines above the price, buys on those below.

What is bought at one line is sold a line higher. With nothing left to sell, the grid moves up with the price; when the
price falls through its last line, it is left holding.
"""

import math

from planar import Strategy, param


class GridMaker(Strategy):
    instruments = ["binance:ETH/USDT"]
    timeframe = "1h"

    lines = param(8, low=1, high=60)  # below the top one
    spacing = param(0.01, low=0.003, high=0.1)  # from line to line
    lot = param(0.3, low=0.00001, high=1e6)  # base per line

    top = 0.0  # price of line 0

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.close > self.top * (1.0 + self.spacing):
            self.top = candle.close
        owned = math.ceil(broker.position / self.lot - 0.01)  # lots; a part counts as one
        for line in range(self.lines + 1):
            price = self.top / (1.0 + self.spacing) ** line
            # Never beyond the close: there a post-only order would take, and be refused.
            if line > owned:
                broker.quote(line, "buy", min(price, candle.close), amount=self.lot, post_only=True)
            elif line < owned:
                part = min(self.lot, broker.position - line * self.lot)
                broker.quote(line, "sell", max(price, candle.close), amount=part, post_only=True)
