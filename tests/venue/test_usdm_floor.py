"""Contracts at the venue without network: margin, income and ends by hand-sized numbers."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planar.errors import ConfigError
from planar.model.instrument import Instrument
from planar.model.order import Side
from planar.model.tiers import Tiers
from planar.simulator.fill_model import FillModel
from planar.venue.floor import Floor
from planar.venue.listing import Listing, listed
from planar.venue.order import CANCELED, EXPIRED, FILLED, NEW, Ticket
from planar.venue.prints import Print
from planar.venue.refusal import Refusal
from planar.venue.usdm.funding import Funding

IDEAL = FillModel("ohlc", 0, None, None, 0.0, None, "touch")
NAME = "test:COIN/USD:USD"
UNIT = 10**8
"""Quote units in a dollar."""


def contract(name=NAME, **changes):
    """Ticks of 1, steps of 1, no fees, tenfold leverage, cross margin; five per cent must be kept."""
    usual = {
        "price_step": 1.0, "amount_step": 1.0, "taker": 0.0, "maker": 0.0, "leverage": 10.0, "margin_mode": "cross",
        "liquidation_fee": 0.0, "tiers": Tiers.of(name, [(0, "0.05", 20)]),
    }  # fmt: skip
    return Instrument(name, **{**usual, **changes})


def floor(*prices, funding=None, instruments=None, **changes):
    """A floor whose markets trade at these prices, one a second; of a pair, the second market's is the other."""
    listings = [Listing(i, k) for k, i in enumerate(instruments or [contract(**changes)])]
    moves = []
    for i, price in enumerate(prices):
        for k, p in enumerate(price if isinstance(price, tuple) else (price,)):
            moves.append(Print(i * 1000, k, p, p, p, p, 10 * listings[k].step_units, False))
    plan = {listings[0].id: funding} if funding else None
    made = Floor(listings, iter(moves), IDEAL, 0, plan)
    return made, made.open_account("key", "secret", {"USD": Decimal(1000)})


def ticket(made, side, amount, type="MARKET", k=0, **terms):
    listing = made.listings[k]
    usual = {"tif": "GTC", "ticks": 0, "stop": 0, "client_id": f"mine{made.now}{type}{side}{amount}", **terms}
    rest = {name: usual.pop(name) for name in ("delta", "reduce_only", "by_mark") if name in usual}
    tif, ticks, stop, id = (usual[name] for name in ("tif", "ticks", "stop", "client_id"))
    return Ticket(listing, side, type, tif, amount * listing.step_units, 0, ticks, stop, id, **rest)


def dollars(account):
    """The wallet and what of it is free."""
    return tuple(units / UNIT for units in account.kernel.wallet())


def test_a_position_asks_for_a_tenth_of_what_it_is_worth_and_its_gain_is_free():
    made, account = floor(100, 120)
    made.place(account, ticket(made, Side.BUY, 20))
    assert dollars(account) == (1000, 800)
    made.advance(1000)
    held = account.position(made.listings[0])
    assert (held.worth / UNIT, held.gain / UNIT, held.asked / UNIT, held.needed / UNIT) == (2400, 400, 240, 120)
    assert dollars(account) == (1000, 1160)
    assert held.entry_price == 100


def test_a_short_wins_when_the_price_falls_and_its_gain_is_income_once_it_is_closed():
    made, account = floor(100, 90)
    made.place(account, ticket(made, Side.SELL, 20))
    made.advance(1000)
    order = made.place(account, ticket(made, Side.BUY, 5))
    assert [e.realised / UNIT for e in order.executions] == [50]
    assert [(i.what, i.units / UNIT) for i in account.income] == [("TRANSFER", 1000), ("REALIZED_PNL", 50)]
    assert account.position(made.listings[0]).units == -15 * made.listings[0].step_units
    assert dollars(account)[0] == 1050


def test_the_wallet_is_the_sum_of_all_income():
    made, account = floor(100, 90, 80, taker=0.001, funding=Funding(np.array([1500]), np.array([0.01])))
    made.place(account, ticket(made, Side.SELL, 20))
    made.advance(2000)
    made.place(account, ticket(made, Side.BUY, 30))
    told = {}
    for one in account.income:
        told[one.what] = told.get(one.what, 0) + one.units / UNIT
    # Fees of 2,000 and 2,400; funding of 1 % on 1,600, which a short receives.
    assert told == {"TRANSFER": 1000, "COMMISSION": -4.4, "REALIZED_PNL": 400, "FUNDING_FEE": 16}
    assert sum(one.units for one in account.income) == account.kernel.wallet()[0]


