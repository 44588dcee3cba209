"""Histories in pages: each item once, in order, none left out, and an end."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar.errors import DataError
from planar.exchange.paging import FOREVER, pages


@dataclass(frozen=True)
class Item:
    id: str
    time: int


def items(times):
    return [Item(str(number), time) for number, time in enumerate(sorted(times))]


def read(stored, start, end, limit, span=None, now=FOREVER, *, newest=False, known=True, cap=None):
    """newest: the exchange gives the last items of what was asked for. known: that it does not. cap: of its pages."""
    asked, most = [], cap or limit

    async def fetch(since, until):
        asked.append((since, until))
        found = [one for one in stored if since <= one.time and (until is None or one.time < until)]
        return found[-most:] if newest else found[:most]

    async def gather():
        found = pages(fetch, start, end, limit, span=span, now=now, is_oldest_first=known)
        return [page async for page in found]

    found = asyncio.run(gather())
    assert all(found)
    return [one for page in found for one in page], asked


@given(
    st.lists(st.integers(0, 60), max_size=40),
    st.integers(0, 30),
    st.integers(0, 70),
    st.one_of(st.none(), st.integers(1, 25)),
    st.sampled_from([(False, True), (False, False), (True, False)]),
    st.integers(0, 3),
)
def test_every_item_of_the_range_comes_once_and_in_order(times, start, length, span, order, less):
    """Whichever end of a span the exchange begins at, and although its pages may be shorter than was asked for."""
    stored, end = items(times), start + length
    most = max((times.count(time) for time in times), default=0)
    newest, known = order
    if newest and span is None:
        stored = [one for one in stored if one.time < end]  # an end is only asked for where a request has a span
    found, _ = read(stored, start, end, most + 1 + less, span, newest=newest, known=known, cap=most + 1)
    assert found == [one for one in stored if start <= one.time < end]


def test_pages_of_the_newest_items_are_gone_back_from_until_they_reach_the_beginning():
    found, asked = read(items(range(10)), 0, FOREVER, 4, newest=True, known=False)
    assert [one.time for one in found] == list(range(10))
    assert asked == [(0, None), (0, 7), (0, 4), (0, 1), (9, None)]


def test_a_page_of_the_newest_items_that_begins_within_the_first_millisecond_is_not_taken_for_all_of_it():
    stored = items([0, 0, 1, 1, 2])
    assert read(stored, 0, FOREVER, 3, newest=True, known=False)[0] == stored


def test_an_exchange_that_is_known_to_begin_at_the_beginning_is_not_asked_backwards():
    stored = items([5, 6])
    assert read(stored, 0, FOREVER, 4)[1] == [(0, None), (6, None)]
    assert read(stored, 0, FOREVER, 4, known=False)[1] == [(0, None), (0, 6), (6, None)]


def test_a_millisecond_with_more_than_a_page_in_front_of_a_page_is_an_error_and_not_a_loss():
    with pytest.raises(DataError, match="no way to ask for the rest"):
        read(items([1, 2, 2, 2, 2, 3]), 0, 10, 2, newest=True, known=False)


def test_items_of_one_millisecond_across_the_edge_of_a_page_come_once():
    stored = items([1, 2, 2, 2, 3])
    assert read(stored, 0, 10, 4)[0] == stored


def test_more_items_in_a_millisecond_than_a_page_holds_are_an_error_and_not_a_loss():
    with pytest.raises(DataError, match="no way to ask for the rest"):
        read(items([2, 2, 2]), 0, 10, 3)


def test_stretches_without_items_are_stepped_over_where_a_request_covers_a_span():
    found, asked = read(items([1, 95]), 0, 100, 10, span=30)
    assert [one.time for one in found] == [1, 95]
    assert asked == [(0, 30), (1, 31), (31, 61), (61, 91), (91, 100), (95, 100)]


def test_long_stretches_without_items_are_skipped_where_it_is_known_how_far():
    stored, asked = items([1, 950]), []

    async def fetch(since, until):
        asked.append((since, until))
        return [one for one in stored if since <= one.time < until]

    async def skip(time):
        return max(time, 940 if time <= 950 else 1_000)

    async def gather():
        return [
            one.time
            async for page in pages(fetch, 0, 1_000, 10, span=30, skip=skip, is_oldest_first=True)
            for one in page
        ]

    assert asyncio.run(gather()) == [1, 950]
    assert asked == [(0, 30), (1, 31), (940, 970), (950, 980)]


def test_beyond_the_clock_it_is_asked_on_as_long_as_there_is_something():
    found, asked = read(items([1, 95, 120, 145]), 0, FOREVER, 10, span=30, now=100)
    assert [one.time for one in found] == [1, 95, 120, 145]
    assert asked[-1] == (145, 175)


def test_pages_shorter_than_was_asked_for_lose_nothing():
    stored = items(range(10))

    async def fetch(since, until):
        return [one for one in stored if since <= one.time < until][:3]

    async def gather():
        return [one async for page in pages(fetch, 0, 60, 1000, span=30) for one in page]

    assert asyncio.run(gather()) == stored


def test_an_empty_history_is_asked_for_once():
    assert read([], 0, 100, 10) == ([], [(0, None)])


def test_an_exchange_that_looks_beyond_the_span_gives_nothing_twice():
    stored = items([1, 40, 41])

    async def fetch(since, until):
        return [one for one in stored if since <= one.time]

    async def gather():
        return [one async for page in pages(fetch, 0, 60, 10, span=30) for one in page]

    assert asyncio.run(gather()) == stored
