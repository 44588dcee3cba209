"""`Books`: what a broker tells of orders."""

from typing import Any, Protocol


class Books(Protocol):
    """Who is told: `planar.engine.session.recorder.Recorder`."""

    def tell(self, name: str, k: int, *numbers: int, **info: Any) -> bool:
        """Something became of an order."""
        ...

    def write(self, kind: str, body: Any) -> None:
        """Notes something in the journal."""
        ...

    def commit(self) -> None:
        """Returns when all of it is on disk."""
        ...

    def position(self, k: int) -> tuple[int, int]:
        """Base units of a contract's position, below 0 a short, and quote units put up for it alone."""
        ...

    @property
    def is_sound(self) -> bool:
        """Whether no balance is below zero."""
        ...
