"""What moves a venue's market: the synthetic market, candles, recorded trades; the clock."""

import asyncio
from pathlib import Path

import polars as pl
import pytest
from venue.conftest import config

from planar.errors import ConfigError
from planar.model.instrument import Instrument
from planar.store.synthetic import synthetic
from planar.venue.config import VenueConfig, built
from planar.venue.server import Venue

NAME = "binance:BTC/USDT"
TRADES = Path(__file__).parents[3] / "shared/data/trades/binance/BTC-USDT.2024-08-08.parquet"
MINUTE = 60_000


def candles(count=300, seed=1):
    return synthetic([NAME], "1m", candles=count, seed=seed)[NAME]


def test_the_same_seed_gives_the_same_market():
    one, other = (built(config(seed=7))[0] for _ in range(2))
    for floor in (one, other):
        floor.advance(floor.now + 3_600_000)
    assert list(one.market("BTCUSDT").trades) == list(other.market("BTCUSDT").trades)
    assert list(one.market("BTCUSDT").trades) != list(built(config(seed=8))[0].market("BTCUSDT").trades)


def test_what_a_day_is_like_is_worked_out_every_hour_and_the_same_for_all():
    floor = built(config(history=180))[0]
    market, seen = floor.market("BTCUSDT"), set()
    first = floor.open_account("first", "", {})
    for _ in range(6):
        floor.advance(floor.now + 30 * MINUTE)
        late = floor.open_account(f"at {floor.now}", "", {})
        hour = floor.now // (60 * MINUTE) * 60 * MINUTE
        estimates = market.estimates(hour)
        for account in (first, late):
            record = account.kernel.memory.instruments[0]
            assert (record["spread"], record["volatility"], record["day_volume"]) == (
                estimates.spread, estimates.volatility, estimates.volume,
            )  # fmt: skip
        seen.add(estimates)
    assert 0.001 < estimates.volatility < 0.2
    assert len(seen) == 4


def test_the_synthetic_market_goes_on_beyond_its_first_candles():
    floor = built(config(history=30))[0]
    floor.advance(floor.now + 3_000 * MINUTE)
    opens = [k.open_time for k in floor.market("BTCUSDT").klines.series("1m")]
    assert len(opens) == (opens[-1] - opens[0]) // MINUTE + 1
    assert not floor.has_ended


@pytest.mark.parametrize("points", [0, 4, 60])
def test_candles_that_go_in_come_out(points):
    frame = candles()
    floor = built(VenueConfig((NAME,), candles={NAME: frame}, speed=0, points=points))[0]
    floor.advance(int(frame["time"][-1]) + MINUTE)
    assert floor.has_ended
    listing = floor.listings[0]
    made = floor.market("BTCUSDT").klines.series("1m")
    for kline, row in zip(made, frame.iter_rows(named=True), strict=True):
        prices = [listing.price(ticks) for ticks in (kline.open, kline.high, kline.low, kline.close)]
        assert prices == pytest.approx([row[name] for name in ("open", "high", "low", "close")])
        assert listing.amount(kline.units) == pytest.approx(row["volume"])


def test_a_venue_over_candles_begins_behind_its_history():
    frame = candles(100)
    floor = built(VenueConfig((NAME,), candles={NAME: frame}, speed=0, history=20))[0]
    assert floor.now == frame["time"][20]
    assert floor.market("BTCUSDT").last > 0


@pytest.mark.data
@pytest.mark.skipif(not TRADES.exists(), reason="the recorded trades are not here")
def test_recorded_trades_happen_one_by_one():
    frame = pl.read_parquet(TRADES)
    floor = built(VenueConfig((NAME,), trades={NAME: frame}, speed=0))[0]
    floor.advance(floor.now + 86_400_000)
    trades = list(floor.market("BTCUSDT").trades)
    listing = floor.listings[0]
    assert len(trades) == len(frame)
    assert [listing.price(t.ticks) for t in trades] == frame["price"].to_list()
    assert [t.taker_sells for t in trades] == (frame["side"] == "sell").to_list()


def test_an_accelerated_clock_runs_ahead_of_the_wall():
    async def play():
        async with Venue(config(speed=1_000.0, start=1_700_000_000_000)) as venue:
            before = venue.floor.now
            await asyncio.sleep(0.3)
            return venue.floor.now - before, len(venue.floor.market("BTCUSDT").trades)

    passed, _ = asyncio.run(play())
    assert passed > 100_000


def test_a_real_clock_starts_now():
    from planar.venue import clock

    floor, made = built(config(speed=1.0))
    assert abs(made.now() - clock.wall()) < 5_000
    assert floor.market("BTCUSDT").last > 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"instruments": ()}, "lists nothing"),
        ({"instruments": ("BTC/USDT", "BTC/USDT")}, "BTC twice"),
        ({"instruments": ("BTC/USDT", "ETH/EUR")}, "EUR and USDT"),
        ({"instruments": (Instrument("binance:PEPE/USDT", price_step=1e-9),)}, "more than the eight decimals"),
        ({"candles": {NAME: candles(10)}}, "nothing was given for binance:ETH/USDT"),
        ({"speed": -1}, "speed=-1"),
        ({"host": "0.0.0.0"}, "loopback only"),
    ],
)
def test_a_venue_that_cannot_be_says_why(wrong, says):
    with pytest.raises(ConfigError, match=says):
        built(config(**wrong))
