"""Weights and order counts, with the headers, refusals and bans that Binance answers with."""

from collections import defaultdict
from dataclasses import dataclass, field

from planar.venue.refusal import Refusal

MINUTE, TEN_SECONDS, DAY = 60_000, 10_000, 86_400_000


@dataclass(frozen=True)
class Limits:
    """What is allowed. patience: requests over the weight limit within a minute before an address is banned.

    orders_minute: instead of those of a day, where it is not 0.
    """

    weight: int = 6_000
    orders_10s: int = 100
    orders_day: int = 200_000
    orders_minute: int = 0
    patience: int = 10
    ban_seconds: int = 120
    longest_ban_seconds: int = 259_200

    @property
    def long(self) -> tuple[str, str, int, int]:
        """The longer of both order limits: Binance's interval and its mark in headers, ms, how many."""
        return (
            ("MINUTE", "1M", MINUTE, self.orders_minute) if self.orders_minute else ("DAY", "1D", DAY, self.orders_day)
        )


@dataclass
class _Address:
    """What one address used. window: the minute that ``weight`` counts; bans: how often it was banned."""

    window: int = -1
    weight: int = 0
    over: int = 0
    banned_until: int = 0
    bans: int = 0


class Counter:
    """Counts weight by address and orders by key, in windows of the clock as Binance does."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._addresses: dict[str, _Address] = defaultdict(_Address)
        self._orders: dict[str, _Orders] = defaultdict(_Orders)

    def spend(self, address: str, weight: int, now: int) -> dict[str, str]:
        """Counts a request; gives its headers. Raises Refusal over the limit: 429, then 418 with a ban."""
        used = self._addresses[address]
        if now < used.banned_until:
            raise self._banned(used, now)
        if used.window != now // MINUTE:
            used.window, used.weight, used.over = now // MINUTE, 0, 0
        used.weight += weight
        headers = {"X-MBX-USED-WEIGHT": str(used.weight), "X-MBX-USED-WEIGHT-1M": str(used.weight)}
        if used.weight <= self.limits.weight:
            return headers
        used.over += 1
        if used.over > self.limits.patience:
            self.ban(address, now)
            raise self._banned(used, now)
        left = -(-(MINUTE - now % MINUTE) // 1000)
        text = (
            f"Too much request weight used; current limit is {self.limits.weight} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        raise Refusal(-1003, text, 429, headers={**headers, "Retry-After": str(left)})

    def ban(self, address: str, now: int, seconds: int = 0) -> None:
        """Bans an address, each time twice as long unless it is said for how long."""
        used = self._addresses[address]
        usual = min(self.limits.ban_seconds << used.bans, self.limits.longest_ban_seconds)
        used.bans += 1
        used.banned_until = now + 1000 * (seconds or usual)

    def _banned(self, used: _Address, now: int) -> Refusal:
        text = (
            f"Way too much request weight used; IP banned until {used.banned_until}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        left = -(-(used.banned_until - now) // 1000)
        return Refusal(-1003, text, 418, headers={"Retry-After": str(left)})

    def order(self, key: str, now: int) -> dict[str, str]:
        """Counts an order; gives its headers. Raises Refusal over a limit."""
        used, limits = self._orders[key], self.limits
        interval, mark, length, most_long = limits.long
        used.roll(now, length)
        for count, most, span in (
            (used.short, limits.orders_10s, "10 SECOND"),
            (used.long, most_long, f"1 {interval}"),
        ):
            if count >= most:
                text = f"Too many new orders; current limit is {most} orders per {span}."
                raise Refusal(-1015, text, 429, headers=used.headers(mark))
        used.short += 1
        used.long += 1
        return used.headers(mark)

    def used(self, key: str, now: int) -> tuple[int, int]:
        """Orders of a key in these ten seconds and on this day, or in this minute."""
        self._orders[key].roll(now, self.limits.long[2])
        return self._orders[key].short, self._orders[key].long

    def described(self) -> list[dict[str, object]]:
        """The limits as ``exchangeInfo`` tells them."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight),
            ("ORDERS", "SECOND", 10, self.limits.orders_10s),
            ("ORDERS", self.limits.long[0], 1, self.limits.long[3]),
        )
        names = ("rateLimitType", "interval", "intervalNum", "limit")
        return [dict(zip(names, row, strict=True)) for row in rows]


@dataclass
class _Orders:
    """Orders of one key in the present windows."""

    windows: tuple[int, int] = field(default=(-1, -1))
    short: int = 0
    long: int = 0

    def roll(self, now: int, length: int) -> None:
        """Begins new windows when their time has come. length: of the longer one, ms."""
        windows = (now // TEN_SECONDS, now // length)
        if windows[0] != self.windows[0]:
            self.short = 0
        if windows[1] != self.windows[1]:
            self.long = 0
        self.windows = windows

    def headers(self, mark: str) -> dict[str, str]:
        """What is told of it with every order. mark: of the longer window."""
        return {"X-MBX-ORDER-COUNT-10S": str(self.short), f"X-MBX-ORDER-COUNT-{mark}": str(self.long)}
