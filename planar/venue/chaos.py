"""`Chaos`: the lies a venue is told to tell, as rules: where, what, how often.

``{"on": "POST /api/v3/order", "what": "accept_then_hang", "count": 2, "after": 1}`` lets one order pass, then does two
and keeps silent about them. ``on`` may have wildcards and names a request (``"GET *"``), a method of the WebSocket API
(``"WS order.place"``) or a stream (``"stream *@trade"``, ``"stream user"``).
"""

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from planar.errors import ConfigError, did_you_mean

REQUEST_FAULTS = {
    "accept_then_hang": "is done, and never answered: for seconds, 60 unless said otherwise",
    "accept_then_5xx": "is done, and answered 503 with code -1007",
    "accept_then_drop": "is done, and the connection is cut",
    "hang": "is not done, and never answered",
    "drop": "is not done, and the connection is cut",
    "delay": "is answered after seconds",
    "503": "is answered 503",
    "429": "is answered 429, Retry-After seconds",
    "418": "bans the address for seconds",
    "html": "is answered 200 with a page instead of JSON",
    "truncate": "is answered with half its JSON",
    "maintenance": "is answered that the system is under maintenance",
    "reject": "is refused with code -1000",
    "answer": "is answered with status, and code and text as JSON, or a page where code is 0",
    "partial": "finds only share of the book",
}
STREAM_FAULTS = {
    "lose": "an event is not sent; in a depth stream that is a gap",
    "duplicate": "an event is sent twice",
    "reorder": "an event comes after the next one",
    "freeze": "nothing is sent on the socket any more, not even answers to pings: for seconds, or for good",
    "unclosed_as_closed": "a candle that is still open is called closed",
}
SEPARATE = {"skew": "the server's clock is off by seconds, from now on"}
FAULTS = {**REQUEST_FAULTS, **STREAM_FAULTS, **SEPARATE}
"""What can be made to happen, and what it means."""


@dataclass(frozen=True)
class Rule:
    """One lie. count: how often, 0 for ever. after: how many pass before. The rest as ``FAULTS`` says."""

    what: str
    on: str = "*"
    count: int = 1
    after: int = 0
    seconds: float = 0.0
    share: float = 0.5
    status: int = 500
    code: int = 0
    text: str = ""

    def __post_init__(self) -> None:
        if self.what not in FAULTS:
            known = ", ".join(FAULTS)
            raise ConfigError(f"chaos: {self.what!r} cannot happen; there is {known}.{did_you_mean(self.what, FAULTS)}")
        for name in ("count", "after", "share"):
            if getattr(self, name) < 0:
                raise ConfigError(f"chaos: {name}={getattr(self, name)!r} of {self.what!r} must be zero or more.")
        if not 200 <= self.status <= 599:
            raise ConfigError(f"chaos: status={self.status!r} of {self.what!r} must be an HTTP status, 200 to 599.")

    @property
    def is_of_streams(self) -> bool:
        """Whether it is about streams, not requests."""
        return self.what in STREAM_FAULTS


def rules_of(content: Any) -> list[Rule]:
    """Rules as they stand in a file or a request: a list of tables. Raises ConfigError naming what is wrong."""
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, Sequence) or isinstance(content, str):
        raise ConfigError('chaos: give a list of rules, such as [{"on": "POST /api/v3/order", "what": "503"}].')
    return [_rule(each) for each in content]


def _rule(content: Any) -> Rule:
    known = {one.name: type(one.default) for one in fields(Rule)} | {"what": str}
    if not isinstance(content, Mapping) or "what" not in content:
        raise ConfigError(f"chaos: {content!r} is no rule: it must say at least what.")
    for name, value in content.items():
        if name not in known:
            raise ConfigError(f"chaos: a rule has no {name!r}.{did_you_mean(name, known)}")
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ConfigError(f"chaos: {name}={value!r} must be a {'number' if known[name] is not str else 'text'}.")
    return Rule(**content)


def read_rules(path: Path) -> list[Rule]:
    """The rules of a JSON file. Raises ConfigError when it is not there, or no JSON."""
    try:
        return rules_of(json.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"{path}: is not JSON: {error}.") from None


@dataclass
class _Standing:
    """A rule, and how often its place was met and it happened."""

    rule: Rule
    met: int = 0
    happened: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether it has happened as often as it may."""
        return 0 < self.rule.count <= self.happened

    def meets(self, place: str) -> bool:
        """Counts a meeting; whether the fault happens now."""
        if not fnmatch.fnmatchcase(place, self.rule.on):
            return False
        self.met += 1
        if self.met <= self.rule.after:
            return False
        self.happened += 1
        return True


class Chaos:
    """The rules that stand, and those that did."""

    def __init__(self) -> None:
        self._rules: list[_Standing] = []
        self._of_requests: list[_Standing] = []
        self._of_streams: list[_Standing] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Adds rules; earlier ones go first."""
        for made in map(_Standing, rules):
            self._rules.append(made)
            (self._of_streams if made.rule.is_of_streams else self._of_requests).append(made)

    def clear(self) -> None:
        """Takes all rules back."""
        for each in (self._rules, self._of_requests, self._of_streams):
            each.clear()

    def request(self, place: str) -> Rule | None:
        """What is to happen to a request, if anything."""
        return _picked(self._of_requests, place)

    def stream(self, name: str) -> Rule | None:
        """What is to happen to an event of a stream, if anything."""
        return _picked(self._of_streams, f"stream {name}")

    def described(self) -> list[dict[str, Any]]:
        """The rules, and how often each happened."""
        return [{**asdict(standing.rule), "happened": standing.happened} for standing in self._rules]


def _picked(standing: list[_Standing], place: str) -> Rule | None:
    """The first rule that happens there now; one that is spent is looked at no more."""
    for n, each in enumerate(standing):
        if each.meets(place):
            if each.is_spent:
                del standing[n]
            return each.rule
    return None
