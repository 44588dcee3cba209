"""Random scenarios with contracts, linear and inverse: one to three markets, spot among them, in the form of
`scenarios`.

`contract_scenario(rng)` asks for anything, `leveraged_scenario(rng)` for large positions that are guarded and that
the market takes away.
"""

from dataclasses import replace
from random import Random

from .margin import Tiers
from .model import CONTRACT, Instrument
from .scenarios import (
    DAY,
    HOUR,
    MINUTE,
    WORLDS,
    Scenario,
    _known_price,
    _order_terms,
    _random_exits,
    _random_id,
    _random_instrument,
    _random_leg,
    _random_limits,
    _random_model,
    _random_order,
    _random_rows,
    _random_terms,
    _random_trail,
    random_scenario,
)

# (floor in parts of the cash, maintenance rate, most leverage[, maintenance amount]).
TABLES = [
    ((0, 0.005, 100),),
    ((0, 0.01, 50), (0.5, 0.025, 20), (2, 0.05, 10), (10, 0.1, 5)),
    ((0, 0.004, 125), (0.1, 0.005, 100), (0.3, 0.01, 50), (1, 0.02, 25), (3, 0.05, 10), (10, 0.15, 3), (30, 0.5, 1)),
    ((0, 0.02, 25, 0), (1, 0.05, 10, 0), (5, 0.1, 5, 0)),  # the margin jumps
    ((0, 0.0, 125), (4, 0.0125, 80)),
]
LEVERAGES = [10.0, 3.0, 1.0, 20.0, 5.0, 50.0, 100.0, 3.33, 12.345]
RATES = [1e-4, -1e-4, 0.001, -0.003, 0.02, -0.01, 0.0, 0.00012345]


def contract_scenario(rng) -> Scenario:
    """Any markets, any model, any script; at least one of the markets is a contract."""
    scenario = _random_market(rng)
    acts = _random_acts(rng, scenario)
    reactions = []
    for _ in range(rng.choice([0, 0, 3, 6])):
        k, at = rng.randint(0, len(scenario.instruments) - 1), rng.randint(1, scenario.count)
        what = rng.choice(["fill", "fill", "error"]), rng.randint(0, 12)
        reactions.append((*what, k, _random_act(rng, scenario, k, at)))
    return replace(scenario, acts=acts, reactions=tuple(reactions), limits=_random_limits(rng, scenario))


