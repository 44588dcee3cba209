"""Recorded order books: the book that is shown is the one that was recorded, and takers pay its levels."""

import asyncio
import itertools
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import aiohttp
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from venue.conftest import binance, config, until

from planar.errors import ConfigError
from planar.model.instrument import Instrument
from planar.model.order import Side
from planar.store.synthetic import synthetic
from planar.venue.book import Book
from planar.venue.config import built
from planar.venue.listing import listed
from planar.venue.order import EXPIRED, FILLED, LIMIT, LIMIT_MAKER, MARKET, NEW, STOP_LOSS, Ticket
from planar.venue.recording import read_books
from planar.venue.refusal import Refusal
from planar.venue.replay import Change, RecordedBook, from_books, joined, ordered
from planar.venue.server import Venue

NAME = "binance:BTC/USDT"
INSTRUMENT = Instrument(NAME, price_step=0.01, amount_step=0.00001, base_unit=1e-8, min_cost=5.0, fee_side="base")
DATA = Path(__file__).parents[3] / "shared/data"
NUMBERS = itertools.count()
BOOKS = [DATA / f"orderbook/binance/BTC-USDT.{part}.2024-08-08.parquet" for part in ("snapshot0", "deltas")]


def trades(*rows):
    """Recorded trades: (time, price, amount, side)."""
    return pl.DataFrame(rows, schema=["time", "price", "amount", "side"], orient="row")


def levels(*rows):
    """A recorded book: (time, side, price, amount)."""
    return pl.DataFrame(rows, schema=["time", "side", "price", "amount"], orient="row")


BEFORE = trades((0, 100.0, 1.0, "buy"), (1_000, 100.0, 1.0, "buy"), (60_000, 100.0, 1.0, "sell"))
LADDER = levels(
    (500, "bid", 99.99, 1.0), (500, "bid", 99.90, 2.0), (500, "ask", 100.01, 1.0), (500, "ask", 100.11, 3.0),
    (500, "ask", 101.00, 5.0),
)  # fmt: skip


def floor_of(book=LADDER, moves=BEFORE):
    floor = built(config(instruments=(INSTRUMENT,), trades={NAME: moves}, books={NAME: book}))[0]
    floor.advance(2_000)
    return floor, floor.open_account("key", "secret", {"USDT": Decimal(100_000), "BTC": Decimal(100)})


def ticket(floor, side, kind, *, amount=0.0, money=0.0, price=0.0, tif="GTC"):
    listing = floor.listings[0]
    units, ticks = listing.units(amount), round(price * 100)
    return Ticket(listing, side, kind, tif, units, round(money * 10**8), ticks, 0, f"id{next(NUMBERS)}")


def filled(order):
    """Amount, and what a base unit cost, of all its fills."""
    return order.filled / 10**8, [execution.ticks / 100 for execution in order.executions]


@pytest.mark.parametrize(
    ("side", "amount", "average"),
    [
        (Side.BUY, 1.0, 100.01),
        (Side.BUY, 2.0, 100.06),  # 1 at 100.01, 1 at 100.11
        (Side.BUY, 1.5, 100.05),  # 100.0433 is rounded against the taker
        (Side.BUY, 5.0, 100.27),  # 1 at 100.01, 3 at 100.11, 1 at 101: 100.268
        (Side.SELL, 1.0, 99.99),
        (Side.SELL, 2.0, 99.94),  # 99.945
    ],
)
def test_a_market_order_pays_the_levels_it_takes(side, amount, average):
    floor, account = floor_of()
    order = floor.place(account, ticket(floor, side, MARKET, amount=amount))
    assert (order.status, filled(order)) == (FILLED, (amount, [average]))


def test_a_market_order_gets_what_is_there_and_no_more():
    floor, account = floor_of()
    order = floor.place(account, ticket(floor, Side.SELL, MARKET, amount=4.0))
    assert order.status == EXPIRED
    assert filled(order) == (3.0, [99.93])


def test_a_quote_budget_walks_the_book():
    floor, account = floor_of()
    order = floor.place(account, ticket(floor, Side.BUY, MARKET, money=200.12))
    # 1 at 100.01 and 0.99990 at 100.11 are 100.0600 on average, which is paid for all.
    assert (order.status, filled(order)) == (FILLED, (2.0, [100.06]))


def test_a_limit_takes_what_is_within_it_and_rests_with_the_remainder():
    floor, account = floor_of()
    order = floor.place(account, ticket(floor, Side.BUY, LIMIT, amount=5.0, price=100.11))
    assert order.status == "PARTIALLY_FILLED"
    assert filled(order) == (4.0, [100.09])  # 1 at 100.01, 3 at 100.11: 100.085
    inside = floor.place(account, ticket(floor, Side.BUY, LIMIT, amount=1.0, price=100.0))
    assert inside.status == NEW


