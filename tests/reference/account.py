"""What a strategy reads: its account, each number as section 1 defines it."""

from .contracts import Contract
from .draws import Draws
from .ledger import Ledger
from .market import Market
from .model import CONTRACT, FillModel, Instrument
from .orders import Order
from .units import Units, decimal, down


class Account:
    """Cash, balances and orders, valued at the last settled closes."""

    def __init__(self, instruments: list[Instrument], markets: list[Market], cash: float, model: FillModel) -> None:
        """Starts with `cash`, rounded down to quote units, and no base."""
        if len({decimal(instrument.quote_unit) for instrument in instruments}) != 1:
            raise ValueError("cash is shared: all instruments need the same quote_unit")
        self.instruments = instruments
        self.markets = markets
        self.model = model
        self.draws = [Draws(model, instrument.name) for instrument in instruments]
        self.units: list[Units] = [market.units for market in markets]
        self.closes: list[float | None] = [None] * len(markets)
        self.settled = [False] * len(markets)  # delisted and closed
        self.joint = 0  # liquidations that it took the worst marks of all for
        units = self.units[0]
        contracts = {k: Contract(one, self.units[k]) for k, one in enumerate(instruments) if one.is_contract}
        self.ledger = Ledger(len(markets), units.fit(down(cash * units.qd / units.qn)), contracts)

    def cash(self) -> float:
        """The wallet: all cash, the reserved part included, and what contracts have cost."""
        return self.units[0].money(self.ledger.wallet)

    def free_cash(self) -> float:
        """Cash that may be asked for: what no order holds, or one that holds it whose cancel is on its way."""
        return self.units[0].money(self.ledger.free("buy", 0))

    def equity(self) -> float:
        """Cash, and every balance at its last close, summed in declared order."""
        total = self.units[0].money(self.ledger.cash_units)
        for units, base, close in zip(self.units, self.ledger.base_units, self.closes, strict=True):
            if base != 0:
                total += -units.worth(base, close) if units.is_inverse else units.worth(base, close)
        return total

    def balance(self, k: int) -> float:
        """All base, dust included."""
        return sum(self.units[twin].amount(self.ledger.base_units[twin]) for twin in self.twins(k))

    def twins(self, k: int) -> tuple[int, ...]:
        """Both twins of a contract in hedge mode, else the instrument itself."""
        one = self.instruments[k]
        return (one.twin, one.twin + 1) if one.hedge == CONTRACT else (k,)

    def open_orders(self, k: int) -> int:
        """How many orders are not done."""
        return sum(order.is_live for twin in self.twins(k) for order in self.ledger.live[twin])

    def position(self, k: int) -> float:
        """The base that the venue's rules let one sell; of a contract the position, below 0 when short."""
        return sum(self.units[twin].amount(self.position_units(twin)) for twin in self.twins(k))

    def position_units(self, k: int) -> int:
        """`position` in base units: whole steps, 0 below the venue's minimums."""
        units, instrument, close = self.units[k], self.instruments[k], self.closes[k]
        base = self.ledger.base_units[k]
        is_short = base < 0 and instrument.is_contract
        n = units.step(-base if is_short else base)
        if n <= 0 or close is None or n < units.base_up(instrument.min_amount):
            return 0
        if units.money(units.cost_down(n, units.ticks_down(close))) < instrument.min_cost:
            return 0
        return -n if is_short else n

    @property
    def orders(self) -> list[Order]:
        """Every order, by id, the refused ones included."""
        return self.ledger.orders

    @property
    def fills(self) -> list:
        """Every fill in the order it happened."""
        return self.ledger.fills

    @property
    def events(self) -> list[tuple[int, str, int]]:
        """(time, kind, order id) in the order they happened."""
        return self.ledger.events

    @property
    def cash_units(self) -> int:
        """Cash in quote units."""
        return self.ledger.cash_units

    @property
    def base_units(self) -> list[int]:
        """Balance of each instrument in base units."""
        return self.ledger.base_units

    @property
    def reserved_quote(self) -> int:
        """Quote units held by buys, the extras of amends on their way included."""
        return self.ledger.reserved("buy", 0)

    @property
    def reserved_base(self) -> list[int]:
        """Base units held by sells, per instrument, the extras of amends on their way included."""
        return [self.ledger.reserved("sell", k) for k in range(len(self.markets))]
