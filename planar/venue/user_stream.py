"""`UserStreams`: tells accounts what happens to their orders and balances."""

import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from planar.venue import wire_orders as wire
from planar.venue.account import Account
from planar.venue.floor import Floor
from planar.venue.order import Report

Listener = Callable[[Any], None]
"""Gets each event as a document."""


class UserStreams:
    """Sends an account's events to all who listen to it."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._listeners: dict[str, list[Listener]] = {}
        self._ids = itertools.count(1)
        floor.on_reports.append(self._reports)
        floor.on_deposit.append(self._deposit)

    def listen(self, account: Account, listener: Listener) -> Callable[[], None]:
        """Sends an account's events there from now on; gives what ends it."""
        self._listeners.setdefault(account.key, []).append(listener)
        return lambda: self._listeners[account.key].remove(listener)

    def has(self, account: Account) -> bool:
        """Whether anybody listens to an account."""
        return bool(self._listeners.get(account.key))

    def tell(self, account: Account, event: Any) -> None:
        """Sends one event."""
        for listener in list(self._listeners.get(account.key, ())):
            listener(event)

    def _reports(self, account: Account, reports: list[Report]) -> None:
        if not self.has(account):
            return
        assets = dict[str, None]()
        for report in reports:
            listing = report.order.ticket.listing
            assets |= dict.fromkeys((listing.base, listing.quote))
            self.tell(account, wire.execution_report(report, self.floor.now, next(self._ids)))
        self._position(account, list(assets))

    def _deposit(self, account: Account, asset: str, amount: Decimal) -> None:
        event = {"e": "balanceUpdate", "E": self.floor.now, "a": asset, "d": f"{amount:.8f}", "T": self.floor.now}
        self.tell(account, event)
        self._position(account, [asset])

    def _position(self, account: Account, assets: list[str]) -> None:
        balances = wire.balances(account, assets)
        event = {"e": "outboundAccountPosition", "E": self.floor.now, "u": account.updated, "B": balances}
        self.tell(account, event)
