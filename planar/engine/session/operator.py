"""`Operator`: what somebody may do with a session that runs, each thing in its journal, so that it is replayed."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from planar.broker.gate import Gate, State
from planar.broker.journal import Entry
from planar.broker.terms import symbol_of
from planar.engine.session.adoption import Adoption
from planar.errors import ConfigError, did_you_mean
from planar.kernel import reads
from planar.model.order import NEVER, Reason
from planar.model.timeframe import milliseconds

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

PAUSED, STOPPING, CLOSING = "paused", "stopping", "closing"
"""Causes of restrictions."""

WHY = {
    PAUSED: "Its operator paused it: `planar resume` lets it go on.",
    STOPPING: "It stops once nothing is held: `planar resume` lets it go on instead.",
    CLOSING: "Its positions are being closed.",
}
PATIENCE = 30.0
"""Seconds that orders which close have."""
SECOND = 1_000
ATTEMPTS = 3
"""An order that filled while it was being cancelled leaves something to close."""


def restrict(gate: Gate, entries: Iterable[Entry]) -> None:
    """What an operator asked for before the program ended still holds."""
    asked = [entry for entry in entries if entry.kind in ("operator", "stopped")]
    for cause in sorted(_causes(asked)):
        gate.restrict(cause, State.REDUCING, WHY[cause])
    for body in (entry.body for entry in asked if entry.kind == "operator"):
        if body["what"] == "lock":
            gate.locks[body["k"]] = body["until"] or NEVER
        elif body["what"] == "unlock":
            gate.locks.pop(body["k"], None)


def _causes(entries: Iterable[Entry]) -> set[str]:
    causes = set[str]()
    for entry in entries:
        what = entry.body["what"] if entry.kind == "operator" else entry.kind
        if what == "pause":
            causes.add(PAUSED)
        elif what == "when_flat":
            causes.add(STOPPING)
        elif what == "resume":
            causes.clear()
        elif what == "stopped":
            causes.discard(STOPPING)  # it did
    return causes


def _length(time: str) -> int:
    """Milliseconds of a time such as ``"4h"``."""
    try:
        return milliseconds(time)
    except ConfigError:
        raise ConfigError(f"--for {time!r} is no time: write 4h or 1d.") from None


class Operator:
    """Commands to one session."""

    def __init__(self, session: "LiveSession") -> None:
        self.session, self.gate = session, session.broker.gate
        self._turn = asyncio.Lock()
        self._work: set[asyncio.Task[Any]] = set()
        session.on_entry.append(self._hear)
        self._leave_when_flat()

    def pause(self) -> None:
        """No new entries, until `resume`."""
        self._note("pause")
        self.gate.restrict(PAUSED, State.REDUCING, WHY[PAUSED])

    def resume(self) -> None:
        """Takes back `pause` and `stop_when_flat`. Raises ConfigError where neither was said."""
        if not {PAUSED, STOPPING} & set(self.gate.causes):
            raise ConfigError(f"{self._name} was not paused. It is {self.gate.state.name}. {self.gate.why}".rstrip())
        self._note("resume")
        for cause in (PAUSED, STOPPING):
            self.gate.lift(cause)

    def lock(self, symbol: str, time: str = "") -> None:
        """No new entries in one instrument, for a time such as ``"4h"`` of the session's, or until `unlock`."""
        [k] = self._places(symbol)
        until = (self.session.clock() + _length(time)) // SECOND * SECOND if time else NEVER
        self._note("lock", k=k, symbol=symbol_of(self.session.origin.instruments[k]), until=until if time else None)
        self.gate.locks[k] = until

    def unlock(self, symbol: str) -> None:
        """Takes back `lock`. Raises ConfigError where it was not said."""
        [k] = self._places(symbol)
        symbol = symbol_of(self.session.origin.instruments[k])
        if not self.gate.is_locked(k, self.session.clock()):
            raise ConfigError(f"{self._name} has {symbol} not locked.")
        self._note("unlock", k=k, symbol=symbol)
        del self.gate.locks[k]

    def stop(self) -> None:
        """Ends the session; positions and resting orders stay."""
        self._note("stop")
        self.session.stop()

    def stop_when_flat(self) -> None:
        """Ends the session once nothing is held; no new entries until then."""
        self._note("when_flat")
        self.gate.restrict(STOPPING, State.REDUCING, WHY[STOPPING])
        self._leave_when_flat()

    async def close(self, symbol: str = "") -> list[dict[str, Any]]:
        """Cancels the orders of an instrument, or of all, and closes the position at market; the session goes on.

        Gives, by instrument, what is still held and why. Raises ConfigError for another instrument.
        """
        ks = self._places(symbol)
        if self.gate.state is State.HALTED:
            raise ConfigError(f"{self._name} is HALTED and sends no orders. {self.gate.why}")
        async with self._turn:
            self.gate.restrict(CLOSING, State.REDUCING, WHY[CLOSING])
            try:
                for _ in range(ATTEMPTS):
                    reasons = await self._clear(ks)
                    if all(map(self._is_clear, ks)):
                        break
            finally:
                self.gate.lift(CLOSING)
        return [self._left(k, reasons) for k in ks]

    async def adopt(self, what: str = "") -> dict[str, Any]:
        """What the account has beside the books, or, named, what of it becomes the session's: as of `Adoption`."""
        async with self._turn:
            adoption = Adoption(self.session)
            return await (adoption.adopt(what) if what else adoption.look())

    async def stop_closed(self) -> list[dict[str, Any]]:
        """Closes all, then ends the session; where something stays, it is paused instead."""
        left = await self.close()
        if all(map(self._is_clear, self._places())):
            self.stop()
        else:
            self.pause()
        return left

    @property
    def _name(self) -> str:
        return f"session {self.session.folder.name}"

    def _note(self, what: str, **more: Any) -> None:
        self.session.recorder.write("operator", {"what": what, **more})
        self.session.recorder.commit()

    def _places(self, symbol: str = "") -> list[int]:
        known = [symbol_of(each) for each in self.session.origin.instruments]
        if not symbol:
            return list(range(len(known)))
        named = symbol.removeprefix(f"{self.session.origin.exchange}:")
        if named not in known:
            near = did_you_mean(named, known) or f" It has {', '.join(known)}."
            raise ConfigError(f"{self._name} does not trade {symbol}.{near}")
        return [known.index(named)]

    async def _clear(self, ks: Sequence[int], *, is_close: bool = True) -> dict[int, Reason]:
        """Sends what is needed, waits for its end, and gives the refusals by instrument."""
        session, trader = self.session, self.session.recorder.trader
        first = int(trader.record["orders_n"])
        open_before = [int(one["id"]) + 1 for k in ks for one in trader.open_records(k)]
        session.broker.send(session.recorder.order(session.clock(), ks, is_close=is_close))
        session.recorder.commit()
        mine = range(first + 1, int(trader.record["orders_n"]) + 1)
        until = asyncio.get_running_loop().time() + PATIENCE
        while any(map(trader.is_open, [*open_before, *mine])) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
        ended = [trader.order(id) for id in mine]
        return {int(one["instrument"]): Reason(int(one["reason"])) for one in ended if one["reason"]}

    def _is_clear(self, k: int) -> bool:
        return not self._held(k) and not self.session.recorder.trader.memory.instruments[k]["active_n"]

    def _held(self, k: int) -> float:
        """The position; what is less than the market's rules let one sell is none."""
        return float(reads.position(self.session.recorder.trader.address, k))

    def _left(self, k: int, reasons: dict[int, Reason]) -> dict[str, Any]:
        instrument, record = self.session.origin.instruments[k], self.session.recorder.trader.memory.instruments[k]
        reason, held = reasons.get(k), self._held(k)
        return {
            "instrument": instrument.name,
            "held": held,
            "orders": int(record["active_n"]),
            "why": reason.name if reason and held else "",
        }

    def _hear(self, kind: str, _: Any) -> None:
        if kind == "told":
            self._leave_when_flat()

    def _leave_when_flat(self) -> None:
        """Stops where nothing is held and that was wanted; what still rests is cancelled before."""
        ks = self._places()
        if STOPPING not in self.gate.causes or any(map(self._held, ks)) or self._work:
            return
        if all(map(self._is_clear, ks)):
            self.session.stop()
            return
        self._work.add(asyncio.ensure_future(self._cancel_rest(ks)))

    async def _cancel_rest(self, ks: Sequence[int]) -> None:
        try:
            async with self._turn:
                await self._clear(ks, is_close=False)
        finally:
            self._work.clear()
        self._leave_when_flat()

    async def leave(self) -> None:
        """Lets go of the session."""
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
