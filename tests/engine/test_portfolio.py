"""Several strategies in one account: docs/simulation.md, section 18."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planar
from planar import Book, FillModel, Instrument, Strategy
from planar.errors import ConfigError
from planar.store.synthetic import synthetic

A, B = (Instrument(f"test:{name}/USD", 0.01, 1e-4, maker=0.001, taker=0.002) for name in ("A", "B"))
NAMES = [A.name, B.name]
CANDLES = synthetic(NAMES, "1h", candles=400, seed=3)
PLAIN = FillModel("ohlc", 0, None, None, 0.0, 0.5, "touch")


class Trend(Strategy):
    """Holds A while it rises."""

    instruments = [A.name]  # noqa: RUF012
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if candle.close > candle.open and broker.is_flat:
            broker.buy(fraction=0.9)
        elif candle.close < candle.open and broker.is_long:
            broker.close()


class Dips(Strategy):
    """Buys dips of both, and sells them again."""

    instruments = NAMES
    timeframe = "1h"

    def on_candle(self, candle, broker):
        broker.quote(0, "buy", candle.close * 0.995, cost=500.0)
        if broker.is_long:
            broker.quote(1, "sell", candle.close * 1.005, amount=broker.position)


class OtherTrend(Trend):
    instruments = [B.name]  # noqa: RUF012


def together(books, **options):
    return planar.portfolio(books, CANDLES, instruments=[A, B], **options)


def rows(run) -> list[tuple]:
    return run.fills.select("time", "instrument", "side", "price", "amount", "cost", "fee").rows()


def units(frame: pl.DataFrame) -> list[int]:
    return [round(Fraction(cash) * 10**8) for cash in frame["cash"]]


def test_books_that_share_no_instrument_are_runs_by_themselves():
    both = together([Trend, OtherTrend])
    for name, cls, own in (("Trend", Trend, A), ("OtherTrend", OtherTrend, B)):
        alone = planar.backtest(cls, {own.name: CANDLES[own.name]}, instruments=[own], cash=5_000.0)
        assert rows(both[name]) == rows(alone)
        assert both[name].equity.equals(alone.equity)


def test_the_account_is_the_sum_of_its_books_in_whole_units():
    """A third of 10,000.00000001 each, the first with one more, and a hundredth idle where that is left."""
    three = together([Trend, Trend, Dips], cash=10_000.00000002)
    assert [run.start_units for run in three.runs.values()] == [333333333334, 333333333334, 333333333334]
    odd = together([Trend, Trend, Dips], cash=10_000.00000001)
    assert [run.start_units for run in odd.runs.values()] == [333333333334, 333333333334, 333333333333]
    for made, total in ((three, 1_000_000_000_002), (odd, 1_000_000_000_001)):
        assert sum(run.start_units for run in made.runs.values()) == total
        account = units(made.equity)
        assert account == [sum(each) for each in zip(*(units(run.equity) for run in made.runs.values()), strict=True)]
        paid = made.fills.select(
            pl.when(pl.col("side") == "sell").then("cost").otherwise(-pl.col("cost")) - pl.col("fee")
        )
        assert account[-1] == pytest.approx(total + paid.to_series().sum() * 1e8, abs=2)


def test_what_no_book_has_is_idle():
    made = together([Book(Trend, share=0.5), Book(Dips, share=0.25)])
    assert (made.idle, made.start_cash) == (2_500.0, 10_000.0)
    assert [run.start_cash for run in made.runs.values()] == [5_000.0, 2_500.0]
    assert units(made.equity)[-1] == 250_000_000_000 + sum(units(run.equity)[-1] for run in made.runs.values())


def test_two_books_that_trade_one_instrument_have_half_of_its_volume_each():
    """A book trades as over candles of half the volume."""
    thin = CANDLES[A.name].with_columns(volume=pl.lit(8.0))
    alone = planar.backtest(Trend, thin.with_columns(volume=pl.lit(4.0)), instruments=[A], fill=PLAIN, cash=5_000.0)
    made = planar.portfolio([Trend, Dips], {**CANDLES, A.name: thin}, instruments=[A, B], fill=PLAIN)
    assert made.shared == {A.name: 2}
    assert rows(made["Trend"]) == rows(alone)
    assert max(alone.fills["amount"]) == 4.0


def test_no_book_goes_before_another():
    one, other = together([Trend, Dips, OtherTrend]), together([OtherTrend, Dips, Trend])
    for name in ("Trend", "Dips", "OtherTrend"):
        assert rows(one[name]) == rows(other[name])


class Greedy(Strategy):
    instruments = NAMES
    timeframe = "1h"
    part = planar.param(0.5, low=0.0, high=1.0)

    def on_candle(self, candle, broker):
        if broker.is_flat:
            broker.buy(fraction=self.part)
        else:
            broker.close()


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([Trend, Dips, Greedy, OtherTrend]), min_size=1, max_size=5), st.floats(0.5, 30.0))
def test_books_together_never_fill_more_than_there_is(books, volume):
    candles = {name: frame.head(60).with_columns(volume=pl.lit(volume)) for name, frame in CANDLES.items()}
    made = planar.portfolio(books, candles, instruments=[A, B], cash=1e6, fill="pessimistic")
    hour = pl.col("time") // 3_600_000
    filled = made.fills.group_by(hour, "instrument").agg(pl.col("amount").sum())["amount"]
    assert (filled <= volume + 1e-9).all()


def test_there_is_one_report_of_all(capsys):
    made = together([Book(Trend, name="slow"), Book(Trend, name="slower", params={}), Dips])
    made.show()
    told = capsys.readouterr().out
    assert "slow + slower + Dips" in told
    assert "test:A/USD by 3 books" in told
    assert made.stats["final_equity"] == made.equity["equity"][-1]
    assert set(made.orders["book"]) == {"slow", "slower", "Dips"}
    assert made.stats["trades"] == sum(len(run.trades) for run in made.runs.values())


@pytest.mark.parametrize(
    ("books", "told"),
    [
        ([], r"books=\[\]: give a list of strategies"),
        ("sma_cross", "give a list of strategies"),
        ([Book(Trend, share=0.7), Book(Dips, share=0.5)], "are more than the account's cash"),
        ([Book(Trend, share=1.0), Dips], "are more than the account's cash"),
        ([Book(Trend, share=-0.5)], "are no parts of the account's cash"),
        ([Book(Trend, name="x"), Book(Dips, name="x")], "two books are named 'x'"),
    ],
)
def test_books_that_do_not_add_up_say_so(books, told):
    with pytest.raises(ConfigError, match=told):
        together(books)


def test_books_of_two_currencies_have_no_one_cash():
    class Euros(Trend):
        instruments = ["test:A/EUR"]  # noqa: RUF012

    candles = {**CANDLES, "test:A/EUR": CANDLES[A.name]}
    with pytest.raises(ConfigError, match="one account has one cash"):
        planar.portfolio([Trend, Euros], candles)


def test_a_book_that_is_not_there_has_a_near_name():
    with pytest.raises(KeyError, match="Did you mean 'Dips'"):
        together([Trend, Dips])["Dipz"]
