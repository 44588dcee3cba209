"""What becomes of an order whose amend is refused, where an exchange amends it and where it replaces it, worked out by
hand from section 4 of docs/simulation.md: kernel and reference give what stands here.

One tick is 1, one step is 1, money counts in cents, there are no fees, cash is 10,000, and the market stands at 100.
"""

from dataclasses import replace

import pytest
from parity.small import COIN, FLAT, assert_agreed, scenario_of

from planar.simulator.exits import exit_rules

KEEPS, REPLACES = replace(COIN, amend="keep"), replace(COIN, amend="replace")
RESTING = ("buy", "amount", 5.0, {"price": 90.0, "post_only": True})


def end(*acts, coin, rows=None):
    result = assert_agreed(scenario_of(rows or [FLAT] * 4, *acts, coin=coin))
    order = result["orders"][-1]
    return order["status"], order["reason"], order["amend_reason"]


def test_an_amended_order_stays_as_it_was():
    """Binance's futures, Modify Order: a limit that would take is refused, and the old one is there."""
    acts = (1, RESTING), (2, ("amend", ("any", 0), {"price": 100.0}))
    assert end(*acts, coin=KEEPS) == ("OPEN", "", "POST_ONLY_WOULD_TAKE")


def test_a_replaced_order_is_gone():
    """Binance's spot, cancelReplace: the cancel went through before the new order was refused (error -2021)."""
    acts = (1, RESTING), (2, ("amend", ("any", 0), {"price": 100.0}))
    assert end(*acts, coin=REPLACES) == ("CANCELLED", "POST_ONLY_WOULD_TAKE", "")


def test_a_take_that_is_replaced_is_gone():
    acts = [(1, ("buy", "amount", 5.0, {})), (2, ("sell", "amount", 5.0, {"take": 120.0}))]
    acts.append((3, ("amend", ("any", 1), {"stop": 100.0})))
    assert end(*acts, coin=REPLACES) == ("CANCELLED", "STOP_WOULD_TRIGGER", "")


@pytest.mark.parametrize("coin", [KEEPS, REPLACES])
def test_a_stop_that_protects_a_position_is_put_back(coin):
    acts = [(1, ("buy", "amount", 5.0, {})), (2, ("sell", "amount", 5.0, {"stop": 80.0}))]
    acts.append((3, ("amend", ("any", 1), {"stop": 100.0})))
    assert end(*acts, coin=coin) == ("OPEN", "", "STOP_WOULD_TRIGGER")


def test_rules_are_those_of_the_exchange_and_of_its_kind_of_market():
    """docs/exchanges.md has the sources."""
    assert exit_rules("binance").amend == "replace"
    assert exit_rules("binance", is_contract=True).amend == "keep"
    assert exit_rules("bybit").amend == exit_rules("any other").amend == "keep"
