"""What the doctor finds: of this machine, and of an exchange in each condition that the venue can play."""

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

import pytest
from exchange.recorded import recorded
from exchange.venue_process import KEY, SECRET

from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.engine.doctor.diagnosis import Grade, failed
from planar.engine.doctor.exchange import exchange_at
from planar.engine.doctor.machine import disk, fits, machine, size
from planar.engine.doctor.places import places
from planar.engine.doctor.rights import judged
from planar.errors import ConfigError, Rejected
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest, Rights
from planar.model.order import Side
from planar.store.store import Store
from planar.store.synthetic import synthetic
from planar.venue.account import TRADING
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

OK, WARNING, FAULT = Grade.OK, Grade.WARNING, Grade.FAULT
KEYS = Credentials(Secret(KEY), Secret(SECRET), source="user/secrets.toml")


@asynccontextmanager
async def binance(address: str, credentials: Credentials | None = KEYS, **more):
    settings = ExchangeSettings(base_url=address, enable_rate_limit=False, retries=0)
    exchange = CcxtExchange("binance", settings=settings, credentials=credentials, **more)
    try:
        yield exchange
    finally:
        await exchange.close()


async def of_exchange(exchange):
    return {each.check: each async for each in exchange_at(exchange)}


def examined(*rules: Rule, rights=None, **more):
    """What is found of Binance as a venue plays it, by check."""

    async def scene():
        config = VenueConfig(speed=0, history=60, api_key=KEY, secret=SECRET, chaos=rules)
        async with Venue(config) as venue:
            venue.account.rights.update(rights or {})
            async with binance(f"http://127.0.0.1:{venue.port}", **more) as exchange:
                return await of_exchange(exchange)

    return asyncio.run(scene())


def test_an_exchange_that_works_and_a_key_that_may_trade_and_no_more_are_well():
    found = examined()
    assert list(found) == [
        "reachable", "clock", "status", "markets", "keys", "trading", "withdrawals", "allow-list"
    ]  # fmt: skip
    assert {each.grade for each in found.values()} == {OK}
    assert {each.of for each in found.values()} == {"binance"}
    assert found["markets"].found == "2 of 2 are open"


@pytest.mark.parametrize(
    ("rights", "check", "says", "remedy"),
    [
        ({"enableWithdrawals": True}, "withdrawals", "the key may withdraw", "Turn withdrawals off"),
        ({"ipRestrict": False}, "allow-list", "is good from any address", "Set its list of allowed addresses"),
        ({TRADING: False}, "trading", "the key may not trade", "allow trading"),
    ],
)
def test_a_right_too_many_or_too_few_is_a_warning_with_its_remedy(rights, check, says, remedy):
    found = examined(rights=rights)
    assert [each.check for each in found.values() if each.grade is not OK] == [check]
    assert (found[check].grade, says in found[check].found, remedy in found[check].remedy) == (WARNING, True, True)


def test_a_key_without_the_right_to_trade_is_refused_an_order():
    async def scene():
        async with Venue(VenueConfig(speed=0, history=60, api_key=KEY, secret=SECRET)) as venue:
            venue.account.rights[TRADING] = False
            async with binance(f"http://127.0.0.1:{venue.port}") as exchange:
                with pytest.raises(Rejected, match="Invalid API-key, IP, or permissions") as error:
                    await exchange.place(OrderRequest("BTC/USDT", Side.BUY, cost=Decimal(100)))
                return error.value.code

    assert asyncio.run(scene()) == "AUTHENTICATION"


def test_a_right_that_the_exchange_does_not_speak_of_is_not_known():
    found = {each.check: each for each in judged("kucoin", Rights(True, True, None, None, None))}
    assert found["withdrawals"].found == found["allow-list"].found == "the exchange does not say"
    assert {found["withdrawals"].grade, found["allow-list"].grade} == {WARNING}
    assert (found["trading"].grade, found["trading"].found) == (OK, "the key may trade spot")
    assert judged("kucoin", Rights(True, None, None, None, None))[0].found == "the exchange does not say"


