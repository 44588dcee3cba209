"""Random orders over the real filters of Binance: what we send breaks none of them, and is at most a step off.

The filters are checked here as Binance documents them, from the raw payload and not from our own `Market`.
"""

import json
import random
from decimal import Decimal
from pathlib import Path

import pytest

from planar.errors import Rejected
from planar.exchange.answers.market_data import is_known, market
from planar.exchange.model import OrderRequest
from planar.exchange.precision import rounded
from planar.model.order import Side

DATA = Path(__file__).parents[3] / "shared" / "data" / "venue_payloads" / "binance"
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")]

FILES = {
    "usdm": "exchangeInfo.usdm.2025-12.full.json",
    "spot": "legacy_http/http_spot_market_exchange_info.json",
    "few": "exchangeInfo.spot.2025-08.few-symbols.json",
}


def markets(name):
    """Our market and Binance's filters, of each symbol."""
    import ccxt

    exchange = ccxt.binanceusdm() if name == "usdm" else ccxt.binance()
    exchange.number = str
    exchange.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    found = []
    for raw in json.loads((DATA / FILES[name]).read_text())["symbols"]:
        parsed, filters = exchange.parse_market(raw), {one["filterType"]: one for one in raw["filters"]}
        if is_known(parsed) and Decimal(filters["PRICE_FILTER"]["tickSize"]) > 0:  # 0: delisted
            found.append((market(parsed), filters))
    return found


def least_cost(filters):
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return Decimal(notional.get("minNotional") or notional.get("notional") or 0)


def broken(order, filters):
    """Names of the filters that an order breaks."""
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    rules = {
        "tick": order.price % Decimal(price["tickSize"]) == 0,
        "price": Decimal(price["minPrice"]) <= order.price <= Decimal(price["maxPrice"]),
        "step": (order.amount - Decimal(lot["minQty"])) % Decimal(lot["stepSize"]) == 0,
        "amount": Decimal(lot["minQty"]) <= order.amount <= Decimal(lot["maxQty"]),
        "notional": order.amount * order.price >= least_cost(filters),
    }
    return [name for name, is_kept in rules.items() if not is_kept]


def digits(dice, low, high):
    return Decimal(dice.uniform(low, high)).quantize(Decimal("1e-9"))


def random_order(dice, symbol, filters):
    """Prices and amounts of any number of digits, often near a minimum."""
    low, high = (Decimal(filters["PRICE_FILTER"][end]) for end in ("minPrice", "maxPrice"))
    price = low * Decimal(10) ** (digits(dice, 0, 1) * (high / low).log10()) * digits(dice, 0.9, 1.01)
    step, least = (Decimal(filters["LOT_SIZE"][key]) for key in ("stepSize", "minQty"))
    near = least + step * digits(dice, -1.5, 3)
    dear = least_cost(filters) * digits(dice, 0.5, 5) / price
    amount = dice.choice([near, dear, dear * digits(dice, 1, 1000)])
    if amount <= 0:
        amount = step / 3
    return OrderRequest(symbol, dice.choice([*Side]), +amount, price=+price)


def sent_and_refused(name, count):
    dice, sent, refused = random.Random(7), 0, 0
    known = markets(name)
    for _ in range(count):
        rules, filters = dice.choice(known)
        asked = random_order(dice, rules.symbol, filters)
        try:
            order = rounded(asked, rules, "binance")
        except Rejected:
            refused += 1
            continue
        assert broken(order, filters) == [], (asked, filters)
        assert 0 <= asked.amount - order.amount < rules.amount_step
        assert 0 <= (asked.price - order.price) * asked.side < rules.price_step
        sent += 1
    return sent, refused


@pytest.mark.parametrize("name", FILES)
def test_no_order_that_we_send_breaks_a_filter(name):
    sent, refused = sent_and_refused(name, 2_000)
    assert sent > 500
    assert refused > 50


@pytest.mark.slow
def test_no_order_of_a_hundred_thousand_breaks_a_filter():
    assert sum(sum(sent_and_refused(name, 34_000)) for name in FILES) == 102_000
