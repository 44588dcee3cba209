"""`Search`: what became of orders that nobody could say anything of, and of those that a journal left open."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from planar.broker.hearing import LOG, Hearing
from planar.broker.sent import Sent
from planar.broker.terms import decimal, price_of, request_of
from planar.errors import Rejected
from planar.exchange.model import Order
from planar.model.ask import Amend, Place
from planar.model.instrument import exact
from planar.model.order import Reason, Status


class Search(Hearing):
    """Looks for orders, for `planar.broker.live.Broker`."""

    # What a journal says.

    def restore(
        self, place: Place, wanted: Amend | None, names: Sequence[str], offered: str = "", *, is_over: bool = False
    ) -> Sent:
        """An order of a journal, as it was sent; what was told of it comes by `restore_told`.

        wanted: the amend that was on its way; names: the client ids it was sent under, offered that of the amend;
        is_over: the books have its end, but the exchange may still tell of it.
        """
        request = request_of(place, self.instruments[place.k], names[0] if names else "")
        sent = Sent(place.id, place.k, request, wanted=wanted, offered=offered)
        for name in names:
            self.orders.name(sent, name)
        if is_over:
            self.orders.end(sent)
        else:
            self.orders[sent.id] = sent
        return sent

    def restore_told(self, sent: Sent, body: Mapping[str, Any]) -> None:
        """Something that was told of an order before the journal ended."""
        exchange_id = body.get("exchange_id", "")
        if not exchange_id:
            return
        self._bind(sent, exchange_id)
        if body.get("trade"):
            self.fills.add((sent.request.symbol, body["trade"]))
            sent.book(exchange_id, self._amount(sent, body))

    def _amount(self, sent: Sent, body: Mapping[str, Any]) -> Decimal:
        """What was filled, as the exchange said it: it may count finer than the books do."""
        if "amount" in body:
            return Decimal(body["amount"])
        return decimal(body["numbers"][3], exact(self.instruments[sent.k].unit))

    # What is not known.

    def doubt(self, sent: Sent, error: Exception) -> None:
        """Nobody could say what became of it: it is looked for until somebody can."""
        LOG.error("%s", error)
        sent.is_unknown = True
        self.books.write("unknown", {"order": sent.id, "client_id": sent.names[-1], "error": str(error)})
        self.watch(self._resolve(sent))

    async def _resolve(self, sent: Sent) -> None:
        # The receive window was over before the doubt was raised: what is not there now never will be.
        is_there = await self._answer(partial(self.look_for, sent, is_last=True))
        if not is_there and not sent.is_over and not self.brings_back(sent):
            self.drop(sent, Reason.NOT_SENT, "the exchange does not have it")
        self.books.commit()

    def brings_back(self, sent: Sent) -> bool:
        """Whether it is a stop that must be at the exchange and is not: then it is brought there."""
        if self.protector is None or not self.protector.is_needed(sent.k, sent.id):
            return False
        sent.is_unknown, sent.is_away = False, True
        words = "the exchange cancelled the order, and has nothing in its place"
        self.watch(self.protector.protect(sent, words=words))
        return True

    async def look_for(self, sent: Sent, *, is_last: bool) -> bool:
        """Asks the exchange what became of an order, under each id it may have; whether that is clear.

        is_last: nothing that was sent can arrive any more, so what is not there never will be.
        """
        found = [order for name in list(sent.names) if (order := await self._named(sent, name)) is not None]
        if not found:
            return False
        is_newest = found[-1].client_id == sent.names[-1]
        is_done = sent.wanted is None or self._has_terms(sent, found[-1], sent.wanted)
        if not is_last and not (is_newest and is_done):
            return False
        sent.is_unknown = False
        self._bind(sent, found[-1].id)
        is_torn = not is_newest and found[-1].status is Status.CANCELLED and self.brings_back(sent)
        if sent.wanted is not None and is_done:
            self.amended(sent, found[-1])
        elif sent.wanted is not None and not is_torn:
            self.not_amended(sent, Reason.NOT_SENT, "the exchange has it as it was")
        for order in reversed(found):
            self.hear_order(order)
        for order in found[:-1]:
            if order.status <= Status.PARTIAL and order.id != found[-1].id:  # two of one: the newer one stays
                self.hear_ghost(sent, order)
        return True

    def _has_terms(self, sent: Sent, order: Order, wanted: Amend) -> bool:
        """Whether the exchange has the order as it was to become; one that replaced it is of what was left to fill."""
        instrument = self.instruments[sent.k]
        before = sum((amount for id, amount in sent.booked.items() if id != order.id), Decimal(0))
        return (
            (order.price or 0) == price_of(wanted.limit, instrument)
            and (order.stop or 0) == price_of(wanted.stop, instrument)
            and (order.amount is None or order.amount + before == decimal(wanted.units, exact(instrument.unit)))
        )

    async def look_again(self) -> None:
        """The streams lost some of what they told: every order that the exchange has is asked for."""
        for sent in self.orders.values():
            if sent.exchange_id:
                self.watch(self._ask_again(sent))

    async def _ask_again(self, sent: Sent) -> None:
        self.hear_order(await self._answer(partial(self.exchange.order, sent.exchange_id, sent.request.symbol)))
        self.books.commit()

    async def _named(self, sent: Sent, name: str) -> Order | None:
        """The exchange's order under a client id; None where it has none."""
        try:
            return await self.exchange.order("", sent.request.symbol, client_id=name)
        except Rejected as error:
            if error.code != "ORDER_NOT_FOUND":
                raise
            return None

    # What is known then.

    def drop(self, sent: Sent, reason: Reason, why: str, status: Status = Status.REJECTED) -> None:
        """The order is not at the exchange; should it turn up after all, it is cancelled."""
        sent.is_unknown = False
        self.books.tell("ended", sent.k, sent.id, self.now(), int(status), int(reason), error=why)
        self.orders.end(sent)

    def amended(self, sent: Sent, order: Order) -> None:
        """The order has its new terms, under a new id where it was replaced."""
        self._bind(sent, order.id)
        sent.wanted, sent.offered = None, ""
        self.books.tell("amended", sent.k, sent.id, order.updated or order.time or self.now(), exchange_id=order.id)

    def not_amended(self, sent: Sent, reason: Reason, why: str) -> None:
        """The order stays as it was."""
        sent.wanted = None
        if sent.offered:
            self.orders.unname(sent, sent.offered)
            sent.offered = ""
        self.books.tell("not_amended", sent.k, sent.id, self.now(), int(reason), error=why)
        self._end(sent)  # that it was over may have been heard while the amend was on its way
