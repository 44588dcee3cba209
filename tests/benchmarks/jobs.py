"""What is measured: each job starts processes of its own and gives lines for the table."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from candles import CANDLES
from peers import CHOICES, Peer, Peers, line_of
from process import Shell, command_lines, environment, start_lines
from table import Line
from workloads import WORKLOADS

HERE = Path(__file__).parent
RULES = {"pessimistic": "all rules", "ideal": "peers' rules"}

Job = Callable[[], list[Line]]


class Bench:
    """Starts measurements, each in its own process and on one core.

    data: folder of the candles. folder: for whatever is left behind. core: the one that timed processes run on.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        self._loops: dict[tuple[str, int], dict] = {}

    def measure(self, what: str, workload: str, *, cache: str = "cache", **task: object) -> dict:
        """The answer of measure.py. Raises RuntimeError with what it said when it fails."""
        task = {"what": what, "workload": workload, "data": str(self.data), **task}
        command = [sys.executable, str(HERE / "measure.py"), json.dumps(task)]
        settings = environment(self.folder, self.folder / cache)
        with self.on_core():
            ran = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(ran.stderr.strip()[-500:])
        return json.loads(ran.stdout.splitlines()[-1])

    def loop(self, workload: str, candles: int = CANDLES) -> dict:
        """What the hand-written loop does over that many candles; measured once."""
        if (workload, candles) not in self._loops:
            task = {"fills_file": self.fills_file(workload)} if candles == CANDLES else {"patience": 0}
            self._loops[workload, candles] = self.measure("loop", workload, candles=candles, **task)
        return self._loops[workload, candles]

    def expected(self, workload: str) -> tuple[int, float]:
        """Trades and final equity of the loop."""
        done = self.loop(workload)
        return done["trades"], done["equity"]

    def fills_file(self, workload: str) -> str:
        """Where the loop keeps its fills of the whole year."""
        return str(self.folder / f"{workload}.npz")

    @contextmanager
    def on_core(self) -> Iterator[None]:
        """Lets processes that start in it run on one core only, where the system can do that."""
        if self.core is None:
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def jobs(bench: Bench, peers: Peers, choice: str) -> Iterator[tuple[str, Job]]:
    """Every job by name, in the order of the table."""
    for fill, rules in RULES.items():
        for workload in WORKLOADS:
            yield f"planar {workload} {rules}", lambda w=workload, fill=fill: compiled_lines(bench, w, fill)
    for fill, rules in RULES.items():
        for workload in ("W1", "W3"):
            yield (
                f"planar {workload} {rules} interpreted",
                lambda w=workload, fill=fill: interpreted_lines(bench, w, fill),
            )
    shell = Shell(bench.folder / "shell")
    yield "planar first call", lambda: first_lines(bench)
    yield "planar start", lambda: start_lines(shell)
    yield "planar command", lambda: command_lines(shell, bench.data, CANDLES)
    yield "planar memory", lambda: memory_lines(bench)
    for peer in CHOICES[choice]:
        yield f"{peer.name} {peer.workload}", lambda peer=peer: peer_lines(bench, peers, peer)


def loop_lines(bench: Bench, workload: str) -> list[Line]:
    """The hand-written loop, measured before and after everything else: the machine's mood changes."""
    done, again = bench.loop(workload), bench.measure("loop", workload)
    trades, equity = bench.expected(workload)
    return [_line("hand-written loop", workload, done["seconds"] + again["seconds"], "loop", trades, equity)]


def compiled_lines(bench: Bench, workload: str, fill: str) -> list[Line]:
    """The whole call, what it takes from candles that are made, the kernel in it, and the call with statistics."""
    done = _backtest(bench, workload, fill)
    name = f"planar, {RULES[fill]}"
    whole = _line(name, workload, done["seconds"], "planar", *_result(bench, done, workload, fill))
    whole.notes += f", least CPU time {min(done['cpu']):.4g} s"
    if done["compiled_per_call"]:
        whole.notes += f", compiles {done['compiled_per_call']:.3g} functions per call"
    if fill == "ideal":
        as_wanted = f"all {done['fills']:,} fills as in the loop"
        whole.notes += f"; {done['difference'] or as_wanted}"
    lines = [whole, _line(f"{name}, frames made before", workload, done["prepared"], "planar")]
    lines.append(_line(f"{name}, kernel alone", workload, done["kernel"]))
    if fill == "pessimistic":
        both = [sum(pair) for pair in zip(done["seconds"], done["statistics"], strict=True)]
        lines.append(_line(f"{name}, with statistics", workload, both))
    return lines


def interpreted_lines(bench: Bench, workload: str, fill: str) -> list[Line]:
    """The same strategy, not compiled."""
    done = _backtest(bench, workload, fill, compiled=False, at_least=1)
    result = _result(bench, done, workload, fill)
    return [_line(f"planar interpreted, {RULES[fill]}", workload, done["seconds"], "planar", *result)]


def first_lines(bench: Bench) -> list[Line]:
    """The first call of a process: with nothing compiled yet, and with what an earlier process left."""
    lines = []
    for engine in ("planar, first call ever", "planar, first call of a process"):
        done = bench.measure("backtest", "W1", cache="first", patience=0, at_least=0)
        lines.append(Line(engine, "W1", done["first"], notes=f"{done['first_compiled']} functions compiled"))
    return lines


def memory_lines(bench: Bench) -> list[Line]:
    """Peak memory of a run beyond its frames and the loaded code."""
    lines = []
    for workload in WORKLOADS:
        done = bench.measure("memory", workload)
        per_candle, per_order = done["bytes"] / _candles(workload), done["bytes"] / done["orders"]
        notes = (
            f"{per_candle:,.0f} bytes per candle, {per_order:,.0f} per order: {done['bytes'] / 1e6:,.0f} MB; "
            f"the process {done['peak'] / 1e6:,.0f} MB"
        )
        lines.append(Line("planar, peak memory of a run", workload, notes=notes))
    return lines


def peer_lines(bench: Bench, peers: Peers, peer: Peer) -> list[Line]:
    """Another engine."""
    with bench.on_core():
        told = peers.run(peer)
    if told is None:
        return []
    return [line_of(peer, told, bench.loop(peer.workload, peer.candles), WORKLOADS[peer.workload].counted)]


def _backtest(bench: Bench, workload: str, fill: str, **task: object) -> dict:
    bench.loop(workload)
    if fill == "ideal":
        task["fills_file"] = bench.fills_file(workload)
    return bench.measure("backtest", workload, fill=fill, **task)


def _result(bench: Bench, done: dict, workload: str, fill: str) -> tuple:
    """Trades, equity, and what they should be where the rules are the peers'."""
    return done["trades"], done["equity"], bench.expected(workload) if fill == "ideal" else None


def _line(engine: str, workload: str, seconds: list[float], side: str = "", *result: object) -> Line:
    line = Line(engine, workload, min(seconds), _candles(workload), WORKLOADS[workload].counted, *result, side=side)
    line.notes = f"least of {len(seconds)}, median {median(seconds):.4g} s"
    return line


def _candles(workload: str) -> int:
    """Candles of the whole run; for W3 also its orders."""
    return CANDLES * len(WORKLOADS[workload].strategy.instruments)
