"""Strategies in hedge mode: a long and a short of one perpetual side by side, asked and read by ``broker.long`` and
``broker.short``."""

import polars as pl
import pytest

import planar
from planar import Instrument, Strategy, Tiers
from planar.engine.backtest import session_of
from planar.engine.lookahead.heard import Heard, calls_of

BTC = "binance:BTC/USDT:USDT"
ROWS = [(0, 0.004, 125), (50_000, 0.005, 100), (600_000, 0.0065, 75)]
HOUR = 3_600_000
NOTHING = planar.FillModel(path="ohlc", latency_ms=0, spread=None, impact=None, stop_slippage=0.0, participation=None)


def hedged(**terms) -> Instrument:
    usual = {"price_step": 0.1, "amount_step": 0.001, "maker": 0.0, "taker": 0.0, "leverage": 5}
    return Instrument(BTC, **{**usual, "tiers": Tiers.of(BTC, ROWS), "position_mode": "hedge", **terms})


def candles_of(*closes: float) -> pl.DataFrame:
    opens = [closes[0], *closes[:-1]]
    return pl.DataFrame(
        {
            "time": [i * HOUR for i in range(len(closes))],
            "open": [float(x) for x in opens],
            "high": [float(max(pair)) for pair in zip(opens, closes, strict=True)],
            "low": [float(min(pair)) for pair in zip(opens, closes, strict=True)],
            "close": [float(x) for x in closes],
            "volume": [1e6] * len(closes),
        }
    )


class Both(Strategy):
    """Opens both sides, adds to the short, closes the long, and remembers what it is told."""

    instruments = (BTC,)
    timeframe = "1h"
    told = 0
    changed = 0

    def on_candle(self, candle, broker):
        broker.plot("long", broker.long.position)
        broker.plot("short", broker.short.position)
        broker.plot("net", broker.position)
        broker.plot("gain", broker.unrealised_pnl)
        broker.plot("held", broker.long.held)
        if candle.time == 0:
            broker.long.buy(2)
            broker.short.sell(1)
        elif candle.time == 2 * HOUR:
            broker.long.close()
            broker.short.sell(1)

    def on_fill(self, fill, broker):
        self.told += 1

    def on_position(self, broker):
        self.changed += 1


def seen(run, name: str) -> list[float]:
    return run.notes.filter(pl.col("text") == name)["value"].to_list()


def run_of(strategy=Both, *, compiled=None, instrument=None, candles=None, **terms):
    given = candles_of(100, 100, 110, 110, 105, 105) if candles is None else candles
    usual = {"fill": NOTHING, "funding": "none", "cash": 10_000.0, "compiled": compiled}
    return planar.backtest(strategy, given, instruments=[instrument or hedged()], **{**usual, **terms})


@pytest.mark.parametrize("compiled", [True, False])
def test_both_sides_are_held_and_read_side_by_side(compiled):
    """2 long and 1 short from 100: at 110 they have won 20 and lost 10. Another short at 110, to 105: lost 5, won 5."""
    run = run_of(compiled=compiled)
    assert seen(run, "long") == [0, 2, 2, 0, 0, 0]
    assert seen(run, "short") == [0, -1, -1, -2, -2, -2]
    assert seen(run, "net") == [0, 1, 1, -2, -2, -2]
    assert seen(run, "gain") == [0, 0, 10, -10, 0, 0]
    assert seen(run, "held") == [0, 1, 2, 0, 0, 0]
    assert run.equity["equity"].to_list() == [10_000, 10_000, 10_010, 10_010, 10_020, 10_020]
    assert run.memory[BTC] == {"told": 4, "changed": 4}


def test_frames_tell_the_side_of_a_position():
    run = run_of()
    assert run.fills.select("instrument", "side", "position_side").rows() == [
        (BTC, "buy", "long"), (BTC, "sell", "short"), (BTC, "sell", "long"), (BTC, "sell", "short")
    ]  # fmt: skip
    assert run.orders["position_side"].to_list() == ["long", "short", "long", "short"]
    assert run.trades.select("instrument", "side", "amount", "pnl").rows() == [(BTC, "long", 2.0, 20.0)]
    alone = run_of(Holds, instrument=hedged(position_mode="one_way"))
    assert "position_side" not in alone.fills.columns


class Holds(Strategy):
    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if broker.is_flat:
            broker.buy(1)


@pytest.mark.parametrize("compiled", [True, False])
def test_an_order_without_a_side_is_refused_in_hedge_mode(compiled):
    run = run_of(Holds, compiled=compiled)
    assert set(run.orders["reason"]) == {"POSITION_SIDE"}
    assert run.stats["believe"]["Refusals"].startswith("POSITION_SIDE")
    assert len(run.fills) == 0


