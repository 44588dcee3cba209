"""What holds in every run of the kernel: docs/simulation.md and section 5 of the design, as properties."""

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from parity.play import CompiledPlayer, KernelPlayer, Pace, difference
from reference.model import FillModel, Instrument
from reference.scenarios import DAY, MINUTE, PLAIN_ORDER, Scenario, guarded_scenario, linked_scenario, random_scenario

from planar.model.order import Side, Status

RANDOMS = st.randoms(use_true_random=False)
SCENARIOS = st.one_of(*(RANDOMS.map(made) for made in (random_scenario, guarded_scenario, linked_scenario)))
LOUD = settings(deadline=None, suppress_health_check=list(HealthCheck))
PLAIN = FillModel("ohlc", 0, None, None, 0.0, None, "cross")


def play(scenario: Scenario, shift: int = 0, player: type[KernelPlayer] = KernelPlayer, **pace) -> KernelPlayer:
    """A run of the kernel; scenarios that overflow are no examples."""
    try:
        return player(scenario, shift, Pace(**pace))
    except OverflowError:
        assume(False)
        raise


# Money.


class Watched(KernelPlayer):
    """Checks the books at every decision and whenever something is told."""

    def view(self) -> tuple:
        conserves(self)
        return super().view()


def conserves(player: KernelPlayer) -> None:
    """Cash and bases are what the fills moved; what is reserved is what the live orders hold."""
    state, records, log = player.state, player.records, player.simulation.log
    cash, bases = player.start_cash, [0] * len(records)
    for f in log("fills"):
        amount, cost, fee = (int(f[name]) for name in ("amount", "cost", "fee"))
        is_buy = f["side"] == Side.BUY
        bases[f["instrument"]] += amount if is_buy else -amount
        cash += -cost if is_buy else cost
        if f["fee_in_base"]:
            bases[f["instrument"]] -= fee
        else:
            cash -= fee
    assert (int(state["cash"]), [int(r["base"]) for r in records]) == (cash, bases)
    assert min(bases) >= 0

    quote, base, groups = 0, [0] * len(records), {}
    for o in player.simulation.open_orders():
        held = int(o["reserved"]) + (int(log("amends")[o["amend"]]["extra"]) if o["amend"] >= 0 else 0)
        assert held >= 0
        assert o["status"] <= Status.PARTIAL
        if o["group"]:  # of which only one can have it
            held, before = max(held, groups.get(o["group"], 0)), groups.get(o["group"], 0)
            groups[o["group"]] = held
            held -= before
        if o["side"] == Side.BUY:
            quote += held
        else:
            base[o["instrument"]] += held
    assert (int(state["reserved"]), [int(r["reserved"]) for r in records]) == (quote, base)


@settings(LOUD, max_examples=80)
@given(SCENARIOS)
def test_every_event_conserves_cash_and_base_and_reservations_are_what_live_orders_hold(scenario):
    """Exactly, in whole units. So nothing is reserved when nothing is open."""
    player = play(scenario, player=Watched)
    conserves(player)
    assert player.live() or (int(player.state["reserved"]), int(player.state["pending"])) == (0, 0)


@settings(LOUD, max_examples=80)
@given(SCENARIOS)
def test_fills_of_a_candle_stay_within_its_volume(scenario):
    """Where there is a budget; the fill that a delisting makes is outside it."""
    assume(scenario.model.participation is not None)
    player = play(scenario)
    fills, times = player.simulation.log("fills"), {}
    for k, record in enumerate(player.records):
        times[k] = scenario.columns(k)["time"]
        if not record["has_volume"]:
            continue
        own = fills[(fills["instrument"] == k) & (fills["order"] >= 0)]
        volumes = scenario.columns(k)["volume"]
        for opened, volume in zip(times[k], volumes, strict=True):
            # A fill right at the end of one candle's path and one at the open of the next share a time.
            inside = own[(own["time"] > opened) & (own["time"] < opened + scenario.execution)]
            assert int(inside["amount"].sum()) * int(record["base_n"]) <= volume * int(record["base_d"]) * (1 + 1e-12)


# What changes nothing.


