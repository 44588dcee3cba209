"""The decision of a moment: what of it is to be sent, and what it raised."""

from collections.abc import Callable, Sequence

from planar.broker.protector import protects
from planar.engine.session.archive import replayed
from planar.engine.session.recorder import Recorder
from planar.errors import PlanarError, StrategyError
from planar.model.ask import Ask, Cancel, Leverage, Margin, Place
from planar.model.order import STOPS, Reason, Status
from planar.store.candles import utc

STALE_SHARE, STALE_MS = 0.05, 30_000
"""A decision is stale when it is older than this share of its timeframe, or than this."""


def patience(length: int) -> float:
    """Milliseconds after which a decision is stale, and a position too long without its protection.

    length: of the candles, milliseconds.
    """
    return min(STALE_SHARE * length, STALE_MS)


def is_stale(time: int, now: int, length: int) -> bool:
    """Whether a decision of that moment is too old to be sent. length: of its candles, milliseconds."""
    return now - time > patience(length)


def decided(recorder: Recorder, time: int, clock: Callable[[], int], length: int) -> tuple[list[Ask], bool]:
    """What is to be sent of the decision of a moment, and whether that comes late. length: as of `patience`."""
    asks, now = recorder.step(time, clock), clock()
    if not is_stale(time, now, length):
        return asks, False
    late = _Late(recorder, now, f"decided {(now - time) / 1000:.1f} s late")
    return [ask for k in sorted({ask.k for ask in asks}) for ask in late.kept(k, asks)], True


class _Late:
    """A decision that came too late: cancels of it are sent, and what protects a position; all else is refused.

    Where a stop was to make room for an exit, which is refused, it stays: a position is protected as was decided, or as
    it was, never less.
    """

    def __init__(self, recorder: Recorder, now: int, why: str) -> None:
        self._recorder, self._now, self._why = recorder, now, why

    def kept(self, k: int, asks: Sequence[Ask]) -> list[Ask]:
        """What is to be sent of an instrument."""
        mine = [ask for ask in asks if ask.k == k]
        is_exiting = any(isinstance(ask, Place) and ask.kind not in STOPS and self._is_exit(ask) for ask in mine)
        stays = is_exiting and any(isinstance(ask, Cancel) and self._protects(ask) for ask in mine)
        return [ask for ask in mine if self._is_kept(ask, stays)]

    def _is_kept(self, ask: Ask, stays: bool) -> bool:
        tell = self._recorder.tell
        if isinstance(ask, Cancel):
            is_kept = not (stays and self._protects(ask))
            if not is_kept:
                why = f"{self._why}, and so was the exit that it made room for"
                tell("not_cancelled", ask.k, ask.id, error=why, is_withheld=True)
            return is_kept
        if isinstance(ask, Leverage | Margin):
            return True
        if isinstance(ask, Place) and ask.kind in STOPS and self._is_exit(ask) and not stays:
            return True
        if isinstance(ask, Place):
            numbers = self._now, int(Status.REJECTED), int(Reason.STALE_DECISION)
            tell("ended", ask.k, ask.id, *numbers, error=self._why)
        else:
            tell("not_amended", ask.k, ask.id, self._now, int(Reason.STALE_DECISION), error=self._why)
        return False

    def _is_exit(self, ask: Place) -> bool:
        return ask.side * self._recorder.trader.base(ask.k)[0] < 0

    def _protects(self, ask: Cancel) -> bool:
        trader = self._recorder.trader
        records = trader.open_records(ask.k)
        return any(protects(one, trader.base(ask.k)[0]) for one in records[records["id"] == ask.id - 1])


def explained(recorder: Recorder, error: Exception, time: int) -> Exception:
    """What compiled code raised, with the author's line: the same decision is made again interpreted."""
    if recorder.trader.hooks is None:
        return error
    try:
        replayed(list(recorder.journal.entries()), compiled=False).step(time)
    except PlanarError as told:
        return told
    return StrategyError(f"{type(error).__name__} at {utc(time)}, of compiled code alone: {error}")
