"""A session is begun from another that ran its code for long enough and as simulated; else it says what is missing."""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal

import pytest
from engine.session.retold import KNOWN, retold
from engine.session.trading import KEY, SECRET, venue
from engine.session.watched import told

from planar.broker.journal import Entry, Journal
from planar.cli import app
from planar.config.settings import Parity
from planar.engine.session.archive import journal, origin_of
from planar.engine.session.assumed import beside_backtests
from planar.engine.session.build import Choice, like_trial, opened
from planar.engine.session.trial import traded, trial_of, tried
from planar.errors import ConfigError
from planar.exchange import get, registry
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.model.instrument import Instrument
from planar.store.rules import Rules
from planar.store.store import Store
from planar.strategy.kept import code_of
from planar.strategy.load import load

MINUTE = 60_000
NOBODY = "[binance]\nbase_url = 'http://127.0.0.1:9'\nretries = 0\n"
ENOUGH = Parity(fill="pessimistic", orders=1)
MINE = """
from lots import LOT
from planar import Strategy, param

class Mine(Strategy):
    instruments = ["binance:BTC/USDT"]
    timeframe = "1h"
    turn = param(3, low=2, high=9)
    count = 0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count % self.turn == 1:
            broker.buy(cost=LOT)
        elif self.count % self.turn == 0:
            broker.close()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where a session of a strategy with a helper has traded 22.9 days as simulated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_living", {})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lots", raising=False)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text(NOBODY)
    (tmp_path / "lots.py").write_text("LOT = 500.0\n")
    (tmp_path / "mine.py").write_text(MINE)
    retold(tmp_path / "data" / "sessions" / "one", "mine.py")
    return tmp_path


def trial(place):
    return trial_of(place / "data" / "sessions" / "one")


def found(place, limits=ENOUGH, market=None):
    market = market or CcxtExchange("binance")
    return asyncio.run(tried(trial(place), market, limits, place / "none.duckdb")).found


def test_what_it_showed_is_said_with_what_was_asked_for(place):
    ran, went, why = found(place)
    code = trial(place).origin.code
    assert ran == f"Session one ran this code ({code}) live and traded 22.9 days; 14 are asked for."
    assert went.startswith("100.0% of its ")
    assert went.endswith(" orders went as simulated, +0.0 bp of turnover; 90% and -25 bp are asked for.")
    assert why.startswith("Its candles could not be compared with the market's: binance: ")


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (
            {"days": 30},
            r"It has traded 22.9 days, .* and parity.days = 30 are asked for: let it go on. Start it:",
        ),
        ({"orders": 5_000}, r"\d+ orders could be judged, and parity.orders = 5000 are asked for: let it go on"),
        ({"days": 30, "orders": 5_000}, r"parity.days = 30 .* parity.orders = 5000"),
        (
            {"fill": "ideal", "agreement": 1.0},
            r"went as simulated, and parity.agreement = 1 is asked for: `planar",
        ),
        (
            {"fill": "ideal", "agreement": 0.0, "shortfall": 0.1},
            r"bp of its turnover less than simulated, and parity.",
        ),
    ],
)
def test_what_is_missing_is_refused_with_what_there_is_and_the_remedy(place, limits, why):
    with pytest.raises(ConfigError, match=f"--from-run one is not enough to begin from. .*{why}"):
        found(place, replace(ENOUGH, **limits))


@pytest.mark.parametrize("name", ["mine.py", "lots.py"])
def test_a_strategy_or_a_helper_that_was_edited_since_is_refused(place, name):
    (place / name).write_text((place / name).read_text() + "# edited\n")
    edited = r"mine.py, or what it imports \(lots.py\), has been edited since .* undo the edit, or run the edited one"
    with pytest.raises(ConfigError, match=edited):
        found(place)


def test_what_it_showed_counts_from_its_last_edit_on(place):
    edited = (place / "mine.py").read_text() + "# edited\n"
    (place / "data" / "sessions" / "one" / "journal.sqlite").unlink()
    retold(place / "data" / "sessions" / "one", "mine.py", edits={KNOWN + 275 - 1: edited})
    ran, *_ = found(place, replace(ENOUGH, days=11))
    assert "ran this code (" + code_of(load("mine.py")) in ran
    assert "traded 11.5 days; 11 are asked for" in ran
    with pytest.raises(ConfigError, match=r"It has traded 11.5 days, .* and parity.days = 14 are asked for"):
        found(place)
    (place / "mine.py").write_text(MINE)
    with pytest.raises(ConfigError, match="has been edited since this session ran"):
        found(place)


def test_another_exchange_never_saw_its_market(place):
    with pytest.raises(ConfigError, match=r"it ran at binance, .* at kraken, .*planar paper mine.py --exchange kraken"):
        found(place, market=CcxtExchange("kraken"))


def test_all_that_is_left_out_is_as_it_was_and_what_contradicts_is_refused(place):
    (place / "other.py").write_text(MINE.replace("class Mine", "class Other"))
    made = like_trial(Choice("", from_run="one"), trial(place))
    assert (made.strategy, made.instruments, made.parameters) == ("mine.py", ("BTC/USDT",), {"turn": 3})
    assert like_trial(made, trial(place)) == made
    same = Choice("mine.py:Mine", instruments=("binance:BTC/USDT",), parameters={"turn": "3"})
    assert like_trial(same, trial(place)) == replace(made, from_run="")
    for choice, why in (
        (Choice("other.py"), "the strategy mine.py, and other.py is asked for"),
        (Choice("", instruments=("ETH/USDT",)), "--instruments BTC/USDT, and ETH/USDT is asked for"),
        (Choice("", parameters={"turn": "4"}), "--param turn=3, and turn=4 is asked for"),
    ):
        with pytest.raises(ConfigError, match=f"--from-run one: it ran with {why}.*run it so on paper first"):
            like_trial(choice, trial(place))


def test_it_has_traded_the_candles_that_it_decided_on_in_time_while_all_orders_might_be_sent():
    def step(minute, late=0):
        return "step", {"time": minute * MINUTE, "at": minute * MINUTE + late, "asks": []}

    told = [
        step(1), step(2, 3_000), step(3, 3_001), ("state", {"state": "REDUCING", "why": ""}), step(4), step(5),
        ("state", {"state": "ACTIVE", "why": ""}), step(6), ("state", {"state": "HALTED", "why": ""}),
        ("resumed", {"time": 0}), step(9, 500_000), step(20), step(20),
    ]  # fmt: skip
    entries = [Entry(number, 0, *one) for number, one in enumerate(told, 1)]
    assert traded(entries, MINUTE) == 4 * MINUTE  # 1, 2, 6 and 20


def test_a_session_begins_from_it_and_says_what_was_checked_and_what_is_otherwise(place):
    (place / "user" / "secrets.toml").write_text(f'[exchanges.binance]\napiKey = "{KEY}"\nsecret = "{SECRET}"\n')
    (place / "user" / "secrets.toml").chmod(0o600)
    lists = Instrument("binance:BTC/USDT", amount_step=0.001, min_cost=10.0, maker=0.002, taker=0.003, fee_side="base")

    async def scene(choice):
        async with venue(instruments=(lists,), timeframe="1h", points=1, history=300) as there:
            settings = f"[binance]\nbase_url = 'http://127.0.0.1:{there.port}'\nenable_rate_limit = false\n"
            (place / "user" / "planar.toml").write_text(settings + "[parity]\norders = 1\n")
            async with AsyncExitStack() as stack:
                exchange = await stack.enter_async_context(get("binance"))
                await stack.enter_async_context(opened(choice, exchange, lambda *_: None))

    asyncio.run(scene(Choice("", cash=Decimal(800), name="two", from_run="one")))
    folder = place / "data" / "sessions" / "two"
    origin = origin_of(journal(folder))
    assert (origin.strategy, origin.from_run, origin.parameters) == ("mine.py", "one", {"turn": 3})
    said = told(folder, "checked")[0]["found"]
    assert said[0].startswith("Session one ran this code")
    by = "assumed by session one"
    assert (
        f"BTC/USDT: the account pays 0.2 % as maker and 0.3 % as taker; {by}: 0.1 % as maker and 0.1 % as taker."
        in said
    )
    assert any(sentence.startswith(f"BTC/USDT has an amount step of 0.001; {by}: ") for sentence in said)
    assert f"BTC/USDT has a least cost of 10; {by}: 0." in said
    assert "It begins with 800.00 USDT, and session one began with 10,000.00 USDT." in said
    asyncio.run(scene(Choice("mine.py", name="two")))  # goes on, whatever was shown
    (place / "data" / "sessions" / "three").symlink_to(place / "data" / "sessions" / "one")
    with pytest.raises(ConfigError, match="began with --from-run one, and three is asked for"):
        asyncio.run(scene(Choice("", name="two", from_run="three")))


def test_a_session_that_was_refused_before_it_began_is_checked_again(place):
    with Journal(place / "data" / "sessions" / "two" / "journal.sqlite"):
        pass  # what an earlier refusal leaves
    (place / "user" / "planar.toml").write_text(NOBODY + "[parity]\ndays = 30\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="is not enough to begin from"):
            app(
                ["live", "--from-run", "one", "--name", "two", "--sandbox"],
                exit_on_error=False,
                result_action="return_value",
            )


def test_what_a_backtest_over_the_store_counts_on_is_said_where_the_account_has_it_otherwise(place):
    origin = trial(place).origin
    store = Store(place / "rules.duckdb", clock=lambda: origin.started - 1)
    assert beside_backtests(origin, store.path) == []
    [instrument] = origin.instruments
    rules = Rules(
        price_step=Decimal("0.5"), amount_step=Decimal(str(instrument.amount_step)), maker=0.0002, taker=0.0004,
    )  # fmt: skip
    store.note_rules(instrument.name, rules, "binance")
    by = f"assumed by a backtest over {store.path}"
    assert beside_backtests(origin, store.path) == [
        f"BTC/USDT: the account pays 0.1 % as maker and 0.1 % as taker; {by}: 0.02 % as maker and 0.04 % as taker.",
        f"BTC/USDT has a price step of {instrument.price_step:g}; {by}: 0.5.",
    ]
