"""What holds in every run: money is conserved, reservations end, the budget binds, nothing sees the future."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from .engine import Engine
from .model import FillModel, Instrument
from .orders import LIVE
from .scenario import MINUTE

COUNT = 16  # candles


def random_instrument(rng: Random) -> Instrument:
    """Any venue's rules, around a price of 20."""
    return Instrument(
        name="COIN",
        price_step=rng.choice([0.01, 0.05, 0.1, 1.0]),
        amount_step=rng.choice([1.0, 0.1, 1e-3, 1e-5]),
        min_amount=rng.choice([0.0, 0.1]),
        min_cost=rng.choice([0.0, 5.0]),
        maker=rng.choice([-1e-4, 0.0, 1e-3]),
        taker=rng.choice([0.0, 1e-3, 2e-3]),
        fee_side=rng.choice(["quote", "base"]),
        quote_unit=rng.choice([1e-8, 0.01]),
        delisted=rng.choice([None, None, None, 12 * MINUTE]),
        max_orders=rng.choice([5, 200]),
    )


def random_model(rng: Random) -> FillModel:
    """Any assumptions."""
    return FillModel(
        path=rng.choice(["pessimistic", "optimistic", "adaptive", "ohlc", "olhc"]),
        latency_ms=rng.choice([0, 250, 30_000, 70_000]),
        spread=rng.choice(["estimated", 0.01, None]),
        impact=rng.choice(["square_root", 2.0, None]),
        stop_slippage=rng.choice([0.0, 0.05]),
        participation=rng.choice([0.1, 1.0, 1.0, None]),
        limit_fill=rng.choice(["cross", "touch"]),
    )


def random_row(rng: Random) -> tuple | None:
    """Offsets of four prices from 20 and a volume, or a gap."""
    if rng.random() < 0.1:
        return None
    return (*(rng.randint(-8, 8) / 4 for _ in range(4)), rng.choice([0.0, 3.0, 50.0, 1000.0]))


def random_order(rng: Random) -> tuple:
    """A buy or a sell of some size on some terms."""
    side = rng.choice(["buy", "sell"])
    size, value = rng.choice(
        [("amount", rng.choice([0.05, 0.5, 2.7, 30.0])), ("cost", 333.3), ("fraction", rng.choice([0.2, 0.5, 1.0]))]
    )
    terms = {}
    if rng.random() < 0.6:
        terms["price"] = 20 + rng.randint(-8, 8) / 4
    kind = rng.choice(["plain", "plain", "stop", "take", "trail", "IOC", "FOK", "GTD", "post_only"])
    if kind in ("stop", "take"):
        terms[kind] = 20 + rng.randint(0, 8) / 4 * (1 if (side == "buy") == (kind == "stop") else -1)
    elif kind == "trail":
        terms = rng.choice([{"trail": rng.choice([0.01, 0.04, 0.1])}, {"trail_by": rng.randint(1, 8) / 4}])
        if rng.random() < 0.4:
            terms["activation"] = 20 + rng.randint(-8, 8) / 4
    elif kind in ("IOC", "FOK"):
        terms["tif"] = kind
    elif kind == "GTD":
        terms.update(tif="GTD", expire=rng.randint(2 * MINUTE, COUNT * MINUTE))
    elif kind == "post_only":
        terms["post_only"] = True
    return side, size, value, terms


def random_act(rng: Random) -> tuple:
    """Something to ask of the venue."""
    kind = rng.choice(["order"] * 5 + ["amend"] * 3 + ["cancel", "cancel_all", "close", "target"])
    if kind == "order":
        return random_order(rng)
    if kind == "amend":
        name = rng.choice(["price", "stop", "amount"])
        value = rng.choice([0.5, 5.0, 40.0]) if name == "amount" else 20 + rng.randint(-8, 8) / 4
        return kind, rng.randint(0, 20), name, value
    if kind == "cancel":
        return kind, rng.randint(0, 20)
    if kind == "cancel_all":
        return (kind,)
    return kind, rng.choice([1.0, 0.5, 0.0])


def random_scenario(seed: int) -> dict:
    """Two markets with orders at most closes."""
    rng = Random(seed)
    return {
        "instruments": [random_instrument(rng), random_instrument(rng)][: rng.randint(1, 2)],
        "rows": [[random_row(rng) for _ in range(COUNT)] for _ in range(2)],
        "model": random_model(rng),
        "acts": [(rng.randint(1, COUNT), rng.randint(0, 1), random_act(rng)) for _ in range(40)],
    }


