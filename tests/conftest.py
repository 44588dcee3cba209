"""How the tests run: all of them on every core, a chosen few in one process, where their output can be read."""

import os
import sys
from uuid import uuid4

import pytest
from hypothesis import settings

from planar.config.files import cache_folder

if sys.dont_write_bytecode:
    # Tests start programs, and each of them would compile CCXT for seconds.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(cache_folder() / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("same")
"""By default the same examples everywhere; `--hypothesis-profile=search` looks for new ones."""


def pytest_xdist_auto_num_workers(config):
    """Return how many processes share the tests; none where files, long proofs or the output are asked for by name.

    One more than there are cores: tests that trade wait more than they compute.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    is_all = whole and "slow" not in config.option.markexpr.replace("not slow", "")
    return len(os.sched_getaffinity(0)) + 1 if is_all else 0


def pytest_configure(config):
    """Compiles the engine once, before the processes that share the tests would each do so, and loads it in each.

    What is loaded in the midst of a test holds up the loop of a venue, and connections are taken for dead.
    """
    is_worker = hasattr(config, "workerinput")
    if is_worker or config.getoption("numprocesses", 0):
        import planar.kernel.calls
        import planar.kernel.prints
        import planar.kernel.standing  # noqa: F401
        from planar.engine.session.shadow import prepare

        prepare()


def pytest_collection_modifyitems(items):
    """Long proofs take as long as they take."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture(autouse=True)
def own_limits(tmp_path_factory, monkeypatch):
    """Counts what it asks of exchanges by itself, and not with everybody on this machine."""
    folder = tmp_path_factory.getbasetemp() / f"limits-{uuid4().hex[:8]}"
    monkeypatch.setenv("PLANAR_LIMITS_FOLDER", str(folder))
    return folder
