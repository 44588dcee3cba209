"""Section 20 of the law: inverse contracts, by the examples that venues publish and by hand.

One tick is 1, one contract a whole number of USD, money counts in satoshis: 1,000 contracts of 1 USD at 1,000 cost
1 XBT, which are 100,000,000 units.
"""

from dataclasses import replace

import pytest

from .contract_scenario import contract, flat, liquidations
from .model import Instrument
from .scenario import MINUTE, all_of, columns, outcome, play
from .test_reference import buy, sell

SATOSHI = 100_000_000
OF_1 = Instrument(
    "COIN", 1.0, 1.0, maker=0.0, taker=0.0, base_unit=1.0, tiers=((0, 0.01, 100),), leverage=10, contract_size=1.0
)
OF_100 = replace(OF_1, contract_size=100.0)  # Binance's BTC/USD:BTC; its others are of 10
ALL = replace(OF_1, leverage=1)


def run(*candles, at, instrument=OF_1, cash=100.0, **changes):
    """A run in coins."""
    return play(*candles, at=at, instrument=instrument, cash=cash, **changes)


# Costs and the books.


def test_the_entry_price_is_the_harmonic_mean():
    """Bybit, 'Average entry price': 50 BTCUSD at 10,000 and 50 at 15,000 are 0.00833333 BTC, which is 12,000.

    0.005 and 0.0033333333, got by a buyer and so rounded down.
    """
    engine = run(flat(10_000), flat(10_000), flat(15_000), at={0: buy(50), 1: buy(50)})
    assert [fill.cost for fill in engine.fills] == [500_000, 333_333]
    assert contract(engine).entry == 833_333
    assert 100 / (contract(engine).entry / SATOSHI) == pytest.approx(12_000, abs=0.01)


def test_a_contract_is_worth_its_size():
    """Binance: 100 contracts of 100 USD at 25,000 are 0.4 BTC."""
    assert run(flat(25_000), flat(25_000), at={0: buy(100)}, instrument=OF_100).fills[0].cost == 40_000_000


@pytest.mark.parametrize(("order", "cost"), [(buy(1000), 33_333_333), (sell(1000), 33_333_334)])
def test_a_cost_is_rounded_against_the_trader(order, cost):
    """1,000 at 3,000 are 0.3333333333 XBT: a buy is paid it, a sell pays it."""
    engine = run(flat(3000), flat(3000), at={0: order})
    assert engine.fills[0].cost == cost
    assert engine.ledger.cash_units == 100 * SATOSHI + (cost if cost % 2 else -cost)
    assert engine.ledger.wallet == 100 * SATOSHI  # an opening realises nothing


def test_what_is_won_is_realised_in_coins():
    """BitMEX, 'PNL Guide': 1,000 XBTUSD bought at 1,000 are 0.20 XBT at 1,250; 500 sold at 1,500 realise 0.17 XBT.

    0.5 less 0.3333333333, which is paid and so rounded up.
    """
    gains = []
    at = {0: buy(1000), 1: lambda engine: gains.append(contract(engine).gain(1250.0)), 2: sell(500)}
    engine = run(flat(1000), flat(1000), flat(1250), flat(1500), at=at)
    assert gains == [20_000_000]
    assert engine.ledger.wallet == 100 * SATOSHI + 16_666_666
    assert (contract(engine).base, contract(engine).entry) == (500, 50_000_000)


@pytest.mark.parametrize(
    ("order", "exit_price", "won"),
    [(buy(1000), 200, 5), (sell(1000), 200, -5), (buy(1000), 50, -10), (sell(1000), 50, 10)],
)
def test_what_one_of_all_that_is_owned_wins(order, exit_price, won):
    """BingX, 'PnL of Coin-Margined Standard Futures': 10 BTC at 100, 1x, to 200 and to 50."""
    engine = run(flat(100), flat(100), flat(exit_price), at={0: order}, instrument=replace(ALL, margin_mode="cross"))
    assert engine.equity() == 100 + won
    assert engine.ledger.wallet == 100 * SATOSHI


def test_a_short_of_all_that_is_owned_is_worth_the_same_in_quote_at_every_price():
    """2 BTC at 10,000 are 20,000 USD, short: at 8,000 there are 2.5 BTC, at 16,000 there are 1.25."""
    engine = run(*map(flat, (10_000, 10_000, 8000)), at={0: sell(20_000, price=10_000)}, instrument=ALL, cash=2.0)
    assert engine.equity() * 8000 == 20_000
    engine = run(*map(flat, (10_000, 10_000, 16_000)), at={0: sell(20_000, price=10_000)}, instrument=ALL, cash=2.0)
    assert engine.equity() * 16_000 == 20_000


