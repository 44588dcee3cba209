"""`Guard`: what stands before each request, limits and breaker, and what is known of those that were made."""

import hashlib
from pathlib import Path

from planar.config.files import limits_folder
from planar.config.settings import LONGEST, ExchangeSettings
from planar.errors import ConfigError, ExchangeError, Unknown, Unreachable
from planar.exchange.breaker import Breaker
from planar.exchange.budget import Budget
from planar.exchange.health import Health, Record
from planar.exchange.limits import Limits, Usage
from planar.exchange.quirks import Pool, Quirk
from planar.exchange.wire import Wire

MINUTE, SECOND, DAY = 60_000, 1_000, 86_400_000
SCALE = 1_000
"""Costs are counted in thousandths: CCXT has broken ones."""

OURS = ("RATE_LIMIT", "CLOCK", "CIRCUIT_OPEN")
"""Codes of failures that say nothing of the exchange being out of order."""


class Guard:
    """Of one exchange and account. What an address may ask is shared by its accounts; orders are counted by account."""

    def __init__(self, name: str, key: tuple[str, bool, str], settings: ExchangeSettings, quirk: Quirk) -> None:
        """name: for messages. key: exchange, whether it is the test environment, account."""
        self.breaker, self.record = Breaker(name), Record()
        self._key, self._settings, self._quirk = key, settings, quirk
        self._rate_limit = 0.0
        self._limits: dict[str, Limits] = {}

    def open(self, rate_limit: float) -> None:
        """Counts from now on. rate_limit: CCXT's, the milliseconds that a cost of one takes."""
        if self._settings.enable_rate_limit:
            self._rate_limit = max(rate_limit, 0.001)

    def _pool(self, wire: Wire) -> Pool:
        return self._quirk.pool(self._key[0], wire.api, wire.host, self._settings)

    def _limits_of(self, pool: Pool) -> Limits:
        """The budgets of what is counted together, taken up when they are first needed."""
        if pool.name not in self._limits:
            exchange, sandbox, account = self._key
            place = hashlib.sha256(self._settings.base_url.encode()).hexdigest()[:8] if self._settings.base_url else ""
            where = f"{pool.name}{'.sandbox' if sandbox else ''}{f'.{place}' if place else ''}"
            made = {}
            for name, (limit, window) in self._allowed(pool).items():
                whose = f".{account or 'main'}" if name.startswith("orders") else ""
                made[name] = _budget(limits_folder(), f"{where}.{name}{whose}", limit, window)
            self._limits[pool.name] = Limits(made, exchange)
        return self._limits[pool.name]

    def _allowed(self, pool: Pool) -> dict[str, tuple[int, int]]:
        """Limit and window of each budget; what the user says goes before what is known."""
        mine, share = self._settings.limits, 1.0 - self._settings.limit_buffer
        weight = (mine.weight if pool.is_main else 0) or pool.weight
        most = weight / pool.weight_per_cost if weight else MINUTE / self._rate_limit
        found = {"cost": (int(most * share * SCALE), MINUTE)}
        if mine.requests:
            found["requests"] = (max(int(mine.requests * share), 1), MINUTE)
        if self._settings.rate_limit:
            found["pace"] = (1, self._settings.rate_limit)
        orders = {**self._quirk.order_limits, **({SECOND: mine.orders} if mine.orders else {})}
        orders |= {DAY: mine.orders_per_day} if mine.orders_per_day else {}
        return found | {f"orders{window}": (max(int(most * share), 1), window) for window, most in orders.items()}

    async def pay(self, cost: float, wire: Wire) -> None:
        """Waits until a request of that cost may be made."""
        if not self._rate_limit:
            return
        costs = {"cost": round(cost * SCALE), "requests": 1, "pace": 1}
        if wire.orders:
            costs |= {f"orders{window}": wire.orders for window in (*self._quirk.order_limits, SECOND, DAY)}
        limits = self._limits_of(self._pool(wire))
        wire.receipts.append((limits, await limits.take(costs, is_urgent=wire.is_urgent)))

    def ended(self, wire: Wire, latency: float, error: BaseException | None) -> None:
        """A call is over. latency: milliseconds."""
        code = getattr(error, "code", type(error).__name__) if error else ""
        if isinstance(error, Exception | None) and code != "CIRCUIT_OPEN":
            self.record.note(latency, code)
        if self._limits:
            self._settle(wire, code)
        if code == "CIRCUIT_OPEN":
            return  # it was not made, and another one may be the trial
        if code in OURS or not wire.requests or not isinstance(error, ExchangeError | None):
            self.breaker.released(wire.entered)
        elif isinstance(error, Unreachable | Unknown):
            self.breaker.failed(wire.entered)
        else:
            self.breaker.succeeded(wire.entered)

    def _settle(self, wire: Wire, code: str) -> None:
        """What was spent counts from now on; what the exchange says of its limits is taken over.

        A request that was given up without an answer may be counted yet, as late as any can be.
        """
        if wire.open <= 0:
            for limits, receipts in wire.receipts:
                limits.answered(receipts)
        if not wire.receipts:
            return
        limits, used = wire.receipts[-1][0], self._quirk.used_weight(wire.headers)
        if used is not None:
            limits.observe("cost", round(used / self._pool(wire).weight_per_cost * SCALE))
        if code == "RATE_LIMIT" and wire.status in (418, 429):
            limits.ban(round((wire.retry_after or 1.0) * 1000))

    def health(self) -> Health:
        """How the exchange is doing."""
        # The pace is ours, and always used up for a moment.
        return self.record.health([each for each in self.usage() if each.name != "pace"], self.breaker.state)

    def usage(self) -> list[Usage]:
        """How much of each budget is used."""
        return [each for limits in self._limits.values() for each in limits.usage()]

    def close(self) -> None:
        """Lets go of the budgets."""
        self._rate_limit, closing, self._limits = 0.0, self._limits, {}
        for limits in closing.values():
            limits.close()


def _budget(folder: Path, name: str, limit: int, window: int) -> Budget:
    try:
        return Budget(folder, name, limit, window, longest=LONGEST)
    except OSError as error:
        raise ConfigError(
            f"{folder / name} cannot be written ({error.strerror}), where programs share an exchange's limits. "
            "Make it writable, set PLANAR_LIMITS_FOLDER, or set enable_rate_limit = false."
        ) from None
