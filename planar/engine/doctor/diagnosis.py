"""`Diagnosis`: one thing that was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How it is. A fault keeps something from working; a warning is a danger, or cannot be known."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Diagnosis:
    """of: this machine, or the exchange. check: what was looked at. remedy: empty where nothing is to be done."""

    of: str
    check: str
    grade: Grade
    found: str
    remedy: str = ""


def failed(of: str, check: str, error: Exception, grade: Grade = Grade.FAULT) -> Diagnosis:
    """Of one of our errors, whose first sentence tells what is wrong and whose others what to do."""
    said = str(error)
    found, _, remedy = said.removeprefix(f"{of}: ").partition(". ")
    return Diagnosis(of, check, grade, found.rstrip("."), remedy)
