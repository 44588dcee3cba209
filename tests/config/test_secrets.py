"""Keys stay apart, and stay secret."""

import copy
import json
import logging
import pickle
import traceback

import pytest

from planar.config import vault
from planar.config.secrets import Secret, load_secrets
from planar.errors import ConfigError

KEYS = """\
[exchanges.binance]
apiKey = "production-key"
secret = "production-secret"

[exchanges.binance_sandbox]
apiKey = "sandbox-key"
secret = "sandbox-secret"

[exchanges.binance.accounts.hedge]
apiKey = "hedge-key"
secret = "hedge-secret"

[exchanges.bybit_testnet.accounts.hedge]
apiKey = "bybit-key"
secret = "bybit-secret"

[exchanges.coinbasepro]
apiKey = "coinbase-key"
secret = "coinbase-secret"
passphrase = "coinbase-phrase"
"""


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path, KEYS)


def written(folder, text):
    path = folder / "secrets.toml"
    path.write_text(text)
    path.chmod(0o600)
    return folder


def key_of(secrets, *key):
    credentials = secrets.credentials(*key)
    return credentials and credentials.api_key.reveal()


def test_keys_are_given_for_exactly_their_exchange_environment_and_account(folder):
    secrets = load_secrets(folder, {})
    assert key_of(secrets, "binance", False, "") == "production-key"
    assert key_of(secrets, "binance", True, "") == "sandbox-key"
    assert key_of(secrets, "binance", False, "hedge") == "hedge-key"
    assert key_of(secrets, "bybit", True, "hedge") == "bybit-key"
    assert secrets.credentials("coinbaseexchange", False, "").passphrase.reveal() == "coinbase-phrase"
    for key in [("binance", True, "hedge"), ("bybit", False, "hedge"), ("bybit", True, ""), ("kraken", False, "")]:
        assert secrets.credentials(*key) is None
    assert secrets.accounts("binance") == {"hedge"}


def test_keys_of_the_environment_belong_to_where_the_environment_says(tmp_path):
    keys = {"BINANCE_API_KEY": "k", "BINANCE_SECRET_KEY": "s", "KUCOIN_PASSPHRASE": "p", "GATEIO_API_KEY": "g"}
    assert key_of(load_secrets(tmp_path, keys), "binance", False, "") == "k"
    assert key_of(load_secrets(tmp_path, keys), "gate", False, "") == "g"
    on_test = load_secrets(tmp_path, keys | {"BINANCE_TESTNET": "true"})
    assert key_of(on_test, "binance", True, "") == "k"
    assert on_test.credentials("binance", False, "") is None


def test_a_file_that_others_can_read_is_refused_with_the_remedy(folder):
    (folder / "secrets.toml").chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode 640\)\. Run: chmod 600 .*secrets.toml"):
        load_secrets(folder, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[exchanges.binanse]\napiKey = "x"', r"\[exchanges.binanse\] is no exchange. Did you mean 'binance'\?"),
        ('[binance]\napiKey = "x"', r"\[binance\] is no section of secrets; write \[exchanges.binance\]"),
        ('[exchanges.binance]\napiKy = "leak-me"', r"has no key 'apiKy'. Did you mean 'apiKey'\?"),
        ('[exchanges.binance]\napiKey = "your_binance_api_key"', r"apiKey is not filled in"),
        ('[exchange.binance]\napiKey = "leak-me"', r"no section of secrets. Did you mean 'exchanges'\?"),
        ('[exchanges.binance]\napikey = "leak-me"', r"has no key 'apikey'. Did you mean 'apiKey'\?"),
        ('[exchanges.binance]\napiKey = ""', r"apiKey is not filled in"),
        ('[exchanges.binance]\nsecret = "leak-me"\nsecretKey = "leak-me"', r"gives secret twice"),
        ('[exchanges.okx_sandbox]\nuid = "x"\n[exchanges.okx_testnet]\nuid = "y"', r"gives keys of okx twice"),
        ("[exchanges.binance]\napiKey = leak-me", r"is not TOML \(line 2\): values stand in quotes"),
    ],
)
def test_a_mistake_names_file_section_and_remedy_and_no_secret(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as raised:
        load_secrets(written(tmp_path, text), {})
    assert "leak-me" not in "".join(traceback.format_exception(raised.value))


def test_a_secret_does_not_show_itself(folder, caplog):
    secrets = load_secrets(folder, {})
    credentials = secrets.credentials("binance", False, "")
    logging.getLogger("test").warning("%s %r", credentials, credentials)
    shown = f"{secrets!r} {secrets} {credentials.secret} {credentials.secret!r} {credentials.secret:>20} {caplog.text}"
    assert "production" not in shown
    assert "••••" in shown


@pytest.mark.parametrize("store", [pickle.dumps, json.dumps, copy.deepcopy])
def test_a_secret_cannot_be_stored(store):
    with pytest.raises(TypeError):
        store(Secret("x"))


def test_a_passphrase_locks_and_opens_the_file(folder, monkeypatch):
    locked = vault.lock(folder / "secrets.toml", passphrase="open sesame")
    assert "production" not in locked.read_text()
    assert not (folder / "secrets.toml").exists()
    monkeypatch.setenv("PLANAR_PASSPHRASE", "open sesame")
    assert key_of(load_secrets(folder, {}), "binance", False, "") == "production-key"
    assert vault.unlock(locked).read_text() == KEYS
    assert (folder / "secrets.toml").stat().st_mode & 0o777 == 0o600


def test_a_key_file_locks_and_opens_the_file(folder, monkeypatch, tmp_path):
    key_file = tmp_path / "elsewhere" / "key"
    vault.lock(folder / "secrets.toml", key_file=key_file)
    assert key_file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("PLANAR_KEY_FILE", str(key_file))
    assert key_of(load_secrets(folder, {}), "binance", True, "") == "sandbox-key"


def test_a_wrong_passphrase_or_none_is_told(folder, monkeypatch):
    vault.lock(folder / "secrets.toml", passphrase="open sesame")
    with pytest.raises(ConfigError, match="is encrypted; set PLANAR_PASSPHRASE to open it"):
        load_secrets(folder, {})
    monkeypatch.setenv("PLANAR_PASSPHRASE", "open barley")
    with pytest.raises(ConfigError, match="does not open: the passphrase is not the one"):
        load_secrets(folder, {})


def test_two_files_of_secrets_are_refused(folder):
    text = (folder / "secrets.toml").read_text()
    vault.lock(folder / "secrets.toml", passphrase="x")
    written(folder, text)
    with pytest.raises(ConfigError, match="are both there"):
        load_secrets(folder, {})


def test_a_file_that_is_no_key_file_is_told_and_nothing_is_encrypted(folder, tmp_path):
    note = tmp_path / "note"
    note.write_text("no key")
    note.chmod(0o600)
    with pytest.raises(ConfigError, match=r"note is there and is no key file.*Nothing was encrypted"):
        vault.lock(folder / "secrets.toml", key_file=note)
    assert (folder / "secrets.toml").read_text() == KEYS


def test_a_key_file_does_not_overwrite_what_it_opens(folder):
    for name in ("secrets.toml", "secrets.toml.encrypted"):
        with pytest.raises(ConfigError, match="is the file of the keys itself"):
            vault.lock(folder / "secrets.toml", key_file=folder / name)
    assert (folder / "secrets.toml").read_text() == KEYS
