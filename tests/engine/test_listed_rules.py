"""Rules that exchanges listed: seen by a fetch, kept with their date, used by a backtest of that time."""

import asyncio
from decimal import Decimal

import ccxt
import polars as pl
import pytest
from engine.fetching import BTC, END, MINUTE, fetched, opened

import planar
from planar import Instrument, Strategy
from planar.engine.listed_rules import rules_of
from planar.exchange.answers.market_data import market as market_of
from planar.model.tiers import Tiers
from planar.store.rules import Rules
from planar.store.store import Store
from planar.store.synthetic import START, synthetic

ETH = "binance:ETH/USDT"
HOUR = 3_600_000
COARSE = Rules(
    price_step=Decimal("0.1"), amount_step=Decimal("0.001"), min_amount=Decimal("0.001"), min_cost=Decimal(5),
    maker=Decimal("0.0002"), taker=Decimal("0.0004"), fee_side="base",
)  # fmt: skip


class Buys(Strategy):
    instruments = [BTC]  # noqa: RUF012
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat:
            broker.buy(fraction=0.5)


def test_a_fetch_keeps_the_rules_with_its_date_and_again_only_when_they_changed(tmp_path, own_cache):
    now = [END]
    store = Store(tmp_path / "s.duckdb", clock=lambda: now[0])

    async def scene():
        async with opened() as (_, exchange):
            await fetched(exchange, store, start=END - 10 * MINUTE)
            now[0] += HOUR
            await fetched(exchange, store, start=END - 10 * MINUTE)
            [seen] = store.rules()[BTC]
            market = await exchange.market("BTC/USDT")
            assert (seen.seen_at, seen.source, seen.rules.tiers) == (END, "of binance", None)
            assert seen.rules.price_step == market.price_step
            assert seen.rules.amount_step == market.amount_step
            assert (seen.rules.maker, seen.rules.taker, seen.rules.fee_side) == (Decimal("0.001"),) * 2 + ("base",)
        async with opened(instruments=(Instrument(BTC, price_step=0.5, amount_step=0.01),)) as (_, other):
            await fetched(other, store, start=END - 10 * MINUTE)
        assert [(one.seen_at, one.rules.price_step) for one in store.rules()[BTC]][1:] == [(END + HOUR, Decimal("0.5"))]

    asyncio.run(scene())


@pytest.fixture
def store(tmp_path):
    """Two hundred hours of two instruments, fetched ten hours after the first candle."""
    made = Store(tmp_path / "s.duckdb", clock=lambda: START + 10 * HOUR)
    for name, frame in synthetic([BTC, ETH], candles=200).items():
        made.write_candles(name, "1h", frame, "test")
    return made


def believed(run):
    return run.stats["believe"]["Fees"], run.stats["believe"]["Steps"]


def test_without_rules_a_backtest_assumes_and_says_so(store):
    fees, steps = believed(planar.backtest(Buys, store=store))
    assert (fees, steps) == ("0.1 % maker, 0.1 % taker (assumed)", "read off the candles")


def test_a_backtest_of_stored_candles_uses_the_rules_of_its_time(store):
    store.note_rules(BTC, COARSE, "of binance")
    run = planar.backtest(Buys, store=store, start=START + 20 * HOUR)
    assert believed(run) == ("0.02 % maker, 0.04 % taker (of binance on 2024-01-01)", "of binance on 2024-01-01")
    [instrument] = run.logs.instruments
    assert instrument == Instrument(BTC, 0.1, 0.001, 0.001, 5.0, 0.0002, 0.0004, "base")
    first = run.fills.row(0, named=True)
    assert first["fee_currency"] == "BTC"
    assert round(first["amount"] * 1000, 6) == round(first["amount"] * 1000)


def test_the_newest_rules_before_the_start_are_used_and_not_those_of_later(store):
    store.note_rules(BTC, COARSE, "of binance")
    later = Store(store.path, clock=lambda: START + 100 * HOUR)
    later.note_rules(BTC, Rules(price_step=Decimal(1), amount_step=Decimal(1), taker=Decimal("0.1")), "of binance")
    fees, _ = believed(planar.backtest(Buys, store=store, start=START + 99 * HOUR))
    assert fees == "0.02 % maker, 0.04 % taker (of binance on 2024-01-01)"


def test_rules_that_were_seen_later_only_are_used_and_said_to_be_later(store):
    store.note_rules(
        BTC, Rules(Decimal("0.01"), Decimal("0.001"), maker=Decimal(0), taker=Decimal("0.001")), "of binance"
    )
    fees, steps = believed(planar.backtest(Buys, store=store))
    assert fees == "0 % maker, 0.1 % taker (of binance on 2024-01-01, after the start)"
    assert steps == "of binance on 2024-01-01, after the start"


def test_a_price_step_of_later_that_the_candles_do_not_keep_is_read_off_them(store):
    store.note_rules(BTC, Rules(price_step=Decimal(10), amount_step=Decimal("0.001")), "of binance")
    run = planar.backtest(Buys, store=store)
    assert run.logs.instruments[0].price_step == 0.01
    assert believed(run)[1] == ("of binance on 2024-01-01, after the start; price step read off the candles")


