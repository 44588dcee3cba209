"""What is counted together: by host, whoever asks there, and by all users of a machine."""

import asyncio
import os
import stat

import pytest

from planar.config.files import limits_folder
from planar.config.settings import ExchangeSettings, Limits
from planar.errors import ConfigError
from planar.exchange.guard import Guard
from planar.exchange.quirks import quirk_of
from planar.exchange.wire import Wire

SPOT = {"api": "public", "host": "api.binance.com"}
FUTURES = {"api": "fapiPublic", "host": "fapi.binance.com"}


def guard(id="binance", **settings):
    made = Guard(id, (id, False, ""), ExchangeSettings(limit_buffer=0.0, **settings), quirk_of(id)())
    made.open(50.0)
    return made


def asked(one, cost, where, used=None):
    """A request that is answered, with what the exchange says is used."""
    wire = Wire(**where)
    asyncio.run(one.pay(cost, wire))
    wire.began(is_write=False)
    wire.answered(200, {} if used is None else {"X-MBX-USED-WEIGHT-1M": str(used)})
    one.ended(wire, 1.0, None)
    return one.health().limit_share


@pytest.mark.parametrize(("where", "used", "share"), [(FUTURES, 2_300, 2_300 / 2_400), (SPOT, 5_750, 5_750 / 6_000)])
def test_what_the_exchange_says_is_used_is_a_share_of_what_that_host_allows(where, used, share):
    assert asked(guard(futures=where is FUTURES), 1.0, where, used) == pytest.approx(share, abs=1e-3)


def test_two_names_of_exchanges_that_ask_one_host_share_what_it_allows():
    one, other = guard(futures=True), guard("binanceusdm")
    asked(one, 1_200.0, FUTURES)
    assert asked(other, 240.0, FUTURES) == pytest.approx(0.6)


def test_hosts_that_count_apart_are_counted_apart_and_the_users_limit_is_of_the_one_that_is_meant():
    one = guard(limits=Limits(weight=600))
    asked(one, 60.0, SPOT)
    asked(one, 60.0, FUTURES)
    assert sorted(each.used / each.limit for each in one.usage() if each.name == "cost") == [60 / 2_400, 0.5]


def test_without_a_folder_of_ones_own_all_users_of_the_machine_count_in_one_place(monkeypatch, tmp_path):
    monkeypatch.delenv("PLANAR_LIMITS_FOLDER")
    found = set()
    for home in ("a", "b"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
        monkeypatch.setenv("HOME", str(tmp_path / home))
        found.add(limits_folder())
    assert len(found) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_other_users_may_count_in_a_file_but_not_remove_it(own_limits):
    before = os.umask(0o077)
    try:
        asked(guard(), 1.0, SPOT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(own_limits.stat().st_mode) == 0o1777
    assert {stat.S_IMODE(file.stat().st_mode) for file in own_limits.iterdir()} == {0o666}


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_file_that_is_a_link_to_another_is_not_written(own_limits, tmp_path, link):
    asked(guard(), 1.0, SPOT)
    mine, [place] = tmp_path / "mine", own_limits.glob("*.cost.*")
    mine.write_text("dear")
    place.unlink()
    link(mine, place)
    with pytest.raises(ConfigError, match=r"cannot be written.*PLANAR_LIMITS_FOLDER"):
        asked(guard(), 1.0, SPOT)
    assert mine.read_text() == "dear"


def test_the_settings_allow_no_request_to_last_longer_than_it_is_counted(tmp_path):
    from planar.config.load import load

    (tmp_path / "planar.toml").write_text("[binance]\ntimeout = 300000\n")
    with pytest.raises(ConfigError, match=r"timeout = 300000 must be at most 120000 \(ms\)"):
        load(tmp_path, {})
