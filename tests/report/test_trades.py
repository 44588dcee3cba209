"""Round trips out of fills: what a trade is, and what it earned."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planar.errors import DataError
from planar.report.trades import SCHEMA, open_count, total_fees, trades

BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"


def fills(*rows: tuple, instrument: str = BTC, currency: str = "USDT") -> pl.DataFrame:
    """Rows of (side, amount, price), and where they matter (…, fee, instrument, fee currency); a fill a second."""
    table = []
    for number, row in enumerate(rows):
        side, amount, price, fee, name, paid = (*row, *(0.0, instrument, currency)[len(row) - 3 :])
        table.append((1_000 * number, name, number, side, price, amount, amount * price, fee, paid, "taker", ""))
    text, whole, number = pl.String, pl.Int64, pl.Float64
    schema = {"time": whole, "instrument": text, "order_id": whole, "side": text, "price": number, "amount": number}
    more = {"cost": number, "fee": number, "fee_currency": text, "liquidity": text, "tag": text}
    return pl.DataFrame(table, schema=schema | more, orient="row")


def only(table: pl.DataFrame) -> dict:
    assert len(table) == 1
    return table.row(0, named=True)


def test_a_buy_and_its_sale_are_one_trade():
    trade = only(trades(fills(("buy", 2.0, 100.0, 1.0), ("sell", 2.0, 110.0, 3.0))))
    assert list(trade) == list(SCHEMA)
    assert (trade["instrument"], trade["side"], trade["opened"], trade["closed"]) == (BTC, "long", 0, 1_000)
    assert (trade["entry_price"], trade["exit_price"], trade["amount"]) == (100.0, 110.0, 2.0)
    assert (trade["fees"], trade["pnl"], trade["return"]) == (4.0, 16.0, 0.08)  # 220 - 3 - 200 - 1


def test_prices_are_means_weighted_by_amount_over_all_fills_of_the_trade():
    entered = ("buy", 1.0, 100.0), ("sell", 0.5, 120.0), ("buy", 2.5, 93.0)
    trade = only(trades(fills(*entered, ("sell", 1.0, 110.0), ("sell", 2.0, 95.0))))
    assert trade["amount"] == 3.5
    assert trade["entry_price"] == 95.0  # (100 + 232.5) / 3.5
    assert trade["exit_price"] == pytest.approx(360 / 3.5)  # (60 + 110 + 190) / 3.5
    assert trade["pnl"] == 27.5
    assert trade["return"] == pytest.approx(27.5 / 332.5)
    assert (trade["opened"], trade["closed"]) == (0, 4_000)


def test_a_trade_still_open_at_the_end_is_counted_and_not_listed():
    book = fills(("buy", 1.0, 100.0), ("sell", 1.0, 110.0), ("buy", 1.0, 100.0), ("sell", 0.5, 120.0))
    assert only(trades(book))["pnl"] == 10.0
    assert open_count(book) == 1
    assert open_count(book[:2]) == 0


def test_instruments_have_their_own_trades_listed_by_closing():
    bought, sold = (
        [("buy", 1.0, 100.0), ("buy", 1.0, 10.0, 0.0, ETH)],
        [("sell", 1.0, 12.0, 0.0, ETH), ("sell", 1.0, 90.0)],
    )
    table = trades(fills(*bought, *sold))
    assert table.select("instrument", "closed", "pnl").rows() == [(ETH, 2_000, 2.0), (BTC, 3_000, -10.0)]


def test_what_one_instrument_leaves_open_is_nothing_to_another():
    short = ("sell", 1.0, 10.0, 0.0, ETH), ("buy", 1.0, 8.0, 0.0, ETH)
    assert only(trades(fills(("buy", 0.5, 100.0), *short)))["pnl"] == 2.0
    dust = ("buy", 1.0, 100.0), ("sell", 0.5, 100.0)  # 0.5 left, worth 50
    assert trades(fills(*dust, *short), dust={BTC: 0.6})["pnl"].to_list() == [0.0, 2.0]


def test_a_short_earns_when_the_price_falls():
    trade = only(trades(fills(("sell", 2.0, 100.0, 1.0), ("buy", 2.0, 90.0, 1.0))))
    assert trade["side"] == "short"
    assert trade["pnl"] == 18.0
    assert trade["return"] == 0.09


def test_a_fill_that_turns_the_position_ends_one_trade_and_begins_another():
    table = trades(fills(("buy", 1.0, 100.0), ("sell", 3.0, 110.0, 3.0), ("buy", 2.0, 100.0)))
    assert table["side"].to_list() == ["long", "short"]
    assert table.select("opened", "closed").rows() == [(0, 1_000), (1_000, 2_000)]
    assert table["fees"].to_list() == pytest.approx([1.0, 2.0])  # the fee is shared by amount
    assert table["pnl"].to_list() == pytest.approx([9.0, 18.0])


def test_a_fee_in_base_shrinks_the_position_and_counts_at_the_price_of_its_fill():
    trade = only(trades(fills(("buy", 1.0, 100.0, 0.01, BTC, "BTC"), ("sell", 0.99, 110.0, 0.5))))
    assert trade["amount"] == 1.0
    assert trade["fees"] == 1.5  # 0.01 * 100 + 0.5
    assert trade["pnl"] == pytest.approx(0.99 * 110 - 0.5 - 100)


def test_dust_below_the_step_does_not_keep_a_trade_open():
    book = fills(("buy", 1.0, 100.0, 0.001, BTC, "BTC"), ("sell", 0.99, 100.0))  # 0.009 left, the step is 0.01
    assert trades(book).is_empty()
    assert open_count(book) == 1
    assert only(trades(book, dust={BTC: 0.01}))["pnl"] == pytest.approx(-0.1)  # the fee; the dust is worth 0.9
    assert open_count(book, dust={BTC: 0.01}) == 0


def test_a_position_of_exactly_the_dust_is_open():
    assert open_count(fills(("buy", 0.3, 100.0), ("sell", 0.2, 100.0)), dust={BTC: 0.1}) == 1


def test_dust_is_handed_to_the_next_trade_at_the_price_it_was_left_at():
    book = fills(
        ("buy", 1.0, 100.0, 0.006, BTC, "BTC"),
        ("sell", 0.99, 200.0),  # leaves 0.004
        ("buy", 1.0, 200.0, 0.006, BTC, "BTC"),
        ("sell", 0.998, 200.0),  # sells what both left
    )
    table = trades(book, dust={BTC: 0.01})
    assert table["pnl"].to_list() == pytest.approx([98.0 + 0.004 * 200, 199.6 - 200 - 0.004 * 200])
    assert table["side"].to_list() == ["long", "long"]
    assert table["pnl"].sum() == pytest.approx(98.0 - 0.4)


def test_a_fill_below_the_dust_belongs_to_no_trade():
    book = fills(("buy", 0.004, 100.0), ("buy", 1.0, 100.0), ("sell", 1.0, 110.0))
    trade = only(trades(book, dust={BTC: 0.01}))
    assert (trade["opened"], trade["amount"]) == (1_000, 1.0)
    assert trade["pnl"] == pytest.approx(10.04)  # the dust rose with the price


def test_a_rebate_adds_to_the_pnl():
    trade = only(trades(fills(("buy", 1.0, 100.0, -0.5), ("sell", 1.0, 100.0, -0.5))))
    assert (trade["fees"], trade["pnl"]) == (-1.0, 1.0)


def test_fees_in_a_third_currency_need_their_rate():
    book = fills(("buy", 1.0, 100.0, 0.002, BTC, "BNB"), ("sell", 1.0, 110.0, 0.002, BTC, "BNB"))
    with pytest.raises(DataError, match=r"binance:BTC/USDT were paid in BNB.*rates=\{'BNB'"):
        trades(book)
    trade = only(trades(book, rates={"BNB": 500.0}))
    assert (trade["fees"], trade["pnl"]) == (2.0, 8.0)
    assert total_fees(book, rates={"BNB": 500.0}) == 2.0


def test_a_fee_of_zero_needs_no_rate():
    book = fills(("buy", 1.0, 100.0, 0.0, BTC, "BNB"), ("sell", 1.0, 110.0, 0.0, BTC, None))
    assert only(trades(book))["pnl"] == 10.0
    assert total_fees(book) == 0.0


def test_a_perpetual_pays_its_fees_in_the_settlement_currency():
    perpetual = "binance:BTC/USDT:USDT"
    book = fills(("sell", 1.0, 100.0, 1.0), ("buy", 1.0, 90.0, 1.0), instrument=perpetual)
    assert only(trades(book))["pnl"] == 8.0


def test_total_fees_count_open_trades_too():
    assert total_fees(fills(("buy", 1.0, 100.0, 0.01, BTC, "BTC"), ("buy", 1.0, 50.0, 0.5, ETH))) == 1.5


def test_no_fills_are_no_trades():
    assert trades(fills()).schema == SCHEMA
    assert trades(fills()).is_empty()
    assert (open_count(fills()), total_fees(fills())) == (0, 0.0)


@pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum([ETH, BTC])])
def test_names_may_be_categories(kind):
    book = fills(("buy", 1.0, 100.0), ("buy", 1.0, 10.0, 1.0, ETH), ("sell", 1.0, 90.0), ("sell", 1.0, 12.0, 0.0, ETH))
    sides, paid = pl.col("side").cast(pl.Enum(["buy", "sell"])), pl.col("fee_currency").cast(pl.Categorical)
    assert trades(book.with_columns(pl.col("instrument").cast(kind), sides, paid)).equals(trades(book))


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (fills(("buy", 1.0, 1.0), ("sell", 1.0, 1.0)).reverse(), "not in the order of their times"),
        (fills(("BUY", 1.0, 1.0)), "not 'BUY'"),
        (fills(("buy", 0.0, 1.0)), "fill 0 moves no position"),
        (fills(("buy", 1.0, 1.0), ("buy", 1.0, 1.0, 1.0, BTC, "BTC")), "fill 1 moves no position"),
        (fills(("buy", 1.0, float("nan"))), "the price of some fill"),
        (fills(("buy", 1.0, 1.0, None)), "the fee of some fill"),
    ],
)
def test_fills_that_cannot_be_followed_are_refused(book, message):
    with pytest.raises(DataError, match=message):
        trades(book)


orders = st.lists(
    st.tuples(st.sampled_from([BTC, ETH]), st.integers(-5, 5).filter(bool), st.integers(1, 100), st.integers(-1, 3)),
    min_size=1,
    max_size=40,
)


def flattened(orders: list[tuple], last: int) -> list[tuple]:
    """Orders, and then what closes both books."""
    open_lots = {name: sum(lots for at, lots, *_ in orders if at == name) for name in (BTC, ETH)}
    return orders + [(name, -lots, last, 1) for name, lots in open_lots.items() if lots]


def as_fills(orders: list[tuple]) -> pl.DataFrame:
    # A tenth is no float, so the positions gather round-off.
    side = {True: "buy", False: "sell"}
    return fills(*((side[lots > 0], abs(lots) * 0.1, float(price), fee, name) for name, lots, price, fee in orders))


def walked(orders: list[tuple]) -> list[tuple]:
    """The round trips by whole lots, fill after fill: (closing fill, opening fill, instrument, side)."""
    position, opened, trips = {BTC: 0, ETH: 0}, {}, []
    for row, (name, lots, *_) in enumerate(orders):
        before, after = position[name], position[name] + lots
        if before and before * after <= 0:
            trips.append((row, opened[name], name, "long" if before > 0 else "short"))
        if after and before * after <= 0:
            opened[name] = row
        position[name] = after
    return trips


@settings(deadline=None)
@given(orders, st.integers(1, 100))
def test_the_pnl_of_closed_books_is_the_change_of_cash(orders, last):
    book = as_fills(flattened(orders, last))
    flow = pl.when(pl.col("side") == "buy").then(-pl.col("cost")).otherwise(pl.col("cost"))
    cash = book.select((flow - pl.col("fee")).sum()).item()
    table = trades(book)
    assert table["pnl"].sum() == pytest.approx(cash, abs=1e-9)
    assert table["fees"].sum() == pytest.approx(total_fees(book), abs=1e-9)
    assert open_count(book) == 0


@settings(deadline=None)
@given(orders)
def test_trades_are_those_that_walking_fill_by_fill_finds(orders):
    found = trades(as_fills(orders)).select("closed", "opened", "instrument", "side").rows()
    assert found == [(1_000 * closed, 1_000 * opened, *rest) for closed, opened, *rest in walked(orders)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(2, 500), st.integers(1, 100), st.integers(1, 100)), min_size=1, max_size=20))
def test_with_fees_in_base_pnl_is_the_change_of_cash_and_the_dust_at_its_last_price(rounds):
    """Each round buys whole steps of 0.01, pays 0.1 % in base, and sells every whole step it then owns."""
    rows, cash, owned = [], 0.0, 0  # owned in units of 0.00001
    for steps, bought, sold in rounds:
        out, owned = divmod(owned + steps * 999, 1_000)
        rows.append(("buy", steps / 100, float(bought), steps / 100_000, BTC, "BTC"))
        rows.append(("sell", out / 100, float(sold)))
        cash += out / 100 * sold - steps / 100 * bought
    table = trades(fills(*rows), dust={BTC: 0.01})
    assert len(table) == len(rounds)
    assert table["pnl"].sum() == pytest.approx(cash + owned / 100_000 * rounds[-1][2], abs=1e-9)