def test_fill_or_kill_looks_at_the_recorded_depth():
    floor, account = floor_of()
    assert floor.place(account, ticket(floor, Side.BUY, LIMIT, amount=4.1, price=100.11, tif="FOK")).status == EXPIRED
    assert floor.place(account, ticket(floor, Side.BUY, LIMIT, amount=4.0, price=100.11, tif="FOK")).status == FILLED


def test_a_maker_order_that_would_take_is_refused_by_the_recorded_book():
    floor, account = floor_of()
    with pytest.raises(Refusal, match="immediately match"):
        floor.place(account, ticket(floor, Side.BUY, LIMIT_MAKER, amount=1.0, price=100.01))
    assert floor.place(account, ticket(floor, Side.BUY, LIMIT_MAKER, amount=1.0, price=100.0)).status == NEW


def test_a_resting_order_is_filled_by_recorded_trades_and_not_by_the_book():
    moves = trades(*BEFORE.rows(), (61_000, 98.0, 50.0, "sell"))
    book = pl.concat([LADDER, levels((30_000, "ask", 98.5, 9.0))])
    floor, account = floor_of(book, moves)
    order = floor.place(account, ticket(floor, Side.BUY, LIMIT, amount=1.0, price=99.0))
    floor.advance(60_500)
    assert order.status == NEW
    floor.advance(61_000)
    assert (order.status, filled(order)) == (FILLED, (1.0, [99.0]))


def test_what_a_taker_pays_is_the_law_s_again_for_stops():
    floor, account = floor_of()
    record = account.kernel.record
    usual = float(record["spread"]), float(record["impact"])
    floor.place(account, ticket(floor, Side.BUY, MARKET, amount=1.0))
    assert (float(record["spread"]), float(record["impact"])) == usual
    assert account.kernel.memory.instruments[0]["last"] == 100.0


def test_a_stop_is_judged_by_the_last_trade_and_not_by_the_book():
    book = levels((500, "bid", 104.99, 1.0), (500, "ask", 105.01, 1.0))
    floor, account = floor_of(book)
    asked = replace(ticket(floor, Side.BUY, STOP_LOSS, amount=0.5), stop=10_200)  # above the trade at 100
    assert floor.place(account, asked).status == NEW


def test_the_best_prices_are_told_when_the_book_changes_them_without_a_trade():
    changes = levels((5_000, "ask", 100.11, 4.0), (6_000, "ask", 100.01, 0.5), (7_000, "bid", 99.99, 0.0))

    async def play():
        settings = config(instruments=(INSTRUMENT,), trades={NAME: BEFORE}, books={NAME: pl.concat([LADDER, changes])})
        stream = "btcusdt@bookTicker"
        async with (
            Venue(settings) as venue,
            aiohttp.ClientSession(venue.addresses()["ws"]) as session,
            session.ws_connect(f"/ws/{stream}") as socket,
        ):
            await until(lambda: venue.streams.has(stream))
            venue.step(30_000 - venue.floor.now)
            [_, *told] = [await socket.receive_json(timeout=5) for _ in range(3)]  # the trade at 1,000 tells them too
        return [(each["b"], each["a"], each["A"]) for each in told]

    assert asyncio.run(play()) == [
        ("99.99000000", "100.01000000", "0.50000000"),  # what lies behind the best is not told
        ("99.90000000", "100.01000000", "0.50000000"),
    ]


RUNGS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=6)


@given(st.lists(st.tuples(st.booleans(), RUNGS, RUNGS), max_size=12))
def test_a_recorded_book_is_what_was_told_last_and_never_crossed(changes):
    book, told = RecordedBook(), {}
    for time, (is_whole, bids, asks) in enumerate(changes):
        book.take(Change(time, 0, is_whole, bids, asks))
        told = {} if is_whole else told
        for side, changed in ((0, bids), (1, asks)):
            told.update({(side, ticks): units for ticks, units in changed})
        shown = book.book(time)
        assert [t for t, _ in shown.bids] == sorted({t for t, _ in shown.bids}, reverse=True)
        assert [t for t, _ in shown.asks] == sorted({t for t, _ in shown.asks})
        assert not shown.bids or not shown.asks or shown.bids[0][0] < shown.asks[0][0]
        assert all(told[0, ticks] == units > 0 for ticks, units in shown.bids)
        assert all(told[1, ticks] == units > 0 for ticks, units in shown.asks)


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 9), max_size=8),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 60),
    st.integers(0, 60),
)
def test_the_average_of_a_walk_is_that_of_single_units(rungs, side, units, limit):
    book = Book(0, sorted(rungs.items(), reverse=True), sorted(rungs.items()))
    singles = [ticks for ticks, shown in (book.asks if side == Side.BUY else book.bids) for _ in range(shown)]
    within = [t for t in singles if not limit or (t <= limit if side == Side.BUY else t >= limit)][:units]
    rounded = math.ceil if side == Side.BUY else math.floor
    expected = rounded(sum(within) / len(within)) if within else (singles or [0])[0]
    assert book.taker_ticks(side, limit, units) == expected


