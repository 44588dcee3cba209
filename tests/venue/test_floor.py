"""The venue without network: money and orders by hand-sized numbers."""

from decimal import Decimal

import pytest

from planar.errors import ConfigError
from planar.model.instrument import Instrument
from planar.model.order import Side
from planar.simulator.fill_model import FillModel
from planar.venue.floor import Floor
from planar.venue.listing import Listing
from planar.venue.order import CANCELED, EXPIRED, FILLED, NEW, PARTIALLY_FILLED, Ticket
from planar.venue.prints import Print
from planar.venue.refusal import Refusal

# Ticks of 1, steps of 1, no fee: prices and amounts are the numbers one sees.
PLAIN = Instrument("test:COIN/USD", price_step=1.0, amount_step=1.0, taker=0.0, maker=0.0, fee_side="base")
IDEAL = FillModel("ohlc", 0, None, None, 0.0, None, "touch")


def floor(*prices, model=IDEAL, instrument=PLAIN, volume=10):
    """A floor whose market trades at these prices, one a second; the first is history."""
    listing = Listing(instrument, 0)
    units = volume * listing.step_units
    moves = [Print(i * 1000, 0, p, p, p, p, units, False) for i, p in enumerate(prices)]
    made = Floor([listing], iter(moves), model, 0)
    return made, made.open_account("key", "secret", {"USD": Decimal(1000), "COIN": Decimal(5)})


def ticket(made, side, type, amount=0, price=0, stop=0, tif="GTC", money=0, client_id="mine", delta=0):
    listing = made.listings[0]
    return Ticket(listing, side, type, tif, amount * listing.step_units, money * 10**8, price, stop, client_id, delta)


def test_a_market_buy_trades_at_the_last_price_and_moves_the_balances():
    made, account = floor(100)
    order = made.place(account, ticket(made, Side.BUY, "MARKET", 3))
    assert order.status == FILLED
    assert [(e.ticks, e.units, e.is_maker) for e in order.executions] == [(100, 3 * made.listings[0].step_units, False)]
    assert account.balance("USD") == ("700.00000000", "0.00000000")
    assert account.balance("COIN") == ("8.00000000", "0.00000000")


def test_a_limit_rests_holds_its_cost_and_fills_at_its_limit_when_the_market_comes():
    made, account = floor(100, 95, 90)
    order = made.place(account, ticket(made, Side.BUY, "LIMIT", 2, price=92))
    assert (order.status, order.is_working) == (NEW, True)
    assert account.balance("USD") == ("816.00000000", "184.00000000")
    made.advance(1000)
    assert order.status == NEW
    made.advance(2000)
    assert order.status == FILLED
    assert [(e.ticks, e.is_maker, e.time) for e in order.executions] == [(92, True, 2000)]
    assert account.balance("USD") == ("816.00000000", "0.00000000")


def test_a_limit_wants_one_tick_through_when_the_model_says_cross():
    made, account = floor(100, 92, 91, model=FillModel("ohlc", 0, None, None, 0.0, None, "cross"))
    order = made.place(account, ticket(made, Side.BUY, "LIMIT", 2, price=92))
    made.advance(1000)
    assert order.status == NEW
    made.advance(2000)
    assert order.status == FILLED


def test_a_resting_order_gets_its_share_of_each_trade():
    made, account = floor(100, 90, 90, model=FillModel("ohlc", 0, None, None, 0.0, 0.1, "cross"), volume=20)
    order = made.place(account, ticket(made, Side.BUY, "LIMIT", 3, price=95))
    made.advance(1000)
    assert (order.status, order.filled) == (PARTIALLY_FILLED, 2 * made.listings[0].step_units)
    made.advance(2000)
    assert order.status == FILLED


def test_a_market_order_beyond_the_book_expires_with_what_it_got():
    made, account = floor(100, model=FillModel("ohlc", 0, None, None, 0.0, 0.1, "cross"))
    order = account.place(ticket(made, Side.BUY, "MARKET", 5), 0, 2 * made.listings[0].step_units)
    assert (order.status, order.filled) == (EXPIRED, 2 * made.listings[0].step_units)
    assert [r.what for r in account.take_reports()] == ["NEW", "TRADE", "EXPIRED"]
    assert account.balance("USD") == ("800.00000000", "0.00000000")


def test_a_fill_or_kill_that_the_book_cannot_serve_takes_nothing():
    made, account = floor(100, model=FillModel("ohlc", 0, None, None, 0.0, 0.1, "cross"))
    made.place(account, ticket(made, Side.SELL, "MARKET", 1))
    order = account.place(ticket(made, Side.BUY, "LIMIT", 5, price=101, tif="FOK"), 0, 2 * made.listings[0].step_units)
    assert (order.status, order.filled) == (EXPIRED, 0)


