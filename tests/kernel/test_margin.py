"""Published examples, one by one. Each row says where it is from; `docs/margin.md` names the pages.

A number counts as met when it is within one of its last published digit, since some venues round and some cut off. A
venue that fixes the maintenance margin at the entry liquidates where the margin less that is lost: its liquidation
prices are `bankruptcy_price` of that difference.
"""

from collections.abc import Callable
from decimal import Decimal
from math import ceil, inf

import pytest

from planar.errors import ConfigError
from planar.kernel import margin
from planar.kernel.margin import Position
from planar.model.tiers import Tiers


def brackets(name: str, *rows: tuple[float, ...]) -> Tiers:
    """Floor, maintenance rate and, where the source tells it, the maintenance amount; leverage is not looked at."""
    return Tiers.of(name, [(row[0], row[1], 1, *row[2:]) for row in rows])


# Binance, "Updates to Leverage and Margin Tiers" of 2021-03-18: the brackets of BTCUSDT.
BTC = Tiers.of(
    "BTCUSDT",
    [(0, 0.004, 125), (50_000, 0.005, 100), (250_000, 0.01, 50), (1_000_000, 0.025, 20), (10_000_000, 0.05, 10),
     (20_000_000, 0.1, 5), (50_000_000, 0.125, 4), (100_000_000, 0.15, 3), (200_000_000, 0.25, 2),
     (300_000_000, 0.5, 1)],
)  # fmt: skip
BTC_AMOUNTS = [0, 50, 1300, 16_300, 266_300, 1_266_300, 2_516_300, 5_016_300, 25_016_300, 100_016_300]
# The brackets of ETHUSDT of that time, as read off Binance's page in gist crackcomm/e29582030d9eeac6c6124a7503cd0ac2.
ETH = brackets(
    "ETHUSDT", (0, 0.005), (10_000, 0.0065), (100_000, 0.01), (500_000, 0.02), (1_000_000, 0.05), (2_000_000, 0.1),
    (5_000_000, 0.125), (10_000_000, 0.15), (20_000_000, 0.25),
)  # fmt: skip
ETH_AMOUNTS = [0, 15, 365, 5365, 35_365, 135_365, 260_365, 510_365, 2_510_365]
# Binance, "Leverage and Margin in Coin-Margined Futures Contracts" (2021): caps of 5, 10, 20, 50, 100, 200, 400 BTC.
# Its page on liquidation prices tells the rates of the first and the last, and that 300 BTC have an amount of 11.605
# BTC, which fits the rates that USDT-margined contracts have at these leverages.
COIN = brackets("BTCUSD", (0, 0.004), (5, 0.005), (10, 0.01), (20, 0.025), (50, 0.05), (100, 0.1), (200, 0.125))
# Bybit, GET /v5/market/risk-limit of BTCUSDT on 2026-08-05, as a public repository kept it: floor, rate, mmDeduction.
BYBIT = [
    (0, 0.005, 0), (2_000_000, 0.0056, 1200), (2_600_000, 0.0063, 3020), (3_200_000, 0.0067, 4300),
    (3_800_000, 0.0071, 5820), (4_400_000, 0.0077, 8460), (5_000_000, 0.0091, 15_460), (5_600_000, 0.01, 20_500),
    (8_500_000, 0.013, 46_000), (10_000_000, 0.015, 66_000), (14_000_000, 0.016, 80_000), (20_000_000, 0.02, 160_000),
    (28_000_000, 0.025, 300_000), (38_000_000, 0.029, 452_000), (50_000_000, 0.03, 502_000),
    (55_000_000, 0.035, 777_000), (60_000_000, 0.036, 837_000), (65_000_000, 0.038, 967_000),
    (70_000_000, 0.04, 1_107_000), (75_000_000, 0.045, 1_482_000), (80_000_000, 0.05, 1_882_000),
    (85_000_000, 0.055, 2_307_000), (90_000_000, 0.06, 2_757_000), (95_000_000, 0.065, 3_232_000),
    (100_000_000, 0.07, 3_732_000), (105_000_000, 0.085, 5_307_000), (110_000_000, 0.095, 6_407_000),
    (115_000_000, 0.1, 6_982_000), (120_000_000, 0.12, 9_382_000), (150_000_000, 0.14, 12_382_000),
    (200_000_000, 0.18, 20_382_000), (250_000_000, 0.3, 50_382_000), (400_000_000, 0.42, 98_382_000),
    (600_000_000, 0.5, 146_382_000), (800_000_000, 0.6, 226_382_000),
]  # fmt: skip
# BitMEX, "Risk Limits": the rate of the step on all of the position, so the margin jumps and the amounts are told as 0.
BITMEX = brackets("XBTUSD", (0, 0.004, 0), (200, 0.008, 0), (300, 0.012, 0), (400, 0.016, 0))
XYZ = brackets("XYZUSDT", (0, 0.02), (1000, 0.025), (2000, 0.03), (3000, 0.035), (4000, 0.04))


