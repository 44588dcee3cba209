"""Margins over every bracket that Binance told on one day: 349 instruments, 2,805 tiers."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from planar.exchange.answers.derivatives import tier
from planar.exchange.quirks.binance import Binance
from planar.kernel import margin
from planar.kernel.margin import Position
from planar.model.tiers import Tiers

FILE = Path(__file__).parents[3] / "shared" / "data" / "leverage_tiers" / "binance.json"
pytestmark = [pytest.mark.data, pytest.mark.skipif(not FILE.exists(), reason="no ../shared/data")]


@pytest.fixture(scope="module")
def instruments() -> list[Tiers]:
    told = json.loads(FILE.read_text())
    return [
        Tiers(f"binance:{symbol}", tuple(tier(raw, Binance.tier_amount_key) for raw in rows))
        for symbol, rows in told.items()
    ]


def test_every_instrument_is_taken_and_what_it_must_keep_follows_from_its_rates(instruments):
    assert (len(instruments), sum(len(one.tiers) for one in instruments)) == (349, 2805)
    for tiers in instruments:
        untold = Tiers(tiers.name, tuple(replace(one, maintenance_amount=None) for one in tiers.tiers))
        assert untold == tiers


def test_in_every_tier_a_position_of_the_most_leverage_is_liquidated_between_its_entry_and_its_bankruptcy(instruments):
    entry = 100.0
    for tiers in instruments:
        for one in tiers.tiers:
            notional = float(one.floor + one.cap) / 2
            amount = notional / entry
            held = margin.initial_margin(notional, float(one.max_leverage))
            for side in (1, -1):
                price = margin.liquidation_price(tiers, side * amount, entry, held)
                bankrupt = margin.bankruptcy_price(side * amount, entry, held)
                # Where half the notional must be kept and all of it is paid, a long lasts down to no price at all.
                assert side * entry > side * price >= side * bankrupt, (tiers.name, one)
                if price:
                    balance = held + margin.unrealised_pnl(side * amount, entry, price)
                    asked = margin.maintenance_margin(tiers, amount * price)
                    assert balance == pytest.approx(asked, rel=1e-9), (tiers.name, one)


def test_in_every_tier_the_most_that_can_be_opened_fills_it(instruments):
    for tiers in instruments:
        for one in tiers.tiers:
            most = margin.max_amount(tiers, float(one.max_leverage), 100, 1e21)
            last = max(tier.cap for tier in tiers.tiers if tier.max_leverage >= one.max_leverage)
            assert most == float(last) / 100, (tiers.name, one)
            assert margin.max_leverage(tiers, most * 100) >= one.max_leverage


def test_every_position_is_gone_after_as_many_steps_of_partial_liquidation_as_there_are_tiers(instruments):
    for tiers in instruments:
        left, steps = float(tiers.tiers[-1].cap) / 100, 0
        while left:
            left, steps = left - margin.reduction(tiers, left, 100), steps + 1
        assert steps == len(tiers.tiers)


def test_all_of_them_make_one_cross_account_whose_prices_leave_it_just_enough(instruments):
    """One position each, long and short by turns, together at five times the wallet."""
    usdt = [one for one in instruments if one.name.endswith(":USDT")]
    positions = [
        Position(tiers, (1 if n % 2 else -1) * (n + 1) * 10.0, 100.0, 100.0 + n % 7) for n, tiers in enumerate(usdt)
    ]
    wallet = sum(abs(one.amount) for one in positions) * 100 / 5
    found = margin.cross_liquidation_prices(wallet, positions)
    assert len(found) == len(usdt)
    left = wallet + sum(one.pnl - one.maintenance for one in positions)
    for position in positions:
        price = found[position.tiers.name][0 if position.amount > 0 else 1]
        moved = position._replace(mark=price)
        changed = moved.pnl - moved.maintenance - (position.pnl - position.maintenance)
        assert price in (0.0, inf) or abs(left + changed) < 1e-9 * wallet, position.tiers.name
