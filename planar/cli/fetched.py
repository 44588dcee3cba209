"""What became of a fetch, in words."""

from collections.abc import Sequence
from typing import Any

from planar.cli.answer import say, say_json
from planar.cli.failure import described
from planar.engine.fetch import Fetched
from planar.model.timeframe import MILLISECONDS
from planar.store.candles import utc
from planar.store.catalog import WORDS
from planar.store.faults import Fault

USUAL = 8 * MILLISECONDS["h"]
"""From one funding time to the next, at most; market trades are nearer."""
TOLD = 3
"""So many impossible rows of a kind are told one by one."""


def tell(done: Sequence[Fetched]) -> None:
    """A line for each series, and what was left out of it. Raises the first error."""
    for one in done:
        if one.error is None or one.added:
            say(_line(one))
        if one.left_out:
            say(_left_out(one.left_out))
    errors = [one.error for one in done if one.error is not None]
    if errors:
        if any(one.error is not None and one.added for one in done):
            say("What came is stored; the same command goes on from there.")
        raise errors[0]


def tell_json(done: Sequence[Fetched]) -> None:
    """One document: what became of each series. Ends with 1 when one of them ended early."""
    say_json([_document(one) for one in done])
    if any(one.error is not None for one in done):
        raise SystemExit(1)


def _document(done: Fetched) -> dict[str, Any]:
    series, told = done.series, dict(vars(done))
    del told["series"]
    named = {"instrument": series.instrument, "kind": series.kind, "timeframe_ms": series.length or None}
    return {**named, **told, "error": None if done.error is None else described(done.error)}


def _line(done: Fetched) -> str:
    ended = f"; ended early ({getattr(done.error, 'code', 'DATA')})" if done.error else ""
    if done.first is None or done.last is None:
        return f"{done.series.name}: no {WORDS[done.series.kind]} from {utc(done.start)} on{ended}."
    usual = 0 if done.series.has_grid else USUAL
    begins = f" (asked for since {utc(done.start)})" if done.first - done.start > usual else ""
    span = f"{done.series.name}: {utc(done.first)} to {utc(done.last)}{begins}, {done.added:,} added"
    if done.gaps is None:
        return f"{span}{ended}."
    candles = f"{done.missing:,} candle{'s' if done.missing != 1 else ''} missing"
    return f"{span}; gaps: {f'{done.gaps:,} ({candles})' if done.gaps else 'none'}{ended}."


def _left_out(faults: Sequence[Fault]) -> str:
    """By reason, so that a thousand of a kind do not take a thousand lines."""
    by_reason: dict[str, list[str]] = {}
    for fault in faults:
        by_reason.setdefault(fault.reason, []).append(utc(fault.time))
    told = [f"{', '.join(_brief(times))} ({reason})" for reason, times in by_reason.items()]
    return f"  {len(faults):,} left out that cannot be: {'; '.join(told)}."


def _brief(times: Sequence[str]) -> list[str]:
    return [*times] if len(times) <= TOLD else [*times[:TOLD], f"and {len(times) - TOLD:,} more"]
