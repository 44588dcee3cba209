"""An order on the market's steps: exact, never larger, and idempotent."""

from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planar.errors import Rejected
from planar.exchange.model import Market, MarketKind, OrderRequest
from planar.exchange.precision import EXACT, amount_down, nearest, passive, rounded
from planar.model.order import Side, Tif

BTC = Market(
    symbol="BTC/USDT", id="BTCUSDT", kind=MarketKind.SPOT, base="BTC", quote="USDT", settle=None, is_active=True,
    price_step=Decimal("0.01"), amount_step=Decimal("0.00001"), min_amount=Decimal("0.0001"),
    max_amount=Decimal("9000"), min_cost=Decimal("5"), max_cost=Decimal("9000000"), maker=None, taker=None,
    max_market_amount=Decimal("88"),
)  # fmt: skip

steps = st.one_of(
    st.integers(0, 18).map(lambda places: Decimal(1).scaleb(-places)),
    st.sampled_from([Decimal(text) for text in ("0.5", "0.25", "0.05", "5", "10", "100", "0.0125", "3")]),
)
values = st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e18"), allow_nan=False, allow_infinity=False)


def buy(amount="1", price="100", **more):
    price = None if price is None else Decimal(price)
    return OrderRequest("BTC/USDT", Side.BUY, None if amount is None else Decimal(amount), price=price, **more)


def code_of(request, market=BTC):
    with pytest.raises(Rejected) as caught:
        rounded(request, market, "binance")
    assert caught.value.exchange == "binance"
    return caught.value.code, str(caught.value)


@given(values, steps)
def test_an_amount_is_a_multiple_of_the_step_less_than_one_step_below_and_never_above(value, step):
    found = amount_down(value, step)
    with localcontext(EXACT):
        assert found <= value < found + step
        assert found % step == 0
    assert amount_down(found, step) == found


@given(values, steps)
def test_a_limit_never_gets_worse_for_who_asks_and_moves_less_than_a_tick(value, step):
    low, high = passive(value, step, Side.BUY), passive(value, step, Side.SELL)
    with localcontext(EXACT):
        assert low <= value <= high
        assert value - low < step
        assert high - value < step
    assert passive(low, step, Side.BUY) == low
    assert passive(high, step, Side.SELL) == high


@given(values, steps)
def test_a_trigger_goes_to_the_nearest_tick(value, step):
    found = nearest(value, step)
    with localcontext(EXACT):
        assert abs(found - value) * 2 <= step
    assert nearest(found, step) == found


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from(Side))
def test_a_rounded_order_stays_as_it_is(amount, price, side):
    request = OrderRequest("BTC/USDT", side, Decimal(amount) / 7, price=Decimal(price) / 3)
    once = rounded(request, replace(BTC, max_amount=None, max_cost=None, min_cost=Decimal(0)), "binance")
    assert rounded(once, replace(BTC, max_amount=None, max_cost=None, min_cost=Decimal(0)), "binance") == once


def test_amount_down_limit_passive_trigger_nearest():
    found = rounded(buy("0.123456", "100.019", stop=Decimal("100.015")), BTC, "binance")
    assert (found.amount, found.price, found.stop) == (Decimal("0.12345"), Decimal("100.01"), Decimal("100.02"))
    sale = replace(buy("0.123456", "100.011"), side=Side.SELL)
    assert rounded(sale, BTC, "binance").price == Decimal("100.02")


def test_a_market_without_steps_changes_nothing():
    free = replace(BTC, price_step=Decimal(0), amount_step=Decimal(0))
    request = buy("0.1234567890123", "100.12345")
    assert rounded(request, free, "binance") == request


def test_below_the_least_amount_is_refused_and_says_what_the_least_is():
    assert code_of(buy("0.00009")) == (
        "BELOW_MIN_AMOUNT",
        "binance: the order to buy BTC/USDT was not sent: 0.00009 BTC is below the least amount, 0.0001.",
    )


def test_what_rounds_down_to_nothing_is_refused_and_not_enlarged():
    market = replace(BTC, min_amount=Decimal(0))
    assert code_of(buy("0.000009"), market)[0] == "BELOW_MIN_AMOUNT"


def test_below_the_least_cost_is_refused_by_price_by_trigger_and_by_cost():
    assert code_of(buy("0.01"))[0] == "BELOW_MIN_COST"
    assert code_of(buy("0.01", None, stop=Decimal(100)))[0] == "BELOW_MIN_COST"
    assert code_of(buy(None, None, cost=Decimal("4.99")))[0] == "BELOW_MIN_COST"


def test_above_the_most_is_refused():
    assert code_of(buy("9001"))[0] == "ABOVE_MAX_AMOUNT"
    assert code_of(buy("89", None))[0] == "ABOVE_MAX_AMOUNT"
    assert code_of(buy("9000", "100000"))[0] == "ABOVE_MAX_COST"


def test_a_price_beyond_the_markets_limits_is_refused():
    assert code_of(buy("1", "0.001"))[0] == "INVALID_PRICE"
    narrow = replace(BTC, min_price=Decimal(90), max_price=Decimal(110))
    assert code_of(buy("1", "89"), narrow)[0] == "INVALID_PRICE"
    assert code_of(buy("1", None, stop=Decimal(111)), narrow) == (
        "INVALID_PRICE",
        "binance: the order to buy BTC/USDT was not sent: stop 111 is above the highest price, 110.",
    )


def test_the_cost_of_inverse_contracts_is_counted_in_contracts():
    inverse = replace(BTC, kind=MarketKind.SWAP, settle="BTC", contract_size=Decimal(100), amount_step=Decimal(1))
    assert rounded(buy("1", "100"), replace(inverse, min_cost=Decimal(100)), "x").amount == 1
    assert code_of(buy("1", "100"), replace(inverse, min_cost=Decimal(101)))[0] == "BELOW_MIN_COST"


@pytest.mark.parametrize(
    "request_",
    [
        buy(None),
        buy("1", cost=Decimal(1)),
        buy("0"),
        buy("-1"),
        buy("NaN"),
        buy("1", "Infinity"),
        buy(None, "100", cost=Decimal(10)),
        replace(buy(None, None, cost=Decimal(10)), side=Side.SELL),
        buy("1", None, post_only=True),
        buy(tif=Tif.GTD),
        buy(expire=1),
    ],
)
def test_terms_that_make_no_order_are_refused_before_anything_is_sent(request_):
    assert code_of(request_)[0] == "INVALID_ORDER"