def test_a_buy_by_cost_spends_no_more_than_that():
    made, account = floor(30)
    order = made.place(account, ticket(made, Side.BUY, "MARKET", money=100))
    assert (order.status, order.filled, order.money) == (FILLED, 3 * made.listings[0].step_units, 90 * 10**8)


def test_a_buy_pays_its_fee_in_what_it_receives_and_a_sell_in_quote():
    made, account = floor(100, instrument=Instrument("test:COIN/USD", price_step=1.0, amount_step=1.0, fee_side="base"))
    made.place(account, ticket(made, Side.BUY, "MARKET", 2))
    assert account.balance("COIN")[0] == "6.99800000"
    made.place(account, ticket(made, Side.SELL, "MARKET", 1))
    assert account.balance("USD")[0] == "899.90000000"


FUNDS = "Account has insufficient balance for requested action."
TAKES = "Order would immediately match and take."
TRIGGERS = "Stop price would trigger immediately."


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"side": Side.BUY, "type": "MARKET", "amount": 11}, -2010, FUNDS),
        ({"side": Side.SELL, "type": "MARKET", "amount": 6}, -2010, FUNDS),
        ({"side": Side.BUY, "type": "LIMIT", "amount": 11, "price": 99}, -2010, FUNDS),
        ({"side": Side.BUY, "type": "LIMIT_MAKER", "amount": 1, "price": 101}, -2010, TAKES),
        ({"side": Side.SELL, "type": "STOP_LOSS", "amount": 1, "stop": 101}, -2010, TRIGGERS),
    ],
)
def test_a_refused_order_leaves_no_trace(asked, code, text):
    made, account = floor(100)
    with pytest.raises(Refusal) as refusal:
        made.place(account, ticket(made, **asked))
    assert (refusal.value.code, refusal.value.text) == (code, text)
    assert not account.orders
    assert not account.open
    assert not account.take_reports()
    assert account.balance("USD") == ("1000.00000000", "0.00000000")
    assert account.balance("COIN") == ("5.00000000", "0.00000000")


def test_a_stop_waits_outside_the_book_and_sells_at_market_when_touched():
    made, account = floor(100, 96, 95, 94)
    order = made.place(account, ticket(made, Side.SELL, "STOP_LOSS", 2, stop=95))
    assert (order.status, order.is_working) == (NEW, False)
    assert account.balance("COIN") == ("3.00000000", "2.00000000")
    made.advance(1000)
    assert order.status == NEW
    made.advance(2000)
    assert (order.status, [e.ticks for e in order.executions]) == (FILLED, [95])


def test_a_triggered_stop_limit_rests_at_its_limit():
    made, account = floor(100, 94, 97)
    order = made.place(account, ticket(made, Side.SELL, "STOP_LOSS_LIMIT", 2, price=96, stop=95))
    made.advance(1000)
    assert (order.status, order.is_working) == (NEW, True)
    made.advance(2000)
    assert [e.ticks for e in order.executions] == [96]


def test_a_take_waits_outside_the_book_and_sells_at_market_when_touched():
    made, account = floor(100, 104, 105, 94)
    order = made.place(account, ticket(made, Side.SELL, "TAKE_PROFIT", 2, stop=105))
    made.advance(1000)
    assert (order.status, order.is_working) == (NEW, False)
    made.advance(2000)
    assert (order.status, [e.ticks for e in order.executions]) == (FILLED, [105])


def test_a_triggered_take_limit_rests_at_its_limit():
    made, account = floor(100, 105, 107)
    order = made.place(account, ticket(made, Side.SELL, "TAKE_PROFIT_LIMIT", 2, price=106, stop=105))
    made.advance(1000)
    assert (order.status, order.is_working) == (NEW, True)
    made.advance(2000)
    assert [e.ticks for e in order.executions] == [106]


def test_a_trailing_stop_follows_the_highest_trade_and_sells_at_market_when_it_falls_back():
    made, account = floor(100, 110, 120, 109, 108)
    order = made.place(account, ticket(made, Side.SELL, "STOP_LOSS", 2, delta=1000))
    for time in (1000, 2000, 3000):
        made.advance(time)
    assert (order.status, order.is_working) == (NEW, False)
    made.advance(4000)
    assert (order.status, [e.ticks for e in order.executions]) == (FILLED, [108])


