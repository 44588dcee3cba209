"""Section 12 of the law: the books of a contract and what it asks, each promise small enough to check by hand."""

from dataclasses import replace

import pytest

from .contract_scenario import FUTURE, WITH_FEES, contract, flat, free_into
from .engine import Engine
from .scenario import COIN, MINUTE, PLAIN, all_of, columns, play, script
from .test_reference import FLAT, buy, sell


def ask(side: str, amount=None, **terms):
    """Either side."""
    return (buy if side == "buy" else sell)(amount, **terms)


# The books.


@pytest.mark.parametrize(
    ("side", "out", "wallet"),
    [
        # In: 10 at 100 cost 1,000.00, fee 0.2 % 2.00. Out at 105: 1,050.00, fee 2.10: 50.00 - 4.10.
        ("buy", 105, 1_000_000 + 5_000 - 410),
        # Out at 95: 950.00, fee 1.90: -50.00 - 3.90.
        ("buy", 95, 1_000_000 - 5_000 - 390),
        ("sell", 95, 1_000_000 + 5_000 - 390),
        ("sell", 105, 1_000_000 - 5_000 - 410),
    ],
)
def test_wallet_changes_by_what_is_realised_and_the_fees(side, out, wallet):
    """A long and a short, each at a gain and at a loss; in between the wallet knows the fee of the first only."""
    seen = []
    look = all_of(lambda e: seen.append((e.ledger.wallet, contract(e).entry, contract(e).kept)), lambda e: e.close(0))
    engine = play(FLAT, FLAT, flat(out), at={0: ask(side, 10), 1: look}, instrument=WITH_FEES)
    sign = 1 if side == "buy" else -1
    assert seen == [(1_000_000 - 200, sign * 100_000, 10_000)]
    assert (engine.ledger.wallet, engine.cash(), engine.equity()) == (wallet, wallet / 100, wallet / 100)
    assert (engine.base_units, contract(engine).entry, contract(engine).kept) == ([0], 0, 0)


def test_cash_of_a_position_is_what_it_cost_and_equity_is_at_the_close():
    """A short of 10 at 100 brings 1,000.00 into cash; at a close of 105 it has lost 50.00."""
    engine = play(FLAT, (100, 105, 100, 105), at={0: sell(10)}, instrument=FUTURE)
    assert (engine.cash_units, engine.cash(), engine.equity()) == (1_100_000, 10_000.0, 9_950.0)
    assert (engine.position(0), engine.balance(0)) == (-10.0, -10.0)


def test_a_part_of_the_position_takes_its_part_of_entry_and_margin():
    """4 of 10: 40,000 of 100,000 and 4,000 of 10,000 go; at 110 they bring 44,000."""
    engine = play(FLAT, FLAT, flat(110), at={0: buy(10), 1: sell(4)}, instrument=FUTURE)
    assert (engine.ledger.wallet, contract(engine).entry, contract(engine).kept) == (1_004_000, 60_000, 6_000)


def test_parts_round_down_and_the_last_unit_takes_all():
    """3 at 33.35 cost 100.05 and keep 14.30 at 7x (14.2929). A third of that is 4.76 (4.7667), half the rest 4.77."""
    step = replace(FUTURE, price_step=0.01, leverage=7)
    engine = play(*[flat(33.35)] * 4, at={0: buy(3), 1: sell(1), 2: sell(1)}, instrument=step)
    assert (contract(engine).entry, contract(engine).kept) == (3_335, 477)
    engine = play(*[flat(33.35)] * 4, at={0: buy(3), 1: sell(1), 2: sell(2)}, instrument=step)
    assert (contract(engine).entry, contract(engine).kept, engine.ledger.wallet) == (0, 0, 1_000_000)


def test_a_fill_beyond_the_position_turns_it_round():
    """15 against a long of 10 at 110 cost 165,000: 110,000 of them close, 55,000 open a short of 5 with 5,500.

    15 against a short of 10 at 104 cost 156,000: 104,000 and 52,000.
    """
    engine = play(FLAT, FLAT, flat(110), at={0: buy(10), 1: sell(15)}, instrument=FUTURE)
    assert (engine.ledger.wallet, engine.base_units) == (1_010_000, [-5])
    assert (contract(engine).entry, contract(engine).kept) == (-55_000, 5_500)
    engine = play(FLAT, FLAT, flat(104), at={0: sell(10), 1: buy(15)}, instrument=FUTURE)
    assert (engine.ledger.wallet, engine.base_units) == (996_000, [5])
    assert (contract(engine).entry, contract(engine).kept) == (52_000, 5_200)


def test_margin_is_rounded_up_and_leverage_counts_in_hundredths():
    """100,000 / 3 is 33,333.3; 3.333 counts as 3.33, of which it is 30,030.03."""
    for leverage, kept in ((3, 33_334), (3.333, 30_031), (1, 100_000)):
        engine = play(FLAT, FLAT, at={0: buy(10)}, instrument=replace(FUTURE, leverage=leverage))
        assert contract(engine).kept == kept


def test_a_cross_position_keeps_nothing_apart():
    """It asks its margin instead: at a mark of 110 10 ask 110.00 at 10x, and have won 100.00."""
    engine = play(FLAT, (100, 110, 100, 110), at={0: buy(10)}, instrument=replace(FUTURE, margin_mode="cross"))
    assert (contract(engine).kept, engine.ledger.free("buy", 0)) == (0, 1_000_000 - 11_000 + 10_000)


