"""Prints Planar's speed on this machine, beside a hand-written loop and other engines; README.md explains the lines.

python tests/benchmarks/run.py --data /tmp/bench --venvs /tmp/venvs --peers fast
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from candles import prepare
from jobs import Bench, Job, jobs, loop_lines
from peers import CHOICES, Peers
from table import Line, table
from workloads import WORKLOADS

REPOSITORY = Path(__file__).parents[2]


def main() -> None:
    """Measures and prints."""
    options = _options()
    prepare(options.data)
    with tempfile.TemporaryDirectory(prefix="planar-bench-") as folder:
        bench = Bench(options.data, Path(folder))
        peers = Peers(options.peers_dir, options.venvs, options.data, Path(folder) / "peers")
        chosen = [(name, job) for name, job in jobs(bench, peers, options.peers) if re.search(options.only, name)]
        lines, failures = _run(chosen, bench)
    about = machine()
    print("\n".join(["", *(f"* {name}: {value}" for name, value in about.items()), "", table(lines), ""]))
    for failure in [*failures, *peers.failures]:
        print(f"* not measured: {failure}")
    if options.json:
        records = [line.record() for line in lines]
        options.json.write_text(
            json.dumps({"machine": about, "lines": records, "failures": failures + peers.failures}, indent=1)
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=Path("/tmp/bench"), help="folder of the candles, made when it is empty"
    )
    parser.add_argument("--peers", choices=CHOICES, default="none", help="other engines to run")
    parser.add_argument("--venvs", type=Path, default=Path("/tmp/venvs"), help="folder of the peers' virtualenvs")
    parser.add_argument(
        "--peers-dir", type=Path, default=REPOSITORY / "../shared/bench/peers", help="folder of the peers' drivers"
    )
    parser.add_argument("--only", default="", help="regular expression on the names that are shown while it runs")
    parser.add_argument("--json", type=Path, help="file for the lines")
    options = parser.parse_args()
    for name in ("data", "venvs", "peers_dir"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def _run(chosen: list[tuple[str, Job]], bench: Bench) -> tuple[list[Line], list[str]]:
    """Lines of the jobs, the loops first; a job that fails is told and does not stop the others."""
    lines, failures = [], []
    for name, job in chosen:
        _say(name)
        try:
            lines += job()
        except (RuntimeError, OSError) as error:
            failures.append(f"{name}: {error}")
    used = {line.workload for line in lines}
    loops = []
    for workload in (w for w in WORKLOADS if w in used):
        _say(f"loop {workload}")
        loops += loop_lines(bench, workload)
    return loops + lines, failures


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    versions = [f"{name} {version(name)}" for name in ("numba", "numpy", "polars", "TA-Lib", "duckdb")]
    describe = ["git", "describe", "--always", "--dirty"]
    home = Path(find_spec("planar").origin).parent
    commit = subprocess.run(describe, cwd=home, capture_output=True, text=True, check=False).stdout.strip()
    planar = commit or f"{version('planar')} in {home}"
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": f"planar {planar}, Python {platform.python_version()}, {', '.join(versions)}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    """Model of the processor, as the system names it."""
    about = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", about.read_text(), re.MULTILINE) if about.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
