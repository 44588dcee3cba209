"""`ContractUserStreams`: tells accounts what happens to their orders, positions and margin."""

from decimal import Decimal

from planar.venue.account import Account
from planar.venue.floor import Floor
from planar.venue.listing import Listing
from planar.venue.order import CALCULATED, TRADE, Report
from planar.venue.usdm import wire_account, wire_orders
from planar.venue.usdm.account import ContractAccount, Income
from planar.venue.usdm.margin_calls import MarginCalls
from planar.venue.user_stream import UserStreams

NO_CHANGE = "0.00000000"


class ContractUserStreams(UserStreams):
    """Sends an account's events to all who listen to it: first how it stands, then what happened to its orders."""

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor)
        floor.on_funding.append(self._funding)
        floor.on_config.append(self._config)
        floor.on_margin.append(self._margin)
        floor.on_trades.append(self._call)
        self._calls = MarginCalls()

    def _reports(self, account: Account, reports: list[Report]) -> None:
        if not self.has(account):
            return
        traded = dict.fromkeys(r.order.ticket.listing.id for r in reports if r.what in (TRADE, CALCULATED))
        if traded:
            self._stand(account, "ORDER", [self.floor.markets[id].listing for id in traded])
        now = self.floor.now
        for report in reports:
            if report.order.ticket.waits:
                for event in wire_orders.algo_events(report, now):
                    self.tell(account, event)
            if not report.order.ticket.waits or report.order.trigger_id:
                self.tell(account, wire_orders.order_event(report, now))

    def _stand(self, account: Account, reason: str, listings: list[Listing], change: str = NO_CHANGE) -> None:
        """How the wallet and these positions stand, since something happened."""
        if isinstance(account, ContractAccount) and self.has(account):
            self.tell(account, wire_account.account_event(account, reason, listings, change, self.floor.now))

    def _deposit(self, account: Account, asset: str, amount: Decimal) -> None:
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        if asset == account.listings[0].quote:
            self._stand(account, reason, [], f"{amount:.8f}")

    def _funding(self, account: ContractAccount, paid: list[Income]) -> None:
        for one in paid:
            listings = [one.listing] if one.listing else []
            isolated = [listing for listing in listings if account.position(listing).is_isolated]
            # Of cross margin only the wallet is told.
            self._stand(account, "FUNDING_FEE", isolated, account.listings[0].money_text(one.units))

    def _config(self, account: ContractAccount, listing: Listing) -> None:
        leverage = int(account.position(listing).leverage)
        now = self.floor.now
        self.tell(account, {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": listing.id, "l": leverage}})

    def _call(self, *_: object) -> None:
        """The market moved: whose margin is nearly used up is told so."""
        for account in self.floor.contract_accounts:
            if self.has(account) and any(account.kernel.held(k) for k in range(len(account.listings))):
                called = self._calls.due(account)
                if called:
                    self.tell(account, wire_account.margin_call(account, called, self.floor.now))

    def _margin(self, account: ContractAccount, listing: Listing, why: str) -> None:
        self._stand(account, why, [listing])
