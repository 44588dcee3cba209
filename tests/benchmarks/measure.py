"""One measurement in a process that no other has warmed up: a task comes in and an answer goes out as JSON.

python tests/benchmarks/measure.py '{"what": "backtest", "workload": "W1", "data": "/tmp/bench", "fill": "ideal"}'
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from candles import CANDLES, arrays, frames

PATIENCE = 6.0  # seconds that a measurement repeats for, at least three times
WARM_UP = 5_000  # candles of a run that only loads code


def loop(task: dict) -> dict:
    """The hand-written loop. Its fills go to the file ``task["fills"]`` for others to compare with."""
    import loops
    from workloads import WORKLOADS

    workload = WORKLOADS[task["workload"]]
    candles = arrays(Path(task["data"]), len(workload.strategy.instruments), task.get("candles", CANDLES))
    answer = loops.measure(task["workload"], candles, workload.cash, task.get("patience", PATIENCE))
    whose, prices = answer.pop("whose"), answer.pop("prices")
    if "fills_file" in task:
        np.savez(task["fills_file"], whose=whose, prices=prices)
    return answer


def backtest(task: dict) -> dict:
    """``planar.backtest`` from ready frames to a `Run`: the first call of this process, then warm ones."""
    call, clock = _call(task, task.get("candles", CANDLES)), _Clock()
    compilations = _compilations()
    first, run = _timed(call)
    answer = {
        "first": first,
        "first_compiled": len(compilations),
        "seconds": [],
        "cpu": [],
        "prepared": [],
        "kernel": [],
        "statistics": [],
    }
    compilations.clear()
    until = time.perf_counter() + task.get("patience", PATIENCE)
    while len(answer["seconds"]) < task.get("at_least", 3) or time.perf_counter() < until:
        run = None
        gc.collect()
        clock.seconds, clock.preparing, cpu = 0.0, 0.0, time.process_time()
        seconds, run = _timed(call)
        answer["cpu"].append(time.process_time() - cpu)
        answer["seconds"].append(seconds)
        answer["prepared"].append(seconds - clock.preparing)
        answer["kernel"].append(clock.seconds)
        answer["statistics"].append(_timed(lambda run=run: run.stats)[0])
    answer["compiled_per_call"] = len(compilations) / max(len(answer["seconds"]), 1)
    answer |= {"orders": len(run.orders), "fills": len(run.fills), "trades": len(run.trades)}
    answer["equity"] = run.equity["equity"][-1]
    if task.get("fills_file"):
        answer["difference"] = _difference(run, task["fills_file"])
    return answer


def memory(task: dict) -> dict:
    """Bytes that a run needs at its peak, beyond the frames it is given and the code it has loaded."""
    _call(task, WARM_UP)()
    call = _call(task, task.get("candles", CANDLES))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _memory("VmRSS")
    run = call()
    return {"bytes": _memory("VmHWM") - before, "peak": _memory("VmHWM"), "orders": len(run.orders)}


def _call(task: dict, candles: int) -> Callable:
    """The backtest of a task, ready to be called."""
    from workloads import WORKLOADS, rules

    import planar

    workload = WORKLOADS[task["workload"]]
    names = workload.strategy.instruments
    given = frames(Path(task["data"]), names, candles)
    venue = [rules(name) for name in names]
    fill, is_compiled = task.get("fill", "pessimistic"), task.get("compiled", True)
    return lambda: planar.backtest(
        workload.strategy, given, instruments=venue, cash=workload.cash, fill=fill, compiled=is_compiled
    )


def _timed(call: Callable) -> tuple[float, object]:
    begun = time.perf_counter()
    result = call()
    return time.perf_counter() - begun, result


class _Clock:
    """Adds up the seconds inside ``Simulation.run``: the kernel, with the growth of its logs; and those that making
    candles of frames takes.
    """

    def __init__(self) -> None:
        from planar.engine import backtest
        from planar.engine.simulation import Simulation

        self.seconds = self.preparing = 0.0
        run, open_market = Simulation.run, backtest.open_market

        def timed_run(*arguments: object) -> None:
            seconds, _ = _timed(lambda: run(*arguments))
            self.seconds += seconds

        def timed_market(request: object) -> object:
            seconds, market = _timed(lambda: open_market(request))
            self.preparing += seconds
            return market

        Simulation.run, backtest.open_market = timed_run, timed_market


def _compilations() -> list:
    """A list that grows by one with every function that numba compiles instead of finding it in its cache."""
    from numba.core import event

    class Listener(event.Listener):
        def on_start(self, event: object) -> None:
            found.append(event)

        def on_end(self, event: object) -> None:
            pass

    found: list = []
    event.register("numba:compile", Listener())
    return found


def _difference(run: object, fills_file: str) -> str:
    """Where the fills of a run first differ from the loop's in instrument, side or price; empty when they do not."""
    wanted = np.load(fills_file)
    fills = run.fills
    sides = np.where(fills["side"].to_numpy() == "buy", 1.0, -1.0)
    prices = sides * fills["price"].to_numpy()
    numbers = {name: k for k, name in enumerate(run.instruments)}
    whose = fills["instrument"].replace_strict(numbers).to_numpy()
    for name, k in numbers.items():
        ours, theirs = prices[whose == k], wanted["prices"][wanted["whose"] == k]
        length = min(len(ours), len(theirs))
        off = np.abs(ours[:length] / theirs[:length] - 1.0) > 1e-9
        if off.any():
            row = int(off.argmax())
            return f"fill {row} of {name} is {ours[row]}, of the loop {theirs[row]}"
        if len(ours) != len(theirs):
            return f"{len(ours)} fills of {name}, of the loop {len(theirs)}"
    return ""


def _memory(field: str) -> int:
    """Bytes of a line of /proc/self/status."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) * 1024


def main() -> None:
    task = json.loads(sys.argv[1])
    print(json.dumps({"loop": loop, "backtest": backtest, "memory": memory}[task["what"]](task)))


if __name__ == "__main__":
    main()