def flat(rate: float) -> Tiers:
    """One tier for all sizes, as most examples have it."""
    return brackets("example", (0, rate))


AMOUNTS = [
    ("Binance, FAQ 360033525271 (2020): level 5 of BTCUSDT", brackets("2020", (0, 0.004), (50_000, 0.005),
     (250_000, 0.01), (1_000_000, 0.025), (5_000_000, 0.05)), [0, 50, 1300, 16_300, 141_300]),
    ("Binance BTCUSDT, gist highfestiva/b71e76f51eed84d56c1be8ebbcc286b5 (2021)", BTC, BTC_AMOUNTS),
    ("Binance ETHUSDT, gist crackcomm/e29582030d9eeac6c6124a7503cd0ac2", ETH, ETH_AMOUNTS),
    ("Binance, FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46: BTCUSD at 300 BTC", COIN, [None] * 6 + [11.605]),
    ("Bybit, /v5/market/risk-limit: BTCUSDT", brackets("BTCUSDT", *(row[:2] for row in BYBIT)), [r[2] for r in BYBIT]),
    ("Bybit, 'Maintenance Margin (USDT Contract)': XYZUSDT", XYZ, [None] * 3 + [30, None]),
]  # fmt: skip


@pytest.mark.parametrize(("tiers", "published"), [row[1:] for row in AMOUNTS], ids=[row[0] for row in AMOUNTS])
def test_maintenance_amounts_that_are_not_told_are_those_that_venues_tell(tiers, published):
    found = [tier.maintenance_amount for tier in tiers.tiers]
    told = [amount if told is None else Decimal(str(told)) for amount, told in zip(found, published, strict=True)]
    assert found == told


def test_amounts_that_are_told_are_kept():
    tiers = Tiers.of("BTCUSDT", [(floor, rate, 1, amount) for floor, rate, amount in BYBIT])
    assert [tier.maintenance_amount for tier in tiers.tiers] == [row[2] for row in BYBIT]


class Row:
    """An example: what it computes, what its source says."""

    def __init__(self, source: str, published: str, compute: Callable[[], float]) -> None:
        self.source, self.published, self.compute = source, published, compute

    def check(self) -> None:
        shown = Decimal(self.published)
        last_digit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
        assert abs(Decimal(self.compute()) - shown) < last_digit