def test_a_trailing_stop_with_a_stop_price_follows_only_from_there():
    made, account = floor(100, 80, 104, 103, 93)
    order = made.place(account, ticket(made, Side.SELL, "TAKE_PROFIT", 2, stop=104, delta=1000))
    for time in (1000, 2000, 3000):
        made.advance(time)
    assert order.status == NEW
    made.advance(4000)
    assert (order.status, [e.ticks for e in order.executions]) == (FILLED, [93])


def test_a_cancelled_order_gives_back_what_it_held_and_cannot_be_cancelled_again():
    made, account = floor(100)
    order = made.place(account, ticket(made, Side.BUY, "LIMIT", 2, price=90))
    made.cancel(account, order)
    assert order.status == CANCELED
    assert account.balance("USD") == ("1000.00000000", "0.00000000")
    with pytest.raises(Refusal, match="Unknown order sent"):
        made.cancel(account, order)


def test_what_the_book_shows_is_what_a_taker_pays():
    model = FillModel("ohlc", 0, 0.001, 1.0, 0.0, 0.1, "cross")
    instrument = Instrument("test:COIN/USD", price_step=0.01, amount_step=0.001, taker=0.0, fee_side="base")
    made, account = floor(10_000_00, model=model, instrument=instrument, volume=1_000_000)
    made.deposit(account, "USD", Decimal(10**7))
    for state in (made._quiet, account.kernel):
        state.memory.instruments[0]["day_volume"] = 10_000.0
    book = made.market("COINUSD").book
    listing = made.listings[0]
    for levels in (5, 20, 60):
        units = sum(level[1] for level in book.asks[:levels])
        shown = sum(level[0] * level[1] for level in book.asks[:levels]) / units
        order = made.place(account, Ticket(listing, Side.BUY, "MARKET", "GTC", units, 0, 0, 0, f"c{levels}"))
        paid = order.executions[0].ticks
        assert paid == pytest.approx(shown, abs=2)


def test_all_that_is_shown_up_to_a_price_can_be_had_there_and_no_step_more():
    model = FillModel("ohlc", 0, 0.001, 1.0, 0.0, 0.1, "cross")
    instrument = Instrument("test:COIN/USD", price_step=0.01, amount_step=0.00001, taker=0.0, fee_side="base")
    made, account = floor(30_000_00, model=model, instrument=instrument, volume=1_000_000)
    made.deposit(account, "USD", Decimal(10**9))
    for state in (made._quiet, account.kernel):
        state.memory.instruments[0]["day_volume"] = 30_000.0
    book, listing = made.market("COINUSD").book, made.listings[0]
    for count in range(1, 60):
        price, shown = book.asks[count - 1][0], sum(units for _, units in book.asks[:count])
        all_of_it = (listing, Side.BUY, "LIMIT", "FOK", shown, 0, price, 0, f"all{count}")
        more = (listing, Side.BUY, "LIMIT", "FOK", shown + listing.step_units, 0, price, 0, f"more{count}")
        assert made.place(account, Ticket(*all_of_it)).status == FILLED, count
        assert made.place(account, Ticket(*more)).status == EXPIRED, count


def test_thousands_of_orders_outgrow_the_first_logs():
    made, account = floor(100)
    for i in range(2_000):
        made.place(account, ticket(made, Side.BUY, "MARKET", 1, client_id=f"b{i}"))
        made.place(account, ticket(made, Side.SELL, "MARKET", 1, client_id=f"s{i}"))
    assert len(account.orders) == 4_000
    assert account.balance("USD")[0] == "1000.00000000"


def test_accounts_share_the_market_and_nothing_else():
    made, account = floor(100, 90)
    other = made.open_account("other", "secret", {"USD": Decimal(500)})
    made.place(account, ticket(made, Side.BUY, "LIMIT", 1, price=95))
    assert other.balance("USD") == ("500.00000000", "0.00000000")
    made.advance(1000)
    assert account.balance("COIN")[0] == "6.00000000"
    assert not other.orders


def test_more_than_can_be_counted_or_withdrawn_is_refused():
    made, account = floor(100)
    with pytest.raises(ConfigError, match="more than the venue can count"):
        made.deposit(account, "USD", Decimal(10**12))
    with pytest.raises(Refusal, match="insufficient balance"):
        made.deposit(account, "USD", Decimal(-1001))
    made.deposit(account, "USD", Decimal(-1000))
    made.deposit(account, "OTHER", Decimal("0.5"))
    assert account.balance("USD") == ("0.00000000", "0.00000000")
    assert account.balance("OTHER") == ("0.50000000", "0.00000000")
