"""The first run of a program that lasts: the engine is compiled beside it."""

import subprocess
import sys


def compile_apart(*, is_demo: bool) -> None:
    """Has what a session needs of the engine compiled by a program of its own, where it is not yet, and says so.

    Numba keeps what it compiled with, a gigabyte, until its program ends, and a session may run for months. To be
    called before anything of the engine is imported.
    """
    from planar.kernel.machine import is_prepared
    from planar.report.progress import announce_compiling

    announce_compiling()
    if not is_prepared(is_demo=is_demo):  # where this fails, the session itself says why
        code = f"from planar.engine.session.shadow import prepare; prepare(is_demo={is_demo})"
        subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False)
