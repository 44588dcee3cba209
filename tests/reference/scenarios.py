"""Random scenarios, wide: one to five markets of any shape, any fill model, and a script of what a strategy asks.

`random_scenario(rng)` needs only `rng.random`, `rng.randint` and `rng.choice`, so that Hypothesis can play the random
numbers and shrink them: what comes first in a list of choices is the simplest. `Player` follows the script on any
engine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from .engine import Engine
from .limits import Limits
from .model import FillModel, Instrument
from .orders import Fill

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NAN = float("nan")

# Price, price step, amount step: products of amounts and ticks from a few thousand to beyond 64 bits.
WORLDS = [
    (20.0, 1.0, 1.0),
    (20.0, 0.05, 0.1),
    (20.0, 0.01, 1e-3),
    (20.0, 0.01, 0.25),
    (3.0, 1.0, 0.1),
    (60_000.0, 0.01, 1e-5),
    (60_000.0, 0.5, 1e-8),
    (3e8, 100.0, 1e-8),
    (0.07, 1e-5, 10.0),
    (1.2e-5, 1e-8, 1.0),
    (2.5e-9, 1e-12, 1000.0),
]
NO_LIMITS = Limits()
PLAIN_ORDER = {
    "price": None, "stop": None, "take": None, "trail": None, "trail_by": None, "activation": None, "stop_loss": None,
    "take_profit": None, "reduce_only": False, "trigger": "last",
    "tif": "GTC", "expire": None, "post_only": False, "oco": None, "after": None,
}  # fmt: skip


NO_EXITS = {"stop": None, "takes": (), "trail": None, "trigger": "last"}


@dataclass(frozen=True)
class Scenario:
    """Markets, assumptions and a script.

    rows: per instrument, one (open, high, low, close, volume) or None per execution candle, from time 0.
    acts: (strategy candle, instrument, act) for the decision at that candle's close; reactions: ("fill" or "error",
    which one told, instrument, act). An act is (kind, ...) as `Player.do` reads it.
    marks: per instrument, rows as above without volume, or None; funding: per instrument, (time, rate). Empty where
    no instrument has any.
    """

    instruments: tuple[Instrument, ...]
    rows: tuple[tuple, ...]
    execution: int
    timeframe: int
    cash: float
    model: FillModel
    acts: tuple[tuple, ...]
    reactions: tuple[tuple, ...] = ()
    limits: Limits = NO_LIMITS
    marks: tuple[tuple | None, ...] = ()
    funding: tuple[tuple, ...] = ()

    @property
    def has_contracts(self) -> bool:
        """Whether something is traded on margin."""
        return any(one.is_contract for one in self.instruments)

    @property
    def count(self) -> int:
        """Execution candles, gaps included."""
        return len(self.rows[0])

    def until(self, count: int) -> "Scenario":
        """The same on its first `count` execution candles."""
        marks = tuple(rows and rows[:count] for rows in self.marks)
        end = count * self.execution
        funding = tuple(tuple(due for due in rates if due[0] < end) for rates in self.funding)
        return replace(self, rows=tuple(rows[:count] for rows in self.rows), marks=marks, funding=funding)

    def moved(self, shift: int) -> "Scenario":
        """The same, its metadata and its orders' times `shift` ms later; `columns` and `Player` take it too."""
        instruments = tuple(replace(one, delisted=one.delisted and one.delisted + shift) for one in self.instruments)
        acts = tuple((*where, _moved(act, shift)) for *where, act in self.acts)
        reactions = tuple((*where, _moved(act, shift)) for *where, act in self.reactions)
        funding = tuple(tuple((time + shift, rate) for time, rate in rates) for rates in self.funding)
        return replace(self, instruments=instruments, acts=acts, reactions=reactions, funding=funding)

    def columns(self, k: int, shift: int = 0) -> dict[str, list]:
        """Execution candles of one instrument as columns."""
        kept = [(i * self.execution + shift, *row) for i, row in enumerate(self.rows[k]) if row is not None]
        names = ("time", "open", "high", "low", "close", "volume")
        return {name: [row[n] for row in kept] for n, name in enumerate(names)}

    def mark_columns(self, k: int, shift: int = 0) -> dict[str, list] | None:
        """Mark candles of one instrument as columns, where it has any."""
        if not self.marks or self.marks[k] is None:
            return None
        kept = [(i * self.execution + shift, *row) for i, row in enumerate(self.marks[k]) if row is not None]
        return {name: [row[n] for row in kept] for n, name in enumerate(("time", "open", "high", "low", "close"))}

    def decisions(self) -> set[int]:
        """Closes of the whole strategy candles: from an instrument's first candle on, closed by the end of all."""
        closes, ratio = set(), self.timeframe // self.execution
        last = max((i for rows in self.rows for i, row in enumerate(rows) if row), default=-1) + 1
        for rows in self.rows:
            there = [i for i, row in enumerate(rows) if row is not None]
            buckets = {i // ratio for i in there if i // ratio * ratio >= there[0]}
            closes |= {bucket + 1 for bucket in buckets if (bucket + 1) * ratio <= last}
        return {close * self.timeframe for close in closes}


def _moved(act: tuple, shift: int) -> tuple:
    if act[0] in ("buy", "sell") and act[3].get("expire") is not None:
        return (*act[:3], {**act[3], "expire": act[3]["expire"] + shift})
    return act


# The markets.


def random_scenario(rng) -> Scenario:
    """Any markets, any model, any script."""
    execution = rng.choice([MINUTE, MINUTE, HOUR, 15 * MINUTE, DAY])
    ratio = rng.choice([1, 1, 1, 5])
    count = rng.choice([16, 30, 45, 90, 90, 200]) // ratio * ratio
    quote_unit, cash = rng.choice([1e-8, 1e-8, 0.01]), rng.choice([1000.0, 1000.0, 1e6, 1e9])
    are_alike = rng.random() < 0.5
    worlds = [rng.choice(WORLDS) for _ in range(rng.choice([1, 1, 2, 2, 3, 5]))]
    if are_alike:
        worlds = [worlds[0]] * len(worlds)
    instruments, rows = [], []
    if any(cash / price / max(amount_step / 10_000, 1e-8) > 1e15 for price, _, amount_step in worlds):
        cash = 1000.0  # so that three hundred times as much is still an int64
    for world in worlds:
        instruments.append(_random_instrument(rng, world, quote_unit, cash, rng.randint(1, count * execution)))
        rows.append(_random_rows(rng, world, count, ratio, cash))
    model = _random_model(rng, execution)
    scenario = Scenario(tuple(instruments), tuple(rows), execution, ratio * execution, cash, model, ())
    acts = _random_acts(rng, scenario)
    reactions = []
    for _ in range(rng.choice([0, 0, 3, 6])):
        k = rng.randint(0, len(worlds) - 1)
        at = rng.randint(1, count)
        reactions.append(
            (rng.choice(["fill", "fill", "error"]), rng.randint(0, 12), k, _random_act(rng, scenario, k, at))
        )
    return replace(scenario, acts=acts, reactions=tuple(reactions), limits=_random_limits(rng, scenario))


def squeezed_scenario(rng) -> Scenario:
    """Any markets where cash is scarce: a stop near the market, that may trail, wants nearly all that a far limit
    leaves, and the limit is cancelled or amended, in the middle of a candle, when the stop may be triggered and costs
    more than was thought.
    """
    scenario = random_scenario(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(scenario.acts) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        other = rng.choice([k, k, k, len(scenario.instruments) - 1])
        price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
        far, near = price * rng.choice([0.5, 0.9]), price + rng.choice([0.5, 1, 1, 2]) * jump / 2
        held = rng.choice([0.02, 0.1, 0.3])
        amount = scenario.cash * (1.0 - held) / near * rng.choice([0.9, 0.97, 0.99, 0.999])
        acts.append((at, other, ("buy", "fraction", held, {"price": far})))
        terms = {"stop": near} if rng.random() < 0.7 else {"trail_by": near - price}
        acts.append((at, k, ("buy", "amount", amount, terms)))
        loosened = rng.choice([("cancel_all",), ("cancel", ("live", 0)), ("amend", ("live", 0), {"price": far / 2})])
        acts.append((at + rng.choice([0, 1, 1, 2]), other, loosened))
    model = replace(
        scenario.model,
        path=rng.choice(["pessimistic", "optimistic"]),
        latency_ms=int(scenario.execution * rng.choice([0.05, 0.2, 0.4, 0.6])),
        stop_slippage=rng.choice([0.05, 0.2, 0.45]),
    )
    return replace(scenario, acts=tuple(acts), model=model)


def guarded_scenario(rng) -> Scenario:
    """Any markets where a position is bought and then sold by takes, stops and trailing stops near the market, some of
    which are amended or cancelled.
    """
    scenario = random_scenario(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(scenario.acts) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        acts.append((at, k, ("buy", "fraction", rng.choice([0.5, 0.2, 0.9]), {})))
        for _ in range(rng.choice([1, 2, 3])):
            later = at + rng.choice([1, 2, 4])
            price, jump = _known_price(scenario, k, later * scenario.timeframe // scenario.execution)
            kind = rng.choice(["take", "stop", "trail"])
            if kind == "trail":
                terms = _random_trail(rng, price, jump)
            else:
                trigger = price + rng.choice([0.5, 1, 2, 0.1]) * (jump if kind == "take" else -jump)
                terms = {kind: trigger} if rng.random() < 0.6 else {kind: trigger, "price": _near(rng, trigger, jump)}
            acts.append((later, k, ("sell", "fraction", rng.choice([0.5, 0.3, 1.0]), terms)))
            if rng.random() < 0.4:
                new = {"amount": scenario.cash / price * rng.choice([0.05, 0.1])}
                if kind != "trail":
                    new = _random_terms(rng, scenario, price, jump)
                acts.append((later + 1, k, rng.choice([("amend", _random_id(rng), new), ("cancel", _random_id(rng))])))
    return replace(scenario, acts=tuple(acts))


def linked_scenario(rng) -> Scenario:
    """Any markets where a position is bought and then sold by groups of which one order cancels the others, or is
    bought by such a group; some members are amended or cancelled, and some links are none.
    """
    scenario = random_scenario(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(scenario.acts) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        side = rng.choice(["sell", "sell", "buy"])
        if side == "sell":
            acts.append((at, k, ("buy", "fraction", rng.choice([0.5, 0.2, 0.9]), {})))
            at += rng.choice([1, 2])
        for number in range(rng.choice([2, 2, 3])):
            price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
            terms = _random_leg(rng, side, price, jump)
            if number and rng.random() < 0.9:
                terms["oco"] = rng.choice([("back", 0), ("back", 0), ("live", rng.randint(0, 30))])
            size = ("fraction", rng.choice([1.0, 0.9, 0.5]))
            if rng.random() < 0.4:
                size = ("amount", scenario.cash / price * rng.choice([0.1, 0.3, 0.5]))
            acts.append((at, k, (side, *size, terms)))
            at += rng.choice([0, 0, 0, 1])
        if rng.random() < 0.4:
            new = _random_terms(rng, scenario, price, jump)
            acts.append((at + 1, k, rng.choice([("amend", _random_id(rng), new), ("cancel", _random_id(rng))])))
    return replace(scenario, acts=tuple(acts))


def triggered_scenario(rng) -> Scenario:
    """Any markets where orders wait for others: exits for an entry, mostly in a group, sometimes an entry for an exit;
    some are amended or cancelled, and some entries are filled in part.
    """
    scenario = random_scenario(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(scenario.acts) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
        if rng.random() < 0.8:
            size = rng.choice([("fraction", 0.5), ("fraction", 0.2), ("amount", scenario.cash / price * 0.3)])
            terms = rng.choice([{}, _random_leg(rng, "buy", price, jump)])
            if rng.random() < 0.3:
                terms = {**terms, **_random_exits(rng, price, jump)}
            acts.append((at, k, ("buy", *size, terms)))
            side = "sell"
        else:
            acts.append((at, k, ("sell", "fraction", rng.choice([0.5, 1.0]), _random_leg(rng, "sell", price, jump))))
            side = "buy"
        for number in range(rng.choice([1, 2, 2, 3])):
            terms = rng.choice([{}, *(_random_leg(rng, side, price, jump) for _ in range(6))])
            terms = {**terms, "after": ("back", number) if rng.random() < 0.95 else _random_id(rng)}
            if number and rng.random() < 0.8:
                terms["oco"] = ("back", 0)
            if rng.random() < 0.1:
                terms.update(tif="GTD", expire=at * scenario.timeframe + rng.randint(1, 5 * scenario.execution))
            size = rng.choice([("fraction", 1.0), ("fraction", 0.5), ("amount", scenario.cash / price * 0.1)])
            acts.append((at, k, (side, *size, terms)))
        later = at + rng.choice([0, 1, 1, 2])
        if rng.random() < 0.5:
            new = _random_terms(rng, scenario, price, jump)
            acts.append((later, k, rng.choice([("amend", _random_id(rng), new), ("cancel", _random_id(rng))])))
    return replace(scenario, acts=tuple(acts))


def _random_leg(rng, side: str, price: float, jump: float) -> dict:
    """One of the ways out of a position, or into one, near the market."""
    better = jump if side == "sell" else -jump
    away = rng.choice([0.5, 1, 2, 0.1])
    kind = rng.choice(["limit", "limit", "stop", "stop", "take", "trail"])
    if kind == "trail":
        return _random_trail(rng, price, jump)
    where = price + away * (-better if kind == "stop" else better)
    if kind == "limit":
        return {"price": where}
    return {kind: where} if rng.random() < 0.7 else {kind: where, "price": _near(rng, where, jump)}


def _random_instrument(rng, world: tuple, quote_unit: float, cash: float, delisted: int) -> Instrument:
    """Any venue's rules."""
    _, price_step, amount_step = world
    maker, taker = rng.choice([(0.0, 0.0), (1e-3, 1e-3), (-1e-4, 2e-3), (2e-4, 5.5e-4), (0.0123, 0.0), (-1e-4, -5e-5)])
    return Instrument(
        name="COIN",
        price_step=price_step,
        amount_step=amount_step,
        min_amount=rng.choice([0.0, 0.0, float(f"{3 * amount_step:.12g}")]),
        min_cost=rng.choice([0.0, 0.0, 0.005 * cash]),
        maker=maker,
        taker=taker,
        fee_side=rng.choice(["quote", "quote", "base"]),
        base_unit=rng.choice([None, None, None, amount_step]),
        quote_unit=quote_unit,
        delisted=rng.choice([None, None, None, None, delisted]),
        max_orders=rng.choice([200, 200, 200, 3]),
        share=rng.choice([1.0, 1.0, 1.0, 0.5, 1 / 3]),
        partial=rng.choice(["cancel", "cancel", "reduce"]),
        armed=rng.choice(["full", "end", "part"]),
        amend=rng.choice(["keep", "keep", "replace"]),
    )


def _random_model(rng, execution: int) -> FillModel:
    """Any assumptions."""
    model = FillModel(
        path=rng.choice(["ohlc", "pessimistic", "optimistic", "adaptive", "olhc"]),
        latency_ms=rng.choice(
            [0, 250, execution // 2, execution // 6, execution, execution + execution // 3, 3 * execution + 7]
        ),
        spread=rng.choice([None, "estimated", "estimated", 0.01]),
        impact=rng.choice([None, "square_root", "square_root", 2.0]),
        stop_slippage=rng.choice([0.0, 0.05]),
        participation=rng.choice([None, 0.1, 1.0, 1.0]),
        limit_fill=rng.choice(["cross", "touch"]),
    )
    return replace(model, **_random_draws(rng, execution), **_random_tiers(rng))


def _random_tiers(rng) -> dict:
    """Fees by volume, in a fifth of all scenarios."""
    if rng.random() < 0.8:
        return {}
    rates = [(0.001, 0.001), (-1e-4, 2e-3), (0.0, 0.0), (2e-4, 5.5e-4)]
    starts = (0.0, *sorted(rng.choice([10.0, 300.0, 2e3, 2e4, 1e6]) for _ in range(rng.choice([1, 2]))))
    tiers = tuple((start, *rng.choice(rates)) for start in dict.fromkeys(starts))
    return {"tiers": tiers, "volume": rng.choice([0.0, 500.0, 1e5])}


def _random_draws(rng, execution: int) -> dict:
    """Latency and slippage that are drawn, in a third of all scenarios."""
    if rng.random() < 0.67:
        return {}
    times = [0, 1, 250, execution // 6, execution // 2, execution + 7]
    table = tuple(sorted(rng.choice(times) for _ in range(rng.choice([1, 2, 5]))))
    drawn = {"latency_ms": rng.choice([table, table, 250]), "news_ms": rng.choice([0, 100, (0, 50, execution // 3)])}
    return {**drawn, "slippage": rng.choice([0.0, 0.002, (-0.001, 0.0, 0.01)]), "seed": rng.randint(0, 3)}


def _random_limits(rng, scenario: Scenario) -> Limits:
    """None, or any of them, near to what the script asks for and what it may lose."""
    if rng.random() < 0.6:
        return NO_LIMITS
    cash = scenario.cash
    choices = {
        "daily_loss": [cash * share for share in (1e-4, 1e-3, 1e-2, 0.05)],
        "max_drawdown": [1e-4, 1e-3, 1e-2, 0.1],
        "max_order_cost": [cash * share for share in (0.3, 0.05, 0.1, 0.9, 1e-9)],
        "max_position_cost": [cash * share for share in (0.3, 0.1, 0.5, 0.9)],
        "max_exposure": [cash * share for share in (0.5, 0.3, 1.0)],
        "price_collar": [1e-3, 0.01, 0.05, 0.2],
        "max_open_orders": [1, 2, 4],
        "orders_per_minute": [1, 2, 5],
    }
    chosen = {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.3}
    step = scenario.execution // MINUTE
    return Limits(**chosen, cooldown=rng.choice([step, 3 * step, 10 * step, 1, 1440]))


def _random_rows(rng, world: tuple, count: int, ratio: int, cash: float) -> tuple:
    """Candles around a price; Hypothesis sees one seed of them, not each."""
    price, price_step, _ = world
    volatility = max(rng.choice([0.01, 0.002, 0.05]), 1.5 * price_step / price)
    gaps, is_on_grid = rng.choice([0.0, 0.0, 0.1, 0.4, "one"]), rng.random() < 0.5
    volumes = rng.choice([(300.0,), (300.0, 3.0, 0.3, 0.02, 0.0), (0.3, 0.02), (None,)])
    first, last = rng.choice([0, 0, 0, count // 3]), rng.choice([count, count, count, count, count // 2])
    own = Random(rng.randint(0, 2**32))
    rows = [_random_row(own, price, price_step if is_on_grid else 0.0, volatility) for _ in range(count)]
    rows = _joined(own, rows, price_step)
    scale = cash / price
    result = []
    for i, row in enumerate(rows):
        volume = own.choice(volumes)
        if gaps == "one":  # execution candle in each strategy candle, the whole of the first and the last
            is_kept = i % ratio == (0 if i < count - ratio else ratio - 1)
        else:
            is_kept = own.random() >= gaps or i == first
        is_there = first <= i < last and is_kept
        prices = (max(value, price_step) for value in row)  # never below one tick
        result.append((*prices, NAN if volume is None else volume * scale) if is_there else None)
    return tuple(result)


def _random_row(rng: Random, price: float, grid: float, volatility: float) -> tuple:
    """Open, high, low and close; one in ten is flat."""
    open_, close = (price * math.exp(rng.gauss(0, volatility)) for _ in range(2))
    if rng.random() < 0.1:
        close = open_
        beyond = 0.0, 0.0
    else:
        beyond = abs(rng.gauss(0, volatility / 2)), abs(rng.gauss(0, volatility / 2))
    values = [open_, max(open_, close) * math.exp(beyond[0]), min(open_, close) * math.exp(-beyond[1]), close]
    if grid:
        values = [round(value / grid) * grid for value in values]
    return tuple(values)


def _joined(rng: Random, rows: list[tuple], price_step: float) -> list[tuple]:
    """Most candles open where the one before closed."""
    joined = [rows[0]]
    for open_, high, low, close in rows[1:]:
        start = joined[-1][3] if rng.random() < 0.7 else open_
        joined.append((start, max(start, high), min(start, low), close))
    return joined


# The script.


def _random_acts(rng, scenario: Scenario) -> tuple:
    candles = scenario.count * scenario.execution // scenario.timeframe
    is_burst = rng.random() < 0.2  # many orders in few candles
    moments = [rng.randint(1, candles) for _ in range(3)]
    acts = []
    for _ in range(rng.choice([0, 10, 25, 40, 60])):
        k = rng.randint(0, len(scenario.instruments) - 1)
        at = rng.choice(moments) if is_burst else rng.randint(1, candles)
        acts.append((at, k, _random_act(rng, scenario, k, at * scenario.timeframe // scenario.execution)))
    return tuple(acts)


def _random_act(rng, scenario: Scenario, k: int, at: int) -> tuple:
    """Something to ask after `at` execution candles."""
    kind = rng.choice(
        ["nothing", *["buy"] * 6, *["sell"] * 4, *["amend"] * 5, "cancel", "cancel", "cancel_all", "close", "target"]
    )
    if kind in ("nothing", "cancel_all"):
        return (kind,)
    if kind == "close":
        return kind, rng.choice([1.0, 0.5, 0.37, 0.0])
    if kind == "target":
        return kind, rng.choice([0.0, 0.5, 0.3, 0.9, 1.5, -0.2])
    if kind == "cancel":
        return kind, _random_id(rng)
    price, jump = _known_price(scenario, k, at)
    if kind == "amend":
        return kind, _random_id(rng), _random_terms(rng, scenario, price, jump)
    return _random_order(rng, scenario, kind, price, jump, at)


def _random_id(rng) -> tuple:
    """Which of the live ones, or any number at all."""
    return rng.choice(["live", "live", "live", "any"]), rng.randint(0, 30)


def _known_price(scenario: Scenario, k: int, at: int) -> tuple[float, float]:
    """The last close by then, and how far prices move in a candle."""
    there = [row for row in scenario.rows[k] if row is not None]
    if not there:
        return 20.0, 1.0
    seen = [row for row in scenario.rows[k][:at] if row is not None] or there[:1]
    return seen[-1][3], sum(row[1] - row[2] for row in there) / len(there)


def _near(rng, price: float, jump: float) -> float:
    """A price around a price."""
    return max(price + rng.choice([0, -1, 1, -2, 2, -4, 4, -8, 8]) * jump / 4, 0.0)


def _random_amount(rng, scenario: Scenario, price: float) -> float:
    return scenario.cash / price * rng.choice([0.1, 0.3, 0.01, 0.9, 2.0, 1e-7])


def _random_terms(rng, scenario: Scenario, price: float, jump: float) -> dict:
    """What an amend names."""
    terms = {}
    for name in rng.choice(
        [("price",), ("price",), ("stop",), ("amount",), ("price", "amount"), ("price", "stop"), ()]
    ):
        terms[name] = _random_amount(rng, scenario, price) if name == "amount" else _near(rng, price, jump)
    return terms


def _random_size(rng, scenario: Scenario, side: str, price: float, jump: float) -> tuple[str, float, dict]:
    size = rng.choice(["amount", "amount", "cost", "fraction", "risk"])
    if size == "amount":
        return size, _random_amount(rng, scenario, price), {}
    if size == "cost":
        return size, scenario.cash * rng.choice([0.3, 0.05, 0.9, 1.2]), {}
    if size == "risk" and side == "buy":
        return size, rng.choice([0.01, 0.05, 0.3]), {"stop_loss": price + rng.choice([-2, -0.5, -4, 0.5]) * jump}
    return "fraction", rng.choice([0.5, 1.0, 0.2, 0.999, 1.5]), {}


def _random_order(rng, scenario: Scenario, side: str, price: float, jump: float, at: int) -> tuple:
    """A buy or a sell of some size on some terms."""
    size, value, terms = _random_size(rng, scenario, side, price, jump)
    return side, size, value, _order_terms(rng, scenario, side, price, jump, at, terms)


def _order_terms(rng, scenario: Scenario, side: str, price: float, jump: float, at: int, terms: dict) -> dict:
    """The terms of an order of any kind, with those of its size."""
    if rng.random() < 0.6:
        terms["price"] = _near(rng, price, jump)
    kind = rng.choice(
        [*["plain"] * 4, "stop", "stop", "take", "take", "trail", "trail", "IOC", "FOK", "GTD", "post_only", "odd"]
    )
    if kind in ("stop", "take"):
        rises = jump if (side == "buy") == (kind == "stop") else -jump
        terms[kind] = max(price + rng.choice([1, 2, 4, 0, -1]) * rises / 2, 0.0)
    elif kind == "trail":
        terms.pop("price", None)
        terms.update(_random_trail(rng, price, jump))
    elif kind in ("IOC", "FOK"):
        terms["tif"] = kind
    elif kind == "GTD":
        late = rng.choice(
            [
                scenario.execution,
                250 if isinstance(scenario.model.latency_ms, tuple) else scenario.model.latency_ms,
                3 * scenario.execution,
                rng.randint(1, scenario.count * scenario.execution),
            ]
        )
        terms.update(tif="GTD", expire=at * scenario.execution + late + rng.choice([0, 1, -1]))
    elif kind == "post_only":
        terms["post_only"] = True
    elif kind == "odd":
        terms.update(_odd_terms(rng, at * scenario.execution))
    if rng.random() < 0.1:
        terms["oco"] = _random_id(rng)
    if side == "buy" and rng.random() < 0.2:
        terms.update(_random_exits(rng, price, jump))
    if rng.random() < 0.03:
        terms["reduce_only"] = True
    return terms


def _random_exits(rng, price: float, jump: float) -> dict:
    """A stop loss, a take profit or both, most of them on their sides of the price."""
    away = [rng.choice([1, 0.5, 2, -0.2]) * jump for _ in range(2)]
    exits = {"stop_loss": price - away[0], "take_profit": price + away[1]}
    return {name: exits[name] for name in rng.choice([("stop_loss",), ("take_profit",), ("stop_loss", "take_profit")])}


def _random_trail(rng, price: float, jump: float) -> dict:
    """How far a trailing stop follows, and from where on."""
    away = rng.choice([1, 0.5, 2, 0.1]) * jump
    terms = rng.choice([{"trail_by": away}, {"trail": away / price}])
    if rng.random() < 0.4:
        terms["activation"] = _near(rng, price, jump)
    return terms


def _odd_terms(rng, now: int) -> dict:
    """What no venue takes, most of it."""
    return rng.choice(
        [
            {"tif": "GTD"},
            {"expire": now + MINUTE},
            {"tif": "GTD", "expire": now},
            {"tif": "IOC", "post_only": True},
            {"tif": "FOK", "stop": 1.0},
            {"post_only": True, "stop": 1.0},
            {"price": -1.0},
            {"stop": 0.0},
            {"take": 0.0},
            {"tif": "IOC", "take": 1.0},
            {"post_only": True, "take": 1.0},
            {"tif": "FOK", "trail": 0.01},
            {"post_only": True, "trail": 0.01},
            {"trail": 0.01, "price": 1.0},
            *[{"price": None, "trail": trail} for trail in (1e-9, 4e-10, 0.0, 0.99, 0.9999999996, 1.5, -0.1)],
            *[{"price": None, "trail_by": by} for by in (0.0, 1e-12, 1e12)],
            {"price": None, "trail": 0.01, "activation": 0.0},
        ]
    )


# Following the script.


class Player:
    """Does what a scenario asks for on some engine, and keeps every answer, everything told, and what could be seen.

    A subclass is one engine: it calls `on_step`, `on_fill` and `on_order_error`, and implements what raises here.
    Order ids count from 0; an answer is an id, the name of a reason, or None.
    """

    def __init__(self, scenario: Scenario, shift: int = 0) -> None:
        self.scenario, self.shift = scenario.moved(shift), shift
        self.decisions = {time + shift for time in scenario.decisions()}
        self.script: dict[int, list] = {}
        for at, k, act in self.scenario.acts:
            self.script.setdefault(at * scenario.timeframe + shift, []).append((k, act))
        self.answers: list[tuple] = []
        self.told: list[tuple] = []
        self.seen: list[tuple] = []
        self.counts = {"fill": 0, "error": 0}

    def on_step(self, now: int) -> None:
        """A decision."""
        if now not in self.decisions:
            return
        self.seen.append((now, self.view()))
        for k, act in self.script.get(now, ()):
            self.do(now, k, act)
        self.seen.append((now, self.view()))

    def on_told(self, what: str, now: int, order: int) -> None:
        """A fill or an error that is told."""
        self.told.append((what, now, order))
        self.seen.append((now, self.view()))
        for kind, number, k, act in self.scenario.reactions:
            if (kind, number) == (what, self.counts[what]):
                self.do(now, k, act)
        self.counts[what] += 1

    def do(self, now: int, k: int, act: tuple) -> None:
        """Asks for one act."""
        kind, *rest = act
        if kind in ("buy", "sell"):
            size, value, terms = rest
            terms = {**PLAIN_ORDER, **terms}
            for name in ("oco", "after"):
                if terms[name] is not None:
                    terms[name] = self.meant(*terms[name])
            answer = self.order(k, kind, size, value, terms)
        elif kind in ("amend", "cancel"):
            where, *terms = rest
            id = self.meant(*where)
            answer = self.amend(id, *terms) if kind == "amend" else self.cancel(id)
        elif kind in ("close", "target"):
            answer = self.close(k, *rest) if kind == "close" else self.target(k, *rest)
        elif kind == "protect":
            answer = self.protect(k, {**NO_EXITS, **rest[0]})
        elif kind == "close_when":
            answer = self.close_when(k, *rest)
        elif kind == "cancel_all":
            answer = self.cancel_all(k)
        elif kind == "set_leverage":
            answer = self.set_leverage(k, *rest)
        elif kind == "add_margin":
            answer = self.add_margin(k, *rest)
        else:
            return
        self.answers.append((now, k, kind, answer))

    def meant(self, which: str, number: int) -> int:
        """The id of a live order, of one asked for lately, or any number at all."""
        live = self.live()
        if which == "live" and live:
            return live[number % len(live)]
        is_back = which == "back" and number < self.asked()
        return self.asked() - 1 - number if is_back else number % (self.asked() + 2)

    live: Callable
    asked: Callable
    view: Callable
    order: Callable
    amend: Callable
    cancel: Callable
    cancel_all: Callable
    close: Callable
    close_when: Callable
    protect: Callable
    target: Callable
    set_leverage: Callable
    add_margin: Callable


class _Engine(Engine):
    """Tells its player of fills and errors."""

    player: "ReferencePlayer"

    def _tell(self) -> None:
        untold, self.ledger.untold = self.ledger.untold, []
        for happened in untold:
            what, order = ("fill", happened.order) if isinstance(happened, Fill) else ("error", happened.id)
            self.player.on_told(what, self.now, order)


def name_of(one: Instrument, k: int) -> str:
    """What the engines call an instrument: by its own name where it has one, since draws go by that."""
    base = f"C{k}" if one.name == "COIN" else one.name
    return f"x:{base}/USD" + (f":{base if one.is_inverse else 'USD'}" if one.is_contract else "")


class ReferencePlayer(Player):
    """The plain-Python engine."""

    def __init__(self, scenario: Scenario, shift: int = 0) -> None:
        super().__init__(scenario, shift)
        self.refused: set[int] = set()  # at asking
        self.engine = self._engine(scenario, shift)
        self.engine.player = self
        self.engine.run()

    def named(self) -> list[Instrument]:
        """The instruments under the names that the kernel knows them by."""
        ones, named = self.scenario.instruments, []
        for k, one in enumerate(ones):
            name = name_of(one, k) if one.owner is None else name_of(ones[one.owner], one.owner)
            named.append(replace(one, name=name + {1: " long", -1: " short"}.get(one.hedge, "")))
        return named

    def _engine(self, scenario: Scenario, shift: int) -> Engine:
        return _Engine(
            self.named(),
            [scenario.columns(k, shift) for k in range(len(scenario.instruments))],
            scenario.timeframe,
            execution_ms=scenario.execution,
            cash=scenario.cash,
            model=scenario.model,
            limits=scenario.limits,
            marks=[self.scenario.mark_columns(k, shift) for k in range(len(scenario.marks))],
            funding=self.scenario.funding,
            on_step=lambda engine, now: self.on_step(now),
        )

    def do(self, now: int, k: int, act: tuple) -> None:
        """Also notes which orders were refused at once."""
        before = len(self.engine.orders)
        super().do(now, k, act)
        self.refused |= {order.id for order in self.engine.orders[before:] if not order.is_live}

    def asked(self) -> int:
        """How many orders there are."""
        return len(self.engine.orders)

    def live(self) -> list[int]:
        """Ids of the orders that are not done."""
        return [order.id for order in self.engine.orders if order.is_live]

    def view(self) -> tuple:
        """Free and all cash, equity, and per instrument: position, balance, free base, open orders; of contracts the
        entry, the margin kept and the hundredths of the leverage.
        """
        engine = self.engine
        each = [
            (
                engine.position(k),
                engine.balance(k),
                engine.ledger.free("sell", k),
                engine.open_orders(k),
                *((c.entry, c.kept, c.leverage) if (c := engine.ledger.contracts.get(k)) else ()),
            )
            for k in range(len(engine.instruments))
        ]
        return engine.ledger.free("buy", 0), engine.cash(), engine.equity(), each

    def order(self, k: int, side: str, size: str, value: float, terms: dict) -> int | str:
        """A buy or a sell."""
        terms = {name: x for name, x in terms.items() if name not in ("stop_loss", "take_profit") or x is not None}
        return getattr(self.engine, side)(k, **{size: value}, **terms)

    def amend(self, id: int, terms: dict) -> int | str:
        """New terms."""
        return self.engine.amend(id, **terms)

    def cancel(self, id: int) -> int | str:
        """The end of one order."""
        return self.engine.cancel(id)

    def cancel_all(self, k: int) -> None:
        """The end of all of an instrument."""
        return self.engine.cancel_all(k)

    def close(self, k: int, fraction: float) -> int | str:
        """The end of a part of the position."""
        return self.engine.close(k, fraction)

    def protect(self, k: int, exits: dict) -> int | str:
        """The exits of the position."""
        return self.engine.protect(k, **exits)

    def close_when(self, k: int, kind: str, price: float, trigger: str) -> int | str:
        """The end of all of it, once that is triggered."""
        return self.engine.close(k, **{kind: price}, trigger=trigger)

    def target(self, k: int, weight: float) -> int | str | None:
        """A share of equity."""
        return self.engine.target(k, weight)

    def set_leverage(self, k: int, leverage: float) -> str | None:
        """Another leverage of a contract."""
        return self.engine.set_leverage(k, leverage)

    def add_margin(self, k: int, money: float) -> str | None:
        """More margin of an isolated position, or less."""
        return self.engine.add_margin(k, money)

    def _watched(self) -> tuple:
        """What the limits of equity know in the end."""
        watch, limits = self.engine.watch, self.scenario.limits
        if (limits.daily_loss, limits.max_drawdown) == (None, None) or watch.day is None:
            return ()
        return watch.day, watch.day_equity, watch.marked, watch.peak, watch.lost, watch.until

    def result(self) -> dict:
        """Everything that happened, in plain values."""
        engine = self.engine
        orders = [
            {
                "status": o.status, "reason": o.reason, "time": o.time, "price": o.price_ticks, "stop": o.stop_ticks,
                "amount": o.amount, "filled": o.filled, "cost": o.cost, "fee": o.fee, "reserved": o.reserved,
                "budget": (o.is_live and o.budget) or 0, "instrument": o.instrument, "side": o.side, "tif": o.tif,
                "post_only": o.post_only, "amend_reason": o.amend_reason,
            }
            for o in engine.orders
        ]  # fmt: skip
        fills = [
            (f.time, f.instrument, f.order, f.ticks, f.amount, f.cost, f.fee, bool(f.fee_in_base), f.liquidity)
            for f in engine.fills
        ]
        ledger = engine.ledger
        contracts = {
            "entries": [(k, c.entry, c.kept, c.leverage) for k, c in ledger.contracts.items()],
            "holds": [ledger.holds(k, at_venue=False) for k in ledger.contracts],
            "wallet": ledger.wallet,
            "funding": ledger.fundings,
        }
        return {
            **(contracts if self.scenario.has_contracts else {}),
            # The reference also notes refusals at asking; the statuses of the orders tell them all.
            "events": [e for e in engine.events if e[1] != "REJECTED" or e[2] not in self.refused],
            "answers": self.answers,
            "told": self.told,
            "seen": self.seen,
            "orders": orders,
            "fills": fills,
            "equity": [tuple(map(float, row)) for row in engine.equity_curve],
            "cash": engine.cash_units,
            "bases": list(engine.base_units),
            "reserved": engine.reserved_quote,
            "reserved_base": engine.reserved_base,
            "refused": engine.watch.refused,
            "watch": self._watched(),
            "settled": [(f.time, f.is_buy, f.tag) for f in engine.fills if f.order < 0],
            "joint": engine.joint,
            "path_decided": engine.path_decided,
            "touched": engine.touched,
            "position": [float(engine.position(k)) for k in range(len(engine.instruments))],
        }