MAINTENANCE = [
    Row("Binance, FAQ b3c689c1 (2021), copied at midiamania.com: BTCUSDT", "71200.81144",
        lambda: margin.maintenance_margin(BTC, 109.488 * 31967.27)),
    Row("the same: ETHUSDT", "356512.508", lambda: margin.maintenance_margin(ETH, 3683.979 * 1335.18)),
    Row("Binance, FAQ ceccfcfb: 100 contracts of 100 USD at 25,000", "0.0016",
        lambda: margin.maintenance_margin(COIN, margin.notional_of(100 * 100, 25_000, inverse=True))),
    Row("Binance, FAQ 360033525271 (2020): 200 USDT of ETHUSDT", "1.3",
        lambda: margin.maintenance_margin(flat(0.0065), 200)),
    Row("the same: 0.005 BTC at 9462.81", "0.19", lambda: margin.maintenance_margin(BTC, 9462.81 * 0.005)),
    Row("Bybit, 'Maintenance Margin (USDT Contract)': 3,500 USDT", "92.5",
        lambda: margin.maintenance_margin(XYZ, 3500)),
    Row("Bybit, 'Liquidation Price (USDT Contract)': 1 BTC at 20,000", "100",
        lambda: margin.maintenance_margin(flat(0.005), 20_000)),
    Row("Bybit, 'Trading Rules: Liquidation Process': 40,000 USDT and 21.56 to close", "221.56",
        lambda: margin.maintenance_margin(flat(0.005), 40_000) + 40_000 * (1 - 1 / 50) * 0.00055),
    Row("BitMEX, 'Risk Limits', copied in bradkyle/Qenv logic/bitmex.md: 180 XBT", "0.72",
        lambda: margin.maintenance_margin(BITMEX, 180)),
    Row("the same: 300 XBT", "2.4", lambda: margin.maintenance_margin(BITMEX, 300)),
    Row("Kraken, 'Equity Protection Process': 1,000 contracts at 8,000", "0.00125",
        lambda: margin.maintenance_margin(flat(0.01), margin.notional_of(1000, 8000, inverse=True))),
]  # fmt: skip

INITIAL = [
    Row("Binance, FAQ 87fa7ee3: 1 BTC at 9,253.30, 20x", "462.66", lambda: margin.initial_margin(9253.30, 20)),
    Row("the same, a long order under the mark of 9,259.84: no open loss", "462.66",
        lambda: margin.order_margin(1, 9253.30, 9259.84, 20)),
    Row("the same, a short order: 462.66 and an open loss of 6.54", "469.20",
        lambda: margin.order_margin(-1, 9253.30, 9259.84, 20)),
    Row("Bybit, 'Liquidation Price (USDT Contract)': 1 BTC at 20,000, 50x", "400",
        lambda: margin.initial_margin(20_000, 50)),
    Row("Bybit, 'Initial Margin (Inverse Contract)': 12,000 contracts at 8,000, 50x", "0.03",
        lambda: margin.initial_margin(margin.notional_of(12_000, 8000, inverse=True), 50)),
    Row("OKX (2020), copied in bradkyle/Qenv logic/okex.md: 10,000 contracts of 0.0001 BTC at 10,000, 10x", "1000",
        lambda: margin.initial_margin(margin.notional_of(10_000 * 0.0001, 10_000), 10)),
]  # fmt: skip

PNL = [
    Row("Binance, FAQ b3c689c1 (2021), copied in freqtrade tests/exchange/test_binance.py: ETHUSDT", "-448192.89",
        lambda: margin.unrealised_pnl(3683.979, 1456.84, 1335.18)),
    Row("the same: BTCUSDT", "-56354.57", lambda: margin.unrealised_pnl(109.488, 32481.98, 31967.27)),
    Row("Binance, FAQ 360033525271 (2020): a short of 0.005 BTC", "-0.06",
        lambda: margin.unrealised_pnl(-0.005, 9451.53, 9462.81)),
    Row("OKX (2020): 100 long contracts of 0.0001 BTC, 5,000 to 10,000", "50",
        lambda: margin.unrealised_pnl(100 * 0.0001, 5000, 10_000)),
    Row("the same: 800 short contracts", "-400", lambda: margin.unrealised_pnl(-800 * 0.0001, 5000, 10_000)),
    Row("the same: 600 long contracts, 500 to 600", "6", lambda: margin.unrealised_pnl(600 * 0.0001, 500, 600)),
    Row("the same: 1,000 short contracts, 1,000 to 500", "50",
        lambda: margin.unrealised_pnl(-1000 * 0.0001, 1000, 500)),
    Row("BitMEX, 'Perpetual Contracts Guide Examples': 15,000 contracts, 750 to 800", "1.25",
        lambda: margin.unrealised_pnl(15_000, 750, 800, inverse=True)),
    Row("BitMEX, 'PNL Guide', copied in bradkyle/Qenv logic/bitmex.md: 1,000 contracts, 1,000 to 1,250", "0.20",
        lambda: margin.unrealised_pnl(1000, 1000, 1250, inverse=True)),
    Row("the same: 500 contracts, 1,000 to 1,500", "0.17",
        lambda: margin.unrealised_pnl(500, 1000, 1500, inverse=True)),
    Row("BingX, coin-margined: 10 BTC long, 100 to 200, wins 50 % of 10 BTC", "5",
        lambda: margin.unrealised_pnl(1000, 100, 200, inverse=True)),
    Row("the same: short, 100 to 200, loses 50 %", "-5", lambda: margin.unrealised_pnl(-1000, 100, 200, inverse=True)),
    Row("the same: long, 100 to 50, loses all", "-10", lambda: margin.unrealised_pnl(1000, 100, 50, inverse=True)),
    Row("the same: short, 100 to 50, wins as much", "10", lambda: margin.unrealised_pnl(-1000, 100, 50, inverse=True)),
]  # fmt: skip