def scaled(scenario: Scenario, n: int) -> Scenario:
    """Every price and sum of quote times 2**n."""
    factor = 2.0**n
    instruments = tuple(
        replace(
            one, price_step=one.price_step * factor, quote_unit=one.quote_unit * factor, min_cost=one.min_cost * factor
        )
        for one in scenario.instruments
    )
    rows = tuple(
        tuple(row and (*(price * factor for price in row[:4]), row[4]) for row in rows) for rows in scenario.rows
    )

    def act(one: tuple) -> tuple:
        kind, *rest = one
        if kind in ("buy", "sell"):
            size, value, terms = rest
            return kind, size, value * factor if size == "cost" else value, prices(terms)
        return (kind, rest[0], prices(rest[1])) if kind == "amend" else one

    def prices(terms: dict) -> dict:
        names = ("price", "stop", "take", "trail_by", "activation", "stop_loss", "take_profit")
        return {name: x * factor if name in names and x is not None else x for name, x in terms.items()}

    tiers = tuple((start * factor, *rates) for start, *rates in scenario.model.tiers)
    model = replace(scenario.model, tiers=tiers, volume=scenario.model.volume * factor)
    acts = tuple((*where, act(one)) for *where, one in scenario.acts)
    reactions = tuple((*where, act(one)) for *where, one in scenario.reactions)
    in_quote = ("daily_loss", "max_order_cost", "max_position_cost", "max_exposure")
    limits = {name: getattr(scenario.limits, name) for name in in_quote}
    return replace(
        scenario, instruments=instruments, rows=rows, cash=scenario.cash * factor, acts=acts, reactions=reactions,
        model=model,
        limits=replace(scenario.limits, **{name: limit and limit * factor for name, limit in limits.items()}),
    )  # fmt: skip


@settings(LOUD, max_examples=60)
@given(SCENARIOS, st.integers(-6, 12))
def test_scaling_every_price_by_a_power_of_two_scales_the_run_to_the_bit(scenario, n):
    """Prices, cash, tick, minimum cost and the quote's unit: the whole numbers stay, money scales."""
    here, there = play(scenario).result(), play(scaled(scenario, n)).result()
    factor = 2.0**n
    here["equity"] = [(time, equity * factor, cash * factor) for time, equity, cash in here["equity"]]
    here["seen"] = [
        (now, (free, cash * factor, equity * factor, each)) for now, (free, cash, equity, each) in here["seen"]
    ]
    if here["watch"]:
        day, *equities, lost, until = here["watch"]
        here["watch"] = (day, *(equity * factor for equity in equities), lost, until)
    assert not difference(there, here)


@settings(LOUD, max_examples=60)
@given(SCENARIOS, st.integers(1, 100_000))
def test_shifting_time_changes_nothing_else(scenario, candles):
    """By whole strategy candles; by whole days where something goes by days."""
    goes_by_days = scenario.limits.daily_loss or scenario.model.tiers
    shift = candles * (math.lcm(scenario.timeframe, DAY) if goes_by_days else scenario.timeframe)
    here, there = play(scenario).result(), play(scenario, shift).result()
    for name in ("events", "fills", "equity", "answers", "seen", "refused", "settled"):
        here[name] = [(time + shift, *rest) for time, *rest in here[name]]
    here["told"] = [(what, now + shift, order) for what, now, order in here["told"]]
    for order in here["orders"]:
        order["time"] += shift
    del here["watch"], there["watch"]
    assert not difference(there, here)


def is_sized_by_itself(act: tuple) -> bool:
    """Whether the act means the same whatever the rest of the account holds."""
    if act[0] in ("buy", "sell"):
        return act[1] in ("amount", "cost") or act[:2] == ("sell", "fraction")
    return act[0] in ("amend", "cancel", "cancel_all", "close")


@settings(LOUD, max_examples=60)
@given(SCENARIOS)
def test_the_order_of_instruments_changes_nothing_while_cash_does_not_bind(scenario):
    """Orders sized without regard to the account, and more cash than they can use."""
    assume(scenario.cash <= 1e6)
    last = len(scenario.instruments) - 1
    acts = tuple((at, k, act) for at, k, act in scenario.acts if is_sized_by_itself(act))
    own = replace(scenario.limits, daily_loss=None, max_drawdown=None, max_exposure=None, orders_per_minute=None)
    named = tuple(replace(one, name=f"N{k}") for k, one in enumerate(scenario.instruments))
    here = replace(scenario, instruments=named, cash=scenario.cash * 1000, acts=acts, reactions=(), limits=own)
    there = replace(
        here, instruments=here.instruments[::-1], rows=here.rows[::-1],
        acts=tuple((at, last - k, act) for at, k, act in acts),
    )  # fmt: skip
    one, other = play(here), play(there)
    ours, theirs = one.result(), other.result()
    for order in theirs["orders"]:
        order["instrument"] = last - order["instrument"]
    assert ours["orders"] == theirs["orders"]
    assert (ours["cash"], ours["bases"]) == (theirs["cash"], theirs["bases"][::-1])
    assert (ours["path_decided"], ours["touched"]) == (theirs["path_decided"], theirs["touched"])
    assert sorted(fill[2:] for fill in ours["fills"]) == sorted(fill[2:] for fill in theirs["fills"])


