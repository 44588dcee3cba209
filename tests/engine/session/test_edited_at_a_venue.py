"""A strategy's file is edited while its session is away: asked about, gone on with, whoever dies on the way."""

import asyncio
import sys

import pytest
from engine.session.dying import after, before
from engine.session.test_crash import killed
from engine.session.trading import SYMBOLS, check_books, exchange_at, running, session_at, settled, until, venue

from planar.broker.journal import read
from planar.engine.session.archive import journal, origin_of, replayed
from planar.engine.session.edit import edit_of
from planar.engine.session.wish import Wish
from planar.errors import ConfigError
from planar.strategy.load import load

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # whoever is killed ends in disorder
    pytest.mark.usefixtures("patient"),
]

FIRST = """
from lots import LOT
from planar import Strategy

class Mine(Strategy):
    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]
    timeframe = "1m"
    count = 0
    turns = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count % 3 == 1:
            broker.buy(cost=LOT)
        elif self.count % 3 == 2:
            broker.buy(cost=LOT, price=candle.close * 0.9)
        else:
            broker.cancel_all()
"""
SECOND = FIRST.replace("turns = 0", "others = 0.5").replace("cost=LOT)", "cost=LOT * 2.0)")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lots", raising=False)
    (tmp_path / "lots.py").write_text("LOT = 100.0\n")
    (tmp_path / "mine.py").write_text(FIRST)
    return tmp_path


def session(place, exchange, edited=""):
    made, file = session_at(place / "one", exchange), str(place / "mine.py")
    made.wish = Wish(load(file)(), file, SYMBOLS, history=100, edited=edited)
    return made


def edit_now(place):
    entries = journal(place / "one")
    return edit_of("one", origin_of(entries), entries)


async def traded(place, there, edited="", decisions=4):
    """The session decides so often, and stops in peace."""
    async with exchange_at(there.port) as exchange:
        made = session(place, exchange, edited)
        async with running(made):
            begun = int(made.recorder.trader.record["steps"])
            await until(lambda: made.recorder.trader.record["steps"] >= begun + decisions)
            made.quiet()
            await settled(made)
            made.recorder.commit()
            check_books(there, made)


def test_it_is_refused_until_somebody_says_yes_to_this_edit(place):
    async def scene():
        async with venue() as there:
            await traded(place, there)
            (place / "mine.py").write_text(SECOND)
            wanted = r"mine.py: 2 lines new, 2 lines gone.* --edited .* undo the edit .* --name"
            with pytest.raises(ConfigError, match=wanted):
                await traded(place, there)
            edit = edit_now(place)
            (place / "mine.py").write_text(SECOND + "# and more\n")
            with pytest.raises(ConfigError, match=r"mine.py: 3 lines new, 2 lines gone"):
                await traded(place, there, edit.now.hash)
            assert not read(place / "one" / "journal.sqlite", "edited")
            await traded(place, there, edit_now(place).now.hash)
            await traded(place, there)  # nothing was edited since
            (place / "mine.py").write_text(FIRST)
            await traded(place, there, edit_now(place).now.hash)

    asyncio.run(scene())
    changes = [(e.body["was"], e.body["code"]) for e in journal(place / "one") if e.kind == "edited"]
    assert changes[0] == changes[1][::-1]
    for compiled in (True, False):
        assert replayed(journal(place / "one"), compiled=compiled).record["orders_n"] >= 12


