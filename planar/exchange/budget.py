"""What an exchange allows in a stretch of time, counted by all processes of the host together.

A budget is a file that processes map into memory and lock for some microseconds. What a request costs is kept by
the slot of time in which the exchange may have counted it last: until its answer is there nobody knows when it
arrived, so it counts as arriving at the latest moment, and once answered at the moment of the answer. Whatever
window the exchange counts in, and wherever that begins, it then holds no more than the budget.
"""

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path

from planar.exchange.lock import locked

SLOTS, MOST_SLOTS = 64, 512
"""Of a window, and in all; a cost is held up to one slot longer than it must be."""

BANNED, FIRST = 0, 1
"""Places in the file: until when nobody may ask, and the slots' numbers and costs in turn."""


def now_ms() -> int:
    """UTC milliseconds: the clock that processes share."""
    return time.time_ns() // 1_000_000


class Budget:
    """At most ``limit`` of cost in any ``window`` milliseconds.

    folder, name: of the file, made when it is not there; processes that name the same share the budget.
    longest: milliseconds within which a request is answered or given up.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        limit: int,
        window: int,
        *,
        longest: int = 30_000,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.name, self.limit, self.window, self.longest = name, limit, window, longest
        self._clock = clock
        self._slot = max(window // SLOTS, (window + longest) // MOST_SLOTS, 1)
        self._count = (window + longest) // self._slot + 3
        folder.mkdir(parents=True, exist_ok=True)
        # What lies where depends on both times, so they are part of the name.
        self._file = os.open(folder / f"{name}.{window}.{longest}", os.O_RDWR | os.O_CREAT, 0o600)
        size = 8 * (FIRST + 2 * self._count)
        with locked(self._file):
            if os.fstat(self._file).st_size < size:
                os.ftruncate(self._file, size)
        self._map = mmap.mmap(self._file, size)
        self._numbers = memoryview(self._map).cast("q")

    def close(self) -> None:
        """Lets go of the file; what was spent stays spent."""
        self._numbers.release()
        self._map.close()
        os.close(self._file)

    def take(self, cost: int) -> tuple[int, int]:
        """Spends ``cost`` if there is room: (0, a receipt for `answered`), else (milliseconds to wait, -1)."""
        with locked(self._file):
            now = self._clock()
            banned = self._numbers[BANNED]
            if banned > now:
                return banned - now, -1
            wait = self._wait(now, cost)
            if wait:
                return wait, -1
            latest = (now + self.longest) // self._slot
            self._add(latest, cost)
            return 0, latest

    def answered(self, receipt: int, cost: int) -> None:
        """The exchange has answered: it counted the cost by now."""
        with locked(self._file):
            self._take_back(receipt, cost)
            self._add(self._clock() // self._slot, cost)

    def give_back(self, receipt: int, cost: int) -> None:
        """Nothing was asked after all."""
        with locked(self._file):
            self._take_back(receipt, cost)

    def observe(self, used: int) -> int:
        """Takes over what the exchange says was used, when that is more: others ask from the same address. Gives how
        much more.
        """
        with locked(self._file):
            now = self._clock()
            more = used - sum(cost for _, cost in self._spent(now))
            if more > 0:
                self._add(now // self._slot, more)
            return max(more, 0)

    def ban(self, milliseconds: int) -> None:
        """Nobody asks for that long: the exchange said so."""
        with locked(self._file):
            self._numbers[BANNED] = max(self._numbers[BANNED], self._clock() + milliseconds)

    def banned_for(self) -> int:
        """Milliseconds until asking is allowed again."""
        return max(self._numbers[BANNED] - self._clock(), 0)

    def used(self, within: int | None = None) -> int:
        """What may count at the exchange at this moment; within: of it, what the last so many milliseconds spent."""
        with locked(self._file):
            now = self._clock()
            first = 0 if within is None else (now - within) // self._slot
            return sum(cost for slot, cost in self._spent(now) if slot >= first)

    def _spent(self, now: int) -> list[tuple[int, int]]:
        """Slots that may lie in a window of the exchange that is not over, with their costs."""
        # Slots beyond the last that can be spent now are of a clock that was set back since.
        first, last = (now - self.window) // self._slot, (now + self.longest) // self._slot
        numbers = self._numbers[FIRST:].tolist()
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return [(slot, cost) for slot, cost in pairs if cost and first <= slot <= last]

    def _wait(self, now: int, cost: int) -> int:
        """Milliseconds until there is room for the cost, 0 when there is."""
        spent = self._spent(now)
        over = sum(each for _, each in spent) + cost - self.limit
        if over <= 0 or not spent:  # what never fits goes alone
            return 0
        left = sorted(spent)
        while over > 0 and left:
            last, each = left.pop(0)
            over -= each
        return max((last + 1) * self._slot + self.window - now, 1)

    def _take_back(self, slot: int, cost: int) -> None:
        if self._numbers[self._place(slot)] == slot:
            self._numbers[self._place(slot) + 1] -= cost

    def _place(self, slot: int) -> int:
        return FIRST + 2 * (slot % self._count)

    def _add(self, slot: int, cost: int) -> None:
        place = self._place(slot)
        if self._numbers[place] != slot:
            # The cost is cleared first: a process that dies in between leaves an empty slot.
            self._numbers[place + 1] = 0
            self._numbers[place] = slot
        self._numbers[place + 1] += cost
