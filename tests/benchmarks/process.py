"""What a user waits for in the shell, and what stays on the disk: whole processes, from start to end."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from candles import frames
from table import Line

HERE = Path(__file__).parent
INSTRUMENT = "bench:A00/USDT"
REPETITIONS = 5
GROWTH_RUNS, GROWTH_PATIENCE = 20, 150.0


def environment(folder: Path, cache: Path) -> dict[str, str]:
    """Variables of a process that keeps Planar's compiled code in ``cache`` and Python's byte code in ``folder``.

    Byte code is always kept, as on a user's machine: without it every start would translate numba's sources anew.
    """
    own = {"XDG_CACHE_HOME": str(cache), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | own


class Shell:
    """Runs Planar's command in a folder of its own, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"
        self.cache.mkdir(parents=True, exist_ok=True)
        self.planar = Path(sys.executable).with_name("planar")
        self.store = folder / "store.duckdb"

    def seconds(self, *words: object) -> float:
        """Start to end of a process. Raises RuntimeError with what it said when it fails."""
        begun = time.perf_counter()
        ran = subprocess.run(
            [str(word) for word in words], cwd=self.folder, capture_output=True, text=True, check=False,
            env=environment(self.folder, self.cache),
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        if ran.returncode:
            raise RuntimeError(f"{' '.join(map(str, words))}: {ran.stderr.strip()[-500:]}")
        return seconds

    def import_year(self, data: Path, candles: int) -> float:
        """Brings a year of minutes into the store; gives the seconds."""
        file = self.folder / "year.parquet"
        frames(data, [INSTRUMENT], candles)[INSTRUMENT].write_parquet(file)
        words = ("data", "import", file, "--instrument", INSTRUMENT, "--timeframe", "1m", "--store", self.store)
        return self.seconds(self.planar, *words)

    def backtest(self) -> float:
        """``planar backtest`` of W1 over the stored year."""
        strategy = f"{HERE / 'workloads.py'}:SmaCross"
        return self.seconds(self.planar, "backtest", strategy, "--store", self.store, "--cash", 10_000_000)

    def kept(self) -> tuple[int, int]:
        """Files in the cache, and their bytes."""
        files = [file for file in self.cache.rglob("*") if file.is_file()]
        return len(files), sum(file.stat().st_size for file in files)


def start_lines(shell: Shell) -> list[Line]:
    """``import planar`` and ``planar --help``, beside a Python that does nothing."""
    bare = _repeated(lambda: shell.seconds(sys.executable, "-c", "pass"))
    imported = _repeated(lambda: shell.seconds(sys.executable, "-c", "import planar"))
    helped = _repeated(lambda: shell.seconds(shell.planar, "--help"))
    return [
        _line("python -c pass", bare),
        _line("import planar", imported),
        _line("planar --help", helped),
    ]


def command_lines(shell: Shell, data: Path, candles: int) -> list[Line]:
    """``planar backtest`` on a stored year: cold, the second time, warm, and what twenty runs leave behind."""
    imported = shell.import_year(data, candles)
    first = shell.backtest()
    files, size = shell.kept()
    second = shell.backtest()
    added = shell.kept()[0] - files
    warm = _repeated(shell.backtest)
    runs, until = 2 + REPETITIONS, time.perf_counter() + GROWTH_PATIENCE
    while runs < GROWTH_RUNS and time.perf_counter() < until:
        shell.backtest()
        runs += 1
    files_after, size_after = shell.kept()
    grown = f"{files_after - files:+} files, {(size_after - size) / 1e6:+.2f} MB"
    return [
        Line("planar data import", seconds=imported, count=candles),
        Line("planar backtest, empty cache", seconds=first, notes=f"leaves {files} files, {size / 1e6:.1f} MB"),
        Line("planar backtest, second process", seconds=second, notes=f"{added:+} files"),
        _line("planar backtest, warm cache", warm),
        Line(f"cache growth over {runs} processes", notes=grown),
    ]


def _repeated(run: object) -> list[float]:
    return [run() for _ in range(REPETITIONS)]


def _line(engine: str, seconds: list[float]) -> Line:
    median = statistics.median(seconds)
    return Line(engine, seconds=min(seconds), notes=f"median {median:.3f} s of {len(seconds)}")
