"""Trading by hand: what ``planar balance``, ``buy`` and their like print; on the demo, and on a venue that stays."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.request import Request, urlopen

import pytest

from planar.cli import app
from planar.cli.answer import shown
from planar.errors import ConfigError, Rejected, Unknown
from planar.exchange import registry


def run(*words: str) -> None:
    app(list(words), exit_on_error=False, print_error=False, result_action="return_value")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def addresses():
    """A running ``planar venue``, as a program of its own."""
    command = [sys.executable, "-m", "planar", "venue", "--symbols", "BTC/USDT"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        yield json.loads(venue.stdout.readline())
        venue.terminate()


@pytest.fixture
def venue(folder, addresses):
    """The demo at that venue."""
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text(f'[demo]\nbase_url = "{addresses["rest"]}"\n')
    keys = f'[exchanges.demo]\napiKey = "{addresses["api_key"]}"\nsecret = "{addresses["secret"]}"\n'
    (folder / "user" / "secrets.toml").write_text(keys)
    os.chmod(folder / "user" / "secrets.toml", 0o600)


def told(capsys, *words: str):
    run(*words, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_demo_needs_no_configuration(capsys):
    run("buy", "BTC/USDT", "100USDT")
    assert "buy BTC/USDT: filled, filled 0.00" in capsys.readouterr().out
    assert told(capsys, "ticker", "BTC/USDT")["BTC/USDT"]["symbol"] == "BTC/USDT"
    assert len(told(capsys, "book", "BTC/USDT", "--depth", "3")["bids"]) == 3


def test_an_order_rests_is_shown_and_is_cancelled_by_several_commands(venue, capsys):
    last = float(told(capsys, "ticker", "BTC/USDT")["BTC/USDT"]["last"])
    placed = told(capsys, "buy", "BTC/USDT", "0.01BTC", "--price", f"{0.9 * last:.2f}")
    assert (placed["status"], placed["kind"], placed["amount"]) == ("open", "limit", "0.01000000")
    assert [order["id"] for order in told(capsys, "orders", "--open")] == [placed["id"]]
    assert float(told(capsys, "balance")["balances"]["demo"]["used"]["USDT"]) > 0
    assert [o["id"] for o in told(capsys, "orders", "BTC/USDT", "--client-id", placed["client_id"])] == [placed["id"]]
    run("cancel", placed["id"])
    price = shown(Decimal(placed["price"]))
    assert capsys.readouterr().out == (
        f"Order {placed['id']}, buy BTC/USDT at {price} USDT: cancelled, filled 0 of 0.01 BTC.\n"
    )
    run("orders")
    assert capsys.readouterr().out == "There are no open orders.\n"
    history = told(capsys, "orders", "BTC/USDT", "--history", "--limit", "1")
    assert (history[0]["id"], history[0]["status"]) == (placed["id"], "cancelled")


def test_a_sale_is_in_the_fills(venue, capsys):
    bought = told(capsys, "buy", "BTC/USDT", "--cost", "200")
    sold = told(capsys, "sell", "BTC/USDT", "0.001BTC")
    fills = told(capsys, "fills", "BTC/USDT")
    assert [fill["order_id"] for fill in fills][-2:] == [bought["id"], sold["id"]]
    assert {fill["side"] for fill in fills} == {"buy", "sell"}


def test_a_take_and_a_trailing_stop_rest_and_are_said_in_words(venue, capsys):
    last = float(told(capsys, "ticker", "BTC/USDT")["BTC/USDT"]["last"])
    told(capsys, "buy", "BTC/USDT", "--cost", "400")
    take = told(capsys, "sell", "BTC/USDT", "0.002BTC", "--take", f"{1.2 * last:.2f}")
    assert (take["kind"], float(take["stop"])) == ("take", round(1.2 * last, 2))
    run("sell", "BTC/USDT", "0.002BTC", "--trail", "2.5%", "--activation", f"{1.1 * last:.2f}")
    began = shown(Decimal(f"{1.1 * last:.2f}"))
    said = f"sell BTC/USDT once it trades 2.5 % off its best price, once it has traded at {began}: open, filled 0 of"
    assert said in capsys.readouterr().out
    assert sorted(order["kind"] for order in told(capsys, "orders", "--open")) == ["take", "trail"]
    run("cancel", "--all", "BTC/USDT")


def test_all_orders_of_a_market_are_cancelled(venue, capsys):
    last = float(told(capsys, "ticker", "BTC/USDT")["BTC/USDT"]["last"])
    for share in (0.8, 0.9):
        run("buy", "BTC/USDT", "0.01BTC", "--price", f"{share * last:.2f}", "--post-only")
    capsys.readouterr()
    assert [order["status"] for order in told(capsys, "cancel", "--all", "BTC/USDT")] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("buy", "BTC/USDT", "100"), ConfigError, "100 of what. Write 100BTC or 100USDT"),
        (("buy", "BTCUSDT", "1BTC"), ConfigError, "written with a stroke, as BTC/USDT"),
        (("buy", "BTC/USDT"), ConfigError, "say how much, once"),
        (("buy", "BTC/USDT", "1BTC", "--cost", "5"), ConfigError, "say how much, once"),
        (("buy", "BTC/USDT", "0,05BTC"), ConfigError, "'0,05BTC' is no amount"),
        (("buy", "BTC/USDT", "1BTC", "--price", "99,5"), ConfigError, "'99,5' is no number"),
        (("buy", "BTC/USDT", "1BTC", "--price", ""), ConfigError, "--price '' is no number"),
        (("buy", "BTC/USDT", "1BTC", "--stop", ""), ConfigError, "--stop '' is no number"),
        (("sell", "BTC/USDT", "1BTC", "--trail", "2"), ConfigError, "--trail 2 of what. Write 2% or 2USDT"),
        (("sell", "BTC/USDT", "1BTC", "--trail", "x%"), ConfigError, "--trail 'x' is no number"),
        (("sell", "BTC/USDT", "0.01BTC", "--trail", "50USDT"), Rejected, r"by a distance in quote \(trail_by\)"),
        (("balance", "--account", ""), ConfigError, "--account is empty"),
        (("ticker", "BTC/USDT", "--exchange", ""), ConfigError, "--exchange is empty"),
        (("buy", "BTC/USDT", "BTC"), ConfigError, "'BTC' is no amount; write 0.5BTC or 100USDT"),
        (("buy", "BTC/USDT", "1BTC", "--price", "soon"), ConfigError, "--price 'soon' is no number"),
        (("buy", "BTC/USDT", "1BTC", "--tif", "GTX"), ConfigError, "is not one of GTC, IOC, FOK"),
        (("buy", "BTC/USDT", "0.000001BTC"), Rejected, "below the least amount, 0.00001000"),
        (("buy", "BTC/USDT", "80000USDT"), Rejected, "insufficient balance.*planar balance demo"),
        (("ticker", "BTCUSDT"), Rejected, "no market 'BTCUSDT'. Did you mean 'BTC/USDT'"),
        (("ticker",), ConfigError, "name a symbol"),
        (("balance", "--type", "spott"), ConfigError, "is no wallet.*Did you mean 'spot'"),
        (("balance", "--type", "futures"), Rejected, "demo does not offer a futures wallet"),
        (("balance", "binanse"), ConfigError, "no exchange 'binanse'. Did you mean 'binance'"),
        (("balance", "--all"), ConfigError, "there are no keys"),
        (("balance", "--account", "hedge"), ConfigError, "demo has no account 'hedge'"),
        (("orders", "--limit", "0"), ConfigError, "--limit 0 shows nothing"),
        (("fills", "BTC/USDT", "--limit", "-1"), ConfigError, "--limit -1 shows nothing"),
        (("orders", "--history"), ConfigError, "--history needs a symbol"),
        (("cancel",), ConfigError, "name an order"),
        (("cancel", "77"), ConfigError, "demo has no open order 77"),
        (("cancel", "77", "--symbol", "BTC/USDT"), Rejected, "planar orders BTC/USDT --history --exchange demo"),
        (("orders", "BTC/USDT", "--client-id", "none"), Rejected, "no order none|Order does not exist"),
        (("orders", "--client-id", "none"), ConfigError, "--client-id needs an id and a symbol"),
        (("orders", "BTC/USDT", "--client-id", "a", "--open"), ConfigError, "exclude each other"),
        (("ticker", "demo", "BTC/USDT"), ConfigError, "'demo' is an exchange.*write --exchange demo"),
        (("book", "Binance"), ConfigError, "write --exchange Binance"),
        (("buy", "demo", "1BTC"), ConfigError, "write --exchange demo"),
        (("cancel", "--all", "demo"), ConfigError, "write --exchange demo"),
        (("watch", "demo", "BTC/USDT", "--exchange", "demo"), ConfigError, "write --exchange demo"),
        (("watch", "BTCUSDT"), Rejected, "demo has no market 'BTCUSDT'. Did you mean 'BTC/USDT'"),
        (("watch", "dmo", "BTC/USDT"), ConfigError, "no exchange 'dmo'. Did you mean 'demo'"),
        (("positions",), Rejected, "demo does not offer positions"),
        (("ticker", "BTC/USDT:USDT"), Rejected, "Did you mean 'BTC/USDT'"),
    ],
)
def test_mistakes_are_told_with_their_remedy(words, kind, message):
    with pytest.raises(kind, match=message):
        run(*words)


def test_an_order_dearer_than_the_users_limit_is_not_sent(folder):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text("[risk]\nmax_order_cost = 50\n")
    with pytest.raises(
        ConfigError, match=r"Buy BTC/USDT: for 100 USDT costs about 100.00, more than risk.max_order_cost"
    ):
        run("buy", "BTC/USDT", "100USDT")
    with pytest.raises(ConfigError, match=r"costs about .*, more than risk.max_order_cost"):
        run("buy", "BTC/USDT", "1BTC")


def test_the_exchanges_answer_and_what_they_can_do_is_told(capsys):
    assert {row["grade"] for row in told(capsys, "exchanges", "test")} == {"ok"}
    assert [row["exchange"] for row in told(capsys, "exchanges", "list")] == ["demo"]
    run("exchanges", "sync-time")
    assert "ours." in capsys.readouterr().out
    found = told(capsys, "exchanges", "capabilities")
    assert len(found) == 15
    assert found["binance"]["futures"]["batch"] == 5
    assert found["kraken"]["sandbox"] is False


def test_the_doctor_finds_the_demo_well_and_tells_so(capsys):
    run("doctor", "demo")
    out = capsys.readouterr().out
    assert "\ndemo\n  ok       reachable" in out
    assert out.endswith("No faults, no warnings.\n")


def test_the_doctor_ends_with_1_when_there_is_a_fault_and_tells_its_remedy(folder, capsys):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[demo]\nbase_url = "http://127.0.0.1:9"\nretries = 0\n')
    with pytest.raises(SystemExit, match="1"):
        run("doctor", "demo")
    out = " ".join(capsys.readouterr().out.split())
    assert "fault reachable asking its time failed" in out
    assert "→ Is `planar venue` running there?" in out
    assert "1 fault, no warnings." in out
    with pytest.raises(SystemExit, match="1"):
        run("exchanges", "test", "--json")
    [fault] = json.loads(capsys.readouterr().out)
    assert (fault["of"], fault["check"], fault["grade"]) == ("demo", "reachable", "fault")


def test_the_doctor_asks_no_exchange_when_the_settings_cannot_be_read(folder, capsys):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text("[binance]\ntimout = 3\n")
    with pytest.raises(SystemExit, match="1"):
        run("doctor")
    assert "No exchange was asked: that has to be mended first." in capsys.readouterr().out


def test_the_doctor_tells_of_an_address_that_is_refused(folder, capsys):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[demo]\nbase_url = "https://api.binance.com"\n')
    with pytest.raises(SystemExit, match="1"):
        run("doctor", "demo", "--json")
    fault = json.loads(capsys.readouterr().out)[-1]
    assert (fault["of"], fault["check"], "is not on this machine" in fault["found"]) == ("demo", "settings", True)


def test_a_sale_below_the_market_costs_what_the_market_pays(folder):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text("[risk]\nmax_order_cost = 100\n")
    with pytest.raises(ConfigError, match=r"costs about 1,\d{3}\.\d\d, more than risk.max_order_cost"):
        run("sell", "BTC/USDT", "0.05BTC", "--price", "1000")


def test_the_demo_goes_nowhere_but_to_this_machine(folder):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[demo]\nbase_url = "https://api.binance.com"\n')
    with pytest.raises(ConfigError, match="is not on this machine"):
        run("ticker", "BTC/USDT")


def test_of_several_accounts_each_that_fails_is_told(folder, capsys, monkeypatch):
    monkeypatch.setattr(registry, "_living", {})
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[bybit]\nbase_url = "http://127.0.0.1:9"\nretries = 0\n')
    sections = ["exchanges.bybit", "exchanges.bybit_sandbox", "exchanges.bybit.accounts.hedge"]
    keys = "\n".join(f'[{section}]\napiKey = "k{section}"\nsecret = "s{section}"' for section in sections)
    (folder / "user" / "secrets.toml").write_text(keys)
    os.chmod(folder / "user" / "secrets.toml", 0o600)
    with pytest.raises(SystemExit, match="1"):
        run("balance", "--all", "--json")
    failed = json.loads(capsys.readouterr().out)["failed"]
    assert failed.keys() == {"bybit", "bybit (sandbox)", "bybit/hedge"}


@pytest.mark.parametrize(
    "words",
    [
        ("ticker", "BTC/USDT"), ("book", "BTC/USDT"), ("balance",), ("orders",), ("fills", "BTC/USDT"),
        ("buy", "BTC/USDT", "100USDT"), ("exchanges", "test"), ("exchanges", "sync-time"), ("doctor",),
        ("data", "fetch", "BTC/USDT", "--timeframe", "1m", "--from", "2026-01-01"),
    ],
)  # fmt: skip
def test_every_command_that_asks_an_exchange_takes_it_as_an_option(words):
    with pytest.raises(ConfigError, match=r"no exchange 'dmo'. Did you mean 'demo'"):
        run(*words, "--exchange", "dmo")


def test_balances_that_cannot_be_read_are_told_and_nothing_is_said_of_their_wallets(folder, capsys, monkeypatch):
    (folder / "user").mkdir()
    (folder / "user" / "planar.toml").write_text('[binance]\nbase_url = "http://127.0.0.1:9"\nretries = 0\n')
    monkeypatch.setattr(registry, "_living", {})  # of other tests of this process
    monkeypatch.setenv("BINANCE_API_KEY", "k")
    monkeypatch.setenv("BINANCE_SECRET_KEY", "s")
    with pytest.raises(SystemExit, match="1"):
        run("balance", "--all")
    out = capsys.readouterr().out
    assert out.startswith("binance: loading its markets failed: GET http://127.0.0.1:9/")
    assert "empty" not in out
    with pytest.raises(SystemExit, match="1"):
        run("balance", "--all", "--json")
    assert json.loads(capsys.readouterr().out)["balances"] == {}


def test_a_lost_order_is_looked_for_with_the_command_that_the_message_tells(venue, addresses, capsys):
    """The venue takes the order and never says so, nor answers a look-up, until all is over."""
    rules = [
        {"on": "POST /api/v3/order", "what": "accept_then_5xx"}, {"on": "GET /api/v3/order", "what": "503", "count": 0},
    ]  # fmt: skip
    chaos = Request(f"{addresses['admin']}/chaos", json.dumps(rules).encode())
    urlopen(chaos).close()
    try:
        with pytest.raises(Unknown, match="that was not answered either") as lost:
            run("buy", "BTC/USDT", "0.001BTC")
    finally:
        urlopen(Request(f"{addresses['admin']}/chaos", method="DELETE")).close()
    [command] = re.findall(r"Look for it before anything else is sent: `planar ([^`]+)`", str(lost.value))
    assert command.endswith("--exchange demo")
    [found] = told(capsys, *command.split())
    assert found["status"] == "filled"


def test_nothing_is_stored_yet_is_an_answer(capsys):
    run("data", "list")
    assert capsys.readouterr().out.startswith("Nothing is stored yet; ")
    assert told(capsys, "data", "list") == []


def test_what_was_fetched_is_told_as_a_document(capsys):
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    words = ("data", "fetch", "demo", "BTC/USDT", "--timeframe", "1h", "--from", yesterday)
    [fetched] = told(capsys, *words)
    assert (fetched["instrument"], fetched["gaps"], fetched["error"]) == ("demo:BTC/USDT", 0, None)
    assert fetched["added"] > 0
    assert [row["rows"] for row in told(capsys, "data", "list")] == [fetched["added"]]
