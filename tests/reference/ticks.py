"""Section 14: a run over market trades. The clock moves from trade to trade, and to what is due between them."""

import math
from collections.abc import Callable
from itertools import accumulate
from types import SimpleNamespace

from .engine import Engine
from .limits import Limits
from .market import DAY, Candle, Estimates, Market
from .model import FillModel, Instrument
from .orders import Order
from .path import open_candle
from .venue import AMEND, Venue

MINUTE = 60_000
NO_END = 2**62
DECISION, DUE, TRADE = range(3)  # at one time in this order

Trade = tuple[int, float, float]
"""Time, price, amount."""


def candles_of(trades: list[Trade], length: int) -> dict[str, list]:
    """The candles of that length in which there are trades, the first and the last perhaps in part."""
    columns: dict[str, list] = {name: [] for name in ("time", "open", "high", "low", "close", "volume")}
    for time, price, amount in trades:
        opens = time // length * length
        if not columns["time"] or columns["time"][-1] != opens:
            for name, value in zip(columns, (opens, price, price, price, price, 0.0), strict=True):
                columns[name].append(value)
        columns["high"][-1] = max(columns["high"][-1], price)
        columns["low"][-1] = min(columns["low"][-1], price)
        columns["close"][-1] = price
        columns["volume"][-1] += amount
    return columns


class TradedMarket(Market):
    """One instrument, its trades, and the minutes that are estimated from."""

    def __init__(self, instrument: Instrument, trades: list[Trade], timeframe: int, end: int) -> None:
        super().__init__(instrument, candles_of(trades, MINUTE), MINUTE, MINUTE)
        self.trades, self.has_volume = trades, True
        self.amounts = list(accumulate(amount for *_, amount in trades))
        self.minute_at = {candle.time: candle for candle in self.candles}
        opens = candles_of(trades, timeframe)["time"]
        self.decisions = [t + timeframe for t in opens if t >= trades[0][0] and t + timeframe <= end]

    def estimates_at(self, last: int, time: int) -> Estimates:
        """What is known in a step at `time` when the trade of that index was the last."""
        minute = self.minute_at[self.trades[last][0] // MINUTE * MINUTE]
        if minute.index < self.block_size:
            w = self.amounts[last] * DAY / max(time - self.trades[0][0], MINUTE)
            return Estimates(0.0, 0.03, w)
        return self.estimates(minute)


class TickVenue(Venue):
    """One instrument at one moment, the market standing at the price of its last trade."""

    def __init__(self, account, k: int, time: int, last: int, amount: float) -> None:
        price = account.markets[k].trades[last][1]
        super().__init__(account, k, Candle(last, time, price, price, price, price, amount))
        self.estimates = account.markets[k].estimates_at(last, time)

    def open_book(self, side: str, limit: int) -> None:
        """From now on the budget is what a book holds up to a limit, 0 for none."""
        unit = self.impact_of_one(self.candle.open)
        if limit == 0 or unit == 0.0:
            self.budget = NO_END
            return
        sign = 1 if side == "buy" else -1
        room = sign * (self.units.price(limit) - self.candle.open) - self.half(self.candle.open)
        d = max(room, 0.0) / (1.5 * unit)
        self.budget = max(
            math.floor(min(d * d * self.market.instrument.share * self.units.bd / self.units.bn, 4.0e18)),
            self.units.step_units,
        )

    def impact_of_one(self, r: float) -> float:
        """Impact of an amount of 1."""
        scale, e = self.model.impact, self.estimates
        if scale is None or e.volume == 0:
            return 0.0
        root = math.sqrt(1.0 / e.volume)
        return r * e.volatility * root if scale == "square_root" else scale * r * e.volatility * root


class TickEngine(Engine):
    """One run of one strategy over the market trades of its instruments."""

    def __init__(
        self,
        instruments: list[Instrument],
        trades: list[list[Trade]],
        timeframe_ms: int,
        *,
        cash: float = 10_000.0,
        model: FillModel | None = None,
        limits: Limits | None = None,
        on_tick: Callable | None = None,
        **hooks: Callable,
    ) -> None:
        self.end = max(each[-1][0] for each in trades) + 1
        super().__init__(
            instruments, [candles_of(each, MINUTE) for each in trades], MINUTE, cash=cash, model=model, limits=limits,
            **hooks,
        )  # fmt: skip
        self.execution = 1
        self.markets = [TradedMarket(i, t, timeframe_ms, self.end) for i, t in zip(instruments, trades, strict=True)]
        self.on_tick = on_tick
        self.trades = trades
        self.next = [0] * len(trades)
        self.undecided = sorted({time for market in self.markets for time in market.decisions}, reverse=True)

    def run(self) -> None:
        """Goes from moment to moment."""
        while (moment := self._next_moment()) is not None:
            time, kind, k = moment
            if self._delisted_by(time):
                self._settle_delisted(time)  # what was due may not be any more
            elif kind == DECISION:
                self._look(time)
                self._decide(time)
            elif kind == DUE:
                self._happen(time, k)
            else:
                self._trade(time, k)
        self._settle_silent()
        self.equity_curve.append((self.end, self.equity(), self.cash()))

    def _next_moment(self) -> tuple[int, int, int] | None:
        moments = [(self.undecided[-1], DECISION, -1)] if self.undecided else []
        for k, trades in enumerate(self.trades):
            if self.next[k] < len(trades):
                moments.append((trades[self.next[k]][0], TRADE, k))
            due = self._due(k)
            if due and due[0][0] < self.end:
                moments.append((due[0][0], DUE, k))
        return min(moments, default=None)

    def _due(self, k: int) -> list[tuple[int, int, int, Order]]:
        return Venue.due(SimpleNamespace(ledger=self.ledger, k=k))

    def _look(self, time: int) -> None:
        self.now = time
        self.undecided.pop()
        if time < self.end:
            self.equity_curve.append((time, self.equity(), self.cash()))
        if self.watch.look(time):
            self._withdraw()

    def _happen(self, time: int, k: int) -> None:
        """One thing that is due, at the last price there was."""
        self.fees.begin_step(time)
        venue = TickVenue(self, k, time, self.next[k] - 1, 0.0)
        _, _, kind, order = self._due(k)[0]
        limit = order.price_ticks if order.is_limit else 0
        if kind == AMEND:
            limit = order.amendment.price_ticks if limit else 0
        if venue.limited:
            venue.open_book(order.side, limit)
        venue.happen(kind, order, venue.candle.open, 0.0)
        venue.follow(venue.candle.open)
        self._over(time)

    def _trade(self, time: int, k: int) -> None:
        self.fees.begin_step(time)
        row = self.next[k]
        self.next[k] += 1
        venue = TickVenue(self, k, time, row, self.trades[k][row][2])
        open_candle(venue)
        self.touched += venue.touched()
        self.closes[k] = venue.candle.close
        self._over(time)
        if self.on_tick is not None:
            self.on_tick(self, k, row)

    def _over(self, time: int) -> None:
        self.ledger.forget_done()
        self.now = time
        self._tell()

    def _settle_silent(self) -> None:
        """Who is delisted by the end, or did not trade for a day before it."""
        self._settle_delisted(self.end)
        last = self.end - 1
        for k, trades in enumerate(self.trades):
            if not self.settled[k] and last - trades[-1][0] > DAY:
                self._settle(k, self.end)
