"""`Texts`: tags, log lines and names by number, since compiled code keeps no text."""

import functools
from string import Formatter


class _Number(float):
    """A number that is written without a point when it is whole, unless its format asks for one."""

    __slots__ = ()

    def __format__(self, wanted: str) -> str:
        if not self.is_integer():
            return super().__format__(wanted)
        try:
            return format(int(self), wanted)
        except ValueError:
            return super().__format__(wanted)


def filled_in(text: str, values: list[float]) -> str:
    """A log line with its numbers put in; a whole one is shown as whole, whatever it was in the strategy: ``3``."""
    numbers = [_Number(v) for v in values]
    try:
        return text.format(*numbers)
    except (IndexError, KeyError, ValueError):
        return " ".join([text, *map(format, numbers)])


@functools.lru_cache(maxsize=1024)
def misfit(text: str, count: int) -> str:
    """What is wrong with a log line that is given so many numbers; nothing when its places are as many."""
    try:
        names = _places(text)
    except ValueError:
        return ""  # shown as it is written
    wanted = len(names) if not any(names) else len(set(names))
    if wanted == count and set(names) <= {"", *map(str, range(count))}:
        return ""
    remedy = "write one {} for each number, and {{ for a brace"
    return f"broker.log({text!r}, …): places for numbers {wanted}, numbers given {count}: {remedy}."


def _places(text: str) -> list[str]:
    """Names of the places of a format, empty ones for ``{}``; those inside a place's own format too."""
    found = []
    for _, name, wanted, _ in Formatter().parse(text):
        if name is not None:
            found += [name, *_places(wanted or "")]
    return found


class Texts:
    """Texts known by number: tags, log lines, names of marks and plots."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = list(known)
        self._numbers = {text: i for i, text in enumerate(known)}

    def number(self, text: str) -> int:
        """The number of a text, a new one for a new text; -1 for none."""
        if not text:
            return self._numbers.get(text, -1)
        if text not in self._numbers:
            self._numbers[text] = len(self.known)
            self.known.append(text)
        return self._numbers[text]

    def text(self, number: int) -> str:
        """The text of a number; an empty one for a number that is not known."""
        return self.known[number] if 0 <= number < len(self.known) else ""
