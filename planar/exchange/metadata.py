"""Markets kept on disk, so that a command need not fetch them: whole files, by exchange, environment and address.

A file that is too old, of another version or damaged counts as none.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planar.config.files import cache_folder, write_atomically

MAX_AGE = 6 * 3600.0
"""Seconds after which steps and minimums are asked for again."""

FORMAT = 1


def metadata_path(exchange: str, sandbox: bool, variant: Mapping[str, Any]) -> Path:
    """The file of one exchange. variant: whatever else decides which markets there are, as the address."""
    mark = hashlib.sha256(json.dumps(variant, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return cache_folder() / "markets" / f"{exchange}{'.sandbox' if sandbox else ''}.{mark}.json"


@dataclass(frozen=True)
class Metadata:
    """CCXT's markets and currencies. age: seconds since they were asked for."""

    markets: list[Any]
    currencies: Mapping[str, Any]
    age: float


def read_metadata(path: Path, max_age: float = MAX_AGE) -> Metadata | None:
    """What is kept; None when it cannot be used."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        age = time.time() - float(content["saved"])
        markets, currencies = content["markets"], content["currencies"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_sound = content.get("format") == FORMAT and isinstance(markets, list) and isinstance(currencies, dict)
    return Metadata(markets, currencies, age) if is_sound and markets and 0 <= age <= max_age else None


def drop_metadata(path: Path) -> None:
    """What is kept is known to be out of date: nobody shall read it."""
    with contextlib.suppress(OSError):
        path.unlink()


def write_metadata(path: Path, markets: Sequence[Any], currencies: Mapping[str, Any]) -> None:
    """Keeps them. A disk that cannot be written to costs the next command a request, and nothing else."""
    content = {"format": FORMAT, "saved": time.time(), "markets": list(markets), "currencies": dict(currencies)}
    with contextlib.suppress(OSError):
        write_atomically(path, json.dumps(content))
        _sweep(path.parent)


def _sweep(folder: Path) -> None:
    """Removes what is too old to be read: a venue on this machine has another address, and file, each time."""
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > MAX_AGE:
                path.unlink()
