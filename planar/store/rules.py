"""The rules of an exchange for its instruments as they were seen, each time that they had changed."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

import duckdb

from planar.model.tiers import Tier


@dataclass(frozen=True)
class Rules:
    """An exchange's rules for one instrument; None is what it does not say.

    Steps and minimums: in base, quote and quote per base, as `planar.Instrument` has them. maker, taker: the fees that
    the exchange lists, as fractions. fee_side: "quote", or "base" where a buy pays from what it receives.
    contract_size: of an inverse contract, quote that one is worth; its amounts count contracts.
    """

    price_step: Decimal | None = None
    amount_step: Decimal | None = None
    min_amount: Decimal | None = None
    min_cost: Decimal | None = None
    maker: Decimal | None = None
    taker: Decimal | None = None
    fee_side: str | None = None
    tiers: tuple[Tier, ...] | None = None
    contract_size: Decimal | None = None


@dataclass(frozen=True)
class Snapshot:
    """Rules as they were seen at a time. is_later: not before the time that was asked about."""

    rules: Rules
    seen_at: int
    source: str
    is_later: bool = False


def note(con: duckdb.DuckDBPyConnection, instrument: str, rules: Rules, source: str, now: int) -> bool:
    """Keeps rules when they are others than the newest; says whether they are.

    Tiers that are not told this time (many exchanges tell them to their customers only) are taken to be as they were.
    """
    newest = next(iter(read(con, [instrument]).get(instrument, [])[-1:]), None)
    if newest is not None and rules.tiers is None:
        rules = replace(rules, tiers=newest.rules.tiers)
    if newest is not None and rules == newest.rules:
        return False
    terms = json.dumps(asdict(rules), default=lambda number: f"{number:f}")
    con.execute("insert into rules values (?, ?, ?, ?)", [instrument, now, source, terms]).complete()
    return True


def read(con: duckdb.DuckDBPyConnection, instruments: Iterable[str] | None = None) -> dict[str, list[Snapshot]]:
    """All snapshots by instrument, oldest first."""
    query = "select instrument, seen_at, source, terms from rules"
    which = "" if instruments is None else " where list_contains(?, instrument)"
    parameters = [] if instruments is None else [list(instruments)]
    found: dict[str, list[Snapshot]] = {}
    for name, at, source, terms in con.execute(f"{query}{which} order by instrument, seen_at", parameters).fetchall():
        found.setdefault(name, []).append(Snapshot(_parsed(terms), at, source))
    return found


def in_force(snapshots: list[Snapshot], time: int) -> Snapshot:
    """The newest snapshot that is not after a time; else the oldest, marked as later."""
    before = [one for one in snapshots if one.seen_at <= time]
    return before[-1] if before else replace(snapshots[0], is_later=True)


def _parsed(terms: str) -> Rules:
    told = json.loads(terms, object_hook=_with_decimals)
    tiers = told.pop("tiers")
    return Rules(**told, tiers=None if tiers is None else tuple(Tier(**one) for one in tiers))


def _with_decimals(terms: dict[str, Any]) -> dict[str, Any]:
    """Numbers are kept as texts, to the last digit; which side pays is a text anyway."""
    return {
        name: Decimal(value) if isinstance(value, str) and name != "fee_side" else value
        for name, value in terms.items()
    }