def test_whoever_trades_futures_needs_a_key_that_may():
    [trading, *_] = judged("binance", Rights(True, True, False, False, True), is_futures=True)
    assert (trading.grade, trading.found) == (WARNING, "the key may not trade futures")
    [trading, *_] = judged("binance", Rights(True, True, True, False, True), is_futures=True)
    assert (trading.grade, trading.found) == (OK, "the key may trade spot and futures")


def test_a_test_environment_that_does_not_tell_of_rights_is_no_danger():
    found = examined(sandbox=True)
    assert (found["rights"].grade, found["keys"].grade) == (OK, OK)
    assert found["rights"].found == "binance (sandbox) does not tell what a key may do"
    assert "withdrawals must be off" in found["rights"].remedy


@pytest.mark.parametrize(("seconds", "grade"), [(0.5, OK), (3, WARNING), (-3, WARNING)])
def test_a_clock_that_is_too_far_off_is_a_warning(seconds, grade):
    found = examined(Rule(what="skew", seconds=seconds))
    assert found["clock"].grade is grade
    assert ("behind" if seconds < 0 else "ahead of") in found["clock"].found
    assert ("timedatectl" in found["clock"].remedy) == (grade is WARNING)
    assert found["keys"].grade is OK  # requests carry the exchange's time


def test_wrong_keys_are_a_fault_and_their_rights_are_not_asked_for():
    found = examined(credentials=Credentials(Secret("x" * 64), Secret(SECRET), source="user/secrets.toml"))
    assert (found["keys"].grade, list(found)[-1]) == (FAULT, "keys")
    remedy = "Check key, secret and, where there is one, passphrase in user/secrets.toml, section [exchanges.binance]"
    assert remedy in found["keys"].remedy
    assert "x" * 64 not in repr(found)


def test_without_keys_the_public_part_is_looked_at():
    found = examined(credentials=None)
    assert {each.grade for each in found.values()} == {OK}
    assert (list(found)[-1], found["keys"].remedy) == ("keys", "To trade, add some: planar exchanges add binance")


def test_an_exchange_in_maintenance_is_a_fault():
    found = examined(Rule(on="GET *", what="maintenance", count=0))
    assert list(found) == ["reachable"]
    assert found["reachable"].grade is FAULT
    assert found["reachable"].remedy


def test_what_the_exchange_says_of_itself_counts():
    async def scene():
        async with recorded() as server, binance(server.address, None) as exchange:
            server.answers["GET /sapi/v1/system/status"] = lambda _: {"status": 1, "msg": "system maintenance"}
            return await of_exchange(exchange)

    found = asyncio.run(scene())["status"]
    assert (found.grade, found.remedy) == (FAULT, "Wait until its maintenance is over.")


def test_an_exchange_out_of_reach_is_a_fault_and_nothing_more_is_asked():
    async def scene():
        async with binance("http://127.0.0.1:9") as exchange:
            return await of_exchange(exchange)

    found = asyncio.run(scene())
    assert list(found) == ["reachable"]
    assert (found["reachable"].grade, "planar venue" in found["reachable"].remedy) == (FAULT, True)


def test_an_error_is_parted_into_what_is_wrong_and_what_to_do():
    parted = failed("binance", "keys", ConfigError("binance: it is so. Do this. Then that."))
    assert (parted.found, parted.remedy) == ("it is so", "Do this. Then that.")


# This machine.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "user").mkdir()
    return tmp_path


def write(folder: Path, settings: str = "", keys: str = "", mode: int = 0o600) -> None:
    (folder / "user" / "planar.toml").write_text(settings)
    (folder / "user" / "secrets.toml").write_text(keys)
    os.chmod(folder / "user" / "secrets.toml", mode)


def of_machine():
    return {each.check: each for each in machine()}


def section(name: str) -> str:
    return f'[exchanges.{name}]\napiKey = "a"\nsecret = "b"\n'


def test_an_empty_folder_is_well(folder):
    found = of_machine()
    assert list(found) == ["Python", "libraries", "settings", "keys", "disk", "store", "cache"]
    assert {each.grade for each in found.values()} == {OK}
    assert f"ccxt {version('ccxt')}" in found["libraries"].found


