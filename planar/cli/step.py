"""``planar replay --step``: a decision of a session, made again under one's eyes."""

import pdb
import sys
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from planar.cli.answer import say, say_json, shown_time

if TYPE_CHECKING:
    from planar.broker.journal import Entry
    from planar.engine.session.stepping import Call, Stepping
    from planar.model.ask import Ask

HELP = "In the debugger: n next line, s into a call, p candle.close shows a value, c on to what comes of it, q ends."


def step(entries: "list[Entry]", where: str, *, as_json: bool) -> None:
    """Shows the decision of a moment, or of an order's number; at a terminal the debugger stands in its hooks."""
    from planar.engine.market import moment
    from planar.engine.session.stepping import Stepping

    if where.isdecimal():
        stepping = Stepping(entries, order=int(where))
    else:
        stepping = Stepping(entries, moment=moment(where, "--step"))
    if as_json:
        say_json(_document(stepping))
        return
    debugger = Debugger() if sys.stdin.isatty() and sys.stdout.isatty() else None
    chosen = "".join(f", {name} {_shown(value)}" for name, value in stepping.parameters.items())
    code = f", code {stepping.code}" if stepping.is_edited else ""
    say(f"The decision of {shown_time(stepping.time)}, interpreted{chosen}{code}.")
    if debugger:
        say(HELP)

    def around(call: "Call") -> None:
        _show(call)
        before = call.memory()
        if debugger:
            debugger.stand_in(call)
        else:
            call.run()
        for name, value in call.memory().items():
            was, now = _shown(before[name]), _shown(value)
            if was != now:
                say(f"  self.{name}: {was} -> {now}")

    asked = stepping.run(around)
    say("")
    _tell(stepping, asked)


def _show(call: "Call") -> None:
    """What a hook is about to see."""
    say("")
    say(f"{call.hook}{f' of {call.symbol}' if call.symbol else ''}")
    for symbol, sight in call.saw.items():
        if not call.symbol:
            say(symbol)
        for word, values in sight.items():
            say(f"  {word:<9} {_line(values)}")


def _tell(stepping: "Stepping", asked: "list[Ask]") -> None:
    """What came of it."""
    for line in stepping.noted():
        say(f"It logs: {line}")
    for k, reason in stepping.refused():
        say(f"{_symbol(stepping, k)}: an order is refused at once: {reason}")
    for sentence in _sentences(stepping, asked) or ["It asks for nothing."]:
        say(sentence)
    if stepping.asked is None:
        say("The journal has no such decision: the session ended in it.")
    elif asked == stepping.asked:
        say("That is what it asked for in the session.")
    else:
        say("In the session it asked for:")
        for sentence in _sentences(stepping, stepping.asked) or ["nothing"]:
            say(sentence)


def _sentences(stepping: "Stepping", asked: "list[Ask]") -> list[str]:
    from planar.engine.session.recorder import told_asks
    from planar.engine.session.words import sentences

    return sentences(stepping.origin, "step", {"asks": told_asks(asked)})


def _symbol(stepping: "Stepping", k: int) -> str:
    return stepping.origin.instruments[k].name.partition(":")[2]


def _document(stepping: "Stepping") -> dict[str, Any]:
    """What ``--json`` prints."""
    hooks: list[dict[str, Any]] = []

    def around(call: "Call") -> None:
        call.run()
        hooks.append({"hook": call.hook, "symbol": call.symbol, "saw": call.saw, "memory": call.memory()})

    asked = stepping.run(around)
    return {
        "time": stepping.time,
        "parameters": stepping.parameters,
        "code": stepping.code,
        "hooks": hooks,
        "logged": stepping.noted(),
        "refused": [{"symbol": _symbol(stepping, k), "reason": reason} for k, reason in stepping.refused()],
        "asks": [{"what": type(ask).__name__.lower(), **ask._asdict()} for ask in asked],
        "is_as_it_was": asked == stepping.asked,
    }


def _line(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {_shown(value)}" for name, value in values.items()) or "nothing"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "none" if value is None else str(value)


class Debugger(pdb.Pdb):
    """Python's own, which begins at a hook's first line, passes over Planar's code, and ends where the hook does."""

    def __init__(self) -> None:
        super().__init__(skip=["planar.*"], nosigint=True)
        self._is_left = False

    def stand_in(self, call: "Call") -> None:
        """Runs a hook."""
        self.runcall(call.function, *call.arguments)
        if self._is_left:
            raise SystemExit(0)

    def user_return(self, frame: FrameType, return_value: Any) -> None:
        """A function is about to return; who leaves the hook does not want to see who called it."""
        if frame.f_back is self.botframe:
            self.set_continue()
        else:
            super().user_return(frame, return_value)

    def set_quit(self) -> None:
        """Ends all of it, not this hook alone."""
        self._is_left = True
        super().set_quit()
