"""Histories that come in pages: each item once, in order, until there are no more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from planar.errors import DataError


class Timed(Protocol):
    """What has a time, and an id that tells it from others of that time."""

    @property
    def id(self) -> str:
        """The exchange's id."""
        ...

    @property
    def time(self) -> int:
        """UTC milliseconds."""
        ...


T = TypeVar("T", bound=Timed)

FOREVER = 2**63 - 1
"""The end of what has none, and the time of a clock that nobody asked."""


async def pages(
    fetch: Callable[[int, int | None], Awaitable[list[T]]],
    start: int,
    end: int,
    limit: int,
    *,
    span: int | None = None,
    skip: Callable[[int], Awaitable[int]] | None = None,
    now: int = FOREVER,
) -> AsyncIterator[list[T]]:
    """Items with ``start <= time < end``, as ``fetch(since, until)`` gives them: from ``since`` on, oldest first.

    limit: how many were asked for. span: milliseconds that one request may cover, where there is such a rule; else
    ``until`` is None. skip: gives, for a time, one from when on there may be something; asked where a span had nothing.
    now: the market's time; a span that reaches beyond it is the last, unless it gives anything.
    Raises DataError where a millisecond holds a page or more, of which the rest cannot be asked for.
    """
    cursor, seen = start, set[tuple[int, str]]()
    while cursor < end:
        until = None if span is None else min(cursor + span, end)
        found = await fetch(cursor, until)
        stop = end if until is None else until
        inside = [one for one in found if cursor <= one.time < stop]
        fresh = [one for one in inside if (one.time, one.id) not in seen]
        if fresh:
            yield fresh
        last = max((one.time for one in inside), default=cursor)
        # The next page begins with the last millisecond, which may go on there; what was seen of it is left out then.
        seen = {(one.time, one.id) for one in inside if one.time == last} | (seen if last == cursor else set())
        if len(found) >= limit and all(one.time < stop for one in found):
            if last <= cursor:
                raise DataError(f"{limit} items or more at {cursor} ms: the exchange gives no way to ask for the rest.")
            cursor = last
        elif fresh:
            cursor = last  # a page may be shorter than was asked for and yet not be the last
        elif until is not None and until <= now:
            cursor = until if skip is None or until >= end else await skip(until)
        else:
            return