FUNDING = [
    Row("BitMEX, 'Perpetual Contracts Guide Examples': 15,000 contracts at 750, 0.25 %: the long pays", "0.05",
        lambda: margin.funding_fee(15_000, 750, 0.0025, inverse=True)),
    Row("the same: the short receives", "-0.05", lambda: margin.funding_fee(-15_000, 750, 0.0025, inverse=True)),
    Row("BitMEX, 'PNL Guide': 100 XBT long, 1 %", "1",
        lambda: margin.funding_fee(100 * 1000, 1000, 0.01, inverse=True)),
    Row("the same: 100 XBT short", "-1", lambda: margin.funding_fee(-100 * 1000, 1000, 0.01, inverse=True)),
]  # fmt: skip

LONG_ETH = Position(ETH, 3683.979, 1456.84, 1335.18)
LONG_BTC = Position(BTC, 109.488, 32481.98, 31967.27)
SMALL_BTC = Position(BTC, -0.005, 9451.53, 9462.81)
SMALL_ETH = Position(brackets("ETHUSDT", (0, 0.0065)), 1, 199.53, 200)

LIQUIDATION = [
    Row("Binance, FAQ b3c689c1 (2021), copied in freqtrade tests/exchange/test_binance.py: ETHUSDT isolated", "1114.78",
        lambda: margin.liquidation_price(ETH, 3683.979, 1456.84, 1535443.01)),
    Row("the same: BTCUSDT isolated", "18778.73",
        lambda: margin.liquidation_price(BTC, 109.488, 32481.98, 1535443.01)),
    Row("the same: ETHUSDT cross, beside BTCUSDT", "1153.26",
        lambda: margin.cross_liquidation_prices(1535443.01, [LONG_ETH, LONG_BTC])["ETHUSDT"][0]),
    Row("the same: BTCUSDT cross, beside ETHUSDT", "26316.89",
        lambda: margin.cross_liquidation_prices(1535443.01, [LONG_ETH, LONG_BTC])["BTCUSDT"][0]),
    Row("Binance, FAQ 360033525271 (2020), copied in bradkyle/Qenv logic/binance.md: BTCUSDT short, cross", "11383.99",
        lambda: margin.cross_liquidation_prices(10.72, [SMALL_BTC, SMALL_ETH])["BTCUSDT"][1]),
    Row("the same: ETHUSDT long, cross", "190.29",
        lambda: margin.cross_liquidation_prices(10.72, [SMALL_BTC, SMALL_ETH])["ETHUSDT"][0]),
    Row("Binance's calculator, in dev.binance.vision/t/6292: 10 M USD of BTCUSD, 101 BTC, cut to ticks", "33599.4",
        lambda: margin.liquidation_price(COIN, 100_000 * 100, 45_000, 101, inverse=True)),
    Row("Bybit, 'Trading Rules: Liquidation Process' (2026): 1 BTC, 50x, 3,000 USDT added", "36380.25",
        lambda: margin.liquidation_price(flat(0.005), 1, 40_000, 800 + 3000 / (1 - 0.00055))),
    Row("the same: 30,000 BTCUSD short at 60,000, 10x", "66333.33",
        lambda: margin.liquidation_price(flat(0.005), -30_000, 60_000, 0.05, inverse=True)),
    Row("Kraken, 'Equity Protection Process': 1,000 contracts at 8,000, 0.01 BTC", "7481",
        lambda: margin.liquidation_price(flat(0.01), 1000, 8000, 0.01, inverse=True)),
    Row("Phemex, 'liq-price-for-USDTM': 500 at 0.4, 5x, its fee on top of the rate", "0.3232",
        lambda: margin.liquidation_price(flat(0.01).plus_fee(0.0006), 500, 0.4, 40.096)),
]  # fmt: skip

