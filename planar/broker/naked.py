"""`Naked`: how long positions were without the protection that their strategy asked for; written into the journal.

A position is naked while less of it is behind stops at the exchange than the strategy wants: from its fill, or from
when the stop was asked for, until the exchange has the stop; while an amend has taken the old one away and the new one
does not stand; and after a stop was refused, or cancelled by others, until another one stands. A stop that the strategy
cancels is wanted no more; what it never asked for is not missed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planar.broker.journal import Entry
from planar.broker.protector import protects
from planar.broker.sent import Orders
from planar.broker.terms import decimal, symbol_of
from planar.exchange.precision import short
from planar.kernel import reads
from planar.model.instrument import exact
from planar.model.order import NEVER, Kind, Reason, Status
from planar.simulator.books import Books

KIND = "protection"
"""Of the entries, and the topic of alarms."""


@dataclass
class Nakedness:
    """Of one instrument, milliseconds of the session's time. since: when it became naked; None while it is not."""

    count: int = 0
    total: int = 0
    longest: int = 0
    since: int | None = None

    def hear(self, body: Mapping[str, Any]) -> None:
        """One entry of the journal."""
        if body["is_naked"]:
            self.count, self.since = self.count + 1, body["time"]
        else:
            self.total, self.longest = self.total + body["lasted"], max(self.longest, body["lasted"])
            self.since = None

    def document(self, name: str, now: int) -> dict[str, Any]:
        """As a status tells it, with what lasts."""
        lasts = 0 if self.since is None else max(now - self.since, 0)
        return {
            "instrument": name,
            "is_naked": self.since is not None,
            "count": self.count,
            "total": self.total + lasts,
            "longest": max(self.longest, lasts),
        }


def nakedness_of(entries: Iterable[Entry], count: int) -> list[Nakedness]:
    """Of each instrument of a session, as its journal has it."""
    found = [Nakedness() for _ in range(count)]
    for entry in entries:
        if entry.kind == KIND:
            found[entry.body["k"]].hear(entry.body)
    return found


