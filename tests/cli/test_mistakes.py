"""What a user gets wrong, as the command line tells it: the thing, the place, the remedy, and nothing secret."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from planar.cli import main
from planar.exchange import registry

SECRETS = '[exchanges.binance]\napiKey = "{api_key}"\nsecret = "{secret}"\n'


@pytest.fixture(scope="module")
def addresses():
    """A running ``planar venue``, which plays Binance."""
    command = [sys.executable, "-m", "planar", "venue", "--symbols", "BTC/USDT", "--symbols", "ETH/USDT"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        yield json.loads(venue.stdout.readline())
        venue.terminate()


@dataclass
class User:
    """A user's folder, and the venue that their Binance is."""

    folder: Path
    addresses: dict[str, str]
    monkeypatch: pytest.MonkeyPatch

    def settings(self, text: str) -> None:
        (self.folder / "planar.toml").write_text(f'[binance]\nbase_url = "{self.addresses["rest"]}"\n{text}')

    def secrets(self, text: str, mode: int = 0o600, **changes: str) -> None:
        path = self.folder / "secrets.toml"
        path.write_text(text.format(**{**self.addresses, **changes}))
        path.chmod(mode)

    def tell(self, path: str, content: object) -> None:
        """Tells the venue something of its own interface."""
        body = json.dumps(content).encode()
        urlopen(Request(f"{self.addresses['admin']}/{path}", body, {"Content-Type": "application/json"})).close()


