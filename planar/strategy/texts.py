"""`Texts`: tags, log lines and names by number, since compiled code keeps no text."""


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