AT_ENTRY = [
    Row("Bybit, 'Liquidation Price (USDT Contract)' (2023), copied in a public README: long 1 BTC at 20,000, 50x",
        "19700", lambda: margin.bankruptcy_price(1, 20_000, 400 - 100)),
    Row("the same: short, 3,000 USDT added", "23300", lambda: margin.bankruptcy_price(-1, 20_000, 400 - 100 + 3000)),
    Row("the same: long, 200 USDT of funding paid from its margin", "19900",
        lambda: margin.bankruptcy_price(1, 20_000, 400 - 100 - 200)),
    Row("BitMEX, 'Liquidation', copied in bradkyle/Qenv: 200,000 contracts at 10,000, 1 XBT", "9577.56",
        lambda: margin.bankruptcy_price(200_000, 10_000, 1 - 0.1178517, inverse=True)),
    Row("Bybit, 'How to calculate Liquidation Price (Inverse Contract)': 10,000 at 8,000, 0.5 BTC, up to the next 0.5",
        "5739.50", lambda: ceil(2 * margin.bankruptcy_price(
            10_000, 8000, 0.5 - 1.25 * 0.005 - 10_000 * 0.00075 / 5718.57, inverse=True)) / 2),
]  # fmt: skip

BANKRUPTCY = [
    Row("Bybit, 'Bankruptcy Price (USDT Contract)': long 1 BTC at 10,000, 50x", "9800",
        lambda: margin.bankruptcy_price(1, 10_000, 200)),
    Row("Bybit, 'Bankruptcy Price' (2026): long at 60,000, 50x", "58800",
        lambda: margin.bankruptcy_price(1, 60_000, 1200)),
    Row("BitMEX, 'Liquidation': 200,000 contracts at 10,000, 1 XBT", "9523",
        lambda: margin.bankruptcy_price(200_000, 10_000, 1, inverse=True)),
    Row("Kraken, 'Equity Protection Process': 1,000 contracts at 8,000, 0.01 BTC", "7407",
        lambda: margin.bankruptcy_price(1000, 8000, 0.01, inverse=True)),
    Row("Bybit, 'How to calculate Liquidation Price (Inverse Contract)': what is left pays the fee", "5718.57",
        lambda: margin.liquidation_price(flat(0.00075), 10_000, 8000, 0.5, inverse=True)),
]  # fmt: skip

ROWS = MAINTENANCE + INITIAL + PNL + FUNDING + LIQUIDATION + AT_ENTRY + BANKRUPTCY


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.source)
def test_a_published_example_is_met(row):
    row.check()