def test_what_an_exchange_does_not_say_is_assumed_and_said_to_be(store):
    store.note_rules(BTC, Rules(min_cost=Decimal(20)), "of kraken")
    run = planar.backtest(Buys, store=store, start=START + 20 * HOUR)
    assert believed(run) == ("0.1 % maker, 0.1 % taker (assumed)", "read off the candles")
    assert run.logs.instruments[0].min_cost == 20.0
    store.note_rules(ETH, Rules(price_step=Decimal("0.5")), "of kraken")
    run = planar.backtest(Buys, instruments=ETH, store=store, start=START + 20 * HOUR)
    assert believed(run)[1] == "of kraken on 2024-01-01; amount step read off the candles"
    assert run.logs.instruments[0].price_step == 0.5


def test_given_fees_and_instruments_go_before_stored_rules(store):
    store.note_rules(BTC, COARSE, "of binance")
    run = planar.backtest(Buys, store=store, start=START + 20 * HOUR, fees=0.003)
    assert believed(run) == ("0.3 % maker, 0.3 % taker (given)", "of binance on 2024-01-01")
    own = Instrument(BTC, price_step=0.05)
    run = planar.backtest(Buys, instruments=own, store=store, start=START + 20 * HOUR)
    assert run.logs.instruments == [own]
    assert believed(run) == ("0.1 % maker, 0.1 % taker (of the instrument)", "of the instrument")


def test_each_instrument_has_its_own_source(store):
    store.note_rules(BTC, COARSE, "of binance")
    fees, steps = believed(planar.backtest(Buys, instruments=[BTC, ETH], store=store, start=START + 20 * HOUR))
    assert fees.endswith("(BTC/USDT of binance on 2024-01-01; ETH/USDT assumed)")
    assert steps == "BTC/USDT of binance on 2024-01-01; ETH/USDT read off the candles"


def test_given_candles_have_no_stored_rules(store):
    store.note_rules(BTC, COARSE, "of binance")
    frame = store.read_candles(BTC, "1h").with_columns(pl.col("volume"))
    assert believed(planar.backtest(Buys, frame))[1] == "read off the candles"


# Perpetuals.

COIN = "binance:BTC/USD:BTC"
BTCUSD_PERP = {
    "symbol": "BTCUSD_PERP", "pair": "BTCUSD", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
    "onboardDate": 1597042800000, "contractStatus": "TRADING", "contractSize": 100, "marginAsset": "BTC",
    "baseAsset": "BTC", "quoteAsset": "USD", "pricePrecision": 1, "quantityPrecision": 0, "baseAssetPrecision": 8,
    "quotePrecision": 8, "underlyingType": "COIN",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "1000", "maxPrice": "4520958", "tickSize": "0.1"},
        {"filterType": "LOT_SIZE", "stepSize": "1", "maxQty": "1000000", "minQty": "1"},
    ],
}  # fmt: skip
"""As Binance's documentation of ``GET /dapi/v1/exchangeInfo`` shows it."""

BRACKETS = Tiers.of(COIN, [(0, 0.004, 125), (5, 0.005, 100)]).tiers


def holding(name: str) -> type[Strategy]:
    return type("Holding", (Buys,), {"instruments": [name]})


def stored(path, name: str, rules: Rules) -> Store:
    made = Store(path, clock=lambda: START)
    made.write_candles(name, "1h", synthetic([name], candles=50)[name], "test")
    made.note_rules(name, rules, "of binance")
    return made


def test_an_inverse_contract_has_the_size_and_the_tiers_that_its_exchange_listed(tmp_path):
    market = market_of(ccxt.binancecoinm().parse_market(BTCUSD_PERP))
    kept = stored(tmp_path / "s.duckdb", COIN, rules_of(market, BRACKETS))
    run = planar.backtest(holding(COIN), store=kept, funding="none", cash={"BTC": 1.0})
    [made] = run.logs.instruments
    assert (made.contract_size, made.amount_step, made.min_amount, made.price_step) == (100.0, 1.0, 1.0, 0.1)
    assert made.tiers.tiers == BRACKETS
    assert (made.settle, made.maker, made.taker) == ("BTC", float(market.maker), float(market.taker))
    assert len(run.fills) > 0


def test_a_linear_perpetual_has_the_tiers_that_its_exchange_listed(tmp_path):
    name = "binance:BTC/USDT:USDT"
    kept = stored(tmp_path / "s.duckdb", name, Rules(amount_step=Decimal("0.001"), tiers=BRACKETS))
    [made] = planar.backtest(holding(name), store=kept, funding="none").logs.instruments
    assert made == Instrument(name, made.price_step, 0.001, tiers=Tiers(name, BRACKETS))


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        (COIN, Rules(tiers=BRACKETS)),  # what a contract is worth is not known
        (COIN, Rules(contract_size=Decimal(100))),
        ("okx:BTC/USDT:USDT", Rules(tiers=BRACKETS)),  # which are of contracts
    ],
)
def test_a_perpetual_of_which_not_enough_is_known_must_be_given(tmp_path, name, rules):
    kept = stored(tmp_path / "s.duckdb", name, rules)
    with pytest.raises(planar.ConfigError, match="leverage tiers, which were not stored"):
        planar.backtest(holding(name), store=kept, funding="none")
