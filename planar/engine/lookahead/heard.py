"""Which calls a run makes, with the author's lines: the same strategy interpreted, with brokers that listen."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from types import FrameType

from planar.engine.backtest import Session
from planar.engine.interpret import Interpreter
from planar.engine.lookahead.leak import Line
from planar.engine.lookahead.lines import is_authors, line_at
from planar.errors import PlanarError
from planar.strategy.interpreted import Broker

CALLS = (
    "buy", "sell", "close", "target", "quote", "protect", "amend", "cancel", "cancel_all", "set_leverage", "add_margin",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """What a strategy asked of a broker. words: as it would be written; line: None where it is none of the author's."""

    time: int
    instrument: int
    words: str
    line: Line | None

    def said(self) -> tuple[int, int, str]:
        """What of it must not differ."""
        return self.time, self.instrument, self.words


class Heard(Session):
    """An interpreted run whose calls are kept."""

    calls: list[Call]

    def hook_runner(self, interpreter: Interpreter) -> Callable[[], None]:
        """Runs hooks with brokers that listen."""
        self.calls = []
        for broker in interpreter.brokers:
            broker.__class__ = _listening(self.calls, interpreter)  # the same object, which a universe holds, too
        return interpreter.run_hook


def calls_of(session: Heard) -> list[Call]:
    """What a run calls, as far as it comes."""
    try:
        session.run(False)
    except PlanarError:
        return session.calls
    return session.calls


def first_unlike(whole: list[Call], part: list[Call], end: int) -> tuple[Call | None, Call | None]:
    """The first calls up to the end that differ, None for one that is not made; twice None where all are alike."""
    theirs, mine = ([call for call in calls if call.time <= end] for calls in (whole, part))
    for before, now in zip_longest(theirs, mine):
        if before is None or now is None:
            return before, now
        if before.said() != now.said():
            # Of two moments, the later call may be the same one as in the other run, some calls on.
            return before if before.time <= now.time else None, now if now.time <= before.time else None
    return None, None


def _listening(calls: list[Call], interpreter: Interpreter) -> type[Broker]:
    kind = type(interpreter.brokers[-1])

    def heard(name: str) -> Callable:
        def call(self: Broker, *values: object, **options: object) -> int:
            words = [repr(value) for value in values] + [f"{key}={value!r}" for key, value in options.items()]
            line = _line(sys._getframe(1))
            side = interpreter.side_of(self._index)
            called = f"{side}.{name}" if side else name
            calls.append(Call(self.now, interpreter.owners[self._index], f"{called}({', '.join(words)})", line))
            return getattr(kind, name)(self, *values, **options)

        return call

    return type("Broker", (kind,), {"__slots__": (), **{name: heard(name) for name in CALLS}})


def _line(frame: FrameType | None) -> Line | None:
    """The innermost line of the author's."""
    while frame is not None and not is_authors(frame.f_code.co_filename):
        frame = frame.f_back
    return line_at(frame.f_code, frame.f_lineno) if frame is not None else None
