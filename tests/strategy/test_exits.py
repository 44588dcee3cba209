"""The exits of a position as an author asks for them: compiled and interpreted alike, and what sessions say of them."""

import pytest

import planar
from planar import Instrument, Reason, Strategy, Tiers
from planar.store.synthetic import synthetic

SPOT, FUTURE = "test:A/USD", "test:A/USD:USD"
CANDLES = synthetic([SPOT], "1h", candles=600, seed=4)[SPOT]
TIERS = Tiers.of(FUTURE, [(0, 0.01, 50)])
PERPETUAL = Instrument(FUTURE, price_step=0.01, amount_step=0.001, tiers=TIERS, leverage=3)


class Protected(Strategy):
    """In again as soon as it is out; long and short in turn where that is possible."""

    instruments = [SPOT]  # noqa: RUF012 - declared as an author declares it
    timeframe = "1h"
    rounds = 0
    refused = 0

    def on_candle(self, candle, broker):
        if broker.is_flat:
            self.rounds += 1
            self.enter(broker)
        else:
            entry, away = broker.entry_price, 0.01 if broker.is_long else -0.01
            takes = [(entry * (1.0 + away), 0.5), (entry * (1.0 + 2.0 * away), 0.25)]
            if broker.protect(stop=entry * (1.0 - away), takes=takes, trail=0.02, tag="exit") < 0:
                self.refused += 1
                broker.close(tag="late")

    def enter(self, broker):
        broker.buy(fraction=0.5)


class BothWays(Protected):
    instruments = [FUTURE]  # noqa: RUF012

    def enter(self, broker):
        if self.rounds % 2:
            broker.buy(fraction=0.5)
        else:
            broker.sell(fraction=0.5)


class ByMark(BothWays):
    def on_candle(self, candle, broker):
        if broker.is_flat:
            self.rounds += 1
            self.enter(broker)
        elif broker.open_orders == 0:
            away = 0.01 if broker.is_long else -0.01
            broker.close(stop=broker.entry_price * (1.0 - away), trigger="mark", tag="stop")
            broker.close(take=broker.entry_price * (1.0 + away), tag="take")


class Tuples(Protected):
    def on_candle(self, candle, broker):
        if broker.is_flat:
            self.enter(broker)
        else:
            broker.protect(broker.entry_price * 0.99, ((broker.entry_price * 1.01, 1.0),))


@pytest.mark.parametrize(
    ("strategy", "instrument"), [(Protected, None), (Tuples, None), (BothWays, PERPETUAL), (ByMark, PERPETUAL)]
)
def test_compiled_and_interpreted_have_the_same_exits(strategy, instrument):
    options = {"instruments": [instrument], "funding": "none"} if instrument else {}
    runs = [planar.backtest(strategy, CANDLES, compiled=compiled, **options) for compiled in (True, False)]
    compiled, interpreted = runs
    for name in ("orders", "fills", "equity"):
        assert getattr(compiled, name).equals(getattr(interpreted, name), null_equal=True), name
    assert len(compiled.fills) > 40


@pytest.mark.parametrize(("strategy", "instrument"), [(Protected, None), (BothWays, PERPETUAL)])
def test_nothing_stays_after_a_position_and_none_is_turned(strategy, instrument):
    """What is sold is never more than was bought, round by round."""
    options = {"instruments": [instrument], "funding": "none"} if instrument else {}
    fills = planar.backtest(strategy, CANDLES, **options).fills
    held = 0.0
    for side, amount, tag in fills.select("side", "amount", "tag").iter_rows():
        before, held = held, held + (amount if str(side).upper().endswith("BUY") else -amount)
        if tag in ("exit", "late"):
            assert before * held > -1e-9
            assert abs(held) < abs(before)


def test_a_reason_says_what_to_do_with_a_stop_beyond_the_market():
    class Wrong(Protected):
        def on_candle(self, candle, broker):
            if broker.is_flat:
                broker.buy(fraction=0.5)
            elif broker.protect(stop=candle.close * 1.01) == -Reason.INVALID_PRICE:
                broker.close()

    fills = planar.backtest(Wrong, CANDLES, compiled=False).fills
    assert len(fills) > 10