def leveraged_scenario(rng) -> Scenario:
    """Any markets where large positions are opened on both sides, added to, turned round, guarded near the market,
    and often liquidated.
    """
    scenario = _random_market(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(_random_acts(rng, scenario)) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        side = rng.choice(["buy", "sell"])
        if scenario.instruments[k].hedge == CONTRACT and rng.random() < 0.9:
            k = scenario.instruments[k].twin + (side == "sell")
        acts.append((at, k, (side, "fraction", rng.choice([0.5, 0.9, 0.99, 0.2]), {})))
        for _ in range(rng.choice([0, 1, 2])):
            later = at + rng.choice([1, 2, 4])
            acts.append((later, k, _random_guard(rng, scenario, k, later, "sell" if side == "buy" else "buy")))
        if rng.random() < 0.3:
            changed = ("set_leverage", 20.0) if scenario.instruments[k].is_contract else ("cancel_all",)
            more = rng.choice([("close", 0.5), ("target", -1.0), ("target", 2.0), changed, ("close", 1.0)])
            acts.append((at + rng.choice([1, 2, 3]), k, more))
    return replace(scenario, acts=tuple(acts))


def protected_scenario(rng) -> Scenario:
    """Any markets where positions are opened with their exits, and where several reduce-only orders and groups stand
    against a position, so that one candle reaches more than one of them; some are amended, cancelled or in the way of
    what closes or turns the position.
    """
    scenario = _random_market(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(_random_acts(rng, scenario)) if rng.random() < 0.2 else []
    for _ in range(rng.choice([2, 4, 8])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        is_contract = scenario.instruments[k].is_contract
        side = rng.choice(["buy", "sell"]) if is_contract else "buy"
        out = "sell" if side == "buy" else "buy"
        price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
        terms = rng.choice([{}, {}, _random_leg(rng, side, price, jump)])
        if rng.random() < 0.4:
            terms = {**terms, **_random_exits(rng, price, jump if side == "buy" else -jump)}
        acts.append((at, k, (side, "fraction", rng.choice([0.5, 0.2, 0.9]), terms)))
        is_bound = rng.random() < 0.3
        later = at if is_bound else at + rng.choice([0, 1, 1, 2])
        for number in range(rng.choice([1, 2, 3, 4])):
            price, jump = _known_price(scenario, k, later * scenario.timeframe // scenario.execution)
            terms = rng.choice([{}, *(_random_leg(rng, out, price, jump) for _ in range(6))])
            terms = {**terms, "reduce_only": rng.random() < 0.8}
            if is_bound:
                terms["after"] = ("back", number)
            if number and rng.random() < 0.4:
                terms["oco"] = ("back", 0)
            size = "fraction", rng.choice([1.0, 1.0, 0.5, 0.3])
            if not is_bound and rng.random() < 0.3:
                size = "amount", scenario.cash / price * rng.choice([0.1, 0.5, 2.0])
            terms = _maybe_by_mark(rng, terms) if is_contract else terms
            is_closing = not is_bound and "oco" not in terms and rng.random() < 0.3
            acts.append((later, k, _random_closing(rng, out, price, jump) if is_closing else (out, *size, terms)))
        later += rng.choice([0, 1, 1, 2])
        if rng.random() < 0.6:
            new = _random_terms(rng, scenario, price, jump)
            again = side, "fraction", 0.3, {}
            turn = out, "amount", scenario.cash / price, {}
            changes = [("amend", _random_id(rng), new), ("cancel", _random_id(rng)), ("close", 0.4), again, turn]
            acts.append((later, k, rng.choice([*changes, ("close", 1.0)])))
    return replace(scenario, acts=tuple(acts), limits=_random_limits(rng, scenario))


def exits_scenario(rng) -> Scenario:
    """Any markets, or spot alone, where positions are protected candle after candle, with the same exits or with some
    that move, and are added to, closed in part, turned and left alone in between.
    """
    scenario = replace(random_scenario(rng), acts=()) if rng.random() < 0.4 else _random_market(rng)
    candles = scenario.count * scenario.execution // scenario.timeframe
    acts = list(_random_acts(rng, scenario)) if rng.random() < 0.1 else []
    for _ in range(rng.choice([1, 2, 4])):
        at, k = rng.randint(1, candles), rng.randint(0, len(scenario.instruments) - 1)
        is_contract = scenario.instruments[k].is_contract
        side = rng.choice(["buy", "sell"]) if is_contract else "buy"
        acts.append((at, k, (side, "fraction", rng.choice([0.5, 0.2, 0.9]), {})))
        exits = _random_wish(rng, scenario, k, at, side)
        for later in range(at + rng.choice([0, 1]), at + rng.choice([3, 6, 12])):
            if rng.random() < 0.2:
                exits = _random_wish(rng, scenario, k, later, side)
            if rng.random() < 0.9:
                acts.append((later, k, ("protect", exits)))
            if rng.random() < 0.2:
                price, jump = _known_price(scenario, k, later * scenario.timeframe // scenario.execution)
                out = "sell" if side == "buy" else "buy"
                again, less = (side, "fraction", 0.3, {}), (out, "fraction", 0.4, {})
                part, other = ("close", rng.choice([0.3, 0.5, 1.0])), (out, "amount", scenario.cash / price, {})
                more = ("amend", _random_id(rng), _random_terms(rng, scenario, price, jump)), ("protect", {})
                ends = ("cancel", _random_id(rng)), ("target", rng.choice([0.1, 0.0, -0.5])), ("cancel_all",)
                acts.append((later, k, rng.choice([again, again, less, part, part, other, *more, *ends])))
    return replace(scenario, acts=tuple(acts))


def _random_wish(rng, scenario: Scenario, k: int, at: int, side: str) -> dict:
    """What `protect` is asked for, mostly on the right sides of the market."""
    price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
    better = jump if side == "buy" else -jump
    exits = {}
    if rng.random() < 0.7:
        exits["stop"] = max(price - rng.choice([1, 0.5, 2, 4, -0.1]) * better, 0.0)
    if rng.random() < 0.3:
        exits["trail"] = rng.choice([1, 0.5, 3]) * jump / price
    shares = rng.choice([(), (0.5,), (0.5, 0.5), (1.0,), (1 / 3, 1 / 3, 1 / 3), (0.1, 0.2, 0.3), (0.001, 0.9)])
    wide = rng.choice([1, 0.3]) * better
    exits["takes"] = tuple((max(price + (0.5 + i) * wide, 0.0), share) for i, share in enumerate(shares))
    if rng.random() < (0.3 if scenario.instruments[k].is_contract else 0.02):
        exits["trigger"] = "mark"
    return exits


def _random_guard(rng, scenario: Scenario, k: int, at: int, side: str) -> tuple:
    """An order against a position: a take, a stop or a trailing stop near the market."""
    price, jump = _known_price(scenario, k, at * scenario.timeframe // scenario.execution)
    kind = rng.choice(["stop", "take", "trail", "price"])
    away = rng.choice([0.5, 1, 2, 0.1]) * jump * (1 if (side == "sell") == (kind in ("take", "price")) else -1)
    terms = _random_trail(rng, price, jump) if kind == "trail" else {kind: max(price + away, 0.0)}
    if scenario.instruments[k].is_contract:
        terms = _maybe_by_mark(rng, terms)
    return side, "fraction", rng.choice([0.5, 1.0, 0.3]), terms


# The markets.


def _random_market(rng) -> Scenario:
    execution = rng.choice([MINUTE, MINUTE, HOUR, 15 * MINUTE, DAY])
    ratio = rng.choice([1, 1, 1, 5])
    count = rng.choice([16, 30, 45, 90]) // ratio * ratio
    quote_unit, cash = rng.choice([1e-8, 1e-8, 0.01]), rng.choice([1000.0, 1000.0, 1e6])
    is_cross = rng.random() < 0.3  # all of them
    instruments, rows, marks, funding = [], [], [], []
    for k in range(rng.choice([1, 1, 2, 2, 3])):
        world = rng.choice(WORLDS)
        instrument = _random_instrument(rng, world, quote_unit, 1000.0, rng.randint(1, count * execution))
        rows.append(_random_rows(rng, world, count, ratio, cash))
        is_contract = k == 0 or rng.random() < 0.7
        instruments.append(_contract_of(rng, instrument, cash, is_cross) if is_contract else instrument)
        if is_contract and rng.random() < 0.35:
            instruments[-1], rows[-1] = _inverse_of(rng, instruments[-1], rows[-1], world[0])
        marks.append(_random_marks(rng, rows[-1], world) if is_contract else None)
        funding.append(_random_funding(rng, execution, count) if is_contract else ())
    model = _random_model(rng, execution)
    market = Scenario(tuple(instruments), tuple(rows), execution, ratio * execution, cash, model, ())
    return _with_twins(rng, replace(market, marks=tuple(marks), funding=tuple(funding)))


def _with_twins(rng, market: Scenario) -> Scenario:
    """The same, a third of the contracts in hedge mode."""
    instruments, owners = list(market.instruments), []
    for k, one in enumerate(market.instruments):
        if not one.is_contract or rng.random() > 0.3:
            continue
        first = len(instruments)
        instruments[k] = replace(one, hedge=CONTRACT, twin=first)
        for hedge, twin in ((1, first + 1), (-1, first)):
            instruments.append(replace(one, hedge=hedge, twin=twin, owner=k, share=one.share / 2))
        owners += [k, k]
    every = [*range(len(market.instruments)), *owners]
    rows, marks, funding = (tuple(of[k] for k in every) for of in (market.rows, market.marks, market.funding))
    return replace(market, instruments=tuple(instruments), rows=rows, marks=marks, funding=funding)


def _contract_of(rng, instrument: Instrument, cash: float, is_cross: bool) -> Instrument:
    """The same as a contract."""
    table = rng.choice(TABLES)
    tiers = tuple((floor * cash, *row) for floor, *row in table)
    leverage = rng.choice([x for x in LEVERAGES if x <= tiers[rng.choice([0, -1])][2]] or [1.0])
    return replace(
        instrument,
        fee_side="quote",
        tiers=tiers,
        leverage=leverage,
        margin_mode="cross" if is_cross or rng.random() < 0.2 else "isolated",
        liquidation_fee=rng.choice([0.0, 0.005, 0.0125]),
    )


def _inverse_of(rng, instrument: Instrument, rows: tuple, price: float) -> tuple[Instrument, tuple]:
    """The same as an inverse one, of which about as many contracts are worth as much, and as much is traded."""
    size = float(f"{price * price * rng.choice([1.0, 1.0, 0.3, 5.0]):.1g}")
    as_base = tuple(row and (*row[:4], row[4] * price) for row in rows)
    return replace(instrument, contract_size=size), as_base


def _random_marks(rng, rows: tuple, world: tuple) -> tuple | None:
    """Candles of the mark: none at all, or near to those of the price, some of them missing and some where the price
    has none.
    """
    kind = rng.choice(["none", "near", "near", "far", "late"])
    own = Random(rng.randint(0, 2**32))
    if kind == "none":
        return None
    _, price_step, _ = world
    there = [row for row in rows if row is not None]
    jump = sum(row[1] - row[2] for row in there) / max(len(there), 1)
    wide, first = (1.0 if kind == "far" else 0.1) * jump, len(rows) // 3 if kind == "late" else 0
    result, last = [], there[0] if there else (world[0],) * 5
    for i, row in enumerate(rows):
        last = row or last
        away = own.gauss(0, wide)
        prices = [max(price + away + own.gauss(0, wide / 4), price_step / 2) for price in last[:4]]
        if own.random() < 0.1:
            prices = [prices[0]] * 4
        is_kept = i >= first and own.random() > 0.05
        result.append((prices[0], max(prices), min(prices), prices[3]) if is_kept else None)
    return tuple(result)


def _random_funding(rng, execution: int, count: int) -> tuple:
    """Rates every few candles, a few ms late or early, some inside candles; the interval changes once."""
    kind = rng.choice(["none", "regular", "regular", "changing", "often"])
    if kind == "none":
        return ()
    own = Random(rng.randint(0, 2**32))
    interval = execution * own.choice([2, 3, 8]) if kind != "often" else execution // own.choice([2, 3])
    offset = own.choice([0, 0, execution // 2, execution // 3])
    time, end, result = interval, count * execution, []
    while time < end:
        result.append((time + offset + own.choice([0, 0, 7, -7, 499, 500, -500, -501, 15]), own.choice(RATES)))
        if kind == "changing" and time > end / 2:
            interval = execution
        time += interval
    return tuple(sorted(result))


# The script.


def _random_acts(rng, scenario: Scenario) -> tuple:
    candles = scenario.count * scenario.execution // scenario.timeframe
    moments = [rng.randint(1, candles) for _ in range(3)]
    is_burst = rng.random() < 0.2  # many orders in few candles
    acts = []
    for _ in range(rng.choice([0, 10, 25, 40, 60])):
        k = rng.randint(0, len(scenario.instruments) - 1)
        at = rng.choice(moments) if is_burst else rng.randint(1, candles)
        acts.append((at, k, _random_act(rng, scenario, k, at * scenario.timeframe // scenario.execution)))
    return tuple(acts)


def _random_act(rng, scenario: Scenario, k: int, at: int) -> tuple:
    """Something to ask after `at` execution candles."""
    kind = rng.choice(
        [
            "nothing", *["buy"] * 5, *["sell"] * 5, *["amend"] * 4, "cancel", "cancel", "cancel_all", "close", "close",
            "target", "target", "set_leverage", "add_margin", "add_margin",
        ]
    )  # fmt: skip
    is_contract = scenario.instruments[k].is_contract
    if kind in ("nothing", "cancel_all") or (kind in ("set_leverage", "add_margin") and not is_contract):
        return ("cancel_all",) if kind == "cancel_all" else ("nothing",)
    if kind == "add_margin":
        return kind, rng.choice([0.01, 0.1, 1.0, -0.01, -0.1, -0.5, 0.0]) * scenario.cash
    if kind == "set_leverage":
        return kind, rng.choice([*LEVERAGES, 2.0, 125.0, 200.0])
    if kind == "close":
        return kind, rng.choice([1.0, 0.5, 0.37, 0.0, 1.3])
    if kind == "target":
        return kind, rng.choice([0.0, 0.5, -0.5, 2.0, -3.0, 0.9, 8.0, -8.0])
    if kind == "cancel":
        return kind, _random_id(rng)
    price, jump = _known_price(scenario, k, at)
    if kind == "amend":
        return kind, _random_id(rng), _random_terms(rng, scenario, price, jump)
    if not is_contract:
        return _random_order(rng, scenario, kind, price, jump, at)
    size, value, terms = _random_size(rng, scenario, scenario.instruments[k], kind, price, jump)
    terms = _order_terms(rng, scenario, kind, price, jump, at, terms)
    if kind == "sell" and rng.random() < 0.2:
        terms.update(_random_exits(rng, price, -jump))
    if rng.random() < 0.1:
        terms["reduce_only"] = True
    return kind, size, value, _maybe_by_mark(rng, terms)


def _maybe_by_mark(rng, terms: dict) -> dict:
    """Some of the triggers wait for the mark; now and then that is asked of what has none."""
    is_stop = terms.get("stop") is not None or terms.get("take") is not None
    return {**terms, "trigger": "mark"} if rng.random() < (0.4 if is_stop else 0.01) else terms


def _random_closing(rng, side: str, price: float, jump: float) -> tuple:
    """A stop or a take that closes what is held, mostly on its side of the market."""
    kind, away = rng.choice(["stop", "take"]), rng.choice([0.5, 1, 2, 0.1, -0.1]) * jump
    where = price + away * (1 if (side == "sell") == (kind == "take") else -1)
    return "close_when", kind, max(where, 0.0), rng.choice(["last", "mark"])


def _random_size(rng, scenario: Scenario, instrument: Instrument, side: str, price: float, jump: float) -> tuple:
    """A size with its terms, in parts of what the leverage and the tiers allow."""
    size = rng.choice(["amount", "amount", "cost", "fraction", "fraction", "risk"])
    cash = min(scenario.cash * instrument.leverage, Tiers(instrument.tiers).max_notional(instrument.leverage))
    if size == "amount":
        worth = cash * price / instrument.contract_size if instrument.contract_size else cash / price
        return size, worth * rng.choice([0.1, 0.3, 0.01, 0.9, 2.0, 1e-7]), {}
    if size == "cost":
        return size, cash * rng.choice([0.3, 0.05, 0.9, 1.2]), {}
    if size == "risk":
        away = rng.choice([2, 0.5, 4, -0.5]) * jump
        return size, rng.choice([0.01, 0.05, 0.3]), {"stop_loss": price - away if side == "buy" else price + away}
    return size, rng.choice([0.5, 1.0, 0.2, 0.999, 1.5, 0.05]), {}
