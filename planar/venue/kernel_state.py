"""`KernelState`: the kernel's state of one account over the venue's listings, one print long."""

from collections.abc import Sequence

from planar.kernel import prints
from planar.kernel.check import AMOUNT, COST
from planar.kernel.triggers import STOP, TAKE, TRAIL
from planar.model.order import Reason, Status, Tif
from planar.simulator.books import Books
from planar.simulator.drawn import set_draws
from planar.simulator.fill_model import FillModel
from planar.simulator.records import set_model
from planar.venue.book import Terms
from planar.venue.listing import Listing
from planar.venue.market import Estimates, Stand
from planar.venue.order import BIPS, GTX, MARKET, TAKES, Ticket
from planar.venue.prints import Print

NOTHING = float("nan")


class KernelState(Books):
    """Books whose every call is at a time, and happens at once."""

    def __init__(self, listings: Sequence[Listing], model: FillModel) -> None:
        self.listings = listings
        super().__init__([listing.instrument for listing in listings], listings[0].money)
        set_model(self.record, model)
        # What arrives here has arrived.
        set_draws(self.memory, [one.instrument.name for one in listings], 0, 0, model.slippage, model.seed)

    def estimate(self, k: int, estimates: Estimates) -> None:
        """Says what a day of a listing is like, instead of the estimators, which have no candles here."""
        record = self.memory.instruments[k]
        record["spread"], record["volatility"] = estimates.spread, estimates.volatility
        record["day_volume"], record["block_used"] = estimates.volume, 0

    def settle(self, move: Print) -> bool:
        """The market moves through a print; whether an order was looked at."""
        listing = self.listings[move.k]
        volume = listing.amount(move.units)
        if move.high == move.low:
            price = listing.price(move.close)
            prices = (price, price, price, price)
        else:
            prices = tuple(listing.price(ticks) for ticks in (move.open, move.high, move.low, move.close))
        return bool(prints.settle_print(self.address, move.k, move.time, *prices, volume))

    def terms(self, k: int, price: float) -> Terms:
        """What takers pay beyond a price."""
        return Terms(*prints.taker_terms(self.address, k, price))

    def place(self, ticket: Ticket, time: int, depth: int, stand: Stand | None = None) -> int:
        """Places an order; a negative reason when it is refused at once. depth: base units that a taker finds.

        stand: what they cost, instead of what the fill model says.
        """
        if stand is None:
            return self._place(ticket, time, depth)
        instrument = self.memory.instruments[ticket.listing.index]
        usual = float(self.record["spread"]), float(self.record["impact"]), float(instrument["last"])
        self.record["spread"], self.record["impact"] = 2.0 * stand.half / stand.middle, 0.0
        instrument["last"] = stand.middle
        answer = self._place(ticket, time, depth)
        self.record["spread"], self.record["impact"], instrument["last"] = usual
        return answer

    def _place(self, ticket: Ticket, time: int, depth: int) -> int:
        listing = ticket.listing
        sizing, size, unit = (
            (COST, ticket.money, listing.money) if ticket.money else (AMOUNT, ticket.units, listing.unit)
        )
        # A market order never rests: what it cannot have at once expires.
        tif = Tif.IOC if ticket.type == MARKET else Tif.GTC if ticket.tif == GTX else Tif[ticket.tif]
        try:
            return prints.place_now(
                self.address,
                listing.index,
                time,
                (depth + 0.5) * listing.unit.numerator / listing.unit.denominator,  # the kernel rounds down
                int(ticket.side),
                sizing,
                size * unit.numerator / unit.denominator,
                listing.price(ticket.ticks) if ticket.ticks else NOTHING,
                *_trigger(ticket),
                int(tif),
                ticket.expire,
                int(ticket.is_post_only),
            )
        except OverflowError:  # what does not fit 64 bits nobody owns
            return -Reason.INSUFFICIENT_FUNDS

    def cancel(self, listing: Listing, index: int, time: int) -> int:
        """Cancels an order by its place among all orders; a negative reason when it cannot be."""
        return prints.cancel_now(self.address, listing.index, index + 1, time)

    def amend(self, listing: Listing, index: int, time: int, ticks: int, units: int) -> int:
        """Gives an order another limit and another amount in all; a negative reason when it cannot have them."""
        price, amount = listing.price(ticks) if ticks else NOTHING, listing.amount(units)
        return prints.amend_now(self.address, listing.index, index + 1, time, price, NOTHING, amount)

    def is_filled(self, index: int) -> bool:
        """Whether nothing is left of the order, or of its quote budget."""
        return bool(self.memory.logs["orders"][index]["status"] == Status.FILLED)

    def add_cash(self, units: int) -> None:
        """Deposits quote units; negative withdraws."""
        prints.add_cash(self.address, units)

    def add_base(self, k: int, units: int) -> None:
        """Deposits base units; negative withdraws."""
        prints.add_base(self.address, k, units)


def _trigger(ticket: Ticket) -> tuple[int, float, float]:
    """What the trigger is, its price or how far it follows, and from where on."""
    stop = ticket.listing.price(ticket.stop) if ticket.stop else NOTHING
    if ticket.delta:
        return TRAIL, ticket.delta / BIPS, stop
    if not ticket.waits:
        return 0, NOTHING, NOTHING
    return TAKE if ticket.type in TAKES else STOP, stop, NOTHING
