"""What ``planar config`` prints and writes."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from planar.cli.config import app
from planar.errors import ConfigError

SETTINGS = """\
[binance]
timeout = 5000  # ms
proxy = "http://user:hidden-password@127.0.0.1:8080"
"""

KEYS = """\
[exchanges.binance]
apiKey = "hidden-key"
secret = "hidden-secret"
"""


def run(*tokens: str) -> None:
    app(list(tokens), result_action="return_value")


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "planar.toml").write_text(SETTINGS)
    (folder / "secrets.toml").write_text(KEYS)
    (folder / "secrets.toml").chmod(0o600)
    return folder


def test_show_says_where_each_value_came_from_and_masks_secrets(capsys, monkeypatch):
    monkeypatch.setenv("BINANCE_TESTNET", "true")
    monkeypatch.setenv("EXCHANGE_MAX_RETRIES", "7")
    run("show", "binance", "--json")
    out = capsys.readouterr().out
    found = {row["name"]: (row["value"], row["source"]) for row in json.loads(out)}
    assert found["binance.timeout"] == ("5000", "user/planar.toml")
    assert found["binance.sandbox"] == ("true", "environment BINANCE_TESTNET")
    assert found["binance.retries"] == ("7", "environment EXCHANGE_MAX_RETRIES")
    assert found["binance.priority"] == ("100", "default")
    assert found["binance: secret"] == ("••••••", "user/secrets.toml")
    assert found["binance.proxy"][0] == "http://••••••@127.0.0.1:8080"
    assert "hidden" not in out


def test_show_without_a_name_shows_every_section(capsys):
    run("show")
    out = capsys.readouterr().out
    for name in ("defaults.exchange", "routing.failover", "store.path", "demo.timeout", "binance.limits.orders"):
        assert name in out
    assert "hidden" not in out


def test_set_says_what_was_and_what_is(capsys, user):
    run("set", "exchanges.binance.timeout", "60000")
    assert capsys.readouterr().out == "exchanges.binance.timeout = 60000 (was 5000) in user/planar.toml.\n"
    assert (user / "planar.toml").read_text() == SETTINGS.replace("5000  # ms", "60000  # ms")


def test_encrypt_and_decrypt_give_the_file_back(capsys, user, monkeypatch):
    monkeypatch.setenv("PLANAR_PASSPHRASE", "open sesame")
    run("encrypt")
    assert sorted(path.name for path in user.iterdir()) == ["planar.toml", "secrets.toml.encrypted"]
    run("show", "binance")
    run("decrypt")
    assert (user / "secrets.toml").read_text() == KEYS
    assert "hidden" not in capsys.readouterr().out


def test_encrypt_and_decrypt_say_as_documents_which_file_came_and_which_went(capsys, monkeypatch):
    monkeypatch.setenv("PLANAR_PASSPHRASE", "open sesame")
    run("encrypt", "--json")
    locked, plain = "user/secrets.toml.encrypted", "user/secrets.toml"
    assert json.loads(capsys.readouterr().out) == {"encrypted": locked, "removed": plain}
    run("decrypt", "--json")
    assert json.loads(capsys.readouterr().out) == {"decrypted": plain, "removed": locked}


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["show", "binanse"], "nothing is set under 'binanse'"),
        (["set", "binance.timout", "3"], "Did you mean 'timeout'"),
        (["set", "defaults.exchange", "binanse"], "no exchange 'binanse'. Did you mean 'binance'"),
        (["decrypt"], "there is no user/secrets.toml.encrypted to decrypt"),
        (["encrypt"], "set PLANAR_PASSPHRASE, or name a --key-file"),
    ],
)
def test_mistakes_are_told_with_their_remedy(tokens, message, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody is here to type
    with pytest.raises(ConfigError, match=message):
        run(*tokens)


def test_a_proxy_without_a_scheme_is_refused_without_its_password(capsys):
    with pytest.raises(ConfigError, match=r"proxy = '•+@127.0.0.1:8080' must be an address with scheme") as error:
        run("set", "binance.proxy", "user:hidden@127.0.0.1:8080")
    assert "hidden" not in str(error.value)


def test_passwords_of_proxies_show_in_no_form(capsys):
    run("set", "binance.proxy", "http://user:hid@den@127.0.0.1:8080")
    run("show", "binance")
    out = capsys.readouterr().out
    assert "hid" not in out
    assert "den" not in out
    assert "@127.0.0.1:8080" in out


def test_a_program_that_opens_the_keys_several_times_asks_for_the_passphrase_once(user, monkeypatch):
    (user / "planar.toml").write_text("")
    (user / "secrets.toml").write_text(KEYS.replace("binance", "demo"))
    with monkeypatch.context() as here:
        here.setenv("PLANAR_PASSPHRASE", "hidden-words")
        run("encrypt")
    ours, its = pty.openpty()
    words = [sys.executable, "-m", "planar", "doctor", "demo", "--json"]
    pipe = subprocess.PIPE
    # Without a terminal of its own, it asks on standard error.
    with subprocess.Popen(words, stdin=its, stdout=pipe, stderr=pipe, start_new_session=True) as asking:
        prompt = b""
        while not prompt.endswith(b"encrypted: "):
            prompt += asking.stderr.read1()
        os.write(ours, b"hidden-words\n")
        try:
            told, said = (part.decode() for part in asking.communicate(timeout=60))
        finally:
            asking.kill()
    os.close(ours), os.close(its)
    assert "Passphrase" not in said
    assert "hidden" not in told + said
    found = {row["check"]: row["found"] for row in json.loads(told) if row["of"] == "this machine"}
    assert found["keys"] == "user/secrets.toml.encrypted, which no other user can read: keys of demo"


def test_a_value_that_is_set_is_told_as_a_document(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    app(["set", "binance.timeout", "6000", "--json"], exit_on_error=False, result_action="return_value")
    assert json.loads(capsys.readouterr().out) == {"name": "binance.timeout", "before": 5000, "after": 6000}
