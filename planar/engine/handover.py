"""What a strategy's memory becomes when its code was edited: what both declare by name and kind goes over."""

from dataclasses import dataclass

from planar.engine.interpret import Interpreter
from planar.strategy.base import Layout
from planar.strategy.compiler import kind_of
from planar.strategy.universe import take_over


@dataclass(frozen=True)
class Memory:
    """Names of memory: that is kept; that begins at its start, since it is new or of another kind; that is dropped."""

    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def memory_between(before: Layout, now: Layout) -> Memory:
    """What becomes of the memory of one class in another."""
    was, is_ = _kinds(before), _kinds(now)
    kept = tuple(name for name in is_ if was.get(name) == is_[name])
    return Memory(kept, tuple(n for n in is_ if n not in kept), tuple(n for n in was if n not in is_))


def hand_over(before: Interpreter, now: Interpreter) -> None:
    """Gives the memory of a strategy to another one over the same account, and what waits to be funded."""
    layout = type(now.strategy).layout
    for name in memory_between(type(before.strategy).layout, layout).kept:
        if name in layout.shared:
            now.shared[name] = before.shared[name]
            continue
        for mine, theirs in zip(now.bound, before.bound, strict=True):
            mine.__dict__[name] = theirs.__dict__[name]
    if before.universe is not None and now.universe is not None:
        take_over(now.universe, before.universe)


def _kinds(layout: Layout) -> dict[str, tuple[str, object]]:
    """How each name is kept."""
    return (
        {name: ("number", kind_of(value)) for name, value in layout.memory.items()}
        | {name: ("shared", kind_of(value)) for name, value in layout.shared.items()}
        | {name: ("array", declared.length) for name, declared in layout.arrays.items()}
        | {name: ("object", type(value)) for name, value in layout.objects.items()}
    )