def test_what_is_asked_says_what_changed_and_what_that_means(place):
    async def scene():
        async with venue() as there:
            await traded(place, there, decisions=1)

    asyncio.run(scene())
    (place / "mine.py").write_text(SECOND)
    (place / "lots.py").write_text("LOT = 50.0\n")
    told = edit_now(place).sentences()
    assert told[0] == (
        "The code of session one was edited since it ran. mine.py: 2 lines new, 2 lines gone; lots.py: 1 line new, "
        "1 line gone."
    )
    assert told[1:7] == [
        "  mine.py  -9        turns = 0",
        "  mine.py  +9        others = 0.5",
        "  mine.py  -14               broker.buy(cost=LOT)",
        "  mine.py  +14               broker.buy(cost=LOT * 2.0)",
        "  lots.py  -1    LOT = 100.0",
        "  lots.py  +1    LOT = 50.0",
    ]
    assert "it remembers count; others begins as declared; turns is forgotten." in told[7]


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ('timeframe = "1m"', 'timeframe = "5m"', "timeframe was 1m then and 5m now"),
        (
            '"binance:BTC/USDT", ',
            "",
            "instruments were binance:BTC/USDT binance:ETH/USDT then and binance:ETH/USDT now",
        ),
        ("count = 0", "count = 0\n    lots = param(2)", "parameters were none then and lots=2 now"),
    ],
)
def test_what_a_session_begins_with_is_not_changed_by_an_edit(place, then, now, told):
    async def scene():
        async with venue() as there:
            await traded(place, there, decisions=1)

    asyncio.run(scene())
    (place / "mine.py").write_text(FIRST.replace(then, now).replace("import Strategy", "import Strategy, param"))
    with pytest.raises(ConfigError, match=f"{told}.*undo that part of the edit"):
        edit_now(place)


def test_a_journal_without_its_code_needs_the_file_as_it_was(place):
    async def scene():
        async with venue() as there:
            await traded(place, there, decisions=1)

    asyncio.run(scene())
    old = [entry for entry in journal(place / "one") if entry.kind != "code"]
    assert edit_of("one", origin_of(old), old) is None
    (place / "mine.py").write_text(SECOND)
    with pytest.raises(ConfigError, match=r"mine.py, or what it imports .*its journal does not have the code.* undo"):
        edit_of("one", origin_of(old), old)


def test_new_code_that_raises_where_it_begins_leaves_the_session_as_it_was(place):
    broken = SECOND.replace(
        "    def on_candle", "    def indicators(self, candles):\n        return 1 / 0\n\n    def on_candle"
    )

    async def scene():
        async with venue() as there:
            await traded(place, there)
            (place / "mine.py").write_text(broken)
            with pytest.raises(Exception, match="ZeroDivisionError"):
                await traded(place, there, edit_now(place).now.hash)
            (place / "mine.py").write_text(FIRST)
            await traded(place, there)

    asyncio.run(scene())
    assert not read(place / "one" / "journal.sqlite", "edited")


def opened(session, name, die, count):
    def armed(*arguments):
        opening(*arguments)
        after(session.recorder, name, die, count)

    opening, session._open = session._open, armed


AROUND = {
    "before its journal is run again": lambda s, d: before(s.recovery, "trader", d, 1),
    "before orders are restored": lambda s, d: before(s.recovery, "restore_orders", d, 1),
    "before orders are looked for": lambda s, d: before(s.recovery, "settle", d, 1),
    "after they were": lambda s, d: after(s.recovery, "settle", d, 1),
    "once it is on disk": lambda s, d: opened(s, "commit", d, 1),
    "at the first decision": lambda s, d: opened(s, "step", d, 1),
    "at the second": lambda s, d: opened(s, "step", d, 2),
}
DEFAULT = ("before orders are restored", "once it is on disk", "at the first decision")


@pytest.mark.parametrize(
    "instant", [pytest.param(each, marks=() if each in DEFAULT else pytest.mark.slow) for each in AROUND]
)
def test_whoever_dies_around_it_starts_again(place, instant):
    """Either the edit stands in the journal, or it is asked about again."""

    def arm(made, die, *, is_open):
        if not is_open:
            AROUND[instant](made, die)

    async def scene():
        async with venue() as there:
            await traded(place, there)
            (place / "mine.py").write_text(SECOND)
            wish = {"edited": edit_now(place).now.hash}
            assert await killed(place / "one", there, arm, 8.0, load(str(place / "mine.py")), **wish), "never there"
            edit, stands = edit_now(place), read(place / "one" / "journal.sqlite", "edited")
            assert (edit is None) == bool(stands)
            await traded(place, there, edit.now.hash if edit else "")
            assert len(read(place / "one" / "journal.sqlite", "edited")) == 1
            await traded(place, there)

    asyncio.run(scene())
    for compiled in (True, False):
        replayed(journal(place / "one"), compiled=compiled)
