"""The guide to exchanges is true: its code runs, and it names every call, kind of stream and command there is."""

import asyncio
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import planar.exchange
from planar.cli import COMMANDS
from planar.cli.exchanges import KNOWN
from planar.engine.doctor.exchange import exchange_at
from planar.engine.doctor.machine import machine
from planar.engine.watch import OWN, PUBLIC
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.interface import Exchange
from planar.exchange.model import Market, MarketKind, Order
from planar.exchange.quirks import Amend, quirk_of
from planar.exchange.tap import Kind
from planar.model.order import Kind as OrderKind
from planar.model.order import Side, Status

TEXT = (Path(planar.__file__).parents[1] / "docs" / "exchanges.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
INTERNAL = {"abandon", "by_hand", "close", "create", "disconnect", "is_real", "name", "owner"}
NONE = Decimal(0)
BTC = Market(
    "BTC/USDT", "BTCUSDT", MarketKind.SPOT, "BTC", "USDT", None, True, NONE, NONE, NONE, None, NONE, None, None, None
)
ORDER = Order(
    "1", "", "BTC/USDT", Side.BUY, OrderKind.LIMIT, Status.OPEN, None, NONE, None, None, None, None, None, False, False,
    None, None,
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_block_runs_in_an_empty_folder(number, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKS[number]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_call_of_an_exchange_is_named():
    calls = {name for name in vars(Exchange) if not name.startswith("_")} | {"health", "streams"}
    assert [name for name in sorted(calls - INTERNAL) if not re.search(rf"\b{name}\b", TEXT)] == []
    assert all(hasattr(CcxtExchange, name) for name in calls)


def test_every_kind_of_stream_is_named():
    assert [kind for kind in Kind if f"`{kind}`" not in TEXT] == []


AMENDS = {
    "first has another one": Amend.BESIDE,
    "keeps its id": Amend.IN_PLACE,
    "is another one": Amend.BY_ANOTHER,
    "may be another": Amend.UNPROVEN,
}


def test_what_it_says_of_amended_orders_is_what_is_done():
    rows = re.findall(
        r"^\| (.*?) \| (.*?) \|$", TEXT.partition("| an amended order | at |")[2].partition("\n\n")[0], re.M
    )
    said = {text: set(re.findall(r"`(\w+)`", at)) for text, at in rows}
    amending = {id for id in KNOWN if CcxtExchange(id).capabilities()["amend"]}
    emulated = next(ids for text, ids in said.items() if text.startswith("is refused"))
    assert emulated == set(KNOWN) - amending
    assert set().union(*said.values()) >= {id for id in KNOWN if not id.startswith("binance")}
    for text, amends in AMENDS.items():
        found = next(ids for start, ids in said.items() if start.startswith(text))
        assert found == {id for id in amending & set().union(*said.values()) if amends in amends_of(id)}


def amends_of(id):
    """What amending does there to a limit and to a stop, on spot and of futures."""
    quirk = quirk_of(id)()
    markets, orders = (BTC, replace(BTC, kind=MarketKind.SWAP)), (ORDER, replace(ORDER, stop=Decimal(1)))
    return {quirk.amends(market, order) for market in markets for order in orders}


def test_every_command_it_shows_exists():
    shown = set(re.findall(r"planar (\w+)", TEXT.split("## From Python")[0]))
    assert shown <= set(COMMANDS)


def test_it_names_every_check_of_the_doctor_and_no_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def of_demo():
        async with planar.exchange.get("demo") as demo:
            return {each.check async for each in exchange_at(demo)}

    told = set(re.findall(r"`([\w-]+)`", TEXT.partition("| check | |")[2].partition("\n\n")[0]))
    assert told == {each.check for each in machine()} | asyncio.run(of_demo())


def test_it_names_every_kind_that_can_be_watched():
    part = TEXT.partition("### Live")[2].partition("## From Python")[0]
    assert [kind for kind in (*PUBLIC, *OWN) if f"`{kind}`" not in part and f"--kind {kind}`" not in part] == []
