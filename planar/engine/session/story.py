"""`Story`: what a session saw, asked for and got, read off its journal without running its strategy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from planar.broker.journal import Entry
from planar.engine.session.edit import CODES
from planar.engine.session.origin import Origin, history_of
from planar.engine.session.recorder import read_asks
from planar.engine.session.trader import Tape
from planar.errors import ConfigError
from planar.model.ask import Amend, Ask, Place, Row
from planar.model.order import Reason, Status
from planar.model.timeframe import milliseconds
from planar.strategy.candles import Candles
from planar.strategy.kept import Code


class Execution(NamedTuple):
    """A fill in whole units, of an exchange or of a simulation."""

    time: int
    ticks: int
    amount: int
    cost: int
    fee: int
    fee_in_base: int
    is_maker: int


@dataclass
class Outcome:
    """What became of an order. arrived: when the exchange first knew of it, UTC ms; None where it never did."""

    status: Status = Status.PENDING
    reason: Reason = Reason.NONE
    fills: list[Execution] = field(default_factory=list)
    arrived: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status > Status.PARTIAL

    @property
    def amount(self) -> int:
        """Base units that were filled."""
        return sum(fill.amount for fill in self.fills)


class Moment(NamedTuple):
    """A decision: its time, and what was asked for."""

    time: int
    asks: list[Ask]


class Story:
    """Candles, decisions and outcomes of a session, as far as its journal was heard.

    tapes: candles of each instrument, those before the session first. codes: what decided, each from after which moment
    on, UTC ms; none where the journal does not have it. limits: those that hold now. outcomes: by the
    order's id; written: when they were asked for, by this machine's clock. late: (instrument, close) of the candles
    that came after the decision they were for.
    """

    def __init__(self) -> None:
        self.origin: Origin
        self.tapes: list[Tape] = []
        self.codes: list[tuple[int, Code]] = []
        self.moments: list[Moment] = []
        self.places: dict[int, tuple[int, Place]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.written: dict[int, int] = {}
        self.late: set[tuple[int, int]] = set()
        self.limits: dict[str, float] = {}
        self.heard = 0
        self._totals: dict[int, int] = {}
        self._wanted: dict[int, int] = {}
        self._decided: list[int] = []
        self._pasts: list[Mapping[str, Any]] = []

    def hear(self, entry: Entry) -> None:
        """One entry more, in the journal's order."""
        self.heard, body = entry.number, entry.body
        if entry.kind == "history":
            self._pasts.append(body)
        elif entry.kind == "origin":
            self._begin(Origin.read(body))
        elif entry.kind in CODES:
            self.codes.append((self._decided[-1], Code.read(body)))
        elif entry.kind == "limits":
            self.limits = body
        elif entry.kind == "candle":
            self._take(body[0], Row(*body[1:]))
        elif entry.kind == "told":
            self._tell(body["what"], body)
        elif "asks" in body:
            self._ask(body.get("time", self.begun), read_asks(body["asks"]), entry.time)
            if entry.kind == "step":
                self._decided.append(body["time"])

    def _begin(self, origin: Origin) -> None:
        self.origin = origin
        self.tapes = [Tape(history_of(past, origin.timeframe)) for past in self._pasts]
        self.begun = max(tape.end for tape in self.tapes)
        self._decided = [self.begun]

    def _take(self, k: int, row: Row) -> None:
        self.tapes[k].append(row)
        closes = row.time + self.length
        if closes <= self._decided[-1]:
            self.late.add((k, closes))

    def _ask(self, time: int, asks: list[Ask], written: int) -> None:
        self.moments.append(Moment(time, asks))
        for ask in asks:
            if isinstance(ask, Place):
                self.places[ask.id], self.written[ask.id] = (time, ask), written
                self.outcomes[ask.id], self._totals[ask.id] = Outcome(), ask.units
            elif isinstance(ask, Amend):
                self._wanted[ask.id] = ask.units

    def _tell(self, what: str, body: Mapping[str, Any]) -> None:
        numbers = body["numbers"]
        id = body.get("order", 0) if what == "adjusted" else numbers[0]
        outcome = self.outcomes.get(id)
        if outcome is None or what in ("not_cancelled", "not_amended"):
            return
        if what == "adjusted":
            outcome.fills.append(_correction(outcome, *numbers, is_fill="trade" in body))
            return
        if what == "ended":
            outcome.status, outcome.reason = Status(numbers[2]), Reason(numbers[3])
            if outcome.status is Status.REJECTED:
                return
        elif what == "filled":
            outcome.fills.append(Execution(*numbers[1:]))
            is_whole = 0 < self._totals[id] <= outcome.amount
            outcome.status = Status.FILLED if is_whole else Status.PARTIAL
        elif what == "amended":
            self._totals[id] = self._wanted.get(id, self._totals[id])
        elif outcome.status is Status.PENDING:
            outcome.status = Status.OPEN
        if outcome.arrived is None:
            outcome.arrived = numbers[1]

    @property
    def length(self) -> int:
        """Milliseconds of a candle."""
        return milliseconds(self.origin.timeframe)

    @property
    def end(self) -> int:
        """Close of the last candle, UTC ms: what came later cannot be judged yet."""
        return max(tape.end for tape in self.tapes)

    def candles(self) -> list[Candles]:
        """All candles of each instrument."""
        return [tape.copied() for tape in self.tapes]

    def never_sent(self) -> set[int]:
        """Orders that the session kept to itself, since it had decided too late."""
        return {id for id, each in self.outcomes.items() if each.reason is Reason.STALE_DECISION}

    def unmade(self) -> set[tuple[int, int]]:
        """(instrument, time) of decisions that a strategy in time would have made, and this session could not."""
        stale, made, count = {self.places[id][0] for id in self.never_sent()}, set(self._decided), len(self.tapes)
        passed = {
            (k, closes)
            for k, tape in enumerate(self.tapes)
            for closes in (tape.copied().time + self.length).tolist()
            if self.begun < closes <= self._decided[-1] and closes not in made
        }
        return self.late | passed | {(k, time) for time in stale for k in range(count)}


def _correction(outcome: Outcome, cash: int, base: int, *, is_fill: bool) -> Execution:
    """What corrected the books for an order that was over: a fill that came late, or a fee that was taken in base."""
    time = outcome.fills[-1].time if outcome.fills else outcome.arrived or 0
    if is_fill:
        return Execution(time, 0, abs(base), abs(cash), 0, 0, 0)
    return Execution(time, 0, 0, 0, -base if base else -cash, int(bool(base)), 0)


def story_of(entries: Iterable[Entry]) -> Story:
    """The story of a whole journal. Raises ConfigError where that has no beginning."""
    made = Story()
    for entry in entries:
        made.hear(entry)
    if not made.tapes:
        raise ConfigError("the journal has no beginning: its session ended before it had one.")
    return made
