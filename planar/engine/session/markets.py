"""`Markets`: whether those of a session are traded at all; asked where that is in doubt."""

import time
from collections.abc import Callable

from planar.broker.gate import State
from planar.broker.live import Broker
from planar.broker.terms import symbol_of
from planar.engine.session.trader import Trader
from planar.errors import Rejected
from planar.exchange.ccxt_exchange import CcxtExchange

SILENCE = 2
"""Candles that may be missing before a market is in doubt."""


class Markets:
    """Those of one session. While one is not traded, positions may only become smaller.

    market: tells prices; on paper the account is another's. is_in_doubt: an order was refused, or one is not traded.
    on_market: hears by symbol whether it is traded, each time that was asked.
    """

    def __init__(self, trader: Trader, broker: Broker, market: CcxtExchange, clock: Callable[[], int]) -> None:
        self._trader, self._broker, self._market, self._clock = trader, broker, market, clock
        self.is_in_doubt = False
        self.on_market: Callable[[str, bool], None] = lambda *_: None
        self._candles: dict[int, tuple[float, float]] = {}  # when the last came, and the longest wait for one

    def heard(self, k: int) -> None:
        """A candle of an instrument has come."""
        now, (at, longest) = time.monotonic(), self._candles.get(k, (0.0, 0.0))
        self._candles[k] = now, max(longest, now - at if at else 0.0)

    def _are_silent(self) -> bool:
        """Whether candles are missing that should have come.

        By the session's clock; where that stands still with its market, by the longest wait for a candle so far.
        """
        now, real = self._clock(), time.monotonic()
        is_late = any(tape.end + SILENCE * tape.timeframe < now for tape in self._trader.tapes)
        return is_late or any(real - at > (SILENCE + 1) * longest for at, longest in self._candles.values() if longest)

    async def look(self) -> None:
        """Asks whether they are traded, where that is in doubt. Raises ExchangeError where nobody can be asked."""
        if not self.is_in_doubt and not self._are_silent():
            return
        await self._market.markets(reload=True)
        self.is_in_doubt = False
        for instrument in self._broker.instruments:
            symbol = symbol_of(instrument)
            try:
                is_active = (await self._market.market(symbol)).is_active
            except Rejected:
                is_active = False
            self.on_market(symbol, is_active)
            cause = f"market {symbol}"
            if is_active:
                self._broker.gate.lift(cause)
                continue
            self.is_in_doubt = True
            why = f"{symbol} is not traded at {self._market.name} now: no new positions until it is."
            self._broker.gate.restrict(cause, State.REDUCING, why)