def test_funding_is_paid_once_by_the_position_of_its_time():
    made, account = floor(100, 100, 100, funding=Funding(np.array([500, 1500]), np.array([0.01, -0.02])))
    made.place(account, ticket(made, Side.BUY, 10))
    made.advance(1000)
    assert dollars(account)[0] == 990
    made.advance(2000)
    assert dollars(account)[0] == 1010
    assert [(p.time, p.rate, p.ticks) for p in made.markets["COINUSD"].paid] == [(500, 0.01, 100), (1500, -0.02, 100)]


def test_a_cross_position_is_liquidated_where_its_margin_ends_and_its_orders_are_cancelled():
    # 100 long from 100: under at 1000 + 100 * (p - 100) <= 5 * p, so at 94.7.
    made, account = floor(100, 95, 94, 120, leverage=20.0)
    made.place(account, ticket(made, Side.BUY, 100))
    rests = made.place(account, ticket(made, Side.SELL, 100, "LIMIT", ticks=110))
    assert account.position(made.listings[0]).liquidation == pytest.approx(9000 / 95)
    made.advance(1000)
    assert (rests.status, account.forced) == (NEW, [])
    made.advance(2000)
    assert rests.status == CANCELED
    (forced,) = account.forced
    assert (forced.status, forced.ticket.side, forced.filled) == (FILLED, Side.SELL, 100 * made.listings[0].step_units)
    assert forced.ticket.client_id.startswith("autoclose-")
    assert account.position(made.listings[0]).units == 0
    made.advance(3000)
    assert dollars(account) == (400, 400)  # 94 is where it was sold
    assert sum(one.units for one in account.income) == 400 * UNIT


def test_an_isolated_position_loses_no_more_than_its_margin():
    made, account = floor(100, 50, margin_mode="isolated")
    made.place(account, ticket(made, Side.BUY, 10))
    assert dollars(account) == (1000, 900)
    made.advance(1000)
    assert len(account.forced) == 1
    assert dollars(account) == (900, 900)


def test_one_position_of_a_cross_account_stands_behind_the_other():
    others = [contract(leverage=20.0), contract("test:CASH/USD:USD", leverage=20.0)]
    prices = ((100, 100), (90, 110), (80, 120), (70, 130))
    made, account = floor(*prices, instruments=others)
    made.place(account, ticket(made, Side.BUY, 40))
    made.place(account, ticket(made, Side.BUY, 40, k=1, client_id="other"))
    made.advance(3000)
    assert account.forced == []  # what one lost the other won
    assert dollars(account)[0] == 1000
    alone, lonely = floor(*((one, 100) for one, _ in prices), instruments=others)
    alone.place(lonely, ticket(alone, Side.BUY, 40))
    alone.advance(3000)
    assert len(lonely.forced) == 1


def test_what_may_only_reduce_is_refused_without_a_position_and_cut_to_it():
    made, account = floor(100, 100)
    with pytest.raises(Refusal, match="ReduceOnly") as refused:
        made.place(account, ticket(made, Side.SELL, 5, reduce_only=True))
    assert refused.value.code == -2022
    made.place(account, ticket(made, Side.BUY, 10))
    order = made.place(account, ticket(made, Side.SELL, 50, reduce_only=True))
    assert order.filled == 10 * made.listings[0].step_units
    assert account.position(made.listings[0]).units == 0


def test_exits_shrink_with_the_position_and_go_with_it():
    made, account = floor(100, 100, 90, 80)
    step = made.listings[0].step_units
    made.place(account, ticket(made, Side.BUY, 10))
    stop = made.place(account, ticket(made, Side.SELL, 10, "STOP_MARKET", stop=85, reduce_only=True))
    take = made.place(account, ticket(made, Side.SELL, 10, "LIMIT", ticks=120, reduce_only=True))
    made.place(account, ticket(made, Side.SELL, 6))
    assert [stop.units, take.units] == [4 * step, 4 * step]
    made.place(account, ticket(made, Side.SELL, 4, client_id="rest"))
    assert [stop.status, take.status] == [EXPIRED, EXPIRED]
    made.advance(3000)
    assert account.position(made.listings[0]).units == 0