@pytest.fixture
def user(tmp_path, addresses, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(registry, "_living", {})  # of other tests of this process
    (tmp_path / "user").mkdir()
    made = User(tmp_path / "user", addresses, monkeypatch)
    made.settings("")
    made.secrets(SECRETS)
    yield made
    made.tell("symbols", {"symbol": "ETHUSDT", "status": "TRADING"})
    made.tell("chaos", {"what": "skew", "seconds": 0})


def locked(user: User) -> None:
    user.monkeypatch.setenv("PLANAR_PASSPHRASE", "the right one")
    with pytest.raises(SystemExit):
        main(["config", "encrypt"])
    user.monkeypatch.setenv("PLANAR_PASSPHRASE", "another")


def unreadable(user: User) -> None:
    (user.folder / "secrets.toml").unlink()
    (user.folder / "secrets.toml").mkdir(mode=0o700)


def env(name: str, value: str) -> Callable[[User], None]:
    return lambda user: user.monkeypatch.setenv(name, value)


BALANCE = ("balance", "binance")
BUY = ("buy", "BTC/USDT", "0.01BTC", "--exchange", "binance")
HERE = r"user/secrets\.toml"

CASES = {
    "a wrong key": (
        lambda user: user.secrets(SECRETS, api_key="w" * 64), BALANCE,
        rf"Invalid API-key.*-2015.*Check key, secret .* in {HERE}, section \[exchanges.binance\].*IP allow-list",
    ),
    "a wrong secret": (
        lambda user: user.secrets(SECRETS, secret="wrong"), BALANCE,
        rf"Signature .* not valid \(-1022\).*secret in {HERE}, section \[exchanges.binance\] is not that of the key",
    ),
    "a wrong passphrase": (locked, BALANCE, rf"{HERE}\.encrypted does not open: the passphrase.*PLANAR_PASSPHRASE"),
    "no keys": (
        lambda user: user.secrets(""), BALANCE, rf"needs keys: fill in {HERE}, section \[exchanges.binance\]",
    ),
    "keys that are not filled in": (
        lambda user: user.secrets(SECRETS, api_key="your_api_key"), BALANCE,
        rf"{HERE}: \[exchanges.binance\] apiKey is not filled in",
    ),
    "secrets that cannot be read": (unreadable, BALANCE, rf"{HERE} cannot be read: Is a directory.*ls -ld {HERE}"),
    "secrets that everybody can read": (
        lambda user: user.secrets(SECRETS, 0o644), BALANCE, rf"chmod 600 {HERE}",
    ),
    "secrets that are no TOML": (
        lambda user: user.secrets('[exchanges.binance\napiKey = "hidden"'), BALANCE, rf"{HERE}.*line 1",
    ),
    "a typo in a setting": (
        lambda user: user.settings("timout = 5"), BALANCE, r"user/planar\.toml.*'?timout'?.*Did you mean 'timeout'",
    ),
    "a typo in a section": (
        lambda user: user.settings("[routng]\nfailover = true"), BALANCE,
        r"user/planar\.toml.*routng.*Did you mean 'routing'",
    ),
    "a setting of the wrong kind": (
        lambda user: user.settings('timeout = "soon"'), BALANCE,
        r"user/planar\.toml, \[binance\]: timeout = 'soon' must be a whole number \(ms\)",
    ),
    "a typo in a key": (
        lambda user: user.secrets(SECRETS.replace("apiKey", "apiKye")), BALANCE,
        rf"{HERE}: \[exchanges.binance\] has no key 'apiKye'. Did you mean 'apiKey'",
    ),
    "a typo in the environment": (
        env("PLANAR__BINANCE__TIMOUT", "5"), BALANCE, r"PLANAR__BINANCE__TIMOUT.*Did you mean",
    ),
    "a typo in an option": (None, (*BUY, "--prise", "5"), r"--prise.*--price"),
    "a typo in a command": (None, ("balanse",), r"balanse.*balance"),
    "an unknown exchange": (None, ("balance", "binanse"), r"no exchange 'binanse'. Did you mean 'binance'"),
    "an unknown exchange in the secrets": (
        lambda user: user.secrets(SECRETS.replace("binance", "binanse")), BALANCE,
        rf"{HERE}: \[exchanges.binanse\] is no exchange. Did you mean 'binance'",
    ),
    "an unknown account": (
        None, (*BALANCE, "--account", "hedge"), r"no account 'hedge'.*exchanges.binance.accounts.hedge",
    ),
    "a symbol without a stroke": (
        None, ("ticker", "BTCUSDT", "--exchange", "binance"), r"no market 'BTCUSDT'. Did you mean 'BTC/USDT'",
    ),
    "a symbol that is not there": (
        None, ("ticker", "BTC/USDC", "--exchange", "binance"), r"no market 'BTC/USDC'. Did you mean 'BTC/USDT'",
    ),
    "a perpetual where spot is set": (
        None, ("ticker", "BTC/USDT:USDT", "--exchange", "binance"),
        r"no market 'BTC/USDT:USDT'. It lists spot markets as it is set: planar config set binance.futures true",
    ),
    "more than there is": (
        None, ("buy", "BTC/USDT", "9BTC", "--exchange", "binance"),
        r"insufficient balance.*planar balance binance --type spot",
    ),
    "an order for a symbol without a stroke": (
        None, ("buy", "BTCUSDT", "1BTC", "--exchange", "binance"), r"'BTCUSDT' is written with a stroke, as BTC/USDT",
    ),
    "a market that is not active": (
        lambda user: user.tell("symbols", {"symbol": "ETHUSDT", "status": "BREAK"}),
        ("buy", "ETH/USDT", "0.1ETH", "--exchange", "binance"),
        r"ETH/USDT is not traded now.*inactive.*status page.*another market",
    ),
    "less than the least amount": (
        None, ("buy", "BTC/USDT", "0.0000001BTC", "--exchange", "binance"),
        r"was not sent: 0.0000001 BTC is below the least amount, 0.00001000",
    ),
    "less than the least cost, at a price": (
        None, ("buy", "BTC/USDT", "0.0001BTC", "--price", "20000", "--exchange", "binance"),
        r"was not sent: it costs 2 USDT, the least is 5\.",
    ),
    "less than the least cost, at the market": (
        None, ("buy", "BTC/USDT", "0.00002BTC", "--exchange", "binance"),
        r"was not sent: 0.00002 BTC is worth 0\.\d{4} USDT at \d+\.\d+, the least is 5: ask for 0.000\d\d BTC or more",
    ),
    "a proxy that is down": (
        lambda user: user.settings('proxy = "http://127.0.0.1:1"'), BALANCE,
        r"Cannot connect to host 127.0.0.1:1.*proxy runs.*planar config set binance.proxy",
    ),
    "an address where nobody is": (
        env("PLANAR__BINANCE__BASE_URL", "http://127.0.0.1:1"), BALANCE,
        r"GET http://127.0.0.1:1/api/v3/\S+: Cannot connect to host 127.0.0.1:1.*Is `planar venue` running there",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_with_its_place_and_remedy(user, capsys, case):
    arrange, words, expected = CASES[case]
    user.monkeypatch.setenv("PLANAR__BINANCE__RETRIES", "0")
    if arrange is not None:
        arrange(user)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, told = capsys.readouterr()
    print(told)
    assert ended.value.code in (1, 2)
    assert re.search(expected, " ".join(told.split())), told
    assert "Traceback" not in out + told
    for secret in (user.addresses["api_key"], user.addresses["secret"], "hidden"):
        assert secret not in out + told


def test_a_clock_that_is_off_by_two_seconds_is_told_and_requests_work(user, capsys):
    user.tell("chaos", {"what": "skew", "seconds": 2})
    with pytest.raises(SystemExit) as ended:
        main(["exchanges", "sync-time", "binance"])
    told = capsys.readouterr().out
    print(told)
    assert ended.value.code == 0
    assert re.search(r"its clock .* is (1,9\d\d|2,0\d\d) ms ahead of ours", told)
    assert "Requests carry its time, so they work. Set this machine's clock: timedatectl set-ntp true" in told
    with pytest.raises(SystemExit) as ended:
        main(["balance", "binance"])
    assert ended.value.code == 0