def test_what_is_asked_is_of_the_last_mark():
    """The price closed at 100, the mark at 95: 50.00 are lost, 95.00 asked. Without a mark candle it is the close."""
    cross = replace(FUTURE, margin_mode="cross")
    for marks, free in (([FLAT, (100, 100, 95, 95)], 1_000_000 - 5_000 - 9_500), ([FLAT, None], 990_000)):
        engine = play(FLAT, FLAT, at={0: buy(10)}, instrument=cross, marks=[columns(*marks)])
        assert engine.ledger.free("buy", 0) == free


def test_a_limit_buy_pays_no_more_than_its_limit_and_a_fee_that_does_not_give_way():
    """5 half coins at 0.96 in parts: 48 each, and of each 1 % of 48, 1 rounded up."""
    halves = replace(FUTURE, price_step=0.01, base_unit=0.5, amount_step=0.5, maker=0.01, taker=0.005, leverage=1)
    rows = [(0.95, 0.95, 0.95, 0.95, 5)] * 5
    engine = play(flat(1), flat(1), *rows, at={0: buy(2.5, price=0.96)}, participation=0.1, instrument=halves)
    assert [(f.cost, f.fee) for f in engine.fills] == [(48, 1)] * 5


def test_a_delisted_short_buys_its_base_back_at_the_last_close():
    """At 101.5 it pays 102 ticks: 1,020.00 and a fee of 2.04."""
    gone = replace(WITH_FEES, delisted=2 * MINUTE)
    engine = play(FLAT, (100, 101.5, 100, 101.5), FLAT, at={0: sell(10)}, instrument=gone)
    fill = engine.fills[-1]
    assert (fill.ticks, fill.cost, fill.fee, fill.is_buy, fill.tag) == (102, 102_000, 204, True, "delisted")
    assert engine.ledger.wallet == 1_000_000 - 200 - 2_000 - 204
    assert (contract(engine).kept, contract(engine).entry) == (0, 0)


# What orders hold and ask.


@pytest.mark.parametrize(("instrument", "fees"), [(FUTURE, (0, 0)), (WITH_FEES, (180, 420))])
def test_orders_of_both_sides_ask_for_the_larger_side_and_all_fees(instrument, fees):
    """10 at 90 are 900.00, at 10x 90.00; 10 at 120 are 1,200.00: 120.00. 0.2 % of 900.00, then of 2,100.00."""
    look = free_into(seen := [])
    play(FLAT, at={0: all_of(buy(10, price=90), look, sell(10, price=120), look)}, instrument=instrument)
    assert seen == [1_000_000 - 9_000 - fees[0], 1_000_000 - 12_000 - fees[1]]


def test_orders_against_the_position_ask_for_what_is_beyond_it():
    """A long of 10 at 100 keeps 100.00. A sell of 10 at 120 leads to |1,000 - 1,200|, no more than what is there; a buy
    of 10 at 90 leads to 1,900, which asks 190.00 less 100.00. What is cancelled asks nothing.
    """
    look = free_into(seen := [])
    acts = all_of(look, sell(10, price=120), look, buy(10, price=90), look, lambda e: e.cancel(2), look)
    play(FLAT, FLAT, at={0: buy(10), 1: acts}, instrument=FUTURE)
    assert seen == [990_000, 990_000, 981_000, 990_000]


@pytest.mark.parametrize(
    ("ordered", "held"),
    [
        (buy(10), 101_000),
        (sell(10), 100_000),
        (buy(10, stop=105), 107_000),  # 106.05
        (sell(10, stop=95), 95_000),
        (buy(10, take=95), 96_000),  # 95.95
        (sell(10, trail=0.1), 90_000),
        (buy(10, stop=105, price=103), 103_000),
        (sell(10, price=120), 120_000),
    ],
)
def test_what_an_order_holds(ordered, held):
    """Its limit, else 1 % above the trigger or the close for a buy, the trigger or the close for a sell."""
    engine = play(FLAT, at={0: ordered}, instrument=FUTURE)
    assert engine.orders[0].reserved == held


def test_what_is_left_of_an_order_holds_its_part():
    """Volume 4 lets a market buy of 10 have 4: of 101,000 six tenths are held on; of a limit, 6 at 100."""
    for terms, held in (({}, 60_600), ({"price": 100}, 60_000)):
        row = (100, 100, 99, 99, 4)
        engine = play(FLAT, row, at={0: buy(10, **terms)}, instrument=FUTURE, participation=1.0)
        assert (engine.orders[0].filled, engine.orders[0].reserved) == (4, held)


def test_spot_and_contracts_share_what_is_free():
    """A spot buy of 50 at 100 leaves 5,000.00 of 10,000.00; a short of 100 at 10x takes 1,000.00, its gain is none of
    spot's while it is isolated.
    """
    seen = []
    acts = {
        0: all_of(lambda e: e.buy(0, 50, price=100), lambda e: e.sell(1, 100), free_into(seen)),
        1: all_of(
            lambda e: e.cancel(0),
            free_into(seen),
            lambda e: seen.append(e.buy(0, 92, price=100)),
            lambda e: seen.append(e.buy(0, 91, price=100)),
        ),
    }
    rows = [columns(flat(101), flat(101), flat(101)), columns(FLAT, flat(90), flat(90))]
    engine = Engine([COIN, FUTURE], rows, MINUTE, model=PLAIN, on_step=script(acts))
    engine.run()
    assert seen == [400_000, 910_000, "INSUFFICIENT_FUNDS", 3]  # filled at 90, it keeps 900.00