class Naked:
    """Looks at the books of one session, and at what its broker has heard.

    cancelled: ids of the orders that the session wanted cancelled. bound: milliseconds after which there is an alarm.
    """

    def __init__(
        self,
        books: Books,
        orders: Orders,
        cancelled: set[int],
        clock: Callable[[], int],
        write: Callable[[str, Any], None],
        bound: float,
    ) -> None:
        self._books, self._orders, self._cancelled = books, orders, cancelled
        self._clock, self._write, self._bound = clock, write, bound
        count = range(len(books.instruments))
        self.times = [Nakedness() for _ in count]
        self._wanted: list[dict[int, int]] = [{} for _ in count]
        self._lost: list[dict[int, tuple[int, int]]] = [{} for _ in count]
        self._stops: set[int] = set()
        self._alarmed: set[int] = set()
        self._suspects: set[int] = set()
        self._seen = 0

    def restore(self, entries: Iterable[Entry]) -> None:
        """What a session that goes on knew: what ends from now on is missed where it was not to end."""
        self.times = nakedness_of(entries, len(self.times))
        self._notice()
        for k in self._stops:
            self._wanted[k] = self._there(k, self._held(k))[0]

    @property
    def has_stops(self) -> bool:
        """Whether a stop that protects is at the exchange, or on its way there."""
        return any(self._there(k, self._held(k))[2] for k in self._stops)

    def look(self) -> None:
        """Notes since when positions are naked, and which are so no more."""
        self._notice()
        for k in sorted(self._stops):
            self._judge(k)

    def watch(self) -> None:
        """Raises the alarm for what is naked for too long; to be called again and again, a second or so apart."""
        now = self._clock()
        late = {k for k, each in enumerate(self.times) if each.since is not None and now - each.since > self._bound}
        for k in late & self._suspects - self._alarmed:
            self._alarmed.add(k)
            lasts = (now - (self.times[k].since or now)) / 1000
            self._alarm(k, f"is without its stop for {lasts:,.0f} s")
        self._suspects = late

    def documents(self) -> list[dict[str, Any]]:
        """Of the instruments in which there was ever a stop."""
        now = self._clock()
        known = [(k, each) for k, each in enumerate(self.times) if each.count or k in self._stops]
        return [each.document(self._books.instruments[k].name, now) for k, each in known]

    # What there is.

    def _notice(self) -> None:
        """Which instruments have stops."""
        fresh = self._books.log("orders", self._seen)
        self._seen += len(fresh)
        for k in set(fresh["instrument"].tolist()) - self._stops:
            if (self._books.open_records(k)["kind"] >= Kind.STOP).any():
                self._stops.add(k)

    def _held(self, k: int) -> int:
        """Base units; what is too little to be closed is nothing."""
        return self._books.base(k)[0] if reads.position(self._books.address, k) else 0

    def _there(self, k: int, held: int) -> tuple[dict[int, int], dict[int, int], bool]:
        """Base units of the stops that are wanted, and of those that stand, by order; whether there are any."""
        wanted, standing = {}, {}
        found = [one for one in self._books.open_records(k) if protects(one, held)]
        for one in found:
            id, left = int(one["id"]) + 1, int(one["amount"] - one["filled"])
            sent = self._orders.get(id)
            if one["cancel_at"] == NEVER:
                wanted[id] = left
            if one["status"] != Status.PENDING and sent is not None and sent.stands:
                standing[id] = left
        return wanted, standing, bool(found)

    def _judge(self, k: int) -> None:
        held = self._held(k)
        wanted, standing, has_any = self._there(k, held)
        for id, left in self._wanted[k].items():
            if held and self._is_lost(id):
                self._lose(k, id, left)
        newest = max(standing, default=0)
        lost = {id: each for id, each in self._lost[k].items() if held and each[1] >= newest}
        self._wanted[k], self._lost[k] = wanted, lost
        missed = sum(wanted.values()) + sum(left for left, _ in lost.values())
        is_naked = min(sum(standing.values()), abs(held)) < min(missed, abs(held))
        if is_naked != (self.times[k].since is not None):
            self._turn(k, is_naked)
        if not (has_any or lost):
            self._stops.discard(k)

    def _is_lost(self, id: int) -> bool:
        """Whether a stop has ended otherwise than by its fill, its terms or its strategy."""
        order = self._books.memory.logs["orders"][id - 1]
        if order["status"] <= Status.FILLED or order["reason"] == Reason.GTD_EXPIRED:
            return False
        return order["status"] != Status.CANCELLED or id not in self._cancelled

    # What is said.

    def _turn(self, k: int, is_naked: bool) -> None:
        now, times = self._clock(), self.times[k]
        lasted = 0 if times.since is None else max(now - times.since, 0)
        body = {"k": k, "time": now, "is_naked": is_naked, "lasted": lasted, "was_alarmed": k in self._alarmed}
        self._write(KIND, body)
        times.hear(body)
        self._alarmed.discard(k)

    def _lose(self, k: int, id: int, left: int) -> None:
        self._lost[k][id] = left, int(self._books.record["orders_n"])
        order = self._books.memory.logs["orders"][id - 1]
        reason = Reason(int(order["reason"]))
        how = f"was refused ({reason.name})" if order["status"] == Status.REJECTED else "was cancelled by others"
        if order["status"] == Status.CANCELLED and reason:
            how = f"was cancelled by its amend and could not be put back ({reason.name})"
        elif order["status"] == Status.EXPIRED:
            how = f"expired ({reason.name})"
        self._alarm(k, f"has lost its protection: order {id} {how}")

    def _alarm(self, k: int, what: str) -> None:
        instrument = self._books.instruments[k]
        symbol, amount = symbol_of(instrument), short(decimal(abs(self._held(k)), exact(instrument.unit)))
        text = f"{symbol}: the position of {amount} {instrument.base} {what}."
        self._write("alarm", {"topic": KIND, "text": f"{text} Watch it, or close it with `planar close`."})
