"""``instruments = universe.top(…)``: members are chosen at the rule's own times from what was known then."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planar
from planar import ConfigError, DataError, FillModel, Instrument, Reason, Strategy, StrategyError, indicator, universe
from planar.engine import backtest as backtests
from planar.engine.check import check
from planar.store.synthetic import synthetic
from planar.strategy.candles import Candles
from planar.strategy.membership import Selections, selections_of

HOUR, DAY = 3_600_000, 86_400_000
A, B, C = "test:A/USD", "test:B/USD", "test:C/USD"
BOTH = pytest.mark.parametrize("compiled", [True, False])
AT_ONCE = FillModel(latency_ms=0, spread=None, impact=None, participation=None, limit_fill="touch")


def candles(volumes, price=100.0, first=0):
    """Hourly candles of one price and these volumes, from an hour on; None is a gap."""
    rows = [(hour, volume) for hour, volume in enumerate(volumes, first) if volume is not None]
    columns = {name: [price] * len(rows) for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"time": [h * HOUR for h, _ in rows], **columns, "volume": [float(v) for _, v in rows]})


def run(cls, frames, compiled=None, instruments=None, **options):
    rules = {name: Instrument(name, price_step=0.01, amount_step=0.01) for name in frames}
    made = {"fees": 0.0, "cash": 100_000.0, "fill": AT_ONCE, "compiled": compiled, **options}
    return planar.backtest(cls, frames, instruments=rules if instruments is None else instruments, **made)


def members(ran):
    """Hour of each selection, and who was chosen."""
    chosen = {}
    for time, name in ran.members.rows():
        chosen.setdefault(time // HOUR, []).append(name[5])
    return chosen


class Notes(Strategy):
    """Notes at which hours it is asked."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"

    def on_candle(self, candle, broker):
        broker.log("{}", candle.now // 3_600_000)


def hours_of(ran, name):
    return [int(text) for text in ran.notes.filter(pl.col("instrument") == name)["text"]]


# Who is chosen, by hand.


@BOTH
def test_the_largest_turnover_of_closed_candles_is_chosen_at_the_multiples_of_every(compiled):
    """A trades 10 an hour; B 1, then 100 in the candle of hour 3, which closes at 4: it counts from 4 until 8."""
    frames = {A: candles([10] * 12), B: candles([1, 1, 1, 100, *[1] * 8])}
    ran = run(Notes, frames, compiled)
    assert members(ran) == {2: ["A"], 4: ["B"], 6: ["B"], 8: ["A"], 10: ["A"], 12: ["A"]}
    assert hours_of(ran, A) == [2, 3, 8, 9, 10, 11, 12]
    assert hours_of(ran, B) == [4, 5, 6, 7]
    assert ran.stats["believe"]["Universe"] == "top 1 by turnover over 4h, every 2h: 2 of 2 candidates were members"


def test_turnover_is_price_times_volume_and_of_equals_the_first_name_is_chosen():
    frames = {C: candles([10] * 4), B: candles([5] * 4, price=200.0), A: candles([9] * 4)}
    assert members(run(Notes, frames)) == {2: ["B"], 4: ["B"]}


def test_weeks_begin_on_monday():
    class Weekly(Strategy):
        instruments = universe.top(1, over="1d", every="7d")
        timeframe = "1d"

    frames = synthetic([A, B], "1d", candles=60)
    times = planar.backtest(Weekly, frames).members["time"]
    assert set((times // DAY + 3) % 7) == {0}
    assert len(times) == 8


def test_who_was_never_chosen_is_left_out_of_the_run():
    ran = run(Notes, {A: candles([10] * 6), B: candles([1] * 6)})
    assert ran.instruments == [A]
    assert ran.stats["believe"]["Universe"].endswith("1 of 2 candidates were members")


# Delisted instruments.


def test_a_delisted_instrument_was_a_member_while_it_traded():
    """B traded most for 30 hours and then ended: nobody knows for a day that this is no gap."""
    frames = {A: candles([10] * 80), B: candles([100] * 30)}

    class Long(Notes):
        instruments = universe.top(1, over="60h", every="2h")

    chosen = members(run(Long, frames))
    last = max(hour for hour, names in chosen.items() if names == ["B"])
    assert last == 30 + 22  # at 54 its last candle closed a day before
    assert all(names == ["A"] for hour, names in chosen.items() if hour > last)


def test_a_delisting_that_was_known_counts_at_once():
    frames = {A: candles([10] * 80), B: candles([100] * 30)}
    rules = {A: Instrument(A), B: Instrument(B, delisted=30 * HOUR)}
    chosen = members(run(Notes, frames, instruments=rules))
    assert chosen[28] == ["B"]
    assert chosen[30] == ["A"]


def test_an_instrument_that_is_listed_later_joins_from_its_candles_on():
    frames = {A: candles([10] * 20), B: candles([100] * 8, first=9)}
    ran = run(Notes, frames)
    assert members(ran)[8] == ["A"]
    assert hours_of(ran, B) == list(range(10, 18))


# Leaving.

LEAVES = {A: candles([10] * 16), B: candles([1, 1, 1, 100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])}
"""A is a member from 2 on, away from 4 until 8, and then a member again."""


class Holds(Strategy):
    """Buys at once, asks to buy more at each hour, sells after a number of hours."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"
    refused = 0

    def on_candle(self, candle, broker):
        broker.log("{}", candle.now // 3_600_000)
        if broker.held >= 4:
            broker.close()
        else:
            answer = broker.buy(amount=1.0)
            if answer < 0:
                self.refused = -answer


@BOTH
def test_an_instrument_that_has_left_may_only_be_sold_and_is_asked_until_it_is(compiled):
    """Bought at 2 and 3, away from 4 on, where it may not buy; the position is 4 candles old at 6, and gone at 7."""
    ran = run(Holds, LEAVES, compiled)
    own = ran.orders.filter(pl.col("instrument") == A, pl.col("time") < 8 * HOUR)
    told = [(time // HOUR, side, status) for time, side, status in own.select("time", "side", "status").rows()]
    assert told == [
        (2, "buy", "FILLED"), (3, "buy", "FILLED"),
        (4, "buy", "REJECTED"), (5, "buy", "REJECTED"), (6, "sell", "FILLED"),
    ]  # fmt: skip
    assert set(own.filter(pl.col("status") == "REJECTED")["reason"]) == {"NOT_A_MEMBER"}
    assert hours_of(ran, A)[:5] == [2, 3, 4, 5, 6]
    assert hours_of(ran, A)[5] == 8
    assert ran.memory[A]["refused"] == Reason.NOT_A_MEMBER
    assert ran.stats["rejected"]["NOT_A_MEMBER"] == 2


class Rests(Strategy):
    """Rests a buy below the market and a sale above it."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"
    asked = 0

    def on_candle(self, candle, broker):
        broker.log("{}", candle.now // 3_600_000)
        self.asked += 1
        if self.asked == 1:
            broker.buy(amount=1.0)
            broker.buy(amount=1.0, price=90.0, tag="rest")
        elif self.asked == 2:
            broker.sell(amount=1.0, price=110.0, tag="exit")


@BOTH
def test_when_an_instrument_leaves_its_open_buys_are_cancelled_and_its_sales_stay(compiled):
    ran = run(Rests, LEAVES, compiled)
    own = ran.orders.filter(pl.col("instrument") == A, pl.col("tag") != "")
    assert own.select("tag", "status").rows() == [("rest", "CANCELLED"), ("exit", "OPEN")]
    # It has a position and an order: it is asked on, and it is a member again from 8 on.
    assert hours_of(ran, A) == list(range(2, 17))


class Tries(Strategy):
    """Tries every way in once it has left."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"
    id = 0

    def on_candle(self, candle, broker):
        if candle.now == 2 * 3_600_000:
            broker.buy(amount=1.0)
            self.id = broker.buy(amount=1.0, price=90.0)
        elif candle.now == 4 * 3_600_000:
            broker.log("{} {} {}", broker.target(0.9), broker.quote(0, "buy", 95.0, amount=1.0),
                       broker.amend(self.id, amount=2.0))  # fmt: skip
            broker.log("{}", broker.sell(amount=0.5) > 0)


@BOTH
def test_no_call_is_a_way_in_for_what_has_left(compiled):
    ran = run(Tries, LEAVES, compiled)
    refused = -Reason.NOT_A_MEMBER.value
    assert ran.notes.filter(pl.col("instrument") == A)["text"].to_list() == [
        f"{refused} {refused} {-Reason.ORDER_DONE.value}", "1",
    ]  # fmt: skip


# on_step.


class Steps(Strategy):
    """Notes who is there at each step."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"

    def on_step(self, universe):
        if universe.now == 2 * HOUR:
            universe["A"].broker.buy(amount=1.0)
        there, leaving = ("".join(m.instrument.base for m in each) for each in (universe, universe.leaving))
        is_a = "A" in universe, universe["A"].name == A
        next(iter(universe)).broker.log(f"{universe.now // HOUR} {there} {leaving} {len(universe)} {is_a}")


def test_a_universe_shows_its_members_and_apart_from_them_who_still_holds_something():
    told = run(Steps, LEAVES).notes["text"].to_list()
    assert told[:2] == ["2 A  1 (True, True)", "3 A  1 (True, True)"]
    assert told[2:6] == [f"{hour} B A 1 (False, True)" for hour in (4, 5, 6, 7)]
    assert told[6] == "8 A  1 (True, True)"


class Rebalances(Strategy):
    """All in the members, at each step."""

    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"

    def on_step(self, universe):
        universe.rebalance(dict.fromkeys(universe, 0.5))


def test_rebalancing_sells_what_has_left():
    ran = run(Rebalances, LEAVES)
    told = [(time // HOUR, name[5], side) for time, name, side in ran.fills.select("time", "instrument", "side").rows()]
    assert sorted(told) == [(2, "A", "buy"), (4, "A", "sell"), (4, "B", "buy"), (8, "A", "buy"), (8, "B", "sell")]


class AsksForWhoIsAway(Strategy):
    instruments = universe.top(1, over="4h", every="2h")
    timeframe = "1h"

    def on_step(self, universe):
        universe["B"].broker.buy(amount=1.0)


def test_who_is_away_and_holds_nothing_is_not_to_be_had():
    with pytest.raises(StrategyError, match=r"universe\['B'\] is no member now; ask first: 'B' in universe"):
        run(AsksForWhoIsAway, LEAVES)


def test_purchases_do_not_wait_for_the_sale_of_what_trades_no_more():
    """A is held when it ends: its sale stays open. A day after its last candle B is bought for the cash there is."""

    class Both(Strategy):
        instruments = universe.top(2, over="60h", every="1h")
        timeframe = "1h"

        def on_step(self, universe):
            if universe.now == HOUR:
                universe.rebalance({"A": 0.5})
            elif universe.now >= 6 * HOUR:
                universe.rebalance({"B": 1.0})

    frames = {A: candles([1000] * 5), B: candles([1000] * 40)}
    fills = run(Both, frames).fills
    [(time, cost)] = fills.filter(pl.col("instrument") == B).select("time", "cost").rows()
    assert (time // HOUR, round(cost, -3)) == (29, 50_000.0)


# Compiled and interpreted, prefixes, and a naive oracle.

NAMES = [f"test:{letter}/USD" for letter in "ABCDEF"]
MARKET = synthetic(NAMES, "1h", candles=700, seed=3)
MARKET[A] = MARKET[A].head(400)
MARKET[B] = MARKET[B].slice(250)
MARKET[C] = MARKET[C].with_row_index("row").filter(pl.col("row") % 11 > 0).drop("row")


class Crosses(Strategy):
    """Trades the cross of two averages, with entries that rest and exits that do."""

    instruments = universe.top(2, over="2d", every="6h")
    timeframe = "1h"
    entries = 0

    def indicators(self, candles):
        return {"fast": indicator.sma(candles.close, 5), "slow": indicator.sma(candles.close, 20)}

    def on_candle(self, candle, broker):
        if broker.is_flat and candle.fast > candle.slow:
            broker.cancel_all()
            self.entries += broker.buy(cost=900.0, price=candle.close * 0.995) > 0
        elif broker.is_long and candle.fast < candle.slow:
            broker.cancel_all()
            broker.close()

    def on_fill(self, fill, broker):
        if fill.is_buy:
            broker.sell(fraction=1.0, price=fill.price * 1.02)


def test_orders_are_the_same_compiled_and_interpreted():
    runs = [planar.backtest(Crosses, MARKET, compiled=compiled) for compiled in (True, False)]
    assert len(runs[0].orders) > 100
    assert runs[0].stats["rejected"]["NOT_A_MEMBER"] > 0
    assert runs[0].orders.equals(runs[1].orders, null_equal=True)
    assert runs[0].equity.equals(runs[1].equity)
    assert runs[0].memory == runs[1].memory


def test_a_rule_that_looks_back_only_is_found_clean():
    found = check(Crosses(), candles=MARKET)
    assert (found.leaks, found.asked > 50) == ([], True)


def test_a_rule_that_would_know_the_next_turnover_is_found(monkeypatch):
    """A fault planted in Planar: each selection is made 6 hours too early."""

    def too_early(*arguments):
        made = selections_of(*arguments)
        return Selections(made.times - 6 * HOUR, made.chosen)

    monkeypatch.setattr(backtests, "selections_of", too_early)
    assert check(Crosses(), candles=MARKET).leaks != []


def naive(rule, frames, delisted, last):
    """Who is chosen at each time, by a walk over all candles."""
    closes = {
        name: [(t + HOUR, c * v) for t, c, v in f.select("time", "close", "volume").rows()]
        for name, f in frames.items()
    }
    first, chosen = min(rows[0][0] for rows in closes.values()), {}
    for time in range(0, last + 1, rule.every_ms):
        if time < first:
            continue
        turnovers = {}
        for name, rows in closes.items():
            known = [(close, worth) for close, worth in rows if close <= time]
            ended = delisted.get(name) is not None and delisted[name] <= time
            if known and not ended and time - known[-1][0] < DAY:
                turnovers[name] = sum(worth for close, worth in known if close > time - rule.over_ms)
        ranked = sorted(turnovers, key=lambda name: (-turnovers[name], name))
        chosen[time] = sorted(name for name in ranked[: rule.count] if turnovers[name] > 0)
    return chosen


VOLUMES = st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=60).filter(any)


@settings(max_examples=60)
@given(
    volumes=st.lists(VOLUMES, min_size=1, max_size=5),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 14)),
    delisted=st.one_of(st.none(), st.integers(0, 50)),
    cut=st.integers(1, 60),
)
def test_every_choice_is_what_a_walk_over_all_candles_finds_and_what_the_past_alone_finds(
    volumes, shape, delisted, cut
):
    """Whole volumes at a price of 2, so that sums are exact, with gaps, ties and ends of all kinds."""
    count, over, every = shape
    rule = universe.top(count, over=f"{over}h", every=f"{every}h")
    frames = {name: candles(v, price=2.0) for name, v in zip(NAMES, volumes, strict=False)}
    ends = {A: None if delisted is None else delisted * HOUR}
    instruments = [Instrument(name, delisted=ends.get(name)) for name in frames]

    def chosen(frames):
        own = [Candles(*(frame[c].to_numpy() for c in frame.columns), timeframe=HOUR) for frame in frames.values()]
        made = selections_of(rule, [i for i in instruments if i.name in frames], own)
        names = np.array(list(frames), object)
        return {int(t): sorted(names[row]) for t, row in zip(made.times, made.chosen, strict=True)}

    last = max(int(frame["time"][-1]) for frame in frames.values()) + HOUR
    whole = chosen(frames)
    assert whole == naive(rule, frames, ends, last)
    past = {name: frame.filter(pl.col("time") < cut * HOUR) for name, frame in frames.items()}
    past = {name: frame for name, frame in past.items() if len(frame)}
    if past:
        known = {time: names for time, names in whole.items() if time <= cut * HOUR}
        assert {time: names for time, names in known.items() if time in chosen(past)} == chosen(past)


# Candidates.


class Matching(Strategy):
    instruments = universe.top(1, over="2h", every="1h", among="binance:*/USDT")
    timeframe = "1h"


def test_patterns_choose_the_candidates_among_given_candles():
    frames = {"binance:X/USDT": candles([1] * 5), "binance:Y/BTC": candles([9] * 5), "kraken:Z/USDT": candles([9] * 5)}
    assert run(Matching, frames, instruments={}).instruments == ["binance:X/USDT"]


def test_candidates_come_out_of_the_store_and_those_that_ended_are_among_them(store):
    for name, frame in {"binance:LUNA/USDT": candles([50] * 10), "binance:BTC/USDT": candles([10] * 60),
                        "binance:BTC/EUR": candles([99] * 60)}.items():  # fmt: skip
        store.write_candles(name, "1h", frame, "a test")
    ran = planar.backtest(Matching, store=store)
    assert ran.instruments == ["binance:BTC/USDT", "binance:LUNA/USDT"]
    chosen = ran.members.filter(pl.col("instrument") == "binance:LUNA/USDT")["time"]
    assert (chosen.min() // HOUR, chosen.max() // HOUR) == (1, 11)


def test_without_a_store_the_coins_of_the_synthetic_market_are_the_candidates(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = planar.backtest(Matching, end="2024-01-05")
    assert {name.rpartition("/")[2] for name in ran.instruments} == {"USDT"}
    assert len(ran.members) == 24 * 4


def test_instruments_of_the_call_are_the_candidates():
    frames = {A: candles([10] * 6), B: candles([1] * 6)}
    assert planar.backtest(Notes, frames, instruments=[B]).instruments == [B]


# What is refused, with its remedy.


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: universe.top(0, over="1d", every="1d"), "the count is a whole number of instruments, 1 or more"),
        (
            lambda: universe.top(5, by="turnver", over="1d", every="1d"),
            "by is one of 'turnover'. Did you mean 'turnover'",
        ),
        (lambda: universe.top(5, over="1y", every="1d"), "timeframe '1y' is not a count and a unit"),
        (lambda: universe.top(5, over="1d", every="1d", among=[]), "among=\\[\\] must be names or patterns"),
    ],
)
def test_a_rule_that_is_none_is_refused_where_it_is_written(make, words):
    with pytest.raises(StrategyError, match=words):
        make()


def test_a_rule_that_does_not_fit_the_candles_is_refused_when_the_class_is_made():
    with pytest.raises(StrategyError, match=r"universe\.top has over='36h', which is not a multiple of timeframe '1d'"):
        type("Made", (Strategy,), {"instruments": universe.top(5, over="36h", every="1d"), "timeframe": "1d"})


def test_what_chooses_nobody_is_told():
    with pytest.raises(ConfigError, match=r"there is no instrument among the given candles that fits among='binance:"):
        run(Matching, {A: candles([1] * 5)}, instruments={})
    weekly = type("Weekly", (Notes,), {"instruments": universe.top(1, over="1d", every="7d"), "__module__": __name__})
    with pytest.raises(DataError, match="chooses nobody in this run: the candles end before its first time"):
        run(weekly, {A: candles([1] * 5)})
    with pytest.raises(DataError, match="test:B/USD has no volume data, and the universe is chosen by turnover"):
        run(Notes, {A: candles([1] * 5), B: candles([math.nan] * 5)})
