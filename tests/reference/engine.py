"""The clock: execution candles are settled step by step, the strategy decides between them (sections 3, 6 and 7)."""

from collections.abc import Callable, Sequence

from .contract_path import ContractWalk
from .contract_venue import ContractVenue
from .fees import Fees
from .limits import Limits, Watch
from .liquidation import liquidate_at_open
from .market import DAY, Market
from .model import FillModel, Instrument
from .orders import Fill
from .path import Walk, chosen_walks, open_candle
from .protecting import Protector
from .venue import Venue

DECISION, STEP = range(2)  # at one time the decision comes first


class Engine(Protector):
    """One run of one strategy over the candles of its instruments."""

    def __init__(
        self,
        instruments: list[Instrument],
        candles: list[dict[str, list]],
        timeframe_ms: int,
        *,
        execution_ms: int | None = None,
        cash: float = 10_000.0,
        model: FillModel | None = None,
        limits: Limits | None = None,
        marks: Sequence[dict[str, list] | None] = (),
        funding: Sequence[Sequence[tuple[int, float]]] = (),
        on_candle: Callable | None = None,
        on_fill: Callable | None = None,
        on_order_error: Callable | None = None,
        on_step: Callable | None = None,
    ) -> None:
        """`candles` are execution candles; the strategy's are built from them when `execution_ms` is finer.

        marks, funding: per instrument, where there are any; mark candles as execution candles, and (time, rate).
        """
        self.execution = execution_ms or timeframe_ms
        markets = [
            Market(
                instrument, columns, timeframe_ms, self.execution,
                marks[k] if marks else None, funding[k] if funding else (),
            )
            for k, (instrument, columns) in enumerate(zip(instruments, candles, strict=True))
        ]  # fmt: skip
        super().__init__(instruments, markets, cash, model or FillModel())
        self.watch = Watch(self, limits or Limits())
        self.fees = Fees(self)
        self.on_candle, self.on_fill = on_candle, on_fill
        self.on_order_error, self.on_step = on_order_error, on_step
        self.equity_curve: list[tuple[int, float, float]] = []
        self.path_decided = 0
        self.touched = 0  # (order, candle): the candle reached the limit, but not what fills it
        self.now = 0

    def run(self) -> None:
        """Settles every step and makes every decision, in the order of time."""
        for time, kind in self._schedule():
            self._settle_delisted(time)
            if kind == DECISION:
                self._decide(time)
            else:
                self._step(time)
        self._settle_ended()

    def _schedule(self) -> list[tuple[int, int]]:
        times = {(time, DECISION) for market in self.markets for time in market.decisions}
        times |= {(candle.time, STEP) for market in self.markets for candle in market.candles}
        end = max((time for time, kind in times if kind == STEP), default=0) + self.execution
        return sorted(moment for moment in times if moment[0] <= end)

    # Section 3.

    def _step(self, time: int) -> None:
        self.fees.begin_step(time)
        venues = [self._venue(k, time) for k, market in enumerate(self.markets) if time in market.at]
        contracts = {venue.k: venue for venue in venues if isinstance(venue, ContractVenue)}
        for venue in contracts.values():
            venue.peers = contracts
        for venue in contracts.values():
            liquidate_at_open(venue)
        before = {k: venue.contract.base for k, venue in contracts.items()}
        for venue in venues:
            open_candle(venue)
        for k, venue in contracts.items():
            venue.pay_at_open(before[k])
        in_reach = [venue for venue in venues if venue.has_order_in_reach()]
        kinds = [ContractWalk if venue.k in contracts else Walk for venue in venues]
        walks = chosen_walks(venues, self.execution, kinds)
        for leg in range(3):
            for walk, _ in walks:
                walk.leg(leg)
        self.path_decided += sum(walk.fills for walk, differ in walks if differ)
        self.touched += sum(venue.touched() for venue in in_reach)
        for venue in venues:
            self.closes[venue.k] = venue.candle.close
        for venue in contracts.values():
            venue.contract.mark = venue.mark_candle.close
        self.ledger.forget_done()
        self.now = time + self.execution
        self.equity_curve.append((self.now, self.equity(), self.cash()))
        if self.watch.look(self.now):
            self._withdraw()
        self._settle_delisted(self.now)
        self._tell()

    def _venue(self, k: int, time: int) -> Venue:
        kind = ContractVenue if self.instruments[k].is_contract else Venue
        return kind(self, k, self.markets[k].at[time])

    def _withdraw(self) -> None:
        """Section 11: asks for the end of every order that may make a position grow."""
        for k, orders in enumerate(self.ledger.live):
            base = self.ledger.base_units[k]
            for order in orders:
                if order.is_buy if k not in self.ledger.contracts else base == 0 or order.is_buy == (base > 0):
                    self.cancel(order.id)

    def _tell(self) -> None:
        untold, self.ledger.untold = self.ledger.untold, []
        for happened in untold:
            hook = self.on_fill if isinstance(happened, Fill) else self.on_order_error
            if hook is not None:
                hook(self, happened.instrument, happened, self.now)

    # Section 7.

    def _decide(self, time: int) -> None:
        self.now = time
        self._tell()
        for k, market in enumerate(self.markets):
            if self.on_candle is not None and time in market.decisions:
                self.on_candle(self, k, time)
        if self.on_step is not None:
            self.on_step(self, time)

    # Section 6.

    def _settle_delisted(self, time: int) -> None:
        """What a delisting does is told with what is told next."""
        for delisted, k in self._delisted_by(time):
            self._settle(k, delisted)

    def _delisted_by(self, time: int) -> list[tuple[int, int]]:
        """(time, instrument) of the delistings that are not settled yet, in the order of time."""
        delisted = [(instrument.delisted, k) for k, instrument in enumerate(self.instruments)]
        return sorted((at, k) for at, k in delisted if at is not None and at <= time and not self.settled[k])

    def _settle_ended(self) -> None:
        """A series that ended long before the run is taken for a delisting."""
        end = max((market.candles[-1].time for market in self.markets if market.candles), default=0)
        for k, market in enumerate(self.markets):
            if market.candles and not self.settled[k]:
                silence = end - market.candles[-1].time
                if silence > DAY and silence > 10 * self.execution:
                    self._settle(k, end + self.execution)

    def _settle(self, k: int, time: int) -> None:
        """Cancels every order of an instrument and sells all of its base at the last close."""
        self.settled[k] = True
        for order in self.ledger.live[k]:
            if order.is_live:
                self.ledger.finish(order, time, "CANCELLED", "DELISTED")
        self.ledger.live[k] = []
        base, units = self.ledger.base_units[k], self.units[k]
        if base > 0:
            ticks = max(units.ticks_down(self.closes[k]), 1)
            cost = units.cost_up(base, ticks) if units.is_inverse else units.cost_down(base, ticks)
        elif base < 0:
            ticks = units.ticks_up(self.closes[k])
            cost = units.cost_down(-base, ticks) if units.is_inverse else units.cost_up(-base, ticks)
        else:
            return
        fee = units.fee(cost, units.taker)
        fill = Fill(time, k, -1, ticks, abs(base), cost, fee, False, "taker", "delisted", base < 0)
        self.ledger.book(fill, units)
