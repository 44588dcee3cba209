"""`Edit`: a session's strategy was edited while it was away: what changed, and what going on with that would mean."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planar.broker.journal import Entry
from planar.engine.handover import Memory, memory_between
from planar.engine.session.origin import Origin
from planar.errors import ConfigError
from planar.strategy.base import Strategy
from planar.strategy.kept import Code, code_of
from planar.strategy.load import load

SHOWN = 12
"""Lines that are shown of all that changed."""

CODES = ("code", "edited")
"""Kinds of entries that have a session's code: that of its beginning, and each that it went on with."""

ANOTHER = (
    "Or begin another session with --name: it has books of its own, and what this one holds and has resting stays at "
    "the exchange until you sell and cancel it."
)


@dataclass(frozen=True)
class Edit:
    """Of a session. was, now: what it ran until now, and what stands on the disk. memory: what becomes of it."""

    session: str
    was: Code
    now: Code
    memory: Memory

    @property
    def changes(self) -> list[tuple[str, int, int]]:
        """Of each file that changed: its name, how many lines are new, and how many are gone."""
        found = []
        for name, lines in self._lines():
            signs = [line[0] for line in lines]
            found.append((name, signs.count("+"), signs.count("-")))
        return found

    @property
    def summary(self) -> str:
        """The same in words."""
        return "; ".join(f"{name}: {_lines(new)} new, {_lines(gone)} gone" for name, new, gone in self.changes)

    def sentences(self) -> list[str]:
        """What whoever is asked ought to know."""
        shown = [f"  {name}  {line}" for name, lines in self._lines() for line in lines]
        more = len(shown) - SHOWN
        return [
            f"The code of session {self.session} was edited since it ran. {self.summary}.",
            *shown[:SHOWN],
            *([f"  and {_lines(more)} more"] if more > 0 else []),
            f"If it goes on with that: {told(self.memory)} Indicators are computed anew over all of its candles; what "
            "it holds and has resting stays as it is; on_start is not run again.",
            "All that it decided until now stays with the code that decided it: replay and parity run each part with "
            "its own.",
        ]

    def document(self, time: int) -> dict[str, Any]:
        """The entry of the journal. time: of the session, UTC ms."""
        memory = {name: list(getattr(self.memory, name)) for name in ("kept", "new", "dropped")}
        return {"time": time, "was": self.was.hash, "changes": self.summary, "memory": memory, **self.now.document()}

    def refusal(self) -> ConfigError:
        """What is said where nobody can be asked."""
        return ConfigError(
            f"session {self.session}: its code has been edited since it ran ({self.summary}; its hash was "
            f"{self.was.hash}, and is {self.now.hash}), and nobody is here to be asked. Start it at a terminal to see "
            "what changed, or with --edited to go on with the new code; undo the edit to go on with the old. " + ANOTHER
        )

    def _lines(self) -> Iterator[tuple[str, list[str]]]:
        """Of each file that changed, its name and the lines of `_changed`."""
        was, now = ({file.module: file for file in code.files} for code in (self.was, self.now))
        for module, file in {**was, **now}.items():
            old, new = (files[module].text if module in files else "" for files in (was, now))
            if old != new:
                yield Path(file.path).name, list(_changed(old, new))


def _changed(old: str, new: str) -> Iterator[str]:
    """Lines that are gone (-) and new (+), each with its number."""
    was, now = old.splitlines(), new.splitlines()
    for what, first, end, start, stop in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if what != "equal":
            yield from (f"-{i + 1:<4} {was[i]}".rstrip() for i in range(first, end))
            yield from (f"+{i + 1:<4} {now[i]}".rstrip() for i in range(start, stop))


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def told(memory: Memory) -> str:
    """What becomes of memory, as a sentence."""
    kept = [f"it remembers {', '.join(memory.kept)}"] if memory.kept else []
    new = [f"{', '.join(memory.new)} begins as declared"] if memory.new else []
    dropped = [f"{', '.join(memory.dropped)} is forgotten"] if memory.dropped else []
    return f"{'; '.join([*kept, *new, *dropped]) or 'it has no memory'}."


def first_code(entries: Iterable[Entry]) -> Code | None:
    """What a session began with; None where its journal is older than Planar's keeping it."""
    return next((Code.read(entry.body) for entry in entries if entry.kind == "code"), None)


def last_code(entries: Iterable[Entry]) -> Code | None:
    """What a session ran when its journal ended; None as of `first_code`."""
    found = [entry for entry in entries if entry.kind in CODES]
    return Code.read(found[-1].body) if found else None


def edit_of(session: str, origin: Origin, entries: Iterable[Entry]) -> Edit | None:
    """How a session's code was edited since it ran; None where it was not.

    Raises ConfigError where going on with it is no matter of code: the session would be another one.
    """
    cls, was = load(origin.strategy), last_code(entries)
    if was is None:
        _check_old(session, origin)
        return None
    if code_of(cls) == was.hash:
        return None
    before = was.revived()
    _check_same(session, before, cls)
    return Edit(session, was, Code.of(cls), memory_between(before.layout, cls.layout))


def _check_old(session: str, origin: Origin) -> None:
    edited = origin.check_code()
    if edited:
        raise ConfigError(
            f"session {session}: {edited}, and its journal does not have the code that it ran, which it needs to come "
            f"back to where it was: undo the edit to go on. {ANOTHER}"
        )


def _check_same(session: str, before: type[Strategy], now: type[Strategy]) -> None:
    """What a session begins with is not changed by an edit."""
    for what, of in DECLARED.items():
        was, is_ = of(before), of(now)
        if was != is_:
            raise ConfigError(
                f"session {session}: the strategy was edited, and its {what} {_words(was)} then and {_words(is_)} "
                f"now. A session goes on with what it began with: undo that part of the edit. {ANOTHER}"
            )


DECLARED = {
    "timeframe was": lambda cls: cls.timeframe,
    "instruments were": lambda cls: list(cls.instruments) if isinstance(cls.instruments, list | tuple) else "a rule",
    "parameters were": lambda cls: {name: each.default for name, each in cls.layout.parameters.items()},
}
"""What a class declares that is a session's from its beginning on, with the verb."""


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
    return " ".join(value) if isinstance(value, list) else str(value)