def test_a_setting_that_there_is_not_is_a_fault_with_the_nearest_one(folder):
    write(folder, "[binance]\ntimout = 3\n")
    found = of_machine()
    assert found["settings"].grade is FAULT
    assert found["settings"].found == "user/planar.toml: [binance] has no setting 'timout'"
    assert found["settings"].remedy.startswith("Did you mean 'timeout'?")
    assert "keys" not in found


def test_keys_that_others_can_read_are_a_fault(folder):
    write(folder, keys=section("binance"), mode=0o644)
    found = of_machine()["keys"]
    assert (found.grade, found.remedy) == (FAULT, "Run: chmod 600 user/secrets.toml")


def test_keys_that_the_settings_put_out_of_use_are_told(folder):
    write(folder, "[binance]\nsandbox = true\n", section("binance") + section("kraken"))
    found = of_machine()["keys"]
    assert found.grade is WARNING
    assert found.found.startswith("keys of binance are not used")
    assert "[exchanges.binance_sandbox]" in found.remedy
    write(folder, "[binance]\nsandbox = true\n", section("binance_sandbox"))
    assert of_machine()["keys"].grade is OK


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_store_that_is_held_is_a_fault_that_names_the_process(folder):
    candles = synthetic(["a:B/C"], "1h", candles=5, seed=1)["a:B/C"]
    Store("data/planar.duckdb").write_candles("a:B/C", "1h", candles, "test")
    found = of_machine()["store"]
    assert (found.grade, "1 series" in found.found) == (OK, True)
    command = [sys.executable, "-c", HOLD, "data/planar.duckdb"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        found = of_machine()["store"]
        assert (found.grade, f"in use by process {holder.pid}" in found.found) == (FAULT, True)
        assert found.remedy.startswith("Wait until it has finished, or end it")
        holder.stdin.close()


def test_a_store_that_is_none_is_a_fault(folder):
    write(folder, '[store]\npath = "mine.duckdb"\n')
    Path("mine.duckdb").write_text("not a database, but long enough to be looked at\n" * 100)
    found = of_machine()["store"]
    assert (found.grade, "move it away" in found.remedy) == (FAULT, True)


def test_a_cache_that_cannot_be_written_is_a_fault(folder, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", "file")
    found = of_machine()["cache"]
    assert (found.grade, found.remedy) == (FAULT, "Make it writable, or set XDG_CACHE_HOME.")


@pytest.mark.parametrize(("free", "grade"), [(5 << 30, OK), (1 << 30, OK), (500 << 20, WARNING), (50 << 20, FAULT)])
def test_room_on_the_disk_is_judged(free, grade):
    found = disk(Path("/data"), free)
    assert (found.grade, found.found) == (grade, f"{size(free)} are free in /data")
    assert bool(found.remedy) == (grade is not OK)


@pytest.mark.parametrize(
    ("version", "wanted", "is_so"),
    [
        ("4.5.90", "==4.5.90", True), ("4.5.91", "==4.5.90", False), ("0.68.1", ">=0.68,<0.69", True),
        ("0.69.0", ">=0.68,<0.69", False), ("2.0.0", "<3,>=2", True), ("10.1", ">=9", True), ("1.0", "", True),
    ],
)  # fmt: skip
def test_versions_are_compared_by_their_numbers(version, wanted, is_so):
    assert fits(version, wanted) is is_so


def test_the_demo_the_configured_and_those_with_keys_are_looked_at(folder):
    write(
        folder, "[kraken]\nretries = 1\n[okx]\nsandbox = true\n", "".join(map(section, ("binance", "binance_sandbox")))
    )
    assert places() == [
        ("demo", False, ""), ("binance", False, ""), ("binance", True, ""), ("kraken", False, ""), ("okx", True, "")
    ]  # fmt: skip
    assert places(["binance"]) == [("binance", False, ""), ("binance", True, "")]
    assert places(["bybit"]) == [("bybit", False, "")]
    with pytest.raises(ConfigError, match="Did you mean 'binance'"):
        places(["binanse"])
