"""What was assumed of markets and fees before orders go there, beside what they are for the account."""

from collections.abc import Sequence
from pathlib import Path

from planar.broker.terms import symbol_of
from planar.engine.listed_rules import under
from planar.engine.session.origin import Origin
from planar.errors import DataError
from planar.model.instrument import Instrument
from planar.store.store import Store

PATIENCE = 1.0
"""Seconds that another program may keep the store."""

RULES = {
    "price_step": "a price step of",
    "amount_step": "an amount step of",
    "min_amount": "a least amount of",
    "min_cost": "a least cost of",
    "fee_side": "fees of buys in",
}


def beside_backtests(origin: Origin, store: Path) -> list[str]:
    """What is not for a session that begins as it is for a backtest over the store, where that has rules."""
    if not store.exists():
        return []
    try:
        seen = Store(store, patience_s=PATIENCE).rules_at([each.name for each in origin.instruments], origin.started)
    except DataError:
        return []
    theirs = [under(each, seen[each.name]) if each.name in seen else each for each in origin.instruments]
    return differences(origin.instruments, theirs, f"a backtest over {store}")


def differences(real: Sequence[Instrument], assumed: Sequence[Instrument], who: str) -> list[str]:
    """Sentences, one for each thing that is not as ``who`` assumed."""
    found = []
    for mine, theirs in zip(real, assumed, strict=True):
        if (mine.maker, mine.taker) != (theirs.maker, theirs.taker):
            found.append(f"{symbol_of(mine)}: the account pays {_fees(mine)}; assumed by {who}: {_fees(theirs)}.")
        for name, words in RULES.items():
            now, then = getattr(mine, name), getattr(theirs, name)
            if now != then:
                found.append(f"{symbol_of(mine)} has {words} {_shown(now)}; assumed by {who}: {_shown(then)}.")
    return found


def _fees(instrument: Instrument) -> str:
    return f"{100 * instrument.maker:.4g} % as maker and {100 * instrument.taker:.4g} % as taker"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"
