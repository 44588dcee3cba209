"""`CcxtExchange`: any exchange that CCXT knows, behind our interface."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from planar.exchange.capabilities import capabilities_from
from planar.exchange.connection import unconnected
from planar.exchange.derivatives import Derivatives

if TYPE_CHECKING:
    from planar.exchange.streams import Streams


class CcxtExchange(Derivatives):
    """One account at one exchange over CCXT's REST classes. Get one with `planar.exchange.get`.

    Built up from `Connected` (requests), `Listed` (markets), `PublicData`, `OwnData`, `Orders`, `Amends`,
    `Batches` and `Derivatives`.
    """

    @cached_property
    def streams(self) -> "Streams":
        """What the exchange tells of itself, as it happens."""
        from planar.exchange.streams import Streams

        return Streams(self)

    async def disconnect(self) -> None:
        """Closes streams and connections."""
        if "streams" in vars(self):
            await self.streams.close()
        await super().disconnect()

    def abandon(self) -> None:
        """Lets go of the connections of an event loop that is gone."""
        if "streams" in vars(self):
            self.streams.abandon()
        super().abandon()

    def capabilities(self) -> Mapping[str, Any]:
        """What this exchange can do, by name, from CCXT's own tables; nothing is sent."""
        found = capabilities_from(unconnected(self.ccxt_id or self.id, self.quirk), self.quirk)
        return {**found, "dead_man": self.dead_man is not None}
