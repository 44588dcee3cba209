"""A session goes on with code that was edited: memory goes over, and each part of it runs again as it ran."""

import pytest
from engine.session.retold import KNOWN, retold

from planar.broker.journal import read
from planar.engine.handover import Memory
from planar.engine.session import parity
from planar.engine.session.archive import journal, replayed
from planar.engine.session.attribution import attributed
from planar.engine.session.comparison import prices_of
from planar.engine.session.lines import Wanted, lines
from planar.engine.session.market_candles import as_seen
from planar.engine.session.reruns import reruns
from planar.engine.session.status import read as status_of
from planar.engine.session.stepping import Stepping
from planar.engine.session.story import story_of
from planar.errors import DataError
from planar.simulator.fill_model import fill_model
from planar.strategy.kept import Code
from planar.strategy.load import load

MODEL = fill_model("pessimistic")
COUNT = 150
"""Decisions that the first code makes."""

HEAD = """
from planar import Strategy, array, indicator, shared

class Mine(Strategy):
    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]
    timeframe = "1h"
    count = 0
"""
FIRST = (
    HEAD
    + """
    last = 0
    gone = 1.5
    kind = 0
    seen = array(3)
    total = shared(0.0)

    def indicators(self, candles):
        return {"slow": indicator.sma(candles.close, 20)}

    def on_candle(self, candle, broker):
        self.count += 1
        self.total += 1.0
        self.kind = 7
        self.seen[self.count % 3] = candle.close
        if self.count % 4 == 1:
            self.last = broker.buy(cost=100.0, price=candle.slow * 0.999, tag="in")
        elif self.count % 4 == 3:
            broker.cancel_all()
        elif self.count % 8 == 0:
            broker.close(tag="out")
"""
)
SECOND = (
    HEAD
    + """
    kind = 0.5
    total = shared(0.0)
    fresh = 3
    last = 0
    seen = array(3)

    def indicators(self, candles):
        return {"fast": indicator.ema(candles.close, 5), "slow": indicator.sma(candles.close, 30)}

    def on_candle(self, candle, broker):
        self.count += 1
        self.total += 1.0
        self.fresh += 1
        size = 50.0 + self.kind + self.total % 7.0 + self.fresh % 5
        if self.count % 3 == 0:
            broker.buy(cost=size, price=candle.fast + self.seen[1] * 0.0001, tag="more")
        elif self.count % 3 == 1 and self.last > 0 and not broker.order(self.last).is_open:
            broker.sell(fraction=0.3, tag="first")
            self.last = 0
        elif self.count % 7 == 0:
            broker.close(fraction=0.5, tag="out")

    def on_fill(self, fill, broker):
        if fill.is_buy:
            self.kind += 1.0
"""
)
WHOLE = (
    HEAD
    + """
    last = 0
    seen = array(3)
    total = shared(0.0)
    kind = 0.5
    fresh = 3

    def indicators(self, candles):
        return {
            "before": indicator.sma(candles.close, 20),
            "fast": indicator.ema(candles.close, 5),
            "slow": indicator.sma(candles.close, 30),
        }

    def on_candle(self, candle, broker):
        self.count += 1
        self.total += 1.0
        if self.count <= 150:
            self.seen[self.count % 3] = candle.close
            if self.count % 4 == 1:
                self.last = broker.buy(cost=100.0, price=candle.before * 0.999, tag="in")
            elif self.count % 4 == 3:
                broker.cancel_all()
            elif self.count % 8 == 0:
                broker.close(tag="out")
            return
        self.fresh += 1
        size = 50.0 + self.kind + self.total % 7.0 + self.fresh % 5
        if self.count % 3 == 0:
            broker.buy(cost=size, price=candle.fast + self.seen[1] * 0.0001, tag="more")
        elif self.count % 3 == 1 and self.last > 0 and not broker.order(self.last).is_open:
            broker.sell(fraction=0.3, tag="first")
            self.last = 0
        elif self.count % 7 == 0:
            broker.close(fraction=0.5, tag="out")

    def on_fill(self, fill, broker):
        if self.count >= 150 and fill.is_buy:
            self.kind += 1.0
"""
)
"""What both are: the first for 150 decisions, then the second with the memory that both declare alike."""

EDITED_AT = KNOWN + COUNT - 1


@pytest.fixture(scope="module", params=[None, False], ids=["compiled", "interpreted"])
def told(request, tmp_path_factory):
    """A session whose code was edited after 150 decisions, told what a backtest of the whole did."""
    place = tmp_path_factory.mktemp("edited")
    (place / "mine.py").write_text(FIRST)
    (place / "whole.py").write_text(WHOLE)
    folder = place / "one"
    edits, whole = {EDITED_AT: SECOND}, str(place / "whole.py")
    story, run, trader = retold(folder, str(place / "mine.py"), edits=edits, whole=whole, compiled=request.param)
    return folder, story, run, trader


def test_it_decides_as_one_strategy_that_does_both_with_the_memory_that_both_declare(told):
    _, _, run, trader = told
    expected = run.logs.orders
    assert len(expected) == trader.record["orders_n"] > 150
    trader.order(1)
    mine = trader.memory.logs["orders"][: len(expected)]
    for name in ("instrument", "side", "kind", "status", "reason", "requested", "price", "filled"):
        assert (mine[name] == expected[name]).all(), name
    assert [trader.texts.text(n) for n in mine["tag"].tolist()] == run.logs.tags(expected["tag"]).to_list()
    assert {*run.logs.tags(expected["tag"])} >= {"in", "more", "first", "out"}
    assert trader.cash()[0] == int(run._simulation.state["cash"])


