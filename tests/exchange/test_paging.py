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


def read(stored, start, end, limit, span=None, now=FOREVER):
    asked = []

    async def fetch(since, until):
        asked.append((since, until))
        return [one for one in stored if since <= one.time and (until is None or one.time < until)][:limit]

    async def gather():
        return [page async for page in pages(fetch, start, end, limit, span=span, now=now)]

    found = asyncio.run(gather())
    assert all(found)
    return [one for page in found for one in page], asked


@given(
    st.lists(st.integers(0, 60), max_size=40),
    st.integers(0, 30),
    st.integers(0, 70),
    st.one_of(st.none(), st.integers(1, 25)),
)
def test_every_item_of_the_range_comes_once_and_in_order(times, start, length, span):
    stored, end = items(times), start + length
    most = max((times.count(time) for time in times), default=0)
    found, _ = read(stored, start, end, most + 1, span)
    assert found == [one for one in stored if start <= one.time < end]


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
        return [one.time async for page in pages(fetch, 0, 1_000, 10, span=30, skip=skip) for one in page]

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
