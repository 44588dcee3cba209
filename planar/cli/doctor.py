"""``planar doctor``: whether anything stands in the way of trading, and what to do about it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from planar.cli.answer import say_json
from planar.cli.ask import ask
from planar.cli.options import Json
from planar.engine.doctor.diagnosis import Diagnosis, Grade, failed
from planar.engine.doctor.machine import machine
from planar.engine.doctor.places import places, shown
from planar.errors import ConfigError
from planar.exchange.interface import Exchange

STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAULT: "bold red"}

NEEDED = ("libraries", "settings", "keys")
"""Without these no exchange can be asked."""


def doctor(
    *exchanges: str,
    exchange: Annotated[list[str] | None, Parameter(negative=(), help="As the words; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Look at this machine and at the exchanges; tell what stands in the way of trading, and what to do about it.

    Ends with 1 when anything is a fault.

    Parameters
    ----------
    exchanges
        Only these; the demo, those that are configured and those that there are keys of when none is named.
    """
    with Teller(json) as teller:
        for each in machine():
            teller.tell(each)
        if any(each.check in NEEDED for each in teller.faults):
            teller.say("\nNo exchange was asked: that has to be mended first.")
            return
        for id, is_test, account in places((*exchanges, *(exchange or ()))):
            try:
                ask(looking(teller), id, sandbox=is_test, account=account or None)
            except ConfigError as error:
                teller.tell(failed(shown((id, is_test, account)), "settings", error))


class Teller:
    """Prints diagnoses as they come, and how many are not well; or all of them as one document at the end."""

    def __init__(self, as_json: bool) -> None:
        self.told: list[Diagnosis] = []
        self._as_json = as_json
        self._console = Console(highlight=False, markup=False)

    @property
    def faults(self) -> list[Diagnosis]:
        """Those of them that keep something from working."""
        return [each for each in self.told if each.grade is Grade.FAULT]

    def __enter__(self) -> "Teller":
        return self

    def busy(self) -> AbstractContextManager[object]:
        """Shows that something is going on."""
        return nullcontext() if self._as_json else self._console.status("")

    def tell(self, diagnosis: Diagnosis) -> None:
        """One more."""
        is_new = not self.told or self.told[-1].of != diagnosis.of
        self.told.append(diagnosis)
        if self._as_json:
            return
        if is_new:
            before = "" if len(self.told) == 1 else "\n"
            self._console.print(f"{before}{diagnosis.of}", style="bold")
        self._console.print(_row(diagnosis))

    def say(self, text: str) -> None:
        """A line that is no diagnosis."""
        if not self._as_json:
            self._console.print(text)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the command with 1 when there was a fault."""
        if kind is not None:
            return
        if self._as_json:
            say_json(self.told)
        warnings = sum(each.grade is Grade.WARNING for each in self.told)
        told = f"{_counted(len(self.faults), 'fault')}, {_counted(warnings, 'warning')}."
        self.say(f"\n{told.capitalize()}")
        if self.faults:
            raise SystemExit(1)


def looking(teller: Teller) -> Callable[[Exchange], Awaitable[None]]:
    """Work for `ask`: tells what is found at an exchange."""

    async def look(exchange: Exchange) -> None:
        from planar.engine.doctor.exchange import exchange_at

        with teller.busy():
            async for each in exchange_at(exchange):
                teller.tell(each)

    return look


def _row(diagnosis: Diagnosis) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=9)
    row.add_column(width=11)
    row.add_column(overflow="fold")
    row.add_row(Text(f"  {diagnosis.grade}", STYLES[diagnosis.grade]), diagnosis.check, diagnosis.found)
    if diagnosis.remedy:
        row.add_row("", "", Text(f"→ {diagnosis.remedy}"))
    return row


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
