"""Rules of exchanges as they were seen: kept when they change, found by time."""

from decimal import Decimal

import pytest

from planar.errors import ConfigError
from planar.model.tiers import Tier
from planar.store.rules import Rules, Snapshot
from planar.store.store import Store

BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"
TIER = Tier(Decimal(0), None, Decimal("0.004"), None, Decimal(125))
FULL = Rules(
    Decimal("0.0000100"), Decimal("1E-8"), Decimal(0), Decimal(5), Decimal("-0.0001"), Decimal("0.00075"), "base",
    (TIER,),
)  # fmt: skip


@pytest.fixture
def clock():
    return [100]


@pytest.fixture
def store(tmp_path, clock):
    return Store(tmp_path / "s.duckdb", clock=lambda: clock[0])


def test_what_is_noted_is_read_to_the_last_digit(store):
    assert store.note_rules(BTC, FULL, "of binance")
    assert store.rules() == {BTC: [Snapshot(FULL, 100, "of binance")]}
    [seen] = store.rules()[BTC]
    assert isinstance(seen.rules.maker, Decimal)
    assert seen.rules.tiers == (TIER,)


def test_only_a_change_makes_a_new_snapshot(store, clock):
    later = Rules(Decimal("0.01"))
    noted = []
    for rules in (FULL, FULL, later, later, FULL):
        noted.append(store.note_rules(BTC, rules, "of binance"))
        clock[0] += 1
    assert noted == [True, False, True, False, True]
    assert [one.seen_at for one in store.rules()[BTC]] == [100, 102, 104]


def test_a_number_written_otherwise_is_no_change(store):
    store.note_rules(BTC, Rules(price_step=Decimal("0.10")), "x")
    assert not store.note_rules(BTC, Rules(price_step=Decimal("0.1000")), "x")


def test_tiers_that_are_not_told_are_as_they_were(store):
    store.note_rules(BTC, FULL, "of binance")
    untold = Rules(**{**vars(FULL), "tiers": None})
    assert not store.note_rules(BTC, untold, "of binance")
    assert store.note_rules(ETH, untold, "of binance")
    assert store.note_rules(BTC, Rules(**{**vars(FULL), "tiers": ()}), "of binance")


def test_rules_of_a_time_are_the_newest_seen_by_then_else_the_oldest_which_say_so(store, clock):
    steps = [Rules(Decimal(step)) for step in (1, 2, 3)]
    for clock[0], rules in zip((100, 200, 300), steps, strict=True):
        store.note_rules(BTC, rules, "of binance")
    for time, step, is_later in ((99, 1, True), (100, 1, False), (199, 1, False), (200, 2, False), (9_999, 3, False)):
        found = store.rules_at([BTC, ETH], time)
        assert set(found) == {BTC}
        assert (found[BTC].rules, found[BTC].is_later) == (Rules(Decimal(step)), is_later)


def test_rules_of_what_is_no_instrument_are_refused(store):
    with pytest.raises(ConfigError, match="is not 'exchange:BASE/QUOTE'"):
        store.note_rules("BTCUSDT", FULL, "x")
    assert not store.path.exists()
