"""With --json a failure is a document, too, and its exit code tells what nobody knows."""

import json

import pytest

from planar.cli import DOUBT, INPUT, USAGE, main
from planar.errors import DataError, Rejected, Unknown, Unreachable


def failed(capsys, *words: str) -> tuple[int, dict]:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    return ended.value.code, json.loads(line)["error"]


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_refusal_tells_its_code(capsys):
    code, error = failed(capsys, "buy", "BTC/USDT", "0.0001BTC", "--price", "20000")
    assert (code, error["kind"], error["code"]) == (INPUT, "rejected", "BELOW_MIN_COST")
    assert "the least is 5" in error["message"]


def test_a_mistake_of_the_call_has_no_code(capsys):
    code, error = failed(capsys, "orders", "--history")
    assert (code, error["kind"], error["code"]) == (INPUT, "config", None)


def test_an_option_that_there_is_not_is_told_as_a_document(capsys):
    code, error = failed(capsys, "check", "sma_cross", "--sed", "3")
    assert (code, error["kind"], error["code"]) == (USAGE, "usage", None)
    assert "--sed" in error["message"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unknown("who knows", exchange="demo", code="TIMEOUT"), (DOUBT, "unknown", "TIMEOUT")),
        (Unreachable("later", exchange="demo", code="RATE_LIMIT"), (INPUT, "unreachable", "RATE_LIMIT")),
        (Rejected("no", exchange="demo", code="INVALID_PRICE"), (INPUT, "rejected", "INVALID_PRICE")),
        (DataError("gone"), (INPUT, "data", None)),
    ],
)
def test_each_kind_of_error_is_told_and_what_nobody_knows_ends_with_a_code_of_its_own(
    capsys, monkeypatch, error, expected
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("planar.cli.options.ask", fail)
    code, told = failed(capsys, "ticker", "BTC/USDT")
    assert (code, told["kind"], told["code"]) == expected
    assert told["message"] == str(error)


def test_ctrl_c_before_anything_began_says_so(capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("planar.cli.options.ask", interrupt)
    with pytest.raises(SystemExit, match="130"):
        main(["ticker", "BTC/USDT"])
    assert capsys.readouterr().err == "Interrupted; nothing was saved.\n"
