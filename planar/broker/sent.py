"""`Sent`: an order on its way or at the exchange; `Orders`: all of a session, found under any of their names."""

import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from decimal import Decimal

from planar.exchange.model import Order, OrderRequest
from planar.model.ask import Amend

KEPT = 2_000
"""Orders that are over and still known: an exchange may tell of them late. Some three kilobytes each."""


@dataclass(eq=False)
class Sent:
    """An order on its way or at the exchange.

    names: its client ids, the newest last: one more for each amend that replaces it. exchange_id: the newest; ids: all.
    booked: what was told as filled of each of the exchange's ids; seen: what it says they filled; ends: those that are
    over, as they ended. wanted: the amend on its way. offered: the name that this amend gave. given_up: how many of the
    names nothing must be open under. is_unknown: nobody could say what became of it. is_away: it is not at the exchange
    though it should be, and is brought there. is_asking: fills that no stream told are being asked for. is_over: the
    books have its end. decided: when it was asked for, `time.perf_counter`.
    """

    id: int
    k: int
    request: OrderRequest
    names: list[str] = field(default_factory=list)
    exchange_id: str = ""
    ids: set[str] = field(default_factory=set)
    booked: dict[str, Decimal] = field(default_factory=dict)
    seen: dict[str, Order] = field(default_factory=dict)
    ends: dict[str, Order] = field(default_factory=dict)
    wanted: Amend | None = None
    offered: str = ""
    given_up: int = 0
    is_unknown: bool = False
    is_amending: bool = False
    is_away: bool = False
    is_asking: bool = False
    is_over: bool = False
    decided: float = field(default_factory=time.perf_counter)

    @property
    def behind(self) -> Decimal:
        """How much the exchange has counted as filled that was not told."""
        missing = (each.filled - self.booked.get(id, Decimal(0)) for id, each in self.seen.items())
        return sum((each for each in missing if each > 0), Decimal(0))

    @property
    def is_behind(self) -> bool:
        """Whether fills are missing that the exchange has counted."""
        return self.behind > 0

    @property
    def last(self) -> Order | None:
        """How it ended, where it did and all its fills are booked."""
        end = self.ends.get(self.exchange_id)
        is_open = self.is_amending or self.is_unknown or self.is_away or self.is_behind
        return None if end is None or is_open else end

    @property
    def stands(self) -> bool:
        """Whether it is at the exchange, as far as anybody said."""
        is_gone = self.exchange_id in self.ends or self.is_unknown or self.is_away
        return bool(self.exchange_id) and not is_gone

    def gave_up(self, name: str) -> bool:
        """Whether it must not be open under that name: it was not there, and another one took its place."""
        return name in self.names[: self.given_up]

    def saw(self, order: Order) -> None:
        """The exchange has it so; what is older than that is passed over."""
        known = self.seen.get(order.id)
        if known is None or order.filled >= known.filled:
            self.seen[order.id] = order

    def book(self, exchange_id: str, amount: Decimal) -> None:
        """So much more was told as filled."""
        self.booked[exchange_id] = self.booked.get(exchange_id, Decimal(0)) + amount


class Orders(dict[int, Sent]):
    """The orders that are not over, by number. Those that ended last are found by their names all the same."""

    def __init__(self) -> None:
        super().__init__()
        self._by_name: dict[str, Sent] = {}
        self._by_id: dict[tuple[str, str], Sent] = {}
        self._over: deque[Sent] = deque()

    def name(self, sent: Sent, name: str) -> None:
        """The order is sent under this client id, too."""
        sent.names.append(name)
        self._by_name[name] = sent

    def unname(self, sent: Sent, name: str) -> None:
        """The order was never sent under this client id: what was to be called so was refused."""
        sent.names.remove(name)
        self._by_name.pop(name, None)

    def bind(self, sent: Sent, exchange_id: str) -> None:
        """The exchange has it under this id, too."""
        sent.ids.add(exchange_id)
        self._by_id[sent.request.symbol, exchange_id] = sent

    def found(self, symbol: str, exchange_id: str, name: str) -> Sent | None:
        """The order that the exchange speaks of; None for somebody else's, and for those of long ago."""
        return self._by_name.get(name) or self._by_id.get((symbol, exchange_id))

    def end(self, sent: Sent) -> None:
        """The order is over."""
        if sent.is_over:
            return
        sent.is_over = True
        self.pop(sent.id, None)
        self._over.append(sent)
        if len(self._over) > KEPT:
            self._forget(self._over.popleft())

    def _forget(self, sent: Sent) -> None:
        for name in sent.names:
            self._by_name.pop(name, None)
        for id in sent.ids:
            self._by_id.pop((sent.request.symbol, id), None)


class Heard(dict[Hashable, None]):
    """What was heard before, the last so many of it."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def add(self, key: Hashable) -> bool:
        """Remembers it; whether it is new."""
        if key in self:
            return False
        self[key] = None
        if len(self) > self._most:
            del self[next(iter(self))]
        return True
