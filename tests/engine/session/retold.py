"""Journals of sessions that were told, candle by candle, what a backtest did; with lies where a test wants some."""

from pathlib import Path

from engine.session.test_trader import KNOWN, session_of, told_by

from planar.broker.journal import Journal, read
from planar.engine.session.edit import edit_of
from planar.engine.session.origin import Origin, history_document
from planar.engine.session.recorder import Recorder
from planar.engine.session.story import story_of
from planar.engine.session.trader import Trader
from planar.model.ask import Row
from planar.model.instrument import exact
from planar.strategy.kept import Code, code_of
from planar.strategy.load import load

START = 1_700_000_000_000
"""What the machine's clock said when the session began."""


class Liar(Recorder):
    """Tells fills otherwise than they were. lie: gives the numbers of a fill as they are to be told."""

    lie = None

    def tell(self, name, k, *numbers, **info):
        if name == "filled":
            numbers = numbers if self.lie is None else self.lie(*numbers)
            price = numbers[2] * exact(self.trader.instruments[k].price_step)
            info = {"price": str(float(price)), "fee": None, "fee_currency": None}
        return super().tell(name, k, *numbers, **info)


def retold(folder, name, lie=None, edits=None, whole=None, compiled=None):
    """The story of such a session, its run, and the trader that was told.

    edits: texts of the strategy's file by the row at which they are there; whole: a strategy that decides as all of
    them do, each from its row on.
    """
    cls, edits = load(name), dict(edits or {})
    session = session_of(load(whole or name), None)
    run, market = session.run(False), session.market
    pasts = [c.at(slice(KNOWN)) for c in market.candles]
    units = run._simulation.start_cash
    origin = Origin(
        name, code_of(cls), cls().parameters, "live", "binance", False, "", cls.timeframe, tuple(market.instruments),
        units, (0,) * len(pasts), pasts[0].close_at(-1),
    )  # fmt: skip
    trader = Trader(origin.strategies(), market.instruments, pasts, cash=units, base=origin.base, compiled=compiled)
    left = list(run._simulation.log("events")), list(run.logs.fills), run.logs.orders
    with Journal(folder / "journal.sqlite") as journal:
        recorder = Liar(trader, journal, lambda: START, lambda kind, body: None)
        recorder.lie = lie
        for past in pasts:
            recorder.write("history", history_document(past))
        recorder.write("origin", origin.document())
        recorder.write("code", Code.of(cls).document())
        recorder.begin()
        for row in range(KNOWN, len(market.candles[0])):
            for k, candles in enumerate(market.candles):
                recorder.take(k, Row(*(getattr(candles, field)[row].item() for field in Row._fields)))
            now = market.candles[0].close_at(row)
            told_by(left, recorder, now)
            recorder.step(now)
            if row in edits:
                Path(name).write_text(edits[row])
                edit = edit_of("one", origin, list(journal.entries()))
                recorder.change(origin.strategies(edit.now), edit.document(now))
    return story_of(read(folder / "journal.sqlite")), run, trader
