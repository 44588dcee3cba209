"""`CcxtExchange`: any exchange that CCXT knows, behind our interface."""

from collections.abc import Mapping
from typing import Any

from planar.exchange.capabilities import capabilities_from
from planar.exchange.connection import unconnected
from planar.exchange.derivatives import Derivatives


class CcxtExchange(Derivatives):
    """One account at one exchange over CCXT's REST classes. Get one with `planar.exchange.get`.

    Built up from `Connected` (requests), `Listed` (markets), `PublicData`, `OwnData`, `Orders`, `Batches` and
    `Derivatives`.
    """

    def capabilities(self) -> Mapping[str, Any]:
        """What this exchange can do, by name, from CCXT's own tables; nothing is sent."""
        return capabilities_from(unconnected(self.ccxt_id or self.id))
