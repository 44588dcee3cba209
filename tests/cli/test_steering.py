"""Sessions in the background, looked at and told what to do as a user types it; stopped while they open."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from planar.cli import app
from planar.errors import ConfigError

PLANAR = [sys.executable, "-m", "planar"]
FAST = ["--param", "fast=5", "--param", "slow=20"]
PATIENCE = 90
"""Seconds for what takes a few on a machine that is free."""


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder whose demo is a running venue; gives it and the venue's addresses."""
    place = tmp_path_factory.mktemp("steering")
    command = [*PLANAR, "venue", "--symbols", "BTC/USDT", "--speed", "3600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as venue:
        addresses = json.loads(venue.stdout.readline())
        (place / "user").mkdir()
        (place / "user" / "planar.toml").write_text(f'[demo]\nbase_url = "{addresses["rest"]}"\n')
        secrets = place / "user" / "secrets.toml"
        secrets.touch(mode=0o600)
        secrets.write_text(f'[exchanges.demo]\napiKey = "{addresses["api_key"]}"\nsecret = "{addresses["secret"]}"\n')
        yield place, addresses
        venue.terminate()


@pytest.fixture(scope="module")
def begun(there):
    """A session in the background: what the command that began it printed, and the session's name."""
    command = [*PLANAR, "live", "sma_cross", *FAST, "--name", "mine", "--detach"]
    done = subprocess.run(command, cwd=there[0], capture_output=True, text=True, timeout=PATIENCE, check=False)
    yield done
    subprocess.run([*PLANAR, "stop", "mine"], cwd=there[0], capture_output=True, timeout=PATIENCE, check=False)


@pytest.fixture
def planar(there, monkeypatch, capsys):
    """Runs a command in that folder; gives what it prints."""
    monkeypatch.chdir(there[0])

    def run(*words):
        capsys.readouterr()
        app(list(words), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def until(is_so):
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def hanging(addresses, request):
    """Lets the next request of that kind hang for a minute; gives what tells whether it does."""
    rule = [{"on": request, "what": "accept_then_hang", "count": 1, "seconds": 60}]
    asked = urllib.request.Request(f"{addresses['admin']}/chaos", json.dumps(rule).encode())
    urllib.request.urlopen(asked, timeout=10).close()

    def hangs():
        with urllib.request.urlopen(f"{addresses['admin']}/chaos", timeout=10) as answer:
            return json.load(answer)[-1]["happened"]

    return hangs


def test_detach_returns_once_the_session_is_open_and_says_how_to_look_and_stop(begun, planar):
    assert (begun.returncode, begun.stderr) == (0, "")
    assert "SmaCross on demo:BTC/USDT" in begun.stdout
    assert "mine goes on in the background, process " in begun.stdout
    assert "Stop: planar stop mine" in begun.stdout
    told = json.loads(planar("status", "mine", "--json"))
    assert f"process {told['pid']}." in begun.stdout
    assert os.getsid(told["pid"]) == told["pid"]


def test_status_is_told_of_all_and_of_one(begun, planar):
    [told] = json.loads(planar("status", "--json"))
    assert (told["session"], told["state"], told["exchange"]) == ("mine", "ACTIVE", "demo")
    assert "mine" in planar("status")
    assert "feeds: 3 of 3 live" in planar("status", "mine")


def test_what_it_does_stands_in_its_log_without_its_keys(begun, planar, there):
    place, addresses = there
    until(lambda: "order 1" in planar("logs", "mine"))
    lines = [json.loads(line) for line in planar("logs", "mine", "--json", "--since", "1h").splitlines()]
    assert {"time", "level", "from", "text"} <= set(lines[0])
    assert planar("logs", "mine", "--since", "2100-01-01") == ""
    folder = place / "data" / "sessions" / "mine"
    for path in folder.iterdir():
        if path.is_file():
            assert addresses["secret"].encode() not in path.read_bytes()
    assert (folder / "output.txt").read_text() == ""
    with pytest.raises(ConfigError, match=r"no level 'warn'\. Did you mean 'warning'"):
        planar("logs", "mine", "--level", "warn")


def test_following_a_log_shows_what_comes_until_ctrl_c(begun, there):
    following = subprocess.Popen([*PLANAR, "logs", "mine", "--follow"], cwd=there[0], stdout=subprocess.PIPE, text=True)
    subprocess.run([*PLANAR, "pause", "mine"], cwd=there[0], check=True, capture_output=True)
    for line in following.stdout:
        if "The operator paused the session" in line:
            break
    following.send_signal(signal.SIGINT)
    assert following.wait(PATIENCE) == 0
    following.stdout.close()
    subprocess.run([*PLANAR, "resume", "mine"], cwd=there[0], check=True, capture_output=True)


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_who_leaves_an_attached_session_leaves_it_running(begun, there, planar, key):
    pid = json.loads(planar("status", "mine", "--json"))["pid"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    command = [*PLANAR, "attach", "mine"]
    attached = subprocess.Popen(
        command, cwd=there[0], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    told = b""

    def read():
        nonlocal told
        ready, _, _ = select.select([ours], [], [], 0.2)
        if ready:
            told += os.read(ours, 65536)
        return told

    until(lambda: b"decisions" in read())
    if key == b"q":
        os.write(ours, key)
    else:
        attached.send_signal(signal.SIGINT)
    until(lambda: b"runs on. Stop it" in read())
    assert attached.wait(PATIENCE) == 0
    os.close(ours)
    assert re.search(rb"mine.*ACTIVE", told)
    assert json.loads(planar("status", "mine", "--json"))["pid"] == pid


def test_a_unit_for_systemd_runs_the_same_session(begun, planar, there):
    told = planar("service", "mine")
    assert f"ExecStart={sys.executable} -m planar live sma_cross --exchange demo --name mine\n" in told
    assert f"WorkingDirectory={there[0]}\n" in told
    assert "Restart=on-failure" in told
    assert "User=" in planar("service", "mine", "--system")


def test_mistakes_are_told_with_their_remedy(begun, planar):
    assert json.loads(planar("status", "mi", "--json"))["session"] == "mine"
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        planar("stop", "mien")
    with pytest.raises(ConfigError, match=r"does not trade BTX/USDT\. Did you mean 'BTC/USDT'"):
        planar("close", "mine", "BTX/USDT")
    with pytest.raises(ConfigError, match="exclude each other"):
        planar("stop", "mine", "--close", "--when-flat")
    with pytest.raises(ConfigError, match="is no name of a session"):
        planar("status", "../mine")


def test_an_instrument_is_locked_and_unlocked(begun, planar):
    assert "BTC/USDT takes no entries until 2" in planar("lock", "mine", "BTC/USDT", "--for", "4h")
    assert "BTC/USDT takes no entries until somebody unlocks it" in planar("lock", "mine", "BTC/USDT")
    assert "BTC/USDT takes no entries" in planar("status")
    assert planar("unlock", "mine", "BTC/USDT") == "mine is ACTIVE.\nNone of its instruments is locked.\n"
    assert "The operator locked BTC/USDT: no new entries in it until it is unlocked." in planar("journal", "mine")


def test_what_the_account_has_beside_is_adopted(begun, planar, there):
    assert planar("adopt", "mine") == "The account has what the books of mine have.\n"
    body = json.dumps({"asset": "USDT", "amount": "25"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{there[1]['admin']}/deposit", body), timeout=10).close()
    assert "planar adopt mine 25USDT" in planar("adopt", "mine")
    assert planar("adopt", "mine", "25USDT").startswith("25 USDT adopted: mine has ")
    assert "Adopted: 25 USDT of the account are the session's from now on." in planar("journal", "mine")


def test_a_killed_session_is_shown_goes_on_paused_as_it_was_and_stops_with_nothing_held(begun, planar, there):
    until(lambda: json.loads(planar("status", "mine", "--json"))["fills"])
    pid = json.loads(planar("status", "mine", "--json"))["pid"]
    planar("pause", "mine")
    os.kill(pid, signal.SIGKILL)
    until(lambda: planar("status").startswith("No session is running."))
    with pytest.raises(ConfigError, match="Start it: planar live sma_cross --exchange demo --name mine"):
        planar("pause", "mine")
    dead = json.loads(planar("status", "mine", "--json"))
    assert dead["state"] == "NOT RUNNING"
    assert dead["fills"] >= 1
    assert " filled " in planar("attach", "mine")
    words = [*PLANAR, "live", "sma_cross", "--exchange", "demo", "--name", "mine", "--detach"]
    subprocess.run(words, cwd=there[0], check=True, capture_output=True, timeout=PATIENCE)
    assert json.loads(planar("status", "mine", "--json"))["state"] == "REDUCING"
    assert "mine has stopped." in planar("stop", "mine", "--close")
    again = json.loads(planar("status", "mine", "--json"))
    assert (again["positions"], again["orders"]) == ([], [])
    assert json.loads(planar("replay", "mine", "--json"))["open"] == 0


def test_alerts_are_tried_and_what_is_wrong_is_told(planar, there):
    with pytest.raises(ConfigError, match="no alerts are configured"):
        planar("alerts", "test")
    secrets = there[0] / "user" / "secrets.toml"
    before = secrets.read_text()
    secrets.write_text(before + f'[alerts]\nwebhook = "{there[1]["rest"]}/nowhere?key=very-secret"\n')
    try:
        with pytest.raises(ConfigError, match="webhook answered 404") as error:
            planar("alerts", "test")
    finally:
        secrets.write_text(before)
    assert "very-secret" not in str(error.value)


def test_detach_tells_what_a_session_died_from_before_it_was_open(there):
    command = [*PLANAR, "live", "sma_cross", "--param", "fats=5", "--detach"]
    done = subprocess.run(command, cwd=there[0], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "Did you mean 'fast'?" in done.stderr


@pytest.mark.parametrize(
    ("mode", "number"),
    [
        pytest.param("live", signal.SIGINT, id="live, Ctrl-C"),
        *(
            pytest.param(m, n, id=f"{m}, {n.name}", marks=pytest.mark.slow)
            for m, n in (
                ("live", signal.SIGTERM),
                ("paper", signal.SIGINT),
                ("paper", signal.SIGTERM),
            )
        ),
    ],
)
def test_a_session_that_is_opening_stops_at_once(there, mode, number):
    place, addresses = there
    hangs = hanging(addresses, "GET /api/v3/*rades")
    command = [*PLANAR, mode, "sma_cross", *FAST, "--name", f"{mode}-{number.name}"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as opening:
        try:
            until(hangs)
            began = time.monotonic()
            opening.send_signal(number)
            out, err = opening.communicate(timeout=20)
        finally:
            opening.kill()
    print(f"{mode} {number.name}: over after {time.monotonic() - began:.2f} s")
    assert (opening.returncode, out, err) == (0, "Stopped before the session was open.\n", "")


@pytest.mark.slow
def test_a_second_ctrl_c_ends_a_session_that_waits_for_an_answer(there):
    place, addresses = there
    hangs = hanging(addresses, "POST /api/v3/order")
    command = [*PLANAR, "live", "sma_cross", *FAST, "--name", "waits"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as waiting:
        try:
            until(hangs)
            waiting.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(2)
            waiting.send_signal(signal.SIGINT)
            err = waiting.communicate(timeout=20)[1]
        finally:
            waiting.kill()
    assert waiting.returncode == 130
    assert err.endswith("is looked for when the session is started again.\n")
