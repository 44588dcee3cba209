"""The decision of a moment: what of it is to be sent, and what it raised."""

from collections.abc import Callable, Sequence

from planar.engine.session.archive import replayed
from planar.engine.session.recorder import Recorder
from planar.errors import PlanarError, StrategyError
from planar.model.ask import Amend, Ask, Cancel, Place
from planar.model.order import Reason, Status
from planar.store.candles import utc

STALE_SHARE, STALE_MS = 0.05, 30_000
"""A decision is stale when it is older than this share of its timeframe, or than this."""


def is_stale(time: int, now: int, length: int) -> bool:
    """Whether a decision of that moment is too old to be sent. length: of its candles, milliseconds."""
    return now - time > min(STALE_SHARE * length, STALE_MS)


def decided(recorder: Recorder, time: int, clock: Callable[[], int], length: int) -> list[Ask]:
    """What is to be sent of the decision of a moment. length: of its candles, milliseconds."""
    asks, now = recorder.step(time, clock), clock()
    if not is_stale(time, now, length):
        return asks
    return _cancels(recorder, asks, now, f"decided {(now - time) / 1000:.1f} s late")


def _cancels(recorder: Recorder, asks: Sequence[Ask], now: int, why: str) -> list[Ask]:
    """The cancels of a decision that came too late; all else of it is refused."""
    for ask in asks:
        if isinstance(ask, Place):
            numbers = now, int(Status.REJECTED), int(Reason.STALE_DECISION)
            recorder.tell("ended", ask.k, ask.id, *numbers, error=why)
        elif isinstance(ask, Amend):
            recorder.tell("not_amended", ask.k, ask.id, now, int(Reason.STALE_DECISION), error=why)
    return [ask for ask in asks if isinstance(ask, Cancel)]


def explained(recorder: Recorder, error: Exception, time: int) -> Exception:
    """What compiled code raised, with the author's line: the same decision is made again interpreted."""
    if recorder.trader.hooks is None:
        return error
    try:
        replayed(list(recorder.journal.entries()), compiled=False).step(time)
    except PlanarError as told:
        return told
    return StrategyError(f"{type(error).__name__} at {utc(time)}, of compiled code alone: {error}")