def test_okx_liquidates_below_its_maintenance_rate_and_fee():
    """OKX (2020), bradkyle/Qenv logic/okex.md: 1 BTC at 10,000, 10x, mark 9,010: 0.11 % is below 1.5 % + 0.075 %."""
    notional = margin.notional_of(1, 9010)
    balance = 1000 + margin.unrealised_pnl(1, 10_000, 9010)
    assert balance / notional == pytest.approx(0.0011, abs=5e-5)
    asked = margin.maintenance_margin(flat(0.015).plus_fee(0.00075), notional)
    assert margin.margin_ratio(balance, asked) == pytest.approx(0.01575 / (10 / 9010))
    assert margin.margin_ratio(balance, asked) >= 1


# By hand.


@pytest.mark.parametrize(
    ("notional", "tier", "leverage"),
    [(0, 0, 125), (50_000, 0, 125), (50_000.01, 1, 100), (-60_000, 1, 100), (1e12, 9, 1)],
)
def test_a_cap_belongs_to_the_tier_that_it_ends(notional, tier, leverage):
    assert margin.tier_of(BTC, abs(notional)) == tier
    assert margin.max_leverage(BTC, notional) == leverage


def test_beyond_the_last_cap_no_leverage_is_allowed():
    """50 of 0.01 and 50 of 0.02; nothing above 100."""
    capped = Tiers("x", (*Tiers.of("x", [(0, 0.01, 20), (50, 0.02, 10), (100, 0.03, 5)]).tiers[:2],))
    assert [margin.max_leverage(capped, x) for x in (50, 100, 100.01)] == [20, 10, 0]
    assert [margin.max_notional(capped, x) for x in (21, 20, 10.5, 10, 1)] == [0, 50, 50, 100, 100]
    assert margin.maintenance_margin(capped, 200) == 200 * 0.02 - 0.5


@pytest.mark.parametrize(
    ("leverage", "price", "free", "fee", "amount"),
    [
        (20, 10_000, 1000, 0, 2),  # 20,000 / 10,000
        (20, 10_000, 1000, 0.0005, 1.980198),  # 1000 / (0.05 + 0.0005) = 19,801.98
        (125, 10_000, 10_000, 0, 5),  # 1.25 M, but 50,000 is the cap at 125x
        (125, 10_000, -5, 0, 0),
        (126, 10_000, 1000, 0, 0),
        (1, 10_000, 1000, 0, 0.1),
    ],
)
def test_free_margin_opens_what_leverage_fee_and_tiers_allow(leverage, price, free, fee, amount):
    assert margin.max_amount(BTC, leverage, price, free, fee) == pytest.approx(amount, abs=1e-6)


def test_an_inverse_contract_opens_its_amount_in_quote():
    """0.1 BTC at 10x is 1 BTC, 20,000 USD at 20,000."""
    assert margin.max_amount(COIN, 1, 20_000, 0.1, inverse=True) == pytest.approx(2000)


def test_a_step_of_partial_liquidation_goes_to_the_floor_of_its_tier():
    """At 60,000, 10 BTC are 600,000, in the tier from 250,000: 4.1667 are kept, then 0.8333, then none."""
    kept = 10.0
    steps = []
    while kept:
        closed = margin.reduction(BTC, -kept, 60_000)
        steps.append(kept - closed)
        kept = steps[-1]
    assert steps == [pytest.approx(250_000 / 60_000), pytest.approx(50_000 / 60_000), 0]


def test_a_step_of_an_inverse_contract_goes_there_as_well():
    """12 BTC are 240,000 USD at 20,000; the tier begins at 10 BTC."""
    assert margin.reduction(COIN, 240_000, 20_000, inverse=True) == 40_000


@pytest.mark.parametrize(
    ("amount", "entry", "held", "inverse", "price"),
    [
        (1, 100, 100, False, 0),  # paid in full
        (1, 100, 150, False, 0),
        (-1, 100, 100, True, inf),  # a short with more coins than it can lose
        (-1, 1, 1, True, inf),  # and with just as many
        (1, 100, -200, False, 303.03),  # lost long ago: at every price up to there
        (-1, 100, -200, False, 0),
        (1, 100, 0, False, 101.01),
    ],
)
def test_where_there_is_no_price_it_is_zero_below_and_infinite_above(amount, entry, held, inverse, price):
    assert margin.liquidation_price(flat(0.01), amount, entry, held, inverse) == pytest.approx(price, abs=0.01)


