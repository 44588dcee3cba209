"""What one exchange does unlike the others: rows of a class, or methods that replace ours. Never an ``if`` elsewhere.

registry  `Quirk`, what all exchanges are taken to do; who does otherwise
binance   Binance's
others    those of exchanges that need a few rows

Yours go into ``user/quirks.py``, before the exchange is first used::

    from planar.exchange.quirks import quirk, quirk_of

    @quirk("binance")
    class Patient(quirk_of("binance")):
        receive_window_ms = 20_000
"""

from planar.exchange.quirks.registry import (
    Amend,
    DeadMan,
    MarketMinimum,
    Pool,
    Quirk,
    load_user_quirks,
    quirk,
    quirk_of,
)

__all__ = ["Amend", "DeadMan", "MarketMinimum", "Pool", "Quirk", "load_user_quirks", "quirk", "quirk_of"]
