"""Limits of a backtest: of its class, the settings or the caller; refusals are answers, counted by reason and limit."""

import json
import re

import pytest

import planar
from planar import Reason, Strategy, StrategyError
from planar.cli import main
from planar.config.settings import Risk
from planar.errors import ConfigError
from planar.store.synthetic import synthetic

NAME = "test:A/USD"
CANDLES = synthetic([NAME], "1h", candles=400, seed=3)[NAME]


class Buyer(Strategy):
    """Asks for 1,000 at each candle, and counts what is refused."""

    timeframe = "1h"
    limits = {"max_order_cost": 2_000, "max_position_cost": 3_000}  # noqa: RUF012

    refused = 0
    last = 0

    def on_candle(self, candle, broker):
        answer = broker.buy(cost=1_000.0)
        if answer < 0:
            self.refused += 1
            self.last = answer


def run(**limits):
    return planar.backtest(Buyer, CANDLES, instruments=[NAME], **limits)


def believed(made):
    return made.stats["believe"]["Limits"]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_refusal_is_an_answer_and_counted_by_reason_and_by_limit(compiled):
    made = run(compiled=compiled)
    refused = made.memory[NAME]["refused"]
    assert refused > 300
    assert made.memory[NAME]["last"] == -Reason.RISK_LIMIT
    assert made.stats["rejected"] == {"RISK_LIMIT": refused}
    orders = made.orders
    assert (orders.filter(orders["status"] == "REJECTED")["reason"] == "RISK_LIMIT").all()
    assert believed(made) == f"max_order_cost 2,000 USD (refused 0), max_position_cost 3,000 USD (refused {refused})"
    assert made.equity["equity"].tail(1).item() - made.equity["cash"].tail(1).item() < 5_000


def test_a_caller_goes_before_the_class_and_0_lifts_a_limit():
    assert run(limits={"max_position_cost": 0, "max_order_cost": 500}).limits == {"max_order_cost": 500.0}
    assert run(limits=Risk(max_position_cost=5_000)).limits == {"max_order_cost": 2_000.0, "max_position_cost": 5_000.0}


def test_without_limits_a_run_says_so():
    assert believed(planar.backtest("sma_cross", CANDLES, instruments=[NAME])) == "none"


def test_the_command_has_the_limits_that_the_settings_have_for_a_strategy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "planar.toml").write_text(
        "[risk]\nmax_order_cost = 100\nmax_drawdown = 0.2\n[strategies.sma_cross.risk]\nmax_order_cost = 5_000\n"
    )
    with pytest.raises(SystemExit):
        main(["backtest", "sma_cross", "--json", "--to", "2024-02-01"])
    told = json.loads(capsys.readouterr().out)["stats"]["believe"]["Limits"]
    assert told.startswith("max_order_cost 5,000 USDT (refused ")
    assert told.endswith("max_drawdown 0.2 (reached 0, refused 0), cooldown 1,440 min")
    with pytest.raises(SystemExit):
        main(["backtest", "breakout", "--json", "--to", "2024-02-01"])
    assert "max_order_cost 100 USDT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_order": 1}, "'max_order' is no limit. Did you mean 'max_order_cost'? There are max_order_cost, "),
        ({"armed": True}, "'armed' is no limit"),
        ({"daily_loss": -1}, "limits: daily_loss = -1.0 must be at least 0"),
        ({"max_open_orders": 1.5}, "limits: max_open_orders = 1.5 must be a whole number"),
        ({"max_drawdown": 1}, "must be a fraction below 1"),
        (["daily_loss"], "limits=['daily_loss'] must be a dict, as in {'max_position_cost': 2_000}"),
    ],
)
def test_what_is_no_limit_is_told_with_what_is(limits, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        run(limits=limits)
    with pytest.raises(StrategyError, match=re.escape(words)):
        type("Wrong", (Strategy,), {"limits": limits})


def test_a_run_that_watches_equity_is_the_same_where_nothing_is_reached():
    """It steps in another loop then."""
    usual, watched = (
        planar.backtest("grid_maker", CANDLES, instruments=[NAME], limits=limits)
        for limits in ({}, {"max_drawdown": 0.9, "daily_loss": 1e9})
    )
    assert usual.orders.equals(watched.orders)
    assert usual.equity.equals(watched.equity)
    assert len(usual.fills) > 10


def test_a_stop_of_the_drawdown_is_told_with_how_often_it_was_reached():
    made = planar.backtest("sma_cross", CANDLES, instruments=[NAME], limits={"max_drawdown": 0.01, "cooldown": 60})
    assert "max_drawdown 0.01 (reached " in believed(made)
    assert "reached 0" not in believed(made)
