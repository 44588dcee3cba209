"""`Floor`: the whole venue without network: listings, their markets, accounts; time comes in as an argument."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from planar.model.order import Reason
from planar.simulator.fill_model import FillModel
from planar.venue.account import Account
from planar.venue.book import Terms
from planar.venue.kernel_state import KernelState
from planar.venue.klines import Kline
from planar.venue.listing import BREAK, TRADING, Listing
from planar.venue.market import HOUR, Market, Trade
from planar.venue.order import Order, Report, Ticket
from planar.venue.prints import Print
from planar.venue.refusal import INVALID_SYMBOL, Refusal
from planar.venue.replay import Change
from planar.venue.usdm.account import ContractAccount, Income
from planar.venue.usdm.funding import Funding

OnTrades = Callable[[Market, list[Trade], list[tuple[str, Kline]]], None]
OnBook = Callable[[Market], None]
OnReports = Callable[[Account, list[Report]], None]
OnDeposit = Callable[[Account, str, Decimal], None]
OnFunding = Callable[[ContractAccount, list[Income]], None]
OnContract = Callable[[ContractAccount, Listing], None]
OnMargin = Callable[[ContractAccount, Listing, str], None]


class Floor:
    """Moves the market along its prints and serves orders.

    moves: prints and changes of recorded books in the order of time; those until ``start`` are history.
    funding: of each contract, by the listing's id. on_trades, on_best (the best bid or ask of a recorded book changed),
    on_reports, on_deposit, on_funding, on_config (another leverage), on_margin (moved, or of another mode): who
    listens.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        moves: Iterator[Print | Change],
        model: FillModel,
        start: int,
        funding: Mapping[str, Funding] | None = None,
    ) -> None:
        self.listings = list(listings)
        self.model = model
        self.now = start
        self.accounts: dict[str, Account] = {}
        self.on_trades: list[OnTrades] = []
        self.on_best: list[OnBook] = []
        self.on_reports: list[OnReports] = []
        self.on_deposit: list[OnDeposit] = []
        self.on_funding: list[OnFunding] = []
        self.on_config: list[OnContract] = []
        self.on_margin: list[OnMargin] = []
        # A state without orders, for what takers pay.
        self._quiet = KernelState(listings, model)
        funding = funding or {}
        self.markets = {i.id: Market(i, self._terms_of(i), funding.get(i.id)) for i in self.listings}
        self._moves = moves
        self._next: Print | Change | None = next(moves, None)
        self._orders, self._trades = itertools.count(1), itertools.count(1)
        self._hour = -1
        self.advance(start)

    def _terms_of(self, listing: Listing) -> Callable[[float], Terms]:
        return lambda price: self._quiet.terms(listing.index, price)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more moves."""
        return self._next is None

    @property
    def next_time(self) -> int | None:
        """When the next move comes."""
        return self._next.time if self._next else None

    def advance(self, until: int) -> int:
        """Lets every move up to a time happen; gives how many."""
        count = 0
        while self._next is not None and self._next.time <= until:
            move = self._next
            self._next = next(self._moves, None)
            self.happen(move)
            count += 1
        self.now = max(self.now, until)
        if self._hour < 0:
            self._estimate(self.now)
        return count

    def happen(self, move: Print | Change) -> None:
        """One move of the market, now: how a floor is fed from outside."""
        if isinstance(move, Change):
            self._change(move)
            return
        if move.time // HOUR > self._hour >= 0:
            self._estimate(move.time)
        listing = self.listings[move.k]
        if listing.status != TRADING:
            return
        market = self.markets[listing.id]
        self.now = max(self.now, move.time)
        trades, closed = market.take(move)
        for account in self.accounts.values():
            account.settle(move)
            self._report(account)
        for listen in self.on_trades:
            listen(market, trades, closed)

    def mark(self, listing: Listing, price: float, time: int) -> None:
        """The mark of a contract is told from outside, and moves to that price; what is under there is liquidated."""
        market, k = self.markets[listing.id], listing.index
        for account in self.contract_accounts:
            account.kernel.set_mark(k, price)
            last = market.last
            account.settle(Print(max(time, self.now), k, last, last, last, last, 0, False))
            account.kernel.stand(k)
            self._report(account)

    def expect_funding(self, listing: Listing, time: int, rate: float) -> None:
        """What a contract pays next is told from outside."""
        for account in self.contract_accounts:
            account.kernel.expect(listing.index, time, rate)

    def _change(self, change: Change) -> None:
        market = self.markets[self.listings[change.k].id]
        self.now = max(self.now, change.time)
        if market.take_change(change):
            for listen in self.on_best:
                listen(market)

    def _estimate(self, time: int) -> None:
        """What a day is like, anew at every hour and the same for all."""
        self._hour = time // HOUR
        for market in self.markets.values():
            estimates, k = market.estimates(self._hour * HOUR), market.listing.index
            for state in (self._quiet, *(a.kernel for a in self.accounts.values())):
                state.estimate(k, estimates)
            market.forget_book()

    def market(self, id: str | None) -> Market:
        """The market of a symbol. Raises Refusal when it is not listed."""
        if id not in self.markets:
            raise Refusal(*INVALID_SYMBOL)
        return self.markets[id]

    def count_from(self, first: int) -> None:
        """Orders and trades are numbered from there on."""
        self._orders, self._trades = itertools.count(first), itertools.count(first)

    # Accounts

    def open_account(self, key: str, secret: str, balances: dict[str, Decimal]) -> Account:
        """A new account behind a key."""
        kind = ContractAccount if self.listings[0].is_contract else Account
        account = kind(key, secret, self.listings, self.model, lambda: next(self._orders), lambda: next(self._trades))
        account.updated = self.now
        for asset, amount in balances.items():
            account.deposit(asset, amount)
        for market in self.markets.values():
            k = market.listing.index
            if isinstance(account, ContractAccount) and market.funding is not None:
                account.kernel.plan(k, market.funding, market.time)
            account.kernel.estimate(k, market.estimates(self._hour * HOUR))
            account.kernel.set_last(k, market.listing.price(market.last))
        self.accounts[key] = account
        return account

    @property
    def contract_accounts(self) -> list[ContractAccount]:
        """The accounts of perpetuals."""
        return [account for account in self.accounts.values() if isinstance(account, ContractAccount)]

    def tell_config(self, account: ContractAccount, listing: Listing) -> None:
        """A contract of the account was given another leverage."""
        for listen in self.on_config:
            listen(account, listing)

    def tell_margin(self, account: ContractAccount, listing: Listing, why: str) -> None:
        """Margin of a position was moved, or its mode changed: ``MARGIN_TRANSFER``, ``MARGIN_TYPE_CHANGE``."""
        for listen in self.on_margin:
            listen(account, listing, why)

    def deposit(self, account: Account, asset: str, amount: Decimal) -> None:
        """Adds to a balance, or takes from it, and tells the account."""
        account.updated = self.now
        account.deposit(asset, amount)
        for listen in self.on_deposit:
            listen(account, asset, amount)

    def place(self, account: Account, ticket: Ticket, share: float = 1.0) -> Order:
        """Places an order. share: of the book that it finds. Raises Refusal when it is not taken."""
        if ticket.listing.status != TRADING:
            raise account.refused_for(Reason.DELISTED)
        market = self.markets[ticket.listing.id]
        depth = market.book.depth(ticket.side, ticket.ticks)
        order = account.place(ticket, self.now, int(depth * share), market.stand(ticket))
        self._report(account)
        return order

    def amend(self, account: ContractAccount, order: Order, ticks: int, units: int) -> None:
        """Gives a limit another price and another amount in all. Raises Refusal when it cannot have them."""
        if order.ticket.listing.status != TRADING:
            raise account.refused_for(Reason.DELISTED)
        account.amend(order, self.now, ticks, units)
        self._report(account)

    def cancel(self, account: Account, order: Order, client_id: str = "") -> None:
        """Cancels an order. client_id: of the cancel itself. Raises Refusal when it is not open."""
        account.cancel(order, self.now, client_id)
        self._report(account)

    def set_status(self, listing: Listing, status: str) -> None:
        """Halts trading of a symbol, or lets it go on."""
        listing.status = status

    def delist(self, listing: Listing) -> None:
        """Ends trading of a symbol: its orders are cancelled, its balances stay."""
        listing.status = BREAK
        for account in self.accounts.values():
            for order in [o for o in account.open.values() if o.ticket.listing is listing]:
                account.cancel(order, self.now)
            self._report(account)

    def _report(self, account: Account) -> None:
        reports = account.take_reports()
        if reports:
            for listen in self.on_reports:
                listen(account, reports)
        if isinstance(account, ContractAccount):
            paid = account.take_paid()
            if paid:
                for listen in self.on_funding:
                    listen(account, paid)
