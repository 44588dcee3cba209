"""Every cause of a difference has its exact amount, and the amounts add up to the difference."""

from fractions import Fraction

import polars as pl
import pytest
from engine.session.retold import START, retold
from hypothesis import given
from hypothesis import strategies as st

from planar.broker.journal import read
from planar.engine.session.attribution import Cause, attributed, earned_by, judged, parts_of, shares_of
from planar.engine.session.comparison import Pair, prices_of
from planar.engine.session.listed import of_store
from planar.engine.session.market_candles import as_seen, compared
from planar.engine.session.story import Execution, Outcome, story_of
from planar.model.ask import Place
from planar.model.instrument import Instrument, exact
from planar.model.order import NEVER, Reason, Side, Status
from planar.simulator.fill_model import fill_model
from planar.store.store import Store

MODEL = fill_model("pessimistic")
BTC = Instrument("binance:BTC/USDT", price_step=0.1, amount_step=0.001, quote_unit=1e-8)

fills = st.lists(
    st.builds(
        Execution,
        time=st.integers(1, 1000),
        ticks=st.integers(1, 10**6),
        amount=st.integers(0, 10**9),
        cost=st.integers(0, 10**15),
        fee=st.integers(-(10**9), 10**12),
        fee_in_base=st.integers(0, 1),
        is_maker=st.integers(0, 1),
    ),
    max_size=3,
)
outcomes = st.builds(Outcome, st.sampled_from(Status), st.sampled_from(Reason), fills, st.just(1))
prices = st.fractions(Fraction(1, 10), 10**6)


def pair_of(side, budget, price, actual, expected):
    place = Place(1, 0, side, 0, 0, NEVER, False, 0 if budget else 10**6, budget, 0, 0, "")
    return Pair(1, 0, place, BTC, price, actual, expected)


@given(st.sampled_from([Side.BUY, Side.SELL]), st.sampled_from([0, 10**10]), prices, outcomes, outcomes, outcomes)
def test_the_causes_of_an_order_add_up_to_its_difference_to_the_last_digit(side, budget, price, actual, expected, late):
    pair = pair_of(side, budget, price, actual, expected)
    shares = shares_of(parts_of(pair, late))
    assert sum(share.amount for share in shares) == pair.difference
    assert len({share.cause for share in shares}) == len(shares)


def one(ticks, amount, fee=0, is_maker=0):
    cost = amount * ticks * exact(BTC.unit) * exact(BTC.price_step) / exact(BTC.quote_unit)
    return Execution(1, ticks, amount, int(cost), fee, 0, is_maker)


BASE = int(1 / exact(BTC.unit))
"""Units of one BTC."""


def causes(actual, expected, late=None, status=Status.FILLED, side=Side.BUY, reason=Reason.NONE):
    pair = pair_of(side, 0, Fraction(100), Outcome(status, reason, actual, 1), Outcome(Status.FILLED, fills=expected))
    parts = parts_of(pair, Outcome(Status.FILLED, fills=expected if late is None else late))
    return {cause: float(amount) for cause, amount, _ in parts}


def test_a_buy_that_paid_one_more_per_coin_lost_it_to_slippage():
    assert causes([one(1010, BASE)], [one(1000, BASE)]) == {Cause.SLIPPAGE: -1.0}


def test_a_fee_that_was_higher_is_the_fees_difference():
    assert causes([one(1000, BASE, 3 * 10**8)], [one(1000, BASE, 10**8)]) == {Cause.FEE: -2.0}


def test_what_the_journey_cost_in_the_simulation_is_latency():
    found = causes([one(1030, BASE)], [one(1000, BASE)], [one(1020, BASE)])
    assert found == {Cause.LATENCY: -2.0, Cause.SLIPPAGE: -1.0}