def test_the_stream_of_a_replayed_book_leads_to_the_book_of_a_request():
    changes = [(2_000 + 100 * i, "ask", 100.01 + i / 100, 1.0 if i % 3 else 0.0) for i in range(60)]
    changes += [(2_050 + 100 * i, "bid", 99.99 - i / 100, i % 4) for i in range(60)]

    async def play():
        book = pl.concat([LADDER, levels(*changes)], how="vertical_relaxed")
        settings = config(instruments=(INSTRUMENT,), trades={NAME: BEFORE}, books={NAME: book})
        async with Venue(settings) as venue:
            exchange = binance(venue)
            try:
                listening = asyncio.create_task(exchange.watch_order_book("BTC/USDT"))
                while not listening.done():
                    venue.step(100)
                    await asyncio.sleep(0.02)
                watched = await listening
                while venue.floor.now < 9_000:
                    venue.step(100)
                    await asyncio.sleep(0.01)
                asked = await exchange.fetch_order_book("BTC/USDT")
                await until(lambda: (watched["bids"], watched["asks"]) == (asked["bids"], asked["asks"]))
            finally:
                session = exchange.session
                await exchange.close()
                await session.close()
            return asked

    assert len(asyncio.run(play())["bids"]) > 10


def test_a_snapshot_and_what_changed_after_it_are_one_recording():
    snapshot = levels((10, "bid", 99.0, 1.0), (10, "ask", 101.0, 1.0)).with_columns(last_update_id=pl.lit(7))
    deltas = levels((9, "bid", 99.0, 0.0), (12, "bid", 99.0, 5.0)).with_columns(last_update_id=pl.Series([7, 8]))
    assert joined([snapshot, deltas])["amount"].to_list() == [1.0, 1.0, 5.0]


@pytest.mark.parametrize(
    ("book", "complaint"),
    [
        (levels((0, "buy", 99.0, 1.0)), "has the side 'buy': write bid or ask"),
        (levels((0, "bid", -1.0, 1.0)), "has a level of 1.0 at -1.0"),
        (levels((0, "bid", 1.0, float("nan"))), "has a level of nan at 1.0"),
        (LADDER.drop("side"), "has no column 'side'"),
        (LADDER.clear(), "is empty"),
    ],
)
def test_a_recording_that_is_no_book_is_refused(book, complaint):
    with pytest.raises(ConfigError, match=f"the recorded book of binance:BTC/USDT {complaint}"):
        floor_of(book)


def test_books_without_trades_are_refused():
    with pytest.raises(ConfigError, match="give the trades that were recorded beside them"):
        config(books={NAME: LADDER})


def test_candles_without_volume_are_refused():
    frame = synthetic([NAME], "1m", candles=300, seed=1)[NAME].with_columns(volume=pl.lit(None, pl.Float64))
    with pytest.raises(ConfigError, match="have no volume: nothing would be traded"):
        built(config(instruments=(INSTRUMENT,), candles={NAME: frame}))


@pytest.mark.data
@pytest.mark.skipif(not BOOKS[0].exists(), reason="the recorded books are not here")
def test_a_real_recording_shows_the_best_prices_that_the_exchange_told():
    """Binance's own ``bookTicker`` was recorded beside: another stream, by which the replay is judged."""
    quotes = pl.read_parquet(DATA / "quotes/binance/BTC-USDT.2024-08-08.parquet").sort("update_id")
    rows, book, listing = ordered(read_books(BOOKS), NAME), RecordedBook(), listed((INSTRUMENT,))[0]
    seen = []
    for update, change in zip(rows["update"].unique(maintain_order=True), from_books(listing, rows), strict=True):
        book.take(change)
        (bid, bid_units), (ask, ask_units) = book.best
        seen.append((update, bid, bid_units, ask, ask_units))
    replayed = pl.DataFrame(seen, schema=["update_id", "b", "bn", "a", "an"], orient="row")
    told = replayed.filter(pl.col("update_id") <= quotes["update_id"].max()).join_asof(quotes, on="update_id")
    columns = {"bid": ("b", 100), "ask": ("a", 100), "bid_size": ("bn", 10**8), "ask_size": ("an", 10**8)}
    same = [(pl.col(name) * scale).round().cast(pl.Int64) == pl.col(mine) for name, (mine, scale) in columns.items()]
    agrees = told.select(pl.all_horizontal(same)).to_series()
    print(f"{agrees.sum()} of {len(agrees)} books show the best prices and amounts that were told")
    assert len(agrees) > 3_000
    assert agrees.all()
