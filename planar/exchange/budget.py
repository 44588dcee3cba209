"""What an exchange allows in a stretch of time, counted by all processes of the host together.

A budget is a file that processes map into memory and lock for some microseconds. What a request costs is kept by
the slot of time in which the exchange may have counted it last: until its answer is there nobody knows when it
arrived, so it counts as arriving at the latest moment, and once answered at the moment of the answer. Whatever
window the exchange counts in, and wherever that begins, it then holds no more than the budget.

Time is the machine's own since it was started, which all processes share and nobody can set. The clock on the wall is
looked at once, when the machine was started anew since.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

from planar.config.files import open_shared
from planar.exchange.clock import steady, wall
from planar.exchange.lock import locked

SLOTS, MOST_SLOTS = 64, 512
"""Of a window, and in all; a cost is held up to one slot longer than it must be."""

OFFSET, SEEN, BANNED, TOP, CLAIM, CLAIMED, FIRST = range(7)
"""Places in the file: the shared time less the steady one, when it was last used, until when nobody may ask, the
highest slot that can be spent in, who waits for room and until when that holds, the costs of the slots in turn.
"""

FORMAT = 2
LONGEST_BAN = 3 * 86_400_000
"""Milliseconds; no exchange is known to ban for longer, and a slip in an answer is not to do so for years."""

LEASE = 200
"""Milliseconds that the place in front of who waits is kept; who still waits asks again sooner."""


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
        clock: Callable[[], int] = steady,
        wall: Callable[[], int] = wall,
    ) -> None:
        self.name, self.limit, self.window, self.longest = name, limit, window, longest
        self._clock, self._wall = clock, wall
        self._slot = max(window // SLOTS, (window + longest) // MOST_SLOTS, 1)
        self._count = (window + longest) // self._slot + 3
        # What lies where depends on both times, so they are part of the name.
        self._path = folder / f"{name}.{window}.{longest}.{FORMAT}"
        self._open()

    def _open(self) -> None:
        self._file = open_shared(self._path)
        size = 8 * (FIRST + self._count)
        with locked(self._file):
            held = os.fstat(self._file).st_size
            # Written and not only made longer: on a full disk that fails here, and not when it is mapped.
            os.lseek(self._file, held, os.SEEK_SET)
            os.write(self._file, bytes(max(size - held, 0)))
        self._map = mmap.mmap(self._file, size)
        self._numbers = memoryview(self._map).cast("q")

    def close(self) -> None:
        """Lets go of the file; what was spent stays spent."""
        self._numbers.release()
        self._map.close()
        os.close(self._file)

    def _follow(self) -> None:
        """Opens the file anew when somebody has cleared the cache: others count in another by now."""
        if os.fstat(self._file).st_nlink:
            return
        kept = self._numbers.tolist()
        self.close()
        self._open()
        with locked(self._file):
            if not self._numbers[OFFSET]:
                for place, number in enumerate(kept):
                    self._numbers[place] = number

    def take(self, cost: int, *, claim: int = 0, is_urgent: bool = False) -> tuple[int, int]:
        """Spends ``cost`` if there is room: (0, a receipt for `answered`), else (milliseconds to wait, -1).

        claim: a number of whoever asks; the first who has to wait goes before all with other numbers, but those that
        are urgent. Without one nobody is held up.
        """
        self._follow()
        with locked(self._file):
            now = self._now()
            banned = self._numbers[BANNED]
            if banned > now:
                return banned - now, -1
            is_behind = self._numbers[CLAIMED] > now and self._numbers[CLAIM] != claim
            if is_behind and not is_urgent:
                return self._numbers[CLAIMED] - now, -1
            wait = self._wait(now, cost)
            if wait:
                if claim:
                    self._numbers[CLAIM], self._numbers[CLAIMED] = claim, now + LEASE
                return wait, -1
            if not is_behind:
                self._numbers[CLAIMED] = 0
            latest = (now + self.longest) // self._slot
            self._numbers[self._place(latest)] += cost
            return 0, latest

    def answered(self, receipt: int, cost: int) -> None:
        """The exchange has answered: it counted the cost by now."""
        with locked(self._file):
            present = self._now() // self._slot
            self._take_back(receipt, cost)
            self._numbers[self._place(present)] += cost

    def give_back(self, receipt: int, cost: int) -> None:
        """Nothing was asked after all."""
        with locked(self._file):
            self._take_back(receipt, cost)

    def observe(self, used: int) -> int:
        """Takes over what the exchange says was used, when that is more: others ask from the same address. Gives how
        much more.
        """
        with locked(self._file):
            now = self._now()
            more = max(used - sum(self._spent(now)), 0)
            self._numbers[self._place(now // self._slot)] += more
            return more

    def ban(self, milliseconds: int) -> None:
        """Nobody asks for that long, three days at most: the exchange said so."""
        self._follow()
        milliseconds = min(milliseconds, LONGEST_BAN)
        with locked(self._file):
            self._numbers[BANNED] = max(self._numbers[BANNED], self._now() + milliseconds)

    def banned_for(self) -> int:
        """Milliseconds until asking is allowed again."""
        with locked(self._file):
            return max(self._numbers[BANNED] - self._now(), 0)

    def used(self, within: int | None = None) -> int:
        """What may count at the exchange at this moment; within: of it, what the last so many milliseconds spent."""
        with locked(self._file):
            now = self._now()
            spent = self._spent(now)
            passed = 0 if within is None else (now - within) // self._slot - (now - self.window) // self._slot
            return sum(spent[passed:])

    def _now(self) -> int:
        """The shared time, and room for all slots that can be spent in at it. To be called under the lock."""
        tick, numbers = self._clock(), self._numbers
        if tick < numbers[SEEN] or not numbers[OFFSET]:  # the machine was started anew, or the file is
            numbers[OFFSET] = max(self._wall(), numbers[OFFSET] + numbers[SEEN]) - tick
        numbers[SEEN] = tick
        now = numbers[OFFSET] + tick
        top, latest = numbers[TOP], (now + self.longest) // self._slot
        if latest > top:
            for slot in range(max(top + 1, latest - self._count + 1), latest + 1):
                numbers[self._place(slot)] = 0
            numbers[TOP] = latest  # last, so that a process that dies in between leaves nothing that counts twice
        return now

    def _spent(self, now: int) -> list[int]:
        """Costs of the slots that may lie in a window of the exchange that is not over, the oldest first."""
        costs = self._numbers[FIRST:].tolist()
        first = (now - self.window) // self._slot
        place = first % self._count
        return (costs[place:] + costs[:place])[: self._numbers[TOP] - first + 1]

    def _wait(self, now: int, cost: int) -> int:
        """Milliseconds until there is room for the cost, 0 when there is."""
        spent = self._spent(now)
        over = sum(spent) + cost - self.limit
        if over <= 0 or not any(spent):  # what never fits goes alone
            return 0
        last = (now - self.window) // self._slot
        for each in spent:
            over -= each
            last += 1
            if over <= 0:
                break
        return max(last * self._slot + self.window - now, 1)

    def _take_back(self, slot: int, cost: int) -> None:
        if slot > self._numbers[TOP] - self._count:
            left = self._numbers[self._place(slot)] - cost
            self._numbers[self._place(slot)] = max(left, 0)  # it may have been spent in a file that is gone

    def _place(self, slot: int) -> int:
        return FIRST + slot % self._count