def test_half_a_fill_is_worth_the_half_that_is_missing():
    """Bought at 90 what is worth 100: half of 10 is missing."""
    assert causes([one(900, BASE // 2)], [one(900, BASE)]) == {Cause.PARTIAL: -5.0}


def test_a_fill_that_never_came_is_missed_and_one_refused_is_rejected():
    assert causes([], [one(900, BASE)], status=Status.CANCELLED) == {Cause.MISSED: -10.0}
    found = causes([], [one(900, BASE)], status=Status.REJECTED, reason=Reason.VENUE_REFUSED)
    assert found == {Cause.REJECTED: -10.0}


def test_a_fill_that_nobody_expected_is_extra():
    assert causes([one(900, BASE)], []) == {Cause.EXTRA: 10.0}


def test_a_session_that_did_as_a_backtest_has_nothing_to_explain(tmp_path):
    story, run, trader = retold(tmp_path, "sma_cross")
    found = attributed(story, MODEL, as_seen(story))
    assert found.shares == []
    assert found.session == found.shadow == found.backtest != 0
    assert float(found.session) == pytest.approx(trader.equity() - 10_000, abs=1e-6)
    assert float(found.session) == pytest.approx(run._final - 10_000, abs=1e-6)


def last_told(folder, name, change):
    """A story whose last fill was told otherwise, so that no decision follows from it; and that fill, as it was."""
    truth, _, _ = retold(folder / "truth", name)
    last = max((fill for each in truth.outcomes.values() for fill in each.fills), key=lambda fill: fill.time)

    def lie(id, *numbers):
        return (id, *change(Execution(*numbers))) if Execution(*numbers) == last else (id, *numbers)

    return retold(folder / "lie", name, lie)[0], last


def test_a_last_fee_that_was_doubled_is_the_whole_difference(tmp_path):
    story, last = last_told(tmp_path, "grid_maker", lambda fill: fill._replace(fee=2 * fill.fee))
    instrument, [price] = story.origin.instruments[0], prices_of(story.candles())
    worth = exact(instrument.unit) * price if last.fee_in_base else exact(instrument.quote_unit)
    found = attributed(story, MODEL, as_seen(story))
    assert [(each.cause, each.amount) for each in found.shares] == [(Cause.FEE, -last.fee * worth)]
    assert found.difference == -last.fee * worth


def test_a_last_fill_at_another_price_is_slippage_alone(tmp_path):
    def dearer(fill):
        return fill._replace(cost=fill.cost - 7)

    story, _ = last_told(tmp_path, "sma_cross", dearer)
    found = attributed(story, MODEL, as_seen(story))
    assert [each.cause for each in found.shares] == [Cause.SLIPPAGE]
    assert abs(found.difference) == 7 * exact(story.origin.instruments[0].quote_unit)


def stored(folder, story, change=None):
    """A store with the candles of the story, changed."""
    [candles] = story.candles()
    frame = candles.frame if change is None else change(candles.frame)
    store = Store(folder / "candles.duckdb")
    store.write_candles(story.origin.instruments[0].name, story.origin.timeframe, frame, "a test")
    return store


def test_candles_that_the_store_has_too_change_nothing(tmp_path):
    story, _, _ = retold(tmp_path, "sma_cross")
    market = compared(story, of_store(story, stored(tmp_path, story)))
    assert (market.missing, market.changed, len(market.sources)) == (set(), set(), 1)
    assert attributed(story, MODEL, market).shares == []


def test_candles_that_have_changed_since_are_named(tmp_path):
    story, _, _ = retold(tmp_path, "sma_cross")

    def change(frame):
        is_late = pl.col("time") >= story.begun + 300 * story.length
        return frame.with_columns(
            *(pl.when(is_late).then(pl.col(c) * 1.5).otherwise(pl.col(c)) for c in ("close", "high"))
        )

    market = compared(story, of_store(story, stored(tmp_path, story, change)))
    found = attributed(story, MODEL, market)
    assert len(market.changed) == (story.end - story.begun) // story.length - 300
    assert Cause.CHANGED in {share.cause for share in found.shares}
    assert sum(share.amount for share in found.shares) == found.difference


def test_what_was_earned_is_what_the_books_say(tmp_path):
    story, _, trader = retold(tmp_path, "grid_maker")
    cash = trader.cash()[0] - story.origin.cash
    instrument, [price] = story.origin.instruments[0], prices_of(story.candles())
    held = trader.base(0)[0] * exact(instrument.unit) * price
    assert earned_by(story, [price]) == cash * exact(instrument.quote_unit) + held


def test_where_the_strategy_cannot_be_run_again_the_causes_end_with_the_shadow(tmp_path):
    story, _ = last_told(tmp_path, "grid_maker", lambda fill: fill._replace(fee=2 * fill.fee))
    found = attributed(story, MODEL, as_seen(story), "its file was edited")
    assert (found.backtest, found.why) == (None, "its file was edited")
    assert sum(share.amount for share in found.shares) == found.difference == found.session - found.shadow


def test_a_session_that_has_just_begun_has_nothing_to_explain(tmp_path):
    retold(tmp_path, "sma_cross")
    entries = read(tmp_path / "journal.sqlite")
    first = next(entry.number for entry in entries if entry.kind == "step" and entry.body["asks"])
    begin = next(entry.number for entry in entries if entry.kind == "begin")
    for count in (begin, first - 1, first):
        story = story_of(entries[:count])
        found = attributed(story, MODEL, as_seen(story))
        assert (found.session, found.shares, found.score.orders) == (0, [], 0)


def test_orders_before_a_moment_are_left_out(tmp_path):
    story, _, _ = retold(tmp_path, "sma_cross")
    assert judged(story, MODEL, as_seen(story), START)[0]
    assert judged(story, MODEL, as_seen(story), START + 1) == ([], [])
