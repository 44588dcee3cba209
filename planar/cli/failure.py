"""What went wrong: a paragraph for people, or with ``--json`` one line for programs."""

import json
from typing import Any

from cyclopts import CycloptsError
from rich.console import Console

from planar.errors import ConfigError, DataError, PlanarError, Rejected, StrategyError, Unknown, Unreachable

KINDS = {
    ConfigError: "config",
    StrategyError: "strategy",
    DataError: "data",
    Unreachable: "unreachable",
    Rejected: "rejected",
    Unknown: "unknown",
}
"""Of errors, as programs are told them."""

WORDS = {StrategyError: "strategy", DataError: "data"}
"""What stands before a message; all others are an error."""


def say_failure(error: BaseException, text: str, *, as_json: bool) -> None:
    """Tells an error: on standard error, or as a document on standard output, where the answer would stand."""
    if as_json:
        told = {**described(error), "message": text}
        print(json.dumps({"error": told}, ensure_ascii=False), flush=True)  # noqa: T201 - what was asked for
        return
    word = WORDS.get(type(error), "error")
    say_error(f"{word}: {text}" if isinstance(error, PlanarError) else text)


def described(error: BaseException) -> dict[str, Any]:
    """Kind, code (None where there is none) and message."""
    if isinstance(error, CycloptsError):
        kind = "usage"
    else:
        kind = KINDS.get(type(error), "error") if isinstance(error, PlanarError) else "internal"
    return {"kind": kind, "code": getattr(error, "code", None), "message": str(error)}


def say_error(text: str) -> None:
    """A paragraph on standard error."""
    console = Console(stderr=True, highlight=False, markup=False)
    # Where no one's eyes are, a command in it stays on one line.
    console.print(text, soft_wrap=not console.is_terminal)
