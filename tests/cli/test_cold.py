"""A session that is the first run on a machine does not carry the compiler's memory for as long as it lasts."""

import os
import subprocess
import sys

import pytest

FIRST = """
from pathlib import Path
from planar.cli.cold import compile_apart
from planar.kernel.machine import is_prepared
was_prepared = is_prepared(is_demo=True)
compile_apart(is_demo=True)
assert not was_prepared and is_prepared(is_demo=True)
import planar.engine.session.live
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(pages * 4096 // 2**20)
"""


@pytest.mark.slow
def test_the_engine_is_compiled_by_a_program_that_ends(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "NUMBA_OPT": "1"}
    told = subprocess.run(
        [sys.executable, "-c", FIRST], env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) < 600, "megabytes"