SCENARIOS = st.integers(0, 2**32).map(random_scenario)


def candles(rows: list, upto: int, shift: int = 0) -> dict[str, list]:
    """Columns of the candles around 20 that open before number `upto`."""
    names = ("time", "open", "high", "low", "close", "volume")
    table = {name: [] for name in names}
    for i, row in enumerate(rows[:upto]):
        if row is not None:
            a, b, c, d, volume = row
            first, last = 20 + a, 20 + d
            high, low = max(first, last, 20 + b, 20 + c), min(first, last, 20 + b, 20 + c)
            for name, value in zip(names, (i * MINUTE + shift, first, high, low, last, volume), strict=True):
                table[name].append(value)
    return table


def do(engine: Engine, k: int, act: tuple) -> None:
    """Asks for one act."""
    kind, *rest = act
    live = [order.id for order in engine.orders if order.is_live]
    if kind in ("buy", "sell"):
        size, value, terms = rest
        getattr(engine, kind)(k, **{size: value}, **terms)
    elif kind == "amend":
        id, name, value = rest
        engine.amend(live[id % len(live)] if live else id, **{name: value})
    elif kind == "cancel":
        engine.cancel(live[rest[0] % len(live)] if live else rest[0])
    elif kind == "cancel_all":
        engine.cancel_all(k)
    else:
        getattr(engine, kind)(k, *rest)


def moved(act: tuple, shift: int) -> tuple:
    """The act with its times shifted."""
    if isinstance(act[-1], dict) and "expire" in act[-1]:
        return (*act[:-1], {**act[-1], "expire": act[-1]["expire"] + shift})
    return act


def run(scenario: dict, *, upto: int = COUNT, shift: int = 0, check=None, told=None) -> Engine:
    """Runs a scenario on its first `upto` candles; `check` looks at the engine at every decision and fill.

    `told` is a list for (now, fill).
    """

    def on_step(engine, now):
        if check is not None:
            check(engine)
        for number, k, act in scenario["acts"]:
            if number * MINUTE + shift == now and k < len(engine.instruments):
                do(engine, k, moved(act, shift))
        if check is not None:
            check(engine)

    def on_fill(engine, k, fill, now):
        if told is not None:
            told.append((now, fill))
        if check is not None:
            check(engine)

    quote_unit = scenario["instruments"][0].quote_unit  # cash is shared
    instruments = [
        replace(one, quote_unit=quote_unit, delisted=one.delisted and one.delisted + shift)
        for one in scenario["instruments"]
    ]
    columns = [candles(rows, upto, shift) for rows in scenario["rows"][: len(instruments)]]
    engine = Engine(
        instruments, columns, MINUTE, cash=1000.0, model=scenario["model"], on_step=on_step, on_fill=on_fill
    )
    engine.run()
    if check is not None:
        check(engine)
    return engine


def conserves(engine: Engine) -> None:
    """Cash and bases are what the fills moved, and what is reserved is what the live orders hold."""
    cash, bases = engine.units[0].quote_down(1000.0), [0] * len(engine.instruments)
    for fill in engine.fills:
        is_buy = fill.order >= 0 and engine.orders[fill.order].is_buy
        bases[fill.instrument] += fill.amount if is_buy else -fill.amount
        cash += -fill.cost if is_buy else fill.cost
        if fill.fee_in_base:
            bases[fill.instrument] -= fill.fee
        else:
            cash -= fill.fee
    assert (engine.cash_units, engine.base_units) == (cash, bases)
    assert min(bases) >= 0

    live = [order for order in engine.orders if order.status in LIVE]
    assert engine.reserved_quote == sum(order.reserved + order.extra for order in live if order.is_buy)
    for k in range(len(bases)):
        sells = [order for order in live if not order.is_buy and order.instrument == k]
        assert engine.reserved_base[k] == sum(order.reserved + order.extra for order in sells)
        assert sum(order.reserved for order in sells if order.status != "PENDING") <= bases[k]
    assert sum(order.reserved for order in live if order.is_buy and order.status != "PENDING") <= cash
    assert all(order.reserved + order.extra == 0 for order in engine.orders if order.status not in LIVE)


