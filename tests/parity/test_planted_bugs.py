"""Bugs planted one by one into a copy of the kernel: the comparison with the reference catches each.

A comparison that agrees with everything would prove nothing; this is its proof.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import planar

LIMIT = 2_000
TESTS = Path(__file__).parent.parent

# name: (file of planar/kernel, what stands there once, what is planted)
BUGS = {
    "a limit needs one print beyond what fills it": (
        "path.py",
        "min(hit, price) if target < price and target <= hit",
        "min(hit, price) if target < price and target < hit",
    ),
    "a touch fills where a cross is asked for": (
        "match.py",
        "return price_of(ins, order.price if state.touch else order.price - order.side)",
        "return price_of(ins, order.price)",
    ),
    "a taker pays the maker's fee": (
        "match.py",
        "_costs(ins, order, amount, ticks, ins.taker)",
        "_costs(ins, order, amount, ticks, ins.maker)",
    ),
    "fees are rounded down": (
        "numbers.py",
        "(-((cost - whole_rates * RATE) * rate) // RATE)",
        "-((cost - whole_rates * RATE) * rate // RATE)",
    ),
    "costs of buys are rounded down": (
        "numbers.py",
        "-(-product // ins.cost_d)",
        "product // ins.cost_d",
    ),
    "a taker sell rounds to the better tick": (
        "match.py",
        "ticks = max(ticks_down(ins, price - adverse), 1)",
        "ticks = max(ticks_up(ins, price - adverse), 1)",
    ),
    "fills leave the volume budget as it was": ("ledger.py", "ins.budget -= amount", "ins.budget -= 0"),
    "a cancelled order keeps its reservation": (
        "ledger.py",
        "    reserve(state, ins, order, 0)\n",
        "    if status != Status.CANCELLED:\n        reserve(state, ins, order, 0)\n",
    ),
    "a forgotten amend keeps its extra": (
        "ledger.py",
        "reserve_extra(state, ins, order, -Amend(state.amends, order.amend).extra)",
        "reserve_extra(state, ins, order, 0)",
    ),
    "the venue knows reservations of orders on their way": (
        "ledger.py",
        "else state.cash - (state.reserved - state.pending)",
        "else state.cash - state.reserved",
    ),
    "the legs run in the wrong order": (
        "path.py",
        "ins.x1, ins.x2 = (high, low) if upwards else (low, high)",
        "ins.x1, ins.x2 = (low, high) if upwards else (high, low)",
    ),
    "pessimistic takes the better path": ("path.py", "return up < down", "return up > down"),
    "a gapped stop trades at its trigger": (
        "path.py",
        "trigger(state, ins, order, start, open_time)",
        "trigger(state, ins, order, price_of(ins, order.stop), open_time)",
    ),
    "of two orders reached at once the younger is first": ("path.py", "if at < distance:", "if at <= distance:"),
    "impact grows with the amount, not its root": (
        "estimators.py",
        "math.sqrt(amount / day_volume)",
        "(amount / day_volume)",
    ),
    "the estimators' window is one block short": (
        "estimators.py",
        "oldest = max(block - ins.window, 0)",
        "oldest = max(block - ins.window + 1, 0)",
    ),
    "the estimators drop the first term of each block": (
        "estimators.py",
        "begin = max(first, 1)",
        "begin = first + 1",
    ),
    "cancels do not travel": (
        "ledger.py",
        "arrives = arrival(state, ins, order)",
        "arrives = state.now",
    ),
    "what a buy of inverse contracts is paid is rounded up": (
        "match.py",
        "if order.side != ins.sign:",
        "if order.side == Side.SELL:",
    ),
    "the profit of an inverse contract is that of a linear one": (
        "contracts.py",
        "cost_reduced - closed if side != ins.sign else",
        "cost_reduced - closed if side == Side.SELL else",
    ),
    "the volume of inverse contracts is counted at the high": (
        "match.py",
        "volume * get_float(ins.low, ins.row) / ins.size",
        "volume * get_float(ins.high, ins.row) / ins.size",
    ),
    "a twin may turn": ("check.py", "    if ins.hedge * side < 0:\n", "    if ins.hedge * side < -9:\n"),
    "the other twin is left out of the level": (
        "liquidation.py",
        "other, other_cost = abs(twin.amount) * twin.size, money_of(state, abs(twin.entry))",
        "other, other_cost = 0.0, money_of(state, abs(twin.entry))",
    ),
    "twins walk a path each": ("loop.py", "            choose_together(state, ins)\n", "            pass\n"),
    "a twin ends before its other one did": (
        "path.py",
        "        share = max(share, ins.spared)\n",
        "        pass\n",
    ),
    "the worst of all marks at once is always to blame": (
        "liquidation.py",
        "return usual != ins.level and not",
        "return not",
    ),
    "GTD that ends now is still taken": ("check.py", "if expire <= state.now:", "if expire < state.now:"),
    "an expiry loses against a cancel of the same moment": (
        "match.py",
        "elif order.cancel_at < order.expire and order.cancel_at < order.amend_at:",
        "elif order.cancel_at <= order.expire and order.cancel_at < order.amend_at:",
    ),
    "a maker may be met twice in a candle": (
        "ledger.py",
        "    order.settled = state.steps\n    if state.fees",
        "    order.settled = 0\n    if state.fees",
    ),
    "the path is never thought to matter for what is due": ("path.py", "longest = 3.0 *", "longest = 0.0 *"),
    "what else is due is thought not to matter to a stop": ("path.py", "(is_stop and is_due)", "False"),
    "what is due second is forgotten": (
        "path.py",
        "                following = min(following, order.due)\n",
        "                following = NEVER\n",
    ),
    "the rest of a market order is forgotten": (
        "match.py",
        "        ins.market_rest |= _is_open(order)\n    elif crosses:",
        "    elif crosses:",
    ),
    "an order out of reach is not looked out for": (
        "check.py",
        "ins.up = min(ins.up, (ticks - 1) * ins.tick)",
        "ins.up = min(ins.up, (ticks + 9) * ins.tick)",
    ),
    "an order that ends late in a candle is taken for gone": (
        "path.py",
        "if not (is_ending and _is_early(state, ins, order, open_time)):",
        "if not is_ending:",
    ),
    "a limit beyond the market is taken to rest": (
        "match.py",
        "return price <= limit + ins.tick if order.side == Side.BUY else price >= limit - ins.tick",
        "return price <= limit - 9 * ins.tick if order.side == Side.BUY else price >= limit + 9 * ins.tick",
    ),
    "a trailing stop triggers before it follows": (
        "triggers.py",
        "return order.form == Kind.TRAIL and order.best == 0.0",
        "return False",
    ),
    "a take slips as a stop does": ("match.py", "slip = 0.0 if is_take else state", "slip = state"),
    "a trailing stop does not see where a leg ends": ("path.py", "            _see_end(ins, target)\n", ""),
    "a trailing stop is not looked out for where it moves": (
        "check.py",
        "ins.up = min(ins.up, start - ins.tick)",
        "ins.up = min(ins.up, start + 9 * ins.tick)",
    ),
    "an amend sets a trailing stop back": ("match.py", "if order.form != Kind.TRAIL:  # that", "if True:  # that"),
    "a take waits on the other side": ("triggers.py", "form == Kind.TAKE or form == Kind.TAKE_LIMIT", "False"),
    "a group holds the sum of its members": ("groups.py", "total = max(total, units)", "total += units"),
    "the others of a group outlive a trigger": (
        "match.py",
        "        end_others(state, ins, order.group, order.id, time)\n",
        "        pass\n",
    ),
    "a partial fill always makes the others smaller": ("ledger.py", "if not ins.reduces:", "if False:"),
    "what was made smaller holds as much": ("ledger.py", "            reserve(state, ins, other, rest)\n", ""),
    "an amend brings back what a group has had": (
        "match.py",
        "return amend.amount - (order.cut - amend.cut)",
        "return amend.amount",
    ),
    "a member may not have what its group holds": (
        "match.py",
        "order.reserved <= venue_base(ins) + of_group",
        "order.reserved <= venue_base(ins)",
    ),
    "what is armed by a gap is refused": (
        "match.py",
        "is_triggered(ins, order, price):\n            trigger(state, ins, order, price, time)",
        "False:\n            pass",
    ),
    "what is armed at the open is met there again": (
        "links.py",
        "            order.settled = -state.steps\n",
        "            pass\n",
    ),
    "a fee in base is given on": ("links.py", "        given -= parent.fee\n", "        pass\n"),
    "what waits is armed by a part": ("links.py", "ins.armed != PART or parent.filled == 0", "parent.filled == 0"),
    "what grew is forgotten by an amend": ("links.py", "    order.cut -= more\n", ""),
    "the path is not thought to matter to what waits": (
        "path.py",
        "if order.amend_at < close_time or order.after:",
        "if order.amend_at < close_time:",
    ),
    "a stop loss may be at the price": (
        "check.py",
        "(price - price_of(ins, ticks)) * side <= 0.0",
        "(price - price_of(ins, ticks)) * side < 0.0",
    ),
    "the exits of a bracket do not cancel each other": (
        "check.py",
        "            max(stop, 0), entry, reduces,\n",
        "            0, entry, reduces,\n",
    ),
    "a lone instrument is not delisted in time": (
        "loop.py",
        "(state.next_delisting - 1 - open_time) // execution",
        "(state.next_delisting + 9 * execution - open_time) // execution",
    ),
    "a lone instrument is told of what is no fill a candle late": (
        "loop.py",
        "if state.has_changes or (tells and state.told < state.events_n):",
        "if state.has_changes:",
    ),
    "a limit that is just met is taken for broken": (
        "limits.py",
        "if after > limits.max_position_cost:",
        "if after >= limits.max_position_cost:",
    ),
    "limits leave out what is held": ("limits.py", "value = cost_up(ins, abs(ins.base), close)", "value = 0"),
    "what is about to be cancelled counts": (
        "limits.py",
        "return order.id != id and (is_late or order.cancel_at == NEVER)",
        "return order.id != id",
    ),
    "amends on their way count nowhere": (
        "limits.py",
        "if order.amend >= 0:\n        amend = Amend(state.amends, order.amend)\n        left",
        "if order.amend >= NEVER:\n        amend = Amend(state.amends, order.amend)\n        left",
    ),
    "an amend that makes an order smaller is judged": (
        "limits.py",
        "return total <= order.amount and",
        "return False and",
    ),
    "a day begins with its first close": ("limits.py", "equity if now == day * DAY else limits.marked", "equity"),
    "a day that was lost is forgotten at the next close": (
        "limits.py",
        "if limits.lost != day and limits.day_equity",
        "limits.lost = -1\n    if limits.day_equity",
    ),
    "a peak outlasts the cool-down": ("limits.py", "limits.until, limits.peak = 0, equity", "limits.until = 0"),
    "buys stay open when a day is lost": ("limits.py", "    if is_begun:\n", "    if False:\n"),
    "margin is rounded down": ("contracts.py", "return product_up(units, 100,", "return product_down(units, 100,"),
    "a part that is closed takes all of its margin": (
        "contracts.py",
        "ins.kept -= ins.kept if reduced == size else",
        "ins.kept -= ins.kept if reduced else",
    ),
    "a fill that turns a position round closes all of its cost": (
        "contracts.py",
        "cost_reduced = cost if reduced == amount else product_down(cost, reduced, amount)",
        "cost_reduced = cost",
    ),
    "gains of isolated positions are free": (
        "contracts.py",
        "if not ins.is_isolated and ins.base:\n            free",
        "if ins.base:\n            free",
    ),
    "any order against a position is covered": (
        "contracts.py",
        "own, room = amount, against(ins, side)",
        "own, room = 0, 0 if against(ins, side) else -1",
    ),
    "a market sell holds what a buy does": (
        "contracts.py",
        "    if side == ins.sign:\n        price = price * (1.0 + BUFFER)",
        "    if True:\n        price = price * (1.0 + BUFFER)",
    ),
    "the mark of others is never the worse": ("liquidation.py", "if state.path == PESSIMISTIC and", "if False and"),
    "a liquidation leaves the orders": (
        "liquidation.py",
        "            _cancel_orders(state, other, time)",
        "            pass",
    ),
    "a liquidation takes all at once": (
        "liquidation.py",
        "amount = reduction_units(ins, ins.tiers, ins.base, mark)",
        "amount = abs(ins.base)",
    ),
    "a position may lose more than is behind it": (
        "liquidation.py",
        "cost = max(cost_down(ins, amount, ticks), closed - left)",
        "cost = cost_down(ins, amount, ticks)",
    ),
    "a liquidation frees margin": (
        "liquidation.py",
        "if ins.is_isolated and ins.base:\n        ins.kept = plus(kept",
        "if False:\n        ins.kept = plus(kept",
    ),
    "others are not liquidated with a cross account": (
        "liquidation.py",
        "        _liquidate_others(state, ins, mark, time, open_time)",
        "        pass",
    ),
    "funding at the open is that of after its fills": ("liquidation.py", "if before != amount:", "if False:"),
    "funding leaves isolated margin": (
        "liquidation.py",
        "        ins.kept = plus(ins.kept, -units)",
        "        pass",
    ),
    "positions end on the last price": (
        "liquidation.py",
        "    if ins.has_mark:\n        mark = get",
        "    if False:\n        mark = get",
    ),
    "a gap is met with the rest of the open": (
        "liquidation.py",
        "        if is_dead_at(ins, mark):",
        "        if False:",
    ),
    "an order comes before a liquidation at the same price": (
        "path.py",
        "if death >= 0.0 and at <= distance:",
        "if death >= 0.0 and at < distance:",
    ),
    "only what has orders is walked": ("loop.py", "            ins.work = BUSY\n", "            pass\n"),
    "what may only reduce is not cut": (
        "contracts.py",
        "order.amount = min(order.amount, order.filled + against(ins, order.side))",
        "order.amount = min(order.amount, MOST)",
    ),
    "what may only reduce outlives its position": (
        "ledger.py",
        "if ins.is_contract and ins.active_n and not state.outside:",
        "if ins.is_contract and state.outside:",
    ),
    "a group of a contract holds a new member on top": ("check.py", "max(held, shared), shared)", "held, 0)"),
    "a stop loss of a short is looked for below": (
        "check.py",
        "if ticks < 1 or (price - price_of(ins, ticks)) * side <= 0.0:",
        "if ticks < 1 or price_of(ins, ticks) >= price:",
    ),
    "a trigger by mark waits for the price": (
        "path.py",
        "if ins.is_contract and order.by_mark and order.form >= Kind.STOP:",
        "if ins.is_contract and order.by_mark < 0:",
    ),
    "what was taken is taken again": ("protect.py", "upto - before - _taken(state, ins, leg)", "upto - before"),
    "another position has the exits of the last": (
        "exits.py",
        "if get_int(ins.slots, SLOTS) == ins.positions:",
        "if get_int(ins.slots, SLOTS):",
    ),
    "the rest is for all of it": ("protect.py", "amount = whole if ins.is_contract else rest", "amount = whole"),
    "a minute is a millisecond longer": (
        "limits.py",
        "limits.sent_n % room) > now - MINUTE",
        "limits.sent_n % room) >= now - MINUTE",
    ),
}


def plant(folder: Path, name: str | None) -> None:
    """A copy of planar in `folder`, with the bug of that name."""
    shutil.copytree(Path(planar.__file__).parent, folder / "planar", ignore=shutil.ignore_patterns("__pycache__"))
    if name is not None:
        file, sound, bug = BUGS[name]
        path = folder / "planar" / "kernel" / file
        text = path.read_text()
        assert text.count(sound) == 1, f"{file} has {text.count(sound)} times: {sound}"
        path.write_text(text.replace(sound, bug))


def hunt(folder: Path, name: str | None) -> str:
    """What `hunt.py` says of a copy with that bug, compiled on its own."""
    plant(folder, name)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "NUMBA_OPT": "1"}
    command = [sys.executable, str(TESTS / "parity" / "hunt.py"), str(folder), str(LIMIT)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_bug_can_be_planted():
    for file, sound, bug in BUGS.values():
        assert (Path(planar.__file__).parent / "kernel" / file).read_text().count(sound) == 1, sound
        assert sound != bug


@pytest.mark.slow
def test_every_planted_bug_is_caught(tmp_path):
    """Within a bounded number of scenarios, on all of which the sound kernel agrees."""
    names = [None, *BUGS]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(names, pool.map(lambda i: hunt(tmp_path / str(i), names[i]), range(len(names))), strict=True))
    for name, answer in found.items():
        print(f"{name or '(no bug)':<55} {answer}")
    assert found.pop(None) == "none"
    assert not [name for name, answer in found.items() if answer == "none"]
