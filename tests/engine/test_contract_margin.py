"""Margin that is put behind an isolated position while it is open, and taken back."""

from itertools import pairwise

import pytest
from engine.test_contracts import BTC, candles_of, perpetual

import planar
from planar import Reason, Strategy


class Feeds(Strategy):
    """Shorts, and puts more and more behind it; then asks for all of it back."""

    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat and broker.open_orders == 0:
            broker.sell(fraction=0.2)
        broker.plot("more", broker.add_margin(1_000.0))
        broker.plot("back", broker.add_margin(-100_000.0))
        broker.plot("ends", broker.liquidation_price)


@pytest.mark.parametrize("compiled", [True, False])
def test_margin_that_is_added_moves_where_it_ends(compiled):
    closes = candles_of([100.0] * 8)
    run = planar.backtest(Feeds, closes, instruments=[perpetual()], funding="none", compiled=compiled)
    plots = {name: run.notes.filter(text=name)["value"].to_list() for name in ("more", "back", "ends")}
    assert plots["more"][0] == -Reason.NO_POSITION
    assert plots["more"][2:] == [0.0] * 6
    assert set(plots["back"][2:]) == {-float(Reason.INSUFFICIENT_FUNDS)}
    ends = plots["ends"][2:]
    # About 20,000 are short: 1,000 more are 5 % of its price.
    assert all(later - earlier == pytest.approx(5.0, abs=0.1) for earlier, later in pairwise(ends))


def test_a_cross_account_stands_for_its_positions_anyway():
    run = planar.backtest(Feeds, candles_of([100.0] * 5), instruments=[perpetual(margin_mode="cross")], funding="none")
    assert set(run.notes.filter(text="more")["value"]) == {-float(Reason.INVALID_ORDER)}
