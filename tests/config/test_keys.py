"""Keys are put in and taken out of ``user/secrets.toml`` one account at a time; the rest of the file stays."""

import pytest

from planar.config.keys import add_keys, remove_keys
from planar.config.secrets import load_secrets
from planar.errors import ConfigError

KEYS = {"api_key": "k", "secret": "s"}


def keys_of(folder, *key):
    found = load_secrets(folder, {}).credentials(*key)
    return found and {name: value.reveal() for name, value in found.given().items()}


def test_keys_come_and_go_by_account_and_environment(tmp_path):
    accounts = [("binance", False, ""), ("binance", True, ""), ("binance", False, "hedge"), ("kucoin", False, "")]
    for number, (exchange, sandbox, account) in enumerate(accounts):
        path = add_keys(exchange, sandbox, account, {**KEYS, "passphrase": f"p{number}"}, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [keys_of(tmp_path, *each)["passphrase"] for each in accounts] == ["p0", "p1", "p2", "p3"]
    for number, each in enumerate(accounts):
        remove_keys(*each, tmp_path)
        assert keys_of(tmp_path, *each) is None
        assert all(keys_of(tmp_path, *other) for other in accounts[number + 1 :])


def test_comments_and_keys_of_others_stay(tmp_path):
    path = tmp_path / "secrets.toml"
    path.write_text('# mine\n[exchanges.gateio]\napiKey = "a"  # old\nsecret = "b"\n')
    path.chmod(0o600)
    add_keys("okx", False, "", KEYS, tmp_path)
    assert path.read_text().startswith('# mine\n[exchanges.gateio]\napiKey = "a"  # old\n')
    remove_keys("gateio", False, "", tmp_path)
    assert keys_of(tmp_path, "gate", False, "") is None
    assert keys_of(tmp_path, "okx", False, "") == KEYS


def test_keys_are_not_overwritten_nor_removed_where_there_are_none(tmp_path):
    add_keys("binance", False, "", KEYS, tmp_path)
    with pytest.raises(ConfigError, match="has keys of binance already; remove them first"):
        add_keys("binance", False, "", KEYS, tmp_path)
    for key in [("binance", True, ""), ("binance", False, "hedge"), ("kraken", False, "")]:
        with pytest.raises(ConfigError, match="has no keys of"):
            remove_keys(*key, tmp_path)
    with pytest.raises(ConfigError, match="no exchange 'binanse'"):
        add_keys("binanse", False, "", KEYS, tmp_path)
