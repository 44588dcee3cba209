"""The first run of a program that lasts: the engine is compiled beside it."""

import subprocess
import sys


def compile_apart() -> None:
    """Has the engine compiled by a program of its own, where it is not yet, and says so.

    Numba keeps what it compiled with, a gigabyte, until its program ends, and a session may run for months. To be
    called before anything of the engine is imported, which compiles it.
    """
    from planar.kernel.machine import is_cold
    from planar.report.progress import announce_compiling

    announce_compiling()
    if is_cold():  # where this fails, importing it says why
        code = "import planar.engine.session.live"
        subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False)
