"""The universe of ``on_step(self, universe)``: every instrument's candle and broker at one moment, and rebalancing."""

from collections.abc import Iterator, Mapping

import numpy as np

from planar.errors import StrategyError, did_you_mean
from planar.kernel import check, reads
from planar.kernel.members import arrive
from planar.model.instrument import Instrument
from planar.strategy.candle import Candle
from planar.strategy.interpreted import Broker
from planar.strategy.membership import SILENCE, Selections


class Member:
    """One instrument of the universe: ``name``, ``candle`` (its last closed one), ``broker``, ``is_fresh``."""

    def __init__(self, instrument: Instrument, broker: Broker, candles: type[Candle], record) -> None:
        self.instrument = instrument
        self.name = instrument.name
        self.broker = broker
        self._candles, self._record = candles, record
        self.is_fresh = False

    @property
    def candle(self) -> Candle:
        """Its last closed candle."""
        return self._candles(int(self._record["candle"]) - 1)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Universe:
    """The instruments that have had a decision by now and are not delisted, in declared order.

    Where a rule chooses them, its members; `leaving` are those that have left it with a position or an open order.
    """

    def __init__(self, members: list[Member], selections: Selections | None = None) -> None:
        self._members = members
        self._selections = selections
        self._waiting: list[tuple[Member, float]] = []
        self._sales: list[tuple[Member, int]] = []
        self._alive: list[Member] = []
        self.leaving: list[Member] = []
        self.now = 0
        self.is_stepping = False

    def arrive(self, now: int) -> None:
        """Moves to the decision time ``now``: who has a candle that closes then, and who trades."""
        self.now = now
        self._alive, self.leaving = [], []
        chosen = None if self._selections is None else self._selections.at(np.array([now]))[0]
        for k, member in enumerate(self._members):
            record = member._record
            row = int(record["candle"]) - 1
            member.is_fresh = row >= 0 and member._candles.times[row] + member._candles.timeframe == now
            if row >= 0 and not record["is_delisted"] and row >= int(record["first_candle"]):
                is_decided = chosen is None or arrive(member.broker._address, k, int(chosen[k]))
                if chosen is None or chosen[k]:
                    self._alive.append(member)
                elif is_decided:
                    self.leaving.append(member)
        self.is_stepping = any(m.is_fresh for m in (*self._alive, *self.leaving))
        self.fund()

    def see(self, k: int, candles: type[Candle]) -> None:
        """The candles of an instrument have become more."""
        self._members[k]._candles = candles

    def __iter__(self) -> Iterator[Member]:
        return iter(self._alive)

    def __len__(self) -> int:
        return len(self._alive)

    def __contains__(self, name: str) -> bool:
        return any(name in (m.name, m.instrument.base) for m in self._alive)

    def __getitem__(self, name: str) -> Member:
        found = [m for m in self._members if name in (m.name, m.instrument.base, m.name.partition(":")[2])]
        if len(found) == 1 and (found[0] in self._alive or found[0] in self.leaving):
            return found[0]
        if len(found) == 1:
            what = "has no candle yet, or is delisted" if self._selections is None else "is no member now"
            raise StrategyError(f"universe[{name!r}] {what}; ask first: {name!r} in universe.")
        names = [m.name for m in self._members]
        what = "is not unique" if found else "is not there"
        raise StrategyError(f"universe[{name!r}] {what}; it has {', '.join(names)}.{did_you_mean(str(name), names)}")

    @property
    def equity(self) -> float:
        """Cash and positions at their last prices, in quote."""
        return self._members[0].broker.equity

    @property
    def cash(self) -> float:
        """The account's cash, in quote."""
        return self._members[0].broker.cash

    def rebalance(self, weights: Mapping) -> None:
        """Trades towards shares of equity: {member or name: weight}; what is not named goes to 0.

        Reductions are asked for at once; increases wait, in declared order, until they are funded or no reduction
        is open any more: then the cash there is must do. What is on its way already counts as done.
        Raises StrategyError for a negative weight or a sum above 1 (long only).
        """
        wanted = {(w if isinstance(w, Member) else self[w]).name: float(x) for w, x in weights.items()}
        for name, weight in wanted.items():
            if not 0.0 <= weight <= 1.0:
                raise StrategyError(f"rebalance: {name} has the weight {weight!r}; a spot account holds 0 to 1 of it.")
        if sum(wanted.values()) > 1.0 + 1e-9:
            raise StrategyError(f"rebalance: the weights add up to {sum(wanted.values()):.6g}; at most 1 can be held.")
        self._waiting = []
        for member in (*self.leaving, *self._alive):
            weight = wanted.get(member.name, 0.0)
            missing = _missing(member, weight)
            if missing > 0.0:
                self._waiting.append((member, weight))
            elif missing < 0.0:
                self._sales.append((member, member.broker.target(weight)))
        self.fund()

    def fund(self) -> None:
        """Asks for the increases that free cash covers by now; once no reduction is open, for what cash there is.

        A reduction of what does not trade any more is not waited for.
        """
        self._sales = [(m, id) for m, id in self._sales if id > 0 and _is_open(m, id) and not _is_silent(m, self.now)]
        waiting, self._waiting = self._waiting, []
        for member, weight in waiting:
            if self._sales and _missing(member, weight) > member.broker.free_cash:
                self._waiting.append((member, weight))
            elif _missing(member, weight) > 0.0:
                member.broker.target(weight)


def take_over(universe: Universe, before: Universe) -> None:
    """What another universe of the same instruments waits for is waited for in this one."""
    mine = dict(zip(before._members, universe._members, strict=True))
    universe._waiting = [(mine[member], weight) for member, weight in before._waiting]
    universe._sales = [(mine[member], id) for member, id in before._sales]


def _missing(member: Member, weight: float) -> float:
    """Quote that is missing to hold this share of equity; negative for a surplus."""
    return check.missing(member.broker._address, member.broker._index, weight)


def _is_open(member: Member, id: int) -> bool:
    return bool(reads.order_is_open(member.broker._address, id - 1))


def _is_silent(member: Member, now: int) -> bool:
    """Whether it had no candle for a day."""
    last = member.candle
    return now - last.now >= max(SILENCE, last.timeframe)
