"""Markets on disk: of one exchange, environment and address; too old, damaged or absent is the same as none."""

import json
import os
import time

import pytest

from planar.exchange.metadata import MAX_AGE, metadata_path, read_metadata, write_metadata

MARKETS, CURRENCIES = [{"symbol": "BTC/USDT", "precision": {"price": "0.01"}}], {"BTC": {"code": "BTC"}}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_metadata(path, MARKETS, CURRENCIES)
    kept = read_metadata(path)
    assert (kept.markets, kept.currencies) == (MARKETS, CURRENCIES)
    assert 0 <= kept.age < 600
    assert [one.name for one in path.parent.iterdir()] == ["b.json"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"saved": 1}', '{"format": 1, "saved": "x", "markets": [], "currencies": {}}']
)
def test_a_damaged_file_counts_as_none(tmp_path, content):
    path = tmp_path / "b.json"
    path.write_text(content)
    assert read_metadata(path) is None


@pytest.mark.parametrize(
    "change",
    [{"saved": 0}, {"saved": time.time() + 1e6}, {"format": 0}, {"markets": []}, {"markets": {}}, {"currencies": []}],
)
def test_what_is_too_old_from_the_future_or_of_another_form_counts_as_none(tmp_path, change):
    path = tmp_path / "b.json"
    content = {"format": 1, "saved": time.time(), "markets": MARKETS, "currencies": CURRENCIES, **change}
    path.write_text(json.dumps(content))
    assert read_metadata(path) is None


def test_a_missing_file_counts_as_none(tmp_path):
    assert read_metadata(tmp_path / "none.json") is None


def test_a_disk_that_cannot_be_written_to_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    write_metadata(tmp_path / "file" / "b.json", MARKETS, CURRENCIES)


def test_environment_and_address_are_part_of_the_name():
    paths = {
        metadata_path("binance", sandbox, {"base_url": url}) for sandbox in (False, True) for url in ("", "http://x")
    }
    assert len(paths) == 4
    assert all(path.parent.parts[-2:] == ("planar", "markets") for path in paths)


def test_what_is_too_old_to_be_read_does_not_pile_up(tmp_path):
    old, new, now = (tmp_path / f"{name}.json" for name in ("old", "new", "now"))
    for path in (old, new):
        write_metadata(path, MARKETS, CURRENCIES)
    os.utime(old, (time.time() - MAX_AGE - 60,) * 2)
    write_metadata(now, MARKETS, CURRENCIES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.json", "now.json"]
