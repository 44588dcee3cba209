"""Other engines on the same data and rules: runs their drivers (``--peers-dir``), each in its virtualenv.

The drivers and how each differs are described in the README beside them. Slow engines get fewer candles: compare
rates, not seconds.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from candles import CANDLES
from table import Line

LIMIT_S = 600
FIFTH, MONTH, WEEK = CANDLES // 5, 30 * 1440, 7 * 1440


@dataclass(frozen=True)
class Peer:
    """One run of one driver. settings: environment variables that choose a variant."""

    name: str
    venv: str
    driver: str
    workload: str
    repetitions: int
    candles: int = CANDLES
    settings: dict[str, str] = field(default_factory=dict)


SIGNALS, RUST, FUNCTION = {"VBT_VARIANT": "signals"}, {"VBT_ENGINE": "rust"}, {"VBT_VARIANT": "order_func"}
FAST = (
    Peer("sol", "sol", "sol", "W1", 50),
    Peer("sol", "sol", "sol", "W2", 8),
    Peer("sol", "sol", "sol", "W3", 50),
    Peer("pyloop", "sol", "pyloop", "W1", 5),
    Peer("pyloop", "sol", "pyloop", "W3", 5),
    Peer("vectorbt signals", "vectorbt", "vectorbt", "W1", 5, settings=SIGNALS),
    Peer("vectorbt order function", "vectorbt", "vectorbt", "W1", 5, settings=FUNCTION),
    Peer("vectorbt signals", "vectorbt", "vectorbt", "W2", 3, settings=SIGNALS),
    Peer("vectorbt order function", "vectorbt", "vectorbt", "W3", 5),
    Peer("vectorbt[rust] signals", "vectorbt_rust", "vectorbt", "W1", 5, settings=RUST),
    Peer("vectorbt[rust] signals", "vectorbt_rust", "vectorbt", "W2", 3, settings=RUST),
    Peer("hftbacktest", "hft", "hftbacktest", "W1", 3),
    Peer("hftbacktest", "hft", "hftbacktest", "W2", 2, FIFTH),
    Peer("hftbacktest", "hft", "hftbacktest", "W3", 3),
    Peer("backtesting.py", "backtesting", "backtesting", "W1", 3),
    Peer("backtesting.py", "backtesting", "backtesting", "W3", 3),
)
SLOW = tuple(
    Peer(name, name, name, workload, 1, candles)
    for name in ("nautilus", "jesse", "backtrader", "freqtrade")
    for workload, candles in (("W1", FIFTH), ("W2", WEEK), ("W3", MONTH))
)
CHOICES = {"none": (), "fast": FAST, "all": FAST + SLOW}


@dataclass
class Peers:
    """Where drivers, virtualenvs and data are, and what went wrong with them."""

    drivers: Path
    venvs: Path
    data: Path
    cache: Path
    failures: list[str] = field(default_factory=list)

    def run(self, peer: Peer) -> dict | None:
        """What the driver tells of its run; None, and a line in ``failures``, when it has nothing to tell."""
        python, driver = self.venvs / peer.venv / "bin" / "python", self.drivers / f"peer_{peer.driver}.py"
        missing = next((path for path in (python, driver) if not path.exists()), None)
        if missing:
            return self._failed(peer, f"there is no {missing}")
        command = [
            python,
            driver,
            peer.workload,
            "--data",
            self.data,
            "--reps",
            peer.repetitions,
            "--bars",
            peer.candles,
        ]
        settings = {**os.environ, "NUMBA_CACHE_DIR": str(self.cache), **peer.settings}
        # Where Planar was looked for is not where its peers are.
        settings.pop("PYTHONPATH", None)
        try:
            ran = subprocess.run(
                list(map(str, command)), env=settings, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return self._failed(peer, f"took longer than {LIMIT_S} s")
        told = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
        if not told:
            return self._failed(peer, (ran.stderr.strip().splitlines() or ["no result"])[-1][:200])
        return json.loads(told[-1].removeprefix("RESULT "))

    def _failed(self, peer: Peer, why: str) -> None:
        self.failures.append(f"{peer.name} {peer.workload}: {why}")


def line_of(peer: Peer, told: dict, loop: dict, counted: str) -> Line:
    """The table's line of a driver's result, held against the loop's over the same candles."""
    # Some drivers count half their fills as trades, open positions among them.
    is_halved = told.get("fills") is not None and told["trades"] == told["fills"] // 2
    expected = (loop["fills"] // 2 if is_halved else loop["trades"], loop["equity"])
    candles = peer.candles * told["assets"]
    notes = "" if peer.candles == CANDLES else f"{peer.candles:,} candles each"
    return Line(
        peer.name, peer.workload, told["min_s"], candles, counted,
        told.get("trades"), told.get("equity"), expected, notes, side="" if peer.name == "sol" else "peer",
    )  # fmt: skip