def test_fees_are_paid_in_coins():
    """0.05 % of 0.4 BTC."""
    engine = run(flat(25_000), flat(25_000), at={0: buy(100)}, instrument=replace(OF_100, taker=0.0005))
    assert engine.fills[0].fee == 20_000
    assert engine.ledger.wallet == 100 * SATOSHI - 20_000


def test_a_turn_realises_the_old_position_and_opens_the_new_one():
    """Long 100 at 10,000 (0.01), 150 sold at 9,600 (0.015625): 100 of them pay 0.01041666, 50 open at 0.00520834."""
    engine = run(flat(10_000), flat(10_000), flat(9600), at={0: buy(100), 1: sell(150)})
    assert engine.ledger.wallet == 100 * SATOSHI - 41_666
    assert (contract(engine).base, contract(engine).entry, contract(engine).kept) == (-50, -520_834, 52_084)


# What orders hold.


@pytest.mark.parametrize(
    ("order", "held"),
    [
        (buy(1000, price=990), 101_010_102),  # 1,000 / 990
        (sell(1000, price=1010), 99_009_901),  # 1,000 / 1,010
        (buy(1000, stop=1100), 90_909_091),  # at 1,100
        (sell(1000, stop=909), 111_111_112),  # a hundredth below 909: 900
    ],
)
def test_an_order_holds_what_it_may_cost(order, held):
    """A sell may have to pay more where the price is lower."""
    seen = []
    run(flat(1000), flat(1000), at={0: all_of(order, lambda engine: seen.append(engine.orders[0].reserved))})
    assert seen == [held]


def test_the_fills_of_a_limit_sell_cost_no_more_than_its_limit():
    """3 times 1,000 at 3,000 are 1 XBT, of which the first two parts are rounded up and the last gives way."""
    rows = [(3000, 3000, 3000, 3000), *[(3000, 3001, 3000, 3000, 3.34e-1)] * 4]
    engine = run(*rows, at={0: sell(3000, price=3000)}, participation=1.0)
    assert [fill.amount for fill in engine.fills] == [1002, 1002, 996]
    assert [fill.cost for fill in engine.fills] == [33_400_000, 33_400_000, 33_200_000]
    assert sum(fill.cost for fill in engine.fills) == SATOSHI


def test_volume_is_in_coins_and_counts_at_the_low():
    """0.2 XBT at 950 are 190 contracts at least."""
    engine = run(flat(1000), (1000, 1000, 950, 1000, 0.2), at={0: buy(1000)}, participation=1.0)
    assert [fill.amount for fill in engine.fills] == [190]


@pytest.mark.parametrize(
    ("order", "amount"),
    [
        (lambda engine: engine.buy(0, cost=0.4), 100),  # 0.4 BTC at 25,000, in contracts of 100 USD
        (lambda engine: engine.sell(0, cost=0.4, price=50_000), -200),
        (lambda engine: engine.target(0, 0.5), 125),  # half of 1 BTC
        (lambda engine: engine.target(0, -2.0), -500),
        # From 25,000 to 20,000 a contract loses 100 / 20,000 - 100 / 25,000 = 0.001: 10 of them a hundredth of 1 BTC.
        (lambda engine: engine.buy(0, risk=0.01, stop_loss=20_000), 10),
        (lambda engine: engine.sell(0, risk=0.01, stop_loss=31_250), -12),  # 0.0008
        (lambda engine: engine.buy(0, fraction=1.0), 2500),  # ten times 1 BTC
    ],
)
def test_sizes(order, amount):
    """Costs and shares of equity are in coins, amounts in contracts."""
    engine = run(flat(25_000), flat(25_000), flat(25_000), at={0: order}, instrument=OF_100, cash=1.0)
    signed = engine.orders[0].amount * (1 if engine.orders[0].is_buy else -1)
    assert signed == amount


@pytest.mark.parametrize("stop_loss", [0.0, -1.0, 30_000.0])
def test_a_risk_without_a_way_to_its_stop_is_refused(stop_loss):
    """At 0 a long would lose more than any number says, above its price nothing."""
    engine = run(flat(25_000), flat(25_000), at={0: lambda e: e.buy(0, risk=0.01, stop_loss=stop_loss)})
    assert outcome(engine) == ("REJECTED", "INVALID_PRICE")


# Where positions end, and funding.


def test_a_long_is_liquidated_where_the_venue_says():
    """Kraken, 'Equity Protection Process': 1,000 contracts at 8,000, 0.01 BTC of margin, 1 %: 7,481.

    (1,000 + 10) / (0.125 + 0.01) = 7,481.48. 1,000 at 7,481 pay 0.13367197 for what cost 0.125: more is left than the
    1 % that was to be kept, 0.00133, less nothing as there is no fee.
    """
    one = replace(OF_1, leverage=12.5)
    engine = run(*[flat(8000)] * 2, (8000, 8000, 7400, 7400), at={0: buy(1000)}, instrument=one)
    ((_, _, ticks, amount, cost, _),) = liquidations(engine)
    assert (ticks, amount, cost) == (7481, 1000, 13_367_197)
    assert engine.ledger.wallet == 100 * SATOSHI - (13_367_197 - 12_500_000)


