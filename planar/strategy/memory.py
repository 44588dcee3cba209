"""Memory of an interpreted strategy: numbers that keep their declared types, as compiled code's do."""

from typing import Any, cast

from planar.errors import StrategyError
from planar.strategy.base import Layout, Strategy
from planar.strategy.undeclared import IS_CHOSEN


class _Number:
    """Guards one number of memory: compiled code keeps its type, so interpreted code does too."""

    def __init__(self, name: str, kind: type) -> None:
        self.name, self.kind = name, kind

    def __set__(self, instance: object, value: object) -> None:
        instance.__dict__[self.name] = self.checked(value)

    def checked(self, value: object) -> object:
        """The value as the declared type. Raises StrategyError with the remedy when it is of another."""
        if self.kind is float and isinstance(value, int | float):
            return float(value)
        if not isinstance(value, self.kind) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
            remedy = " Declare it as 0.0." if self.kind is int and isinstance(value, float) else ""
            raise StrategyError(
                f"self.{self.name} was declared as {self.kind.__name__} and is given {value!r}.{remedy}"
            )
        # A bool is a whole number, as in compiled code.
        return int(value) if self.kind is int and isinstance(value, int) else value


class _Chosen:
    """Guards a parameter: the user chooses it, a hook does not."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: object) -> None:
        raise StrategyError(f"{value!r} is assigned to {IS_CHOSEN.format(self.name)}")


class _Fixed:
    """Guards an array of memory: its places are assigned, never the array."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __set__(self, instance: object, value: object) -> None:
        remedy = f"Assign to its places: self.{self.name}[0] = 1.0."
        raise StrategyError(f"self.{self.name} is an array and is given a {type(value).__name__}. {remedy}")


def bound_class(cls: type[Strategy], shared: dict[str, Any]) -> type[Strategy]:
    """A subclass whose memory keeps its declared types and whose shared numbers live in ``shared``."""
    layout: Layout = cls.layout
    body: dict[str, object] = {name: _Number(name, type(value)) for name, value in layout.memory.items()}
    body |= {name: _Chosen(name) for name in layout.parameters}
    body |= {name: _Fixed(name) for name in layout.arrays}
    for name, value in layout.shared.items():
        body[name] = _shared_property(_Number(name, type(value)), shared)
    body |= {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    made = cast(type[Strategy], type.__new__(type, cls.__name__, (cls,), body))
    made.layout = layout
    return made


def _shared_property(guard: _Number, shared: dict[str, Any]) -> property:
    def read(_: object) -> Any:
        return shared[guard.name]

    def write(_: object, value: object) -> None:
        shared[guard.name] = guard.checked(value)

    return property(read, write)