def test_a_position_that_cannot_go_bankrupt_has_no_bankruptcy_price():
    assert margin.bankruptcy_price(1, 100, 150) == 0
    assert margin.bankruptcy_price(-1, 100, 0.01, inverse=True) == inf
    assert margin.bankruptcy_price(1, 100, -0.02, inverse=True) == inf


def test_a_hedge_of_equal_sides_is_liquidated_by_a_rise_alone_through_what_both_must_keep():
    """1000 left, a long and a short of 1: each keeps 0.4 %, so 0.008 * 125,000; in the second tier 0.01 * p - 100."""
    assert margin.liquidation_prices(flat(0.004), 1000, 1, 100, 1, 100) == (0, 125_000)
    assert margin.liquidation_prices(BTC, 1000, 1, 100, 1, 100) == (0, pytest.approx(1100 / 0.01))
    assert margin.liquidation_prices(flat(0), 1000, 1, 100, 1, 100) == (0, inf)


def test_a_hedge_may_be_liquidated_on_both_sides():
    """10 long, 9 short, from 100: 1 net, and 50 to lose. Kept: 0.4 % of 19 up to 1,000 each, then 40 %.

    Below: 50 - 100 + 0.924 p = 0. Above 1,000 / 9: 50 - 100 - 0.396 * 2,000 + ... with 1 - 0.4 * 19 a price.
    """
    tiers = brackets("x", (0, 0.004), (1000, 0.4))
    below, above = margin.liquidation_prices(tiers, 50, 10, 1000, 9, 900)
    assert below == pytest.approx(50 / 0.924)
    assert above == pytest.approx((50 - 100 + 0.396 * 2000) / (0.4 * 19 - 1))


def test_an_account_that_keeps_too_little_at_every_price_is_liquidated_at_every_price():
    assert margin.liquidation_prices(BTC, -10, 1, 100, 1, 100) == (inf, 0)
    assert margin.liquidation_prices(BTC, 0, 0, 0, 0, 0) == (inf, 0)
    assert margin.liquidation_prices(BTC, 10, 0, 0, 0, 0) == (0, inf)


def test_where_the_margin_jumps_a_short_is_liquidated_at_the_jump():
    """Margin 10 on 1 short of 100: 0.5 % would last to 109.45, but above 105 all of it needs 10 %."""
    tiers = brackets("x", (0, 0.005, 0), (105, 0.1, 0))
    assert margin.liquidation_price(tiers, -1, 100, 10) == 105


def test_long_and_short_of_one_instrument_share_their_prices_and_others_weigh_in():
    hedge = [Position(BTC, 2, 30_000, 31_000), Position(BTC, -1, 32_000, 31_000)]
    other = Position(ETH, -10, 2000, 2100)
    found = margin.cross_liquidation_prices(5000, [*hedge, other])
    rest = 5000 - 1000 - (21_000 * 0.0065 - 15)
    assert found["BTCUSDT"] == margin.liquidation_prices(BTC, rest, 2, 60_000, 1, 32_000)
    of_both = [2000 - (62_000 * 0.005 - 50), 1000 - 31_000 * 0.004]
    assert found["ETHUSDT"] == pytest.approx(margin.liquidation_prices(ETH, 5000 + sum(of_both), 0, 0, 10, 20_000))


def test_nothing_but_tiers_is_taken_for_tiers():
    """A number would be read as an address."""
    for wrong in (0.004, 140_000_000, None, "BTC"):
        with pytest.raises(ConfigError, match="maintenance_margin: tiers="):
            margin.maintenance_margin(wrong, 1000)
    with pytest.raises(TypeError, match="notional"):
        margin.maintenance_margin(BTC)


def test_tiers_live_as_long_as_the_call():
    assert margin.maintenance_margin(Tiers.of("x", [(0, 0.004, 125)]), 1000) == 4