def test_a_triggered_stop_goes_on_under_a_number_of_its_own():
    made, account = floor(100, 90)
    made.place(account, ticket(made, Side.BUY, 10))
    stop = made.place(account, ticket(made, Side.SELL, 10, "STOP_MARKET", stop=95, reduce_only=True))
    assert (stop.trigger_id, account.in_book(stop.id)) == (0, stop)
    made.advance(1000)
    assert (stop.status, stop.trigger_time) == (FILLED, 1000)
    assert stop.trigger_id not in (0, stop.id)
    assert account.in_book(stop.trigger_id) is stop


def test_a_limit_is_amended_in_place_and_keeps_its_terms_when_it_cannot_be():
    made, account = floor(100, 95)
    step = made.listings[0].step_units
    order = made.place(account, ticket(made, Side.BUY, 10, "LIMIT", ticks=90))
    made.amend(account, order, 92, 20 * step)
    assert (order.ticket.ticks, order.units, order.status) == (92, 20 * step, NEW)
    assert dollars(account)[1] == 1000 - 184
    with pytest.raises(Refusal) as refused:
        made.amend(account, order, 92, 2000 * step)
    assert refused.value.code == -2019
    assert (order.ticket.ticks, order.units) == (92, 20 * step)
    assert dollars(account)[1] == 1000 - 184


def test_spot_and_contracts_are_not_listed_together():
    with pytest.raises(ConfigError, match="spot or contracts"):
        listed(["BTC/USDT", "ETH/USDT:USDT"])


@pytest.mark.parametrize(
    "one",
    [
        "BTC/USD:BTC",
        Instrument("binance:BTC/USD:BTC", contract_size=100, tiers=Tiers.of("binance:BTC/USD:BTC", [(0, 0.004, 125)])),
    ],
)
def test_inverse_perpetuals_are_not_listed(one):
    with pytest.raises(ConfigError, match="is an inverse perpetual, which Binance serves elsewhere"):
        listed([one])


def test_margin_is_not_withdrawn():
    made, account = floor(100)
    made.place(account, ticket(made, Side.BUY, 50))
    with pytest.raises(Refusal):
        made.deposit(account, "USD", Decimal(-501))
    made.deposit(account, "USD", Decimal(-500))
    assert dollars(account) == (500, 0)


@given(
    side=st.sampled_from([Side.BUY, Side.SELL]),
    amount=st.integers(1, 9),
    leverage=st.sampled_from([2.0, 5.0, 10.0, 20.0]),
    mode=st.sampled_from(["isolated", "cross"]),
    deposit=st.integers(0, 5_000),
)
def test_a_position_is_liquidated_where_it_is_told_to_be_and_not_a_tick_before(side, amount, leverage, mode, deposit):
    made, account = floor(1_000, leverage=leverage, margin_mode=mode)
    made.deposit(account, "USD", Decimal(10_000 + deposit))
    made.place(account, ticket(made, side, amount))
    told = account.position(made.listings[0]).liquidation
    assume(told > 2)  # of some longs there is none
    before = math.floor(told) + 1 if side == Side.BUY else math.ceil(told) - 1
    for price, is_over in ((before, False), (before - side, True)):
        made.happen(Print(made.now + 1, 0, *(price,) * 4, made.listings[0].step_units, False))
        assert bool(account.forced) == is_over
    assert account.kernel.held(0) == 0
    assert sum(one.units for one in account.income) == account.kernel.wallet()[0] >= 0


@given(
    prices=st.lists(st.integers(900, 1_100), min_size=2, max_size=12),
    amounts=st.lists(st.integers(-6, 6), min_size=1, max_size=12),
    mode=st.sampled_from(["isolated", "cross"]),
)
def test_what_is_won_is_what_was_sold_for_less_what_was_paid_once_all_is_closed(prices, amounts, mode):
    made, account = floor(*prices, margin_mode=mode, taker=0.001)
    made.deposit(account, "USD", Decimal(1_000_000))

    def trade(units, id):
        side = Side.BUY if units > 0 else Side.SELL
        made.place(account, ticket(made, side, abs(units), client_id=id))

    for i, amount in enumerate(amounts):
        made.advance(1_000 * (i % len(prices)))
        if amount:
            trade(amount, f"{i}")
    held = account.kernel.held(0) // made.listings[0].step_units
    if held:
        trade(-held, "last")
    spent = sum(order.ticket.side * e.money for order, e in account.executions)  # liquidations too
    won = sum(one.units for one in account.income if one.what == "REALIZED_PNL")
    assert won == -spent
    assert account.kernel.wallet()[0] == account.kernel.wallet()[1] == sum(one.units for one in account.income)