@pytest.mark.parametrize("compiled", [None, False])
def test_a_side_is_an_error_in_one_way_mode(compiled):
    with pytest.raises(planar.StrategyError, match="are of an instrument in position_mode='hedge'"):
        run_of(compiled=compiled, instrument=hedged(position_mode="one_way"))


def test_exits_of_a_side_never_open_the_other():
    class Exits(Strategy):
        instruments = (BTC,)
        timeframe = "1h"

        def on_candle(self, candle, broker):
            if candle.time == 0:
                broker.long.buy(1, stop_loss=95, take_profit=120)
            elif candle.time == 2 * HOUR:
                broker.long.sell(5)

    run = run_of(Exits)
    assert run.fills.select("side", "amount", "position_side").rows() == [("buy", 1.0, "long"), ("sell", 1.0, "long")]
    assert set(run.orders["status"][1:3]) == {"EXPIRED"}


def test_orders_of_a_side_are_cancelled_and_amended_by_their_id():
    class Rests(Strategy):
        instruments = (BTC,)
        timeframe = "1h"
        id = 0

        def on_candle(self, candle, broker):
            if candle.time == 0:
                self.id = broker.long.buy(1, price=50)
                broker.short.sell(1, price=200)
            elif candle.time == HOUR:
                broker.amend(self.id, price=60)
            elif candle.time == 2 * HOUR:
                broker.plot("open", broker.open_orders)
                broker.cancel(self.id)
            elif candle.time == 3 * HOUR:
                broker.cancel_all()

    run = run_of(Rests)
    assert run.orders["price"].to_list() == [60.0, 200.0]
    assert run.orders["status"].to_list() == ["CANCELLED", "CANCELLED"]
    assert seen(run, "open") == [2]


class Straddles(Strategy):
    """Long above the last close, short below it, each closed when it has won or lost enough."""

    instruments = (BTC,)
    timeframe = "1h"

    def on_candle(self, candle, broker):
        if candle.close > candle.open and not broker.is_long:
            broker.long.buy(fraction=0.3)
        if candle.close < candle.open and not broker.is_short:
            broker.short.sell(fraction=0.3)
        if broker.long.held > 5:
            broker.long.close()
        if broker.short.held > 7:
            broker.short.close()


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_compiled_and_interpreted_runs_are_the_same_and_trades_make_the_wallet(mode):
    terms = {"instruments": [hedged(margin_mode=mode, taker=0.0005)], "cash": 10_000.0}
    ours, theirs = (planar.backtest(Straddles, compiled=compiled, **terms) for compiled in (True, False))
    assert ours.fills.equals(theirs.fills)
    assert ours.equity.equals(theirs.equity)
    assert set(ours.fills["position_side"]) == {"long", "short"}
    open_fees = float(ours.fills["fee"].sum()) - float(ours.trades["fees"].sum())
    made = float(ours.trades["pnl"].sum()) - float(ours.fundings["paid"].sum()) - open_fees
    assert made == pytest.approx(float(ours.equity["cash"][-1]) - 10_000.0, abs=1e-5)


def test_an_inverse_contract_is_hedged_alike():
    name = "binance:BTC/USD:BTC"
    one = Instrument(
        name, price_step=0.1, amount_step=1, contract_size=100, tiers=Tiers.of(name, [(0, 0.004, 125)]), leverage=5,
        maker=0.0, taker=0.0, position_mode="hedge",
    )  # fmt: skip

    class Coins(Both):
        instruments = (name,)

        def on_candle(self, candle, broker):
            if candle.time == 0:
                broker.long.buy(20)
                broker.short.sell(10)

    run = run_of(Coins, instrument=one, cash={"BTC": 100.0})
    assert run.equity["equity"][-1] == pytest.approx(100 + 10 * 100 * (1 / 100 - 1 / 105))


def test_what_has_no_two_positions_is_refused():
    with pytest.raises(planar.ConfigError, match="must be 'one_way' or 'hedge'"):
        hedged(position_mode="both")
    with pytest.raises(planar.ConfigError, match="position_mode='hedge' must be left out"):
        Instrument("binance:BTC/USDT", position_mode="hedge")
    from planar.venue.listing import listed

    with pytest.raises(planar.ConfigError, match="the venue knows one-way mode alone"):
        listed([hedged()])


def test_planar_check_hears_what_is_asked_of_a_side():
    session = session_of(
        Both, candles_of(100, 100, 110, 110), instruments=[hedged()], fill=NOTHING, funding="none", compiled=False
    )
    session.__class__ = Heard
    heard = [(call.instrument, call.words) for call in calls_of(session)]
    assert heard == [(0, "long.buy(2)"), (0, "short.sell(1)"), (0, "long.close()"), (0, "short.sell(1)")]