def holds_what_it_needs(engine: Engine) -> None:
    """A sell holds what is left of it, a limit buy what that needs, a quote budget all of it."""
    for order in engine.orders:
        if order.status in LIVE and not order.is_buy:
            assert order.reserved == order.amount - order.filled
        elif order.status in LIVE and order.price_ticks:
            assert order.reserved == engine.units[order.instrument].need(order.left, order.price_ticks)
        elif order.status in LIVE and order.budget is not None:
            assert order.reserved == order.budget


@settings(max_examples=300, deadline=None)
@given(SCENARIOS)
def test_every_fill_conserves_money_and_reservations_end_with_their_orders(scenario):
    """Exactly, in whole units, at every decision and after every fill; accepted orders hold no more than there is."""
    run(scenario, check=conserves)


@settings(max_examples=200, deadline=None)
@given(SCENARIOS)
def test_reservations_are_what_the_rest_of_an_order_needs(scenario):
    """Before, between and after its fills."""
    run(scenario, check=holds_what_it_needs)


@settings(max_examples=300, deadline=None)
@given(SCENARIOS)
def test_fills_of_a_limit_buy_add_up_to_no_more_than_it_freed(scenario):
    """Of makers' fills only, the costs add up to the cost of the whole."""
    engine = run(scenario)
    amended = {id for _, kind, id in engine.events if kind == "AMENDED"}
    takers = {fill.order for fill in engine.fills if fill.liquidity == "taker"}
    for order in engine.orders:
        if order.is_buy and order.is_limit and order.filled and order.id not in amended:
            units, limit = engine.units[order.instrument], order.price_ticks
            freed = units.need(order.amount, limit) - units.need(order.left, limit)
            assert order.cost + (0 if units.fee_in_base else order.fee) <= freed
            if order.status == "FILLED" and order.id not in takers:
                assert order.cost == units.cost_up(order.amount, limit)


@settings(max_examples=300, deadline=None)
@given(SCENARIOS)
def test_fills_stay_within_the_budget_and_an_order_has_one_a_candle(scenario):
    """Summed over the orders of an instrument and candle, in which the time of the fill lies."""
    engine = run(scenario, told=(told := []))
    assert [fill for _, fill in told if fill.order >= 0] == [fill for fill in engine.fills if fill.order >= 0]
    used, seen = {}, set()
    for now, fill in told:
        time = now - MINUTE
        if fill.order >= 0:
            assert time <= fill.time <= now
            assert (time, fill.order) not in seen
            seen.add((time, fill.order))
            used[fill.instrument, time] = used.get((fill.instrument, time), 0) + fill.amount
    if engine.model.participation is not None:
        for (k, time), amount in used.items():
            assert engine.units[k].amount(amount) <= engine.markets[k].at[time].volume * (1 + 1e-12)


@settings(max_examples=200, deadline=None)
@given(SCENARIOS)
def test_limits_are_never_filled_worse_and_orders_never_beyond_their_amount(scenario):
    """A maker's fill is at the limit, a taker's at the limit or better."""
    engine = run(scenario)
    for fill in engine.fills:
        if fill.order < 0:
            continue
        order = engine.orders[fill.order]
        assert 0 < fill.amount <= order.filled <= order.amount or order.status == "CANCELLED"
        amended = any(kind == "AMENDED" and id == order.id for _, kind, id in engine.events)
        if order.is_limit and not amended:
            better = order.price_ticks - fill.ticks if order.is_buy else fill.ticks - order.price_ticks
            assert better == 0 if fill.liquidity == "maker" else better >= 0


@settings(max_examples=200, deadline=None)
@given(SCENARIOS, st.integers(1, COUNT - 1))
def test_nothing_depends_on_later_candles(scenario, upto):
    """A run on the first candles is the beginning of the run on all of them."""
    part, whole = run(scenario, upto=upto), run(scenario)
    rows = len(part.equity_curve)
    assert part.equity_curve == whole.equity_curve[:rows]
    done = [fill for fill in part.fills if fill.order >= 0]
    assert done == [fill for fill in whole.fills if fill.order >= 0][: len(done)]


@settings(max_examples=100, deadline=None)
@given(SCENARIOS, st.integers(1, 10_000))
def test_shifting_time_shifts_the_run(scenario, days):
    """By whole days nothing else changes."""
    shift = days * 86_400_000
    here, there = run(scenario), run(scenario, shift=shift)
    assert [(t + shift, kind, id) for t, kind, id in here.events] == there.events
    assert [replace(fill, time=fill.time + shift) for fill in here.fills] == there.fills
    assert [(t + shift, *values) for t, *values in here.equity_curve] == there.equity_curve
