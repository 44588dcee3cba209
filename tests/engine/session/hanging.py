"""Strategies that do not come to the end of a hook; run as a program it is a session of one of them.

``python hanging.py FOLDER STRATEGY compiled|interpreted WEBHOOK``
"""

import asyncio
import logging
import sys
import time
from pathlib import Path

from planar import Strategy


class Spins(Strategy):
    """Comes to its third candle, and never to its end."""

    instruments = ["binance:BTC/USDT", "binance:ETH/USDT"]  # noqa: RUF012
    timeframe = "1m"

    count = 0
    waste = 0.0

    def on_candle(self, candle, broker):
        self.count += 1
        if self.count == 3:
            self.for_ever()

    def for_ever(self):
        while self.count > 0:
            self.waste = self.waste * 0.5 + 1.0


class Sleeps(Spins):
    """Waits for something that does not come, and minds no error."""

    def for_ever(self):
        while self.count > 0:
            try:
                time.sleep(1000)
            except Exception:
                continue


class Minds(Spins):
    """Computes its indicators for ever once there are so many candles."""

    def indicators(self, candles):
        while len(candles) > 102:
            time.sleep(1000)
        return {}

    def for_ever(self):
        pass


class Clings(Spins):
    """Does not let itself be interrupted."""

    def for_ever(self):
        while self.count > 0:
            try:
                time.sleep(1000)
            except BaseException:
                continue


class Naps(Spins):
    """Comes to its end after a while."""

    def for_ever(self):
        print("naps", flush=True)
        time.sleep(1.5)

    def on_fill(self, fill, broker):
        pass


HURRIED = {"TICK": 0.1, "TOLD": 1.0, "MOST": 2.0, "PATIENCE": 0.5}
"""Of a watchdog with little patience."""


async def main(folder: str, name: str, how: str, webhook: str) -> None:
    """A session of one of these."""
    from engine.session.trading import exchange_at, session_at, venue

    from planar.config.secrets import AlertKeys, Secret
    from planar.config.settings import AlertSettings
    from planar.engine.session import watchdog
    from planar.engine.session.alerts import Alerts

    vars(watchdog).update(HURRIED)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    async with (
        venue() as there,
        exchange_at(there.port) as exchange,
        Alerts(AlertSettings(), AlertKeys(Secret(webhook)), "mine") as alerts,
    ):
        session = session_at(Path(folder), exchange, globals()[name], compiled=how == "compiled")
        session.last_words.append(alerts.tell_apart)
        async with session:
            running = asyncio.ensure_future(session.run())
            while not running.done() and session.recorder.trader.record["steps"] < 6:
                await asyncio.sleep(0.1)
            running.cancel() or running.result()
            print("went on", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from engine.session import hanging

    asyncio.run(hanging.main(*sys.argv[1:]))