def test_the_fields_that_do_not_go_over_are_named(told):
    folder, *_ = told
    [entry] = read(folder / "journal.sqlite", "edited")
    memory = Memory(*(tuple(entry.body["memory"][name]) for name in ("kept", "new", "dropped")))
    assert memory == Memory(("count", "last", "total", "seen"), ("kind", "fresh"), ("gone",)), entry.body["memory"]
    assert entry.body["changes"].startswith("mine.py: ")


@pytest.mark.parametrize("compiled", [True, False])
def test_its_journal_replays_without_its_files(told, compiled):
    """To the bit, whatever it ran as, and up to any time by what it had then."""
    folder, _, _, trader = told
    entries = [
        e._replace(body={**e.body, "strategy": "gone/mine.py"}) if e.kind == "origin" else e for e in journal(folder)
    ]
    again = replayed(entries, compiled=compiled)
    for each in (again, trader):
        each.order(1)
    for name in ("orders", "fills", "events", "amends"):
        count = int(trader.record[f"{name}_n"])
        mine, theirs = (each.memory.logs[name][:count] for each in (again, trader))
        for field in set(mine.dtype.names) - {"tag"}:
            assert mine[field].tolist() == theirs[field].tolist(), (name, field)
    assert again.cash() == trader.cash()
    edited = next(e.body["time"] for e in entries if e.kind == "edited")
    assert "gone" in replayed(entries, until=edited - 1, compiled=compiled).strategies[0].layout.memory


def test_old_code_alone_would_not_have_decided_so(told):
    """The proof that an entry is needed: without it a replay finds what differs."""
    folder, *_ = told
    with pytest.raises(DataError, match=r"the strategy asked for .* then, and for .* now"):
        replayed([entry for entry in journal(folder) if entry.kind != "edited"])


@pytest.mark.parametrize(("number", "code"), [(3, "gone"), (-3, "fresh")])
def test_a_decision_is_stepped_through_in_the_code_that_made_it(told, number, code):
    folder, *_ = told
    entries = journal(folder)
    chosen = [e for e in entries if e.kind == "step" and any(a[0] == "place" for a in e.body["asks"])][number]
    stepping, memory = Stepping(entries, moment=chosen.body["time"]), []

    def around(call):
        memory.append(call.memory())
        call.run()

    assert stepping.run(around) == stepping.asked
    assert code in memory[0]
    hashes = [entry.body["code"] for entry in entries if entry.kind in ("code", "edited")]
    assert (stepping.code, stepping.is_edited) == (hashes[number < 0], True)


def test_status_and_journal_tell_of_it(told):
    folder, *_ = told
    entries = journal(folder)
    [edited] = [entry.body for entry in entries if entry.kind == "edited"]
    code = status_of(folder)["code"]
    assert (code["hash"], code["edited"][0]["changes"]) == (edited["code"], edited["changes"])
    [line] = lines(entries, Wanted(kinds=("edited",)))
    assert line.time == edited["time"]
    assert line.text == [
        f"The code was edited ({edited['changes']}): from here on it is {edited['code']}, and was {edited['was']}."
    ]


def test_parity_runs_each_part_by_its_own_code(told):
    """The three backtests of the session earn what those of one strategy that does both earn, to the last digit."""
    folder, story, *_ = told
    market = as_seen(story)
    found = attributed(story, MODEL, market, parity.why_not_again(story))
    assert found.why == ""
    whole = story_of(with_code(journal(folder), folder.parent / "whole.py"))
    prices = prices_of(market.now)
    assert reruns(story, MODEL, market, prices) == reruns(whole, MODEL, market, prices)
    assert found.backtest == reruns(whole, MODEL, market, prices)[2] != 0
    first = story_of(e for e in journal(folder) if e.kind != "edited")
    assert reruns(first, MODEL, market, prices)[2] != found.backtest


def test_parity_passes_over_what_each_part_could_not_decide(told):
    folder, story, *_ = told
    entries = journal(folder)
    steps = [i for i, entry in enumerate(entries) if entry.kind == "step"]
    gone = {steps[20], steps[-20]}
    kept = [entry for i, entry in enumerate(entries) if i not in gone]
    story, whole = story_of(kept), story_of(with_code(kept, folder.parent / "whole.py"))
    market = as_seen(story)
    prices = prices_of(market.now)
    able, seen, now = reruns(story, MODEL, market, prices)
    assert (seen, now) == reruns(whole, MODEL, market, prices)[1:]
    assert able != seen


def with_code(entries, file):
    """A journal as that of a session that ran that file all along."""
    code = Code.of(load(file)).document()
    return [e._replace(body=code) if e.kind == "code" else e for e in entries if e.kind != "edited"]


REBALANCE = """
from planar import Strategy

class Mine(Strategy):
    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]
    timeframe = "1h"
    turn = 0

    def on_step(self, universe):
        self.turn += 1
        {more}
        if self.turn % 5 == 0:
            universe.rebalance({{"BTC/USDT": 0.9, "ETH/USDT": 0.0}} if self.turn % 2 else {{"ETH/USDT": 0.9}})
"""


def test_what_waits_to_be_funded_is_bought_by_the_new_code(tmp_path):
    """Edited between a sale and the purchase that waits for it: as if there had been no edit."""
    first, second = (REBALANCE.format(more=more) for more in ("pass", "self.turn += 0"))
    (tmp_path / "mine.py").write_text(first)
    _, run, trader = retold(tmp_path / "one", str(tmp_path / "mine.py"), edits={KNOWN + 9: second})
    orders = run.logs.orders
    assert len(orders) == trader.record["orders_n"] > 100
    assert replayed(journal(tmp_path / "one")).record["orders_n"] == len(orders)
