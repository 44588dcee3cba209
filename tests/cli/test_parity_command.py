"""``planar parity``, as a user and a daily job type it."""

import json

import pytest
from engine.session.retold import retold

from planar.cli import app, main
from planar.engine.fill_file import read_model
from planar.exchange import registry
from planar.simulator.fill_model import FillModel

NOBODY = "[binance]\nbase_url = 'http://127.0.0.1:9'\nretries = 0\n"
"""Where the exchange is: nobody listens there."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two sessions were, that did what a backtest did."""
    place = tmp_path_factory.mktemp("parity")
    for name in ("sma_cross", "grid_maker"):
        retold(place / "data" / "sessions" / name, name)
    (place / "user").mkdir()
    (place / "user" / "planar.toml").write_text(NOBODY)
    return place


@pytest.fixture
def planar(folder, monkeypatch, capsys):
    """Runs a command in that folder; gives its exit code and what it prints. Its program has no exchange yet."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(registry, "_living", {})

    def run(*words):
        capsys.readouterr()
        code = 0
        try:
            app(["parity", *words], exit_on_error=False, result_action="return_value")
        except SystemExit as ended:
            code = ended.code
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_a_session_that_went_as_simulated_says_so(planar):
    code, out = planar("sma_cross")
    assert code == 0
    assert "Nothing differs." in out
    assert "(100.0%)" in out
    assert "The candles could not be compared with the market's and count as the session saw them: binance: " in out


def test_causes_in_a_document_add_up_to_the_last_digit(planar):
    code, out = planar("sma_cross", "--fill", "ideal", "--json")
    told = json.loads(out)
    units = [round(float(each["amount"]) * 10**8) for each in told["causes"]]
    assert code == 0
    assert sum(units) == round(float(told["difference"]) * 10**8) != 0
    assert {each["cause"] for each in told["causes"]} >= {"latency", "slippage"}
    assert told["score"]["orders"] == len(told["orders"])


def test_each_order_is_shown_beside_its_simulation(planar):
    _, out = planar("grid_maker", "--orders")
    assert "ETH/USDT" in out
    assert "differs in" in out


def test_it_ends_with_one_when_a_session_is_further_apart_than_the_settings_allow(folder, planar):
    settings = folder / "user" / "planar.toml"
    settings.write_text(NOBODY + "[parity]\nfill = 'ideal'\nshortfall = 0.1\norders = 1\n")
    try:
        code, out = planar("sma_cross")
        assert (code, "further apart than [parity]" in out) == (1, True)
        assert planar("--since", "2023-11-14")[0] == 1
        assert planar("sma_cross", "--fill", "pessimistic")[0] == 0
    finally:
        settings.write_text(NOBODY)


def test_all_sessions_since_a_moment_are_one_table(planar):
    code, out = planar("--since", "2023-11-14")
    assert code == 0
    assert [name in out for name in ("sma_cross", "grid_maker")] == [True, True]
    assert planar("--since", "yesterday") == (0, planar("--since", "yesterday")[1])
    assert "No session has done anything since" in planar("--since", "today")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sma_cros"], "Did you mean 'sma_cross'?"),
        ([], "give the name of a session, or --since"),
        (["sma_cross", "--since", "today"], "give the name of a session, or --since"),
        (["--since", "lately"], "is not a date"),
        (["sma_cross", "--fill", "ideel"], "Did you mean 'ideal'?"),
        (["sma_cross", "--fill", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_misuse_ends_with_two_and_its_remedy(planar, words, told):
    code, out = planar(*words)
    assert code == 2
    assert told in out


def test_what_it_measures_is_a_fill_model_for_backtests(folder, planar, capsys):
    code, out = planar("sma_cross", "--calibrate", "user/measured.toml")
    assert code == 0
    assert "Use it: planar backtest --fill user/measured.toml" in out
    model = read_model(folder / "user" / "measured.toml")
    assert (model.latency_ms, model.impact) == (250, None)
    assert (folder / "user" / "measured.toml").read_text().startswith("# Measured by planar parity on sma_cross.")
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "sma_cross", "--fill", "user/measured.toml", "--json"])
    assert (ended.value.code, json.loads(capsys.readouterr().out)["strategy"]) == (0, "SmaCross")
    assert model != FillModel()
