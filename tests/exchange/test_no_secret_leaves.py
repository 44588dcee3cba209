"""No secret leaves: sessions meet every kind of trouble, with all logs on, and then everything they wrote is read."""

import asyncio
import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback
from decimal import Decimal
from pathlib import Path

import pytest

from planar.cli import main
from planar.cli.answer import plain
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.errors import ExchangeError
from planar.exchange.budget import BANNED
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.model.order import Side
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "KEYkey" * 10 + "0123", "SECsec" * 10 + "4567"
PASSPHRASE, PROXY = "PASSpassPHRASE-89", "PROXYproxy-77"
HIDDEN = (KEY, SECRET, PASSPHRASE, PROXY)
ORDER = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(20_000))

TROUBLE = [
    *(Rule("answer", "*", status=status, code=code, text=f"echo {KEY} {SECRET} signature=abc")
      for status, code in ((400, -1022), (401, -2015), (400, -1021), (500, -1001), (400, -9999), (451, 0), (429, 0))),
    *(Rule(what, "*", seconds=1) for what in
      ("503", "418", "html", "truncate", "drop", "hang", "accept_then_drop", "accept_then_5xx", "maintenance")),
]  # fmt: skip


@pytest.fixture
def logged(monkeypatch):
    """All that is logged by anyone, at the lowest level."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.DEBUG)
    for name in ("ccxt", "ccxt.base.exchange", "aiohttp", "aiohttp.client", "asyncio", "planar"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


def files_under(folder: Path) -> str:
    return "\n".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def forgive(venue: Venue, exchange: CcxtExchange) -> None:
    """No trouble, no ban, no open breaker."""
    venue.chaos.clear()
    venue.api.desk.counter._addresses.clear()
    exchange.guard.breaker.succeeded(exchange.guard.breaker.passing)
    for budget in next(iter(exchange.guard._limits.values()))._budgets.values():
        budget._numbers[BANNED] = 0


async def session(errors: list[BaseException], shown: list[str]) -> None:
    """Reads, orders, cancels and streams, well and in every kind of trouble."""
    async with Venue(VenueConfig(speed=20, history=30, points=4, api_key=KEY, secret=SECRET)) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", retries=0)
        keys = Credentials(Secret(KEY), Secret(SECRET), Secret(PASSPHRASE), source="user/secrets.toml")
        async with CcxtExchange("binance", settings=settings, credentials=keys) as exchange:
            await exchange.markets()
            exchange.quirk.receive_window_ms = 50
            exchange._ccxt().verbose = True
            async with await exchange.streams.subscribe("orders") as orders, asyncio.timeout(120):
                exchange.streams._instance.verbose = True
                await exchange.place(ORDER)
                shown.append(repr(await anext(aiter(orders))))
                exchange._ccxt().timeout = 300
                for rule in TROUBLE:
                    for ask in (
                        exchange.balance,
                        lambda: exchange.place(ORDER),
                        lambda: exchange.cancel("1", "BTC/USDT"),
                    ):
                        forgive(venue, exchange)
                        venue.add_chaos([rule])
                        try:
                            shown.append(repr(await ask()))
                        except ExchangeError as error:
                            errors.append(error)
                forgive(venue, exchange)
                for connection in list(venue.sockets.open):
                    await connection.close(abruptly=True)
                await asyncio.sleep(0.3)
                shown.append(repr(exchange.streams.states()))
            for one in (exchange, exchange.health(), exchange.settings, exchange.guard, keys, exchange.connection()):
                shown += [repr(one), str(one), f"{one}"]
            shown.append(json.dumps(plain(exchange.health())))
            shown.append(repr(vars(exchange)))


def test_nothing_that_a_session_writes_holds_a_secret(tmp_path, monkeypatch, logged, capfd, own_limits):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    errors, shown = [], []
    asyncio.run(session(errors, shown))
    told = "".join("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) for error in errors)
    places = {
        "the log": logged.getvalue(), "errors": told, "reprs": "".join(shown),
        "files": files_under(tmp_path) + files_under(own_limits), "output": "".join(capfd.readouterr()),
    }  # fmt: skip
    assert len(errors) >= 30
    marks = ("fetch Request", "X-MBX-APIKEY", "receive loop", "asyncio DEBUG", "is not heard")
    assert [mark for mark in marks if mark not in places["the log"]] == []
    assert (tmp_path / "cache" / "planar" / "markets").exists()
    assert own_limits.exists()
    for place, text in places.items():
        assert [secret for secret in HIDDEN if secret in text] == [], place
        assert "signature=" not in text.replace("signature=••••••", ""), place


def test_keys_cannot_be_stored_or_sent_to_another_process():
    keys = Credentials(Secret(KEY), Secret(SECRET), source="user/secrets.toml")
    exchange = CcxtExchange("binance", settings=ExchangeSettings(), credentials=keys)
    for one in (keys, keys.secret, exchange):
        with pytest.raises(TypeError):
            pickle.dumps(one)
        with pytest.raises(TypeError):
            copy.deepcopy(one)
    with pytest.raises(TypeError):
        json.dumps(dataclasses.asdict(keys))


@pytest.mark.parametrize(
    "words",
    [
        ("config", "show"), ("config", "show", "--json"), ("exchanges", "list", "--json"), ("balance", "kucoin"),
        ("balance", "kucoin", "--json"), ("exchanges", "test", "kucoin", "--json"), ("--debug", "balance", "kucoin"),
    ],
)  # fmt: skip
def test_nothing_that_a_command_prints_holds_a_secret(tmp_path, monkeypatch, logged, capfd, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    address = f'base_url = "http://127.0.0.1:1"\nproxy = "http://me:{PROXY}@127.0.0.1:1"\nretries = 0\n'
    (tmp_path / "user" / "planar.toml").write_text(f"[kucoin]\n{address}")
    keys = f'[exchanges.kucoin]\napiKey = "{KEY}"\nsecret = "{SECRET}"\npassphrase = "{PASSPHRASE}"\n'
    (tmp_path / "user" / "secrets.toml").write_text(keys)
    (tmp_path / "user" / "secrets.toml").chmod(0o600)
    told = ""
    try:
        main(list(words))
    except SystemExit:
        pass
    except ExchangeError as error:
        told = "".join(traceback.format_exception(error))
    written = told + "".join(capfd.readouterr()) + logged.getvalue()
    assert len(written) > 50
    assert [secret for secret in HIDDEN if secret in written] == []
