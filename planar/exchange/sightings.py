"""Which orders were seen, and in which turn: what was seen before an order was sent cannot be that order."""

from planar.exchange.model import Fill, Order

ROOM = 10_000
"""Orders that are remembered at most: two megabytes."""


class Sightings:
    """The first sight of each order, by market and the exchange's id. ``turn`` counts them."""

    def __init__(self, room: int = ROOM) -> None:
        self.turn = 0
        self._room = room
        self._first: dict[tuple[str, str], int] = {}

    def saw(self, data: object) -> None:
        """An order was told of, by itself or by a fill of it."""
        if isinstance(data, Order | Fill):
            id = data.id if isinstance(data, Order) else data.order_id
            if (data.symbol, id) not in self._first:
                self.turn += 1
                self._first[data.symbol, id] = self.turn
                if len(self._first) > self._room:
                    self._forget_half()

    def had(self, order: Order, turn: int) -> bool:
        """Whether an order was seen by that turn."""
        first = self._first.get((order.symbol, order.id))
        return first is not None and first <= turn

    def _forget_half(self) -> None:
        """The older half: what was seen that long ago, its age betrays."""
        for key in list(self._first)[: len(self._first) // 2]:
            del self._first[key]
