"""What a feed has told, so that nothing is told twice; remembered as long as it can come again, and no longer."""

from collections.abc import Hashable
from decimal import Decimal
from typing import Any, NamedTuple

from planar.exchange.model import Fill, MarketTrade, Order
from planar.model.order import Status

ROOM = 100_000
"""Ids that are remembered at most."""


class _State(NamedTuple):
    """Of an order what makes a difference, of prints and fills their time alone."""

    time: int | None
    status: Status = Status.FILLED
    filled: Decimal = Decimal(0)
    terms: tuple[Decimal | None, ...] = ()
    is_triggered: bool = False

    @property
    def is_open(self) -> bool:
        return self.status <= Status.PARTIAL


class Told:
    """Prints, fills and states of orders by id. What happened before ``horizon``, UTC ms, was told or never will be."""

    def __init__(self, room: int = ROOM) -> None:
        self.horizon = 0
        self._room = room
        self._known: dict[Hashable, _State] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_crowded(self) -> bool:
        """Whether it is time to find out what can be forgotten."""
        return len(self._known) > self._room // 2

    def is_news(self, data: MarketTrade | Fill | Order) -> bool:
        """Whether it was not told yet; it is from now on."""
        key, state = _key(data), _state_of(data)
        before = self._known.get(key)
        if before is None:
            if state.time is not None and state.time < self.horizon:
                return False
        elif not isinstance(data, Order) or not _is_further(state, before):
            return False
        self._known[key] = state
        if len(self._known) > self._room:
            self._make_room()
        return True

    def forget(self, before: int) -> None:
        """Takes it that nothing which happened before a time comes again. Open orders stay."""
        self.horizon = max(self.horizon, before)
        self._known = {
            key: state
            for key, state in self._known.items()
            if state.time is None or state.time >= self.horizon or state.is_open
        }

    def _make_room(self) -> None:
        """Forgets the older half: rather is a late event left out than any told twice, or memory without end."""
        old = list(self._known.items())[: len(self._known) // 2]
        for key, state in old:
            del self._known[key]
            self.horizon = max(self.horizon, (state.time or 0) + 1)


def happened(data: Any) -> int | None:
    """When it happened last, UTC ms; None where the exchange does not say."""
    return (data.updated or data.time) if isinstance(data, Order) else data.time


def _key(data: MarketTrade | Fill | Order) -> Hashable:
    """What names it: its id, and for a fill that has none what was filled."""
    if isinstance(data, Fill) and not data.id:
        return data.symbol, data.order_id, data.time, data.side, data.price, data.amount
    return data.symbol, data.id


def _state_of(data: MarketTrade | Fill | Order) -> _State:
    if not isinstance(data, Order):
        return _State(data.time)
    terms = data.price, data.amount, data.stop
    return _State(happened(data), data.status, data.filled, terms, data.is_triggered)


def _is_further(state: _State, before: _State) -> bool:
    """Whether an order came to this state after the other one: events arrive twice, and out of order."""
    if state[1:] == before[1:]:
        return False
    if state.time is not None and before.time is not None and state.time < before.time:
        return False
    if before.is_triggered and state.is_open and not state.is_triggered:
        return False
    return state.filled >= before.filled and (before.is_open or not state.is_open)
