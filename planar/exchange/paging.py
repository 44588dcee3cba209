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
    is_oldest_first: bool = False,
) -> AsyncIterator[list[T]]:
    """Items with ``start <= time < end``, as ``fetch(since, until)`` gives them, in order.

    limit: how many were asked for. span: milliseconds that one request may cover, where there is such a rule; else
    ``until`` is None. skip: gives, for a time, one from when on there may be something; asked where a span had nothing.
    now: the market's time; a span that reaches beyond it is the last, unless it gives anything. is_oldest_first:
    whether a page is known to hold the first items since its beginning; else they may be the last ones before its end,
    and what comes before them is asked for.
    Raises DataError where a millisecond holds a page or more, of which the rest cannot be asked for.
    """
    cursor, seen = start, set[tuple[int, str]]()
    while cursor < end:
        until = None if span is None else min(cursor + span, end)
        found = await fetch(cursor, until)
        # What was seen of the first millisecond is there again, unless the page was cut in it.
        is_cut = not seen or not seen <= {(one.time, one.id) for one in found}
        earlier = [] if is_oldest_first else await _earlier(fetch, cursor, found, limit, is_cut=is_cut)
        stop = end if until is None else until
        inside = [one for one in (*earlier, *found) if cursor <= one.time < stop]
        fresh = [one for one in inside if (one.time, one.id) not in seen]
        if fresh:
            yield fresh
        last = max((one.time for one in inside), default=cursor)
        # The next page begins with the last millisecond, which may go on there; what was seen of it is left out then.
        seen = {(one.time, one.id) for one in inside if one.time == last} | (seen if last == cursor else set())
        if len(found) >= limit and all(one.time < stop for one in found):
            if last <= cursor:
                raise _too_many(limit, cursor)
            cursor = last
        elif fresh:
            cursor = last  # a page may be shorter than was asked for and yet not be the last
        elif until is not None and until <= now:
            cursor = until if skip is None or until >= end else await skip(until)
        else:
            return


async def _earlier(
    fetch: Callable[[int, int | None], Awaitable[list[T]]], start: int, page: list[T], limit: int, *, is_cut: bool
) -> list[T]:
    """What there is from ``start`` to the beginning of a page, backwards: some exchanges give the last items first.

    is_cut: whether even this page may leave out some of the first millisecond, if it begins there; those before may.
    """
    parts, seen = [page], set[tuple[int, str]]()
    while parts[-1] and (parts[-1][0].time > start or is_cut or len(parts) > 1):
        edge = parts[-1][0].time
        seen |= {(one.time, one.id) for one in parts[-1] if one.time == edge}
        # Its millisecond is asked for too: it may have begun before.
        found = [one for one in await fetch(start, edge + 1) if one.time <= edge]
        parts.append([one for one in found if (one.time, one.id) not in seen])
        if not parts[-1] and len(found) >= limit:
            raise _too_many(limit, edge)
    return [one for part in reversed(parts[1:]) for one in part]


def _too_many(limit: int, time: int) -> DataError:
    return DataError(f"{limit} items or more at {time} ms: the exchange gives no way to ask for the rest.")
