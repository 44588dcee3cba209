"""`ContractStreams`: what the market of contracts tells its listeners: as on spot, and mark prices and liquidations."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from planar.venue.account import Account
from planar.venue.book import Book
from planar.venue.floor import Floor
from planar.venue.market import Market
from planar.venue.order import CALCULATED, Report
from planar.venue.streams import FAST, SLOW, Streams, difference
from planar.venue.usdm import wire_market as wire
from planar.venue.usdm.wire_orders import order_update
from planar.venue.wire_market import mini_ticker_event

NAME = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?P<kind>trade|aggTrade|kline|miniTicker|ticker|bookTicker|markPrice|forceOrder|depth)"
    r"(?:_(?P<interval>\w+))?(?P<levels>5|10|20)?(?:@(?P<speed>100ms|250ms|500ms|1s|3s))?"
)
MARKS, FORCED = ("markPrice", "markPrice@1s"), "!forceOrder@arr"
ALL_MARKS = ("!markPrice@arr", "!markPrice@arr@1s")


class ContractStreams(Streams):
    """The streams of contracts. Books are told every 100 ms or every second, mark prices every second."""

    name: ClassVar[re.Pattern[str]] = NAME
    all: ClassVar[tuple[str, ...]] = ("!miniTicker@arr", "!ticker@arr", "!bookTicker", FORCED, *ALL_MARKS)
    ends: ClassVar[Mapping[str, tuple[str, ...]]] = {FAST: ("@100ms", "", "@250ms"), SLOW: ("@500ms",)}
    words: ClassVar[Any] = wire

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor)
        floor.on_reports.append(self._forced)

    def _tickers(self) -> dict[str, Callable[[Market, int], Any]]:
        marks = dict.fromkeys(MARKS, wire.mark_event)
        return {"ticker": wire.ticker_event, "miniTicker": mini_ticker_event, **marks}

    def _partial(self, market: Market, levels: int) -> Any:
        return wire.partial_depth(market, levels, self.floor.now)

    def _difference(self, market: Market, before: Book) -> dict[str, Any]:
        return {**difference(market, before, self.floor.now), "T": market.time, "pu": before.version}

    def _flush_all(self) -> None:
        super()._flush_all()
        for name in ALL_MARKS:
            if self.has(name):
                self.publish(name, [wire.mark_event(market, self.floor.now) for market in self.floor.markets.values()])

    def _forced(self, _: Account, reports: list[Report]) -> None:
        """Liquidations are told to everybody."""
        for report in reports:
            if report.what == CALCULATED:
                listing = report.order.ticket.listing
                event = wire.force_event(order_update(report), self.floor.now)
                for name in (f"{listing.id.lower()}@forceOrder", FORCED):
                    self.publish(name, event)
