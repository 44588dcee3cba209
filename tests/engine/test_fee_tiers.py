"""Fees by the volume of 30 days: docs/simulation.md, section 19."""

import polars as pl
import pytest

import planar
from planar import FeeTiers, FillModel, Instrument, Strategy
from planar.errors import ConfigError

COIN = Instrument("test:COIN/USD", 1.0, 1.0)
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "touch")
DAY = 86_400_000
TIERS = [(0.0, 0.002, 0.004), (1_000.0, 0.001, 0.002), (2_500.0, -0.0001, 0.001)]


class Trading(Strategy):
    """Buys 10 at the closes of some days and sells them at the next."""

    timeframe = "1d"
    days = ()

    def on_candle(self, candle, broker):
        day = candle.now // 86_400_000
        if broker.is_long:
            broker.close()
        elif day in self.days:
            broker.buy(10.0)


def played(days, volume=0.0, count=80, **options):
    """Each fill is of 1,000, at the open of its day; gives (day, fee) of each."""
    frame = pl.DataFrame(
        {
            "time": [i * DAY for i in range(count)],
            **{n: [100.0] * count for n in ("open", "high", "low", "close", "volume")},
        }
    )
    cls = type("Played", (Trading,), {"days": days})
    fees = FeeTiers(TIERS, volume)
    run = planar.backtest(cls, frame, instruments=COIN, fill=PLAIN, fees=fees, compiled=False, **options)
    return [(time // DAY, fee) for time, fee in run.fills.select("time", "fee").rows()], run


def test_what_was_traded_on_earlier_days_makes_fees_smaller():
    """1,000 on day 2: the next day has the second tier, the day after, 2,000 traded, too; 3,000 reach the third."""
    fees, _ = played((2, 4))
    assert fees == [(2, 4.0), (3, 2.0), (4, 2.0), (5, 1.0)]


def test_a_day_counts_for_thirty_days():
    """Of days 2 and 3 day 32 still counts both, day 33 the second alone, day 34 none."""
    assert played((2, 32))[0][-2:] == [(32, 2.0), (33, 2.0)]
    assert played((2, 34))[0][-2:] == [(34, 4.0), (35, 2.0)]


def test_an_account_may_have_traded_before():
    """3,000 in 30 days are 100 a day: below 2,500 after six of them."""
    assert played((1,), 3_000.0)[0] == [(1, 1.0), (2, 1.0)]
    assert played((7,), 3_000.0)[0][0] == (7, 2.0)


def test_a_rebate_is_paid_to_makers():
    class Resting(Strategy):
        timeframe = "1d"

        def on_candle(self, candle, broker):
            if broker.is_flat:
                broker.buy(10.0, price=candle.close - 1.0)

    prices = {"open": 100.0, "high": 100.0, "low": 90.0, "close": 100.0, "volume": 1e6}
    frame = pl.DataFrame({"time": [i * DAY for i in range(4)], **{n: [value] * 4 for n, value in prices.items()}})
    run = planar.backtest(Resting, frame, instruments=COIN, fill=PLAIN, fees=FeeTiers(TIERS, 90_000.0))
    assert run.fills["liquidity"][0] == "maker"
    assert run.fills["fee"][0] == pytest.approx(-0.0001 * 990.0)


def test_the_run_says_what_it_was_charged():
    _, run = played((2, 4, 9))
    assert dict(run.summary().believe)["Fees"].startswith(
        "0.2 % maker, 0.4 % taker to -0.01 % maker, 0.1 % taker, 3 tiers"
    )


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ([], "takes a list of"),
        ([(1.0, 0.1, 0.1)], r"fee tier 1 begins at 1: the first begins at 0"),
        ([(0, 0.1, 0.1), (0, 0.1, 0.1)], r"fee tier 2 begins at 0"),
        ([(0, 0.1)], r"fee tier 1, \(0, 0.1\), is not"),
        ([(0, 0.1, 1.0)], r"fee tier 1, .* is not"),
    ],
)
def test_tiers_that_are_none_say_which(tiers, told):
    with pytest.raises(ConfigError, match=told):
        FeeTiers(tiers)
