"""`Query`: the parameters of a request, read by name; what is not as it must be is a Refusal in Binance's words."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal

from planar.venue.refusal import Refusal, illegal, missing

NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER = r"^[0-9]{1,20}$"
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"
SYMBOL_HERE = r"^((?![a-z])[\w\-.]){1,50}$"
"""As Binance says it, in Java's way, and in Python's: no small letters, and Chinese ones are listed."""
DECIMALS = 8


class Query:
    """Parameters by name. What is never asked for counts as not read."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters
        self._read: set[str] = {"signature"}

    def has(self, name: str) -> bool:
        """Whether it was sent, and not empty."""
        return self.text(name) != ""

    def text(self, name: str, default: str = "") -> str:
        """As it was sent."""
        self._read.add(name)
        return self._parameters.get(name, "") or default

    def required(self, name: str) -> str:
        """As it was sent; Refusal when it was not."""
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def symbol(self, name: str = "symbol") -> str:
        """``symbol``, or what is so under another name, which is required."""
        self.required(name)
        return self.matching(name, SYMBOL, SYMBOL_HERE)

    def one_of(self, name: str, allowed: Collection[str], code: int, text: str, default: str = "") -> str:
        """A word that must be one of these; required unless there is a default."""
        value = self.text(name, default) or self.required(name)
        if value not in allowed:
            raise Refusal(code, text)
        return value

    def matching(self, name: str, legal: str, pattern: str = "") -> str:
        """A text of a given form; empty when it was not sent. pattern: the form, where Python writes it otherwise."""
        value = self.text(name)
        if value and not re.match(pattern or legal, value):
            raise illegal(name, legal)
        return value

    def number(self, name: str) -> Decimal | None:
        """An exact positive number; None when it was not sent."""
        value = self.matching(name, NUMBER)
        if not value:
            return None
        if len(value.partition(".")[2].rstrip("0")) > DECIMALS:
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """A whole number; None when it was not sent."""
        value = self.matching(name, INTEGER)
        return int(value) if value else None

    def limit(self, default: int, most: int) -> int:
        """``limit``, cut to the most there is."""
        value = self.integer("limit")
        if value == 0:
            raise illegal("limit", "1 to " + str(most))
        return min(value or default, most)

    def refuse(self, name: str) -> None:
        """Refusal when a parameter was sent that this request does not take."""
        if self.has(name):
            raise Refusal(-1106, f"Parameter '{name}' sent when not required.")

    def all_read(self) -> None:
        """Refusal when something was sent that nothing asked for."""
        read = sum(name in self._read for name in self._parameters)
        if read < len(self._parameters):
            raise Refusal(
                -1104,
                "Not all sent parameters were read; "
                f"read '{read}' parameter(s) but was sent '{len(self._parameters)}'.",
            )