class Noting(KernelPlayer):
    """Also notes every order as it stands at each decision."""

    def __init__(self, *arguments) -> None:
        self.stands: list[tuple] = []
        super().__init__(*arguments)

    def on_step(self, now: int) -> None:
        names = ["status", "reason", "price", "stop", "amount", "filled", "cost", "fee"]
        held = self.simulation.open_orders()[["id", "reserved", "amend"]]
        self.stands.append((now, self.simulation.log("orders")[names].tolist(), held.tolist()))
        super().on_step(now)


@settings(LOUD, max_examples=80)
@given(SCENARIOS, st.integers(1, 10))
def test_a_run_on_the_first_candles_is_the_beginning_of_the_run_on_all(scenario, tenths):
    """Decisions, answers, orders as they stood, events, fills and equity up to there."""
    ratio = scenario.timeframe // scenario.execution
    upto = max(scenario.count * tenths // 10 // ratio, 1) * ratio
    assume(all(any(rows[:upto]) for rows in scenario.rows))
    part, whole = play(scenario.until(upto), player=Noting), play(scenario, player=Noting)
    end = (
        max(time for k in range(len(scenario.rows)) for time in scenario.until(upto).columns(k)["time"])
        + scenario.execution
    )

    def until_the_end(player: Noting) -> dict:
        result, fills = player.result(), player.simulation.log("fills")
        settled = {int(fill["time"]) for fill in fills[fills["forced"] != 0]}
        return {
            "equity": [row for row in result["equity"] if row[0] <= end],
            "seen": [row for row in result["seen"] if row[0] <= end],
            "answers": [row for row in result["answers"] if row[0] <= end],
            "told": [row for row in result["told"] if row[1] <= end],
            "stands": [row for row in player.stands if row[0] <= end],
            "fills": [row for row in result["fills"] if row[0] < end and row[0] not in settled],
            "events": [
                row for row in result["events"] if row[0] < end and row[0] not in settled and row[1] != "CANCELLED"
            ],
        }

    assert not difference(until_the_end(part), until_the_end(whole))


@settings(LOUD, max_examples=50)
@given(SCENARIOS)
def test_the_same_run_twice_is_the_same_to_the_bit(scenario):
    """Every byte of every log."""
    one, other = play(scenario).simulation, play(scenario).simulation
    for name in one.memory.logs:
        assert one.log(name).tobytes() == other.log(name).tobytes()


# How it is driven.


@pytest.mark.parametrize("kind", [KernelPlayer, CompiledPlayer])
@settings(LOUD, max_examples=40)
@given(scenario=SCENARIOS)
def test_slices_of_one_step_and_logs_that_must_grow_change_nothing(kind, scenario):
    """The loop is resumable wherever it says so, and logs may move."""
    player = play(scenario, player=kind, slice_steps=1, headroom=70)
    assert not difference(player.result(), play(scenario).result())
    assert player.slices >= len(player.result()["equity"]) - 1


@settings(LOUD, max_examples=5)
@given(SCENARIOS)
@pytest.mark.slow
def test_collecting_garbage_between_slices_changes_nothing(scenario):
    """The kernel holds raw addresses: whatever they point at must be kept alive."""
    assert not difference(play(scenario, slice_steps=10, collect=True, headroom=70).result(), play(scenario).result())


@pytest.mark.parametrize("kind", [KernelPlayer, CompiledPlayer])
def test_logs_grow_many_times_without_losing_an_entry(kind):
    """An order and a fill or two each candle, a thousand times, from logs without any room."""
    acts = [(at, 0, ("buy" if at % 2 else "sell", "amount", 1.0, {})) for at in range(1, 1000)]
    scenario = Scenario(
        (Instrument("COIN", 1.0, 1.0),),
        (((100.0, 101.0, 99.0, 100.0, 1e6),) * 1000,),
        MINUTE,
        MINUTE,
        1e4,
        PLAIN,
        tuple(acts),
    )
    player = play(scenario, player=kind, headroom=4)
    assert len(player.result()["fills"]) == 999
    assert not difference(player.result(), play(scenario).result())


# Closing.


class Seller(KernelPlayer):
    """Sells what `broker.position` tells it to have, at the close of strategy candle `at`."""

    at = 0

    def on_step(self, now: int) -> None:
        super().on_step(now)
        if now == self.at:
            self.order(0, "sell", "amount", self.view()[3][0][0], PLAIN_ORDER)


STEPS = [1.0, 0.1, 0.01, 1e-3, 1e-5, 1e-8, 0.25, 5.0, 1000.0]


def bought(step: float, has_own_unit: bool, fee_side: str, amounts: list[float], last: tuple | None = None) -> Scenario:
    """Buys of so many steps at a price of 1, one a candle; then what is asked last."""
    coin = Instrument(
        "COIN", 0.01, step, fee_side=fee_side, base_unit=step if has_own_unit else None, maker=0.0, taker=0.00123
    )
    acts = [(i + 1, 0, ("buy", "amount", amount * step, {})) for i, amount in enumerate(amounts)]
    if last is not None:
        acts.append((len(amounts) + 2, 0, last))
    rows = ((1.0, 1.0, 1.0, 1.0, 1e12),) * (len(amounts) + 4)
    cash = 2.0 * step * sum(amounts) + 1.0
    return Scenario((coin,), (rows,), MINUTE, MINUTE, cash, PLAIN, tuple(acts))


AMOUNTS = st.lists(st.integers(0, 20).flatmap(lambda bits: st.integers(1, 2**bits)).map(float), min_size=1, max_size=5)


def assert_is_closed(player: KernelPlayer, fee_side: str) -> None:
    """No whole step is left, and without fees in base nothing at all."""
    record = player.records[0]
    assert int(record["base"]) < int(record["step"])
    assert player.view()[3][0][0] == 0.0
    assert fee_side == "base" or int(record["base"]) == 0


@settings(LOUD, max_examples=100)
@given(st.sampled_from(STEPS), st.booleans(), st.sampled_from(["quote", "base"]), AMOUNTS)
def test_selling_the_position_closes_it_to_zero_at_every_step_size(step, has_own_unit, fee_side, amounts):
    """What the strategy reads, given back as an amount."""
    scenario = bought(step, has_own_unit, fee_side, amounts)
    seller = type("Seller", (Seller,), {"at": (len(amounts) + 2) * MINUTE})
    player = play(scenario, player=seller)
    assert len(player.simulation.log("fills")) == len(amounts) + 1 or sum(amounts) <= len(amounts)
    assert_is_closed(player, fee_side)


@settings(LOUD, max_examples=100)
@given(
    st.sampled_from(STEPS),
    st.booleans(),
    st.sampled_from(["quote", "base"]),
    AMOUNTS,
    st.sampled_from([("close", 1.0), ("target", 0.0), ("sell", "fraction", 1.0, {})]),
)
def test_closing_the_position_leaves_zero_at_every_step_size(step, has_own_unit, fee_side, amounts, last):
    """By close(), target(0) and a sell of the whole fraction."""
    assert_is_closed(play(bought(step, has_own_unit, fee_side, amounts, last)), fee_side)


LARGE = [(1e-3, 2_048_019.0), (1e-3, 2_048_048.0), (0.1, 2_621_441.0), (0.1, 2_621_456.0), (1.0, 3_000_017.0)]
"""Amount step and steps: more units than a float tells within a millionth."""


@pytest.mark.parametrize(("step", "steps"), LARGE)
@pytest.mark.parametrize("last", [("close", 1.0), ("sell", "fraction", 1.0, {})])
def test_closing_a_large_position_leaves_zero(step, steps, last):
    assert_is_closed(play(bought(step, False, "quote", [steps], last)), "quote")


@pytest.mark.parametrize(("step", "steps"), LARGE[:4])
def test_selling_a_large_position_leaves_zero(step, steps):
    scenario = bought(step, False, "quote", [steps])
    assert_is_closed(play(scenario, player=type("Seller", (Seller,), {"at": 3 * MINUTE})), "quote")