def test_a_short_is_liquidated_where_the_venue_says():
    """Bybit, 'Trading Rules: Liquidation Process': 30,000 BTCUSD short at 60,000, 10x, 0.5 %: 66,333.33."""
    one = replace(OF_1, tiers=((0, 0.005, 100),))
    engine = run(*[flat(60_000)] * 2, (60_000, 70_000, 60_000, 70_000), at={0: sell(30_000)}, instrument=one)
    ((_, _, ticks, amount, cost, _),) = liquidations(engine)
    assert (ticks, amount) == (66_334, 30_000)  # rounded against who buys back
    assert cost == 30_000 * SATOSHI // 66_334


def test_a_short_of_leverage_1_is_never_liquidated():
    """What it owes in quote it has in coins."""
    one = replace(ALL, tiers=((0, 0.0, 100),))
    engine = run(*[flat(10_000)] * 2, (10_000, 9_000_000, 10_000, 9_000_000), at={0: sell(20_000)}, instrument=one)
    assert liquidations(engine) == []


@pytest.mark.parametrize(("order", "price"), [(buy(1000), 5000), (sell(1000), 12_000)])
def test_a_liquidation_loses_no_more_than_the_margin(order, price):
    """At 10x 1,000 at 10,000 keep 0.01; a gap goes far beyond: the fund pays."""
    engine = run(*[flat(10_000)] * 2, flat(price), at={0: order})
    assert len(liquidations(engine)) == 1
    assert engine.ledger.wallet == 100 * SATOSHI - 1_000_000


def test_a_step_goes_down_by_a_tier_in_coins():
    """Above 0.1 BTC 2 % less 0.0005 are asked, and a step leaves 0.1 BTC of it: 960 contracts at 9,600.

    2,000 at 10,000 are 0.2 BTC and keep 0.01. At 9,600 they have lost 0.00833, and 0.00367 must be kept of 0.00167;
    of the 960 that are left 0.00417 is lost with what went, and 0.001 must be kept of what is left, 0.00167.
    """
    one = replace(OF_1, tiers=((0, 0.01, 100), (0.1, 0.02, 20)), leverage=20)
    engine = run(*[flat(10_000)] * 2, flat(9600), flat(9600), at={0: buy(2000)}, instrument=one)
    assert [(amount, ticks) for _, _, ticks, amount, *_ in liquidations(engine)] == [(1040, 9600)]
    assert contract(engine).base == 960


@pytest.mark.parametrize(("order", "paid"), [(buy(15_000), 5_000_000), (sell(15_000), -5_000_000)])
def test_funding_is_paid_in_coins(order, paid):
    """BitMEX, 'Perpetual Contracts Guide Examples': 15,000 contracts at 750, 0.25 %: 0.05 XBT."""
    engine = run(*[flat(750)] * 3, at={0: order}, funding=[[(2 * MINUTE, 0.0025)]])
    assert engine.ledger.fundings == [(2 * MINUTE, 0, paid)]
    assert engine.ledger.wallet == 100 * SATOSHI - paid


def test_a_cross_account_holds_several_with_all_its_coins():
    """Both are of 0.1 BTC of margin; 100 BTC stand behind them."""
    cross = replace(OF_1, margin_mode="cross")
    engine = run(*[flat(10_000)] * 2, flat(5000), at={0: buy(10_000)}, instrument=cross)
    assert liquidations(engine) == []
    assert engine.equity() == 99.0


def test_mark_candles_say_when():
    """The mark falls to where a long at 10x ends while the price stands."""
    marks = columns(flat(10_000), flat(10_000), (10_000, 10_000, 8000, 8000))
    engine = run(*[flat(10_000)] * 3, at={0: buy(1000)}, marks=[marks])
    assert [(ticks, cost) for _, _, ticks, _, cost, _ in liquidations(engine)] == [(10_000, 10_000_000)]
    assert engine.ledger.wallet == 100 * SATOSHI


@pytest.mark.parametrize(("order", "ticks", "cost"), [(buy(1000), 12_345, 8_100_446), (sell(1000), 12_346, 8_099_789)])
def test_a_delisted_contract_is_closed_at_the_last_price(order, ticks, cost):
    """Ticks and cost are rounded against who closes: 1,000 / 12,345 up, 1,000 / 12,346 down."""
    rows = [flat(10_000)] * 2 + [flat(12_345.5)] * 2
    cross = replace(OF_1, delisted=3 * MINUTE, margin_mode="cross")
    engine = run(*rows, at={0: order}, instrument=cross)
    last = engine.fills[-1]
    assert (last.tag, last.ticks, last.cost) == ("delisted", ticks, cost)
