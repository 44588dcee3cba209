"""What exchanges are called: the ids of CCXT, ours, and names that went out of use."""

import functools
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from planar.errors import ConfigError, did_you_mean

DEMO = "demo"

RENAMED = {
    "coinbaseadvanced": "coinbase",
    "coinbasepro": "coinbaseexchange",
    "gateio": "gate",
    "huobi": "htx",
    "okex": "okx",
}
"""Names that documents and environments still use, and CCXT's present id for each."""


@functools.cache
def ccxt_ids() -> frozenset[str]:
    """CCXT's exchanges, read off its file names: importing it takes two seconds."""
    found = find_spec("ccxt")
    if found is None or found.origin is None:
        return frozenset()
    folder = Path(found.origin).parent / "async_support"
    return frozenset(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def canonical(name: str) -> str:
    """The id in use for a name: lower case, renamed where CCXT renamed it."""
    lowered = name.lower()
    return RENAMED.get(lowered, lowered)


def exchange_id(name: str, custom: Iterable[str] = ()) -> str:
    """The id of an exchange that exists; custom: ids of exchanges that the user adds.

    Raises ConfigError with the nearest known name.
    """
    known = {DEMO, *ccxt_ids(), *custom}
    found = canonical(name)
    if found not in known:
        near = did_you_mean(found, [*known, *RENAMED])
        raise ConfigError(f"there is no exchange {name!r}.{near} `planar exchanges list` shows those that there are.")
    return found
