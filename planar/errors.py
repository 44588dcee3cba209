"""Every error Planar raises on purpose.

PlanarError
├─ ConfigError          fix the settings or the call: name, value, remedy, "did you mean"
├─ StrategyError        fix the strategy: file, line, remedy
├─ DataError            candles missing, duplicated, unsorted, impossible
└─ ExchangeError        .exchange .code ("RATE_LIMIT", "INSUFFICIENT_FUNDS", …)
   ├─ Unreachable       wait and retry: timeouts, rate limits, maintenance
   ├─ Rejected          do not retry: funds, size, price, permission, unknown symbol
   └─ Unknown           the outcome is not known: reconcile before anything else

Each message is one paragraph that names the thing, the place and the remedy.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class PlanarError(Exception):
    """Anything the user can mend; the command line prints it without a traceback."""


class ConfigError(PlanarError):
    """A setting or an argument is wrong."""


class StrategyError(PlanarError):
    """A strategy cannot be loaded, or raised while it ran."""


class DataError(PlanarError):
    """Candles are missing, duplicated, unsorted or impossible."""


class ExchangeError(PlanarError):
    """An exchange refused, failed or could not be reached. retry_after: seconds, where the exchange says."""

    retry_after: float | None = None

    def __init__(self, message: str, *, exchange: str, code: str) -> None:
        super().__init__(message)
        self.exchange = exchange
        self.code = code


class Unreachable(ExchangeError):
    """The request did not get through: wait and retry."""


class Rejected(ExchangeError):
    """The exchange said no: the same request will fail again."""


class Unknown(ExchangeError):
    """The outcome is not known: reconcile by client order id first."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'slow'?"`` for the nearest known name, or an empty string."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
