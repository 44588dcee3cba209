"""Strategies written at random that use every call and read of the author's surface."""

# ruff: noqa: E501  a table of one-liners reads better unbroken

import random

from planar.kernel import reads

NUMBERS = [
    *(f"broker.{name}" for name in reads.BROKER if not name.startswith("is_")),
    "candle.open", "candle.high", "candle.low", "candle.close", "candle.volume", "candle.rsi", "candle.d1.close",
    "candle.d1.slow", "candle.back(3).close", "candle.back(1).rsi", "candle.d1.back(1).open", "float(candle.hour)",
    "float(candle.weekday)", "float(candle.time % 7200000)", "float(candle.now % 7200000)", "self.level", "self.total",
    "float(self.count)", "self.span", "float(self.fast)", "self.window[2]", "self.window[-1]", "self.halved(candle.close)",
    "helper(candle.close, candle.open)", "candle.last('close', 5).mean()", "candle.last('rsi', 7).std()",
    "candle.last('high', 9).max()", "candle.last('low', 9).min()", "candle.last('volume', 4).sum()",
    "candle.last('close', 5)[0]", "candle.last('close', 5)[-2]", "float(len(candle.last('close', 6)))",
    "candle.d1.last('slow', 2).mean()", "candle.close ** 2", "candle.rsi ** 0.5", "abs(candle.close - candle.open) ** 1.7",
    "math.sqrt(candle.close)", "math.log(candle.close)", "math.exp(candle.rsi / 100.0)", "candle.close // 7.0", "candle.close % 7.0",
    "min(candle.open, candle.close)", "max(candle.rsi, 50.0)", "abs(candle.open - candle.close)", "float(int(candle.rsi))",
]  # fmt: skip
TRUTHS = ["broker.is_flat", "broker.is_long", "not broker.is_short", "self.armed", "candle.close > candle.open"]
PRICE = "candle.close * {near}"
ACTIONS = [
    "self.last_id = broker.buy({amount})",
    "self.last_id = broker.buy(cost={cost}, tag='cost')",
    "self.last_id = broker.buy(fraction={part})",
    "self.last_id = broker.buy(risk=0.02, stop_loss=candle.close * 0.9)",
    "self.last_id = broker.buy({amount}, price={price}, post_only=True, tag='rest')",
    "self.last_id = broker.buy({amount}, stop_loss=candle.close * 0.97, take_profit=candle.close * 1.02, tag='both')",
    "self.last_id = broker.buy(fraction={part}, price={price}, take_profit=candle.close * 1.05)",
    "self.last_id = broker.buy({amount}, reduce_only=True)",
    "self.last_id = broker.sell({amount}, reduce_only=True)",
    "self.last_id = broker.buy({amount}, price={price}, tif='IOC')",
    "self.last_id = broker.buy(cost={cost}, price={price}, tif='FOK')",
    "self.last_id = broker.buy({amount}, price={price}, tif='GTD', expire=candle.now + 10800000)",
    "self.last_id = broker.buy({amount}, stop=candle.close * 1.01)",
    "self.last_id = broker.buy({amount}, stop=candle.close * 1.01, price=candle.close * 1.02)",
    "self.last_id = broker.sell({amount})",
    "self.last_id = broker.sell(fraction={part}, price={price}, tag='exit')",
    "self.last_id = broker.sell(cost={cost})",
    "self.last_id = broker.sell({amount}, stop=candle.close * 0.99)",
    "self.last_id = broker.sell(fraction={part}, trail=0.01, tag='trail')",
    "self.last_id = broker.buy(cost={cost}, trail_by=candle.close * 0.01, activation=candle.close * 0.99)",
    "self.last_id = broker.sell({amount}, take=candle.close * 1.01)",
    "self.last_id = broker.buy({amount}, take=candle.close * 0.99, price={price})",
    "self.last_id = broker.sell({amount}, stop=candle.close * 0.98, oco=self.last_id)",
    "self.last_id = broker.buy({amount}, price=candle.close * 0.98, oco=self.last_id)",
    "self.last_id = broker.sell(fraction={part}, stop=candle.close * 0.98, after=self.last_id)",
    "self.last_id = broker.sell({amount}, price={price}, oco=self.last_id, after=self.last_id)",
    "self.total += float(broker.cancel(self.last_id))",
    "self.count += broker.cancel_all()",
    "self.total += float(broker.amend(self.last_id, price={price}))",
    "self.total += float(broker.amend(self.last_id, amount={amount}))",
    "self.total += float(broker.amend(self.last_id, stop=candle.close * 1.03))",
    "self.last_id = broker.close()",
    "self.last_id = broker.close({part}, tag='part')",
    "self.last_id = broker.target({part})",
    "self.total += float(broker.protect(stop=candle.close * 0.97, takes=[(candle.close * 1.01, {part})], tag='exit'))",
    "self.total += float(broker.protect(trail=0.02, takes=((candle.close * 1.03, {part}),)))",
    "self.total += float(broker.protect())",
    "self.total += float(broker.close(stop=candle.close * 0.95))",
    "self.last_id = broker.quote(3, 'buy', {price}, amount={amount})",
    "self.last_id = broker.quote(5, 'sell', {price}, cost={cost}, tag='quote')",
    "broker.log('seen {{:.2f}} {{}}', {number}, 1.0)",
    "broker.mark('here', candle.close)",
    "broker.plot('line', {number})",
    "self.level = {number}",
    "self.total += {number}",
    "self.count += 1",
    "self.armed = not self.armed",
    "self.span *= 1.01",
    "self.window[self.count % 4] = {number}",
    "losses = self.losses\n            self.losses = losses + 1",
]  # fmt: skip
ORDER_READS = [
    f"(1.0 if order.{n} else 0.0)" if n.startswith("is_") else f"float(order.{n})" for n in reads.ORDER_READS
]
FILL_READS = [f"(1.0 if fill.{n} else 0.0)" if n.startswith("is_") else f"float(fill.{n})" for n in reads.FILL_READS]

TEMPLATE = '''"""Written by tests/parity/generated.py."""

import math

from planar import Status, Strategy, array, indicator, param, shared


def helper(a, b):
    return (a - b) * 0.5 + 1.0


class Generated(Strategy):
    instruments = ["test:A/USD"]
    timeframe = "1h"
    timeframes = ["1d"]
    timezone = "{timezone}"
    fast = param(7, low=2, high=50)
    level = 0.0
    total = 0.0
    span = 1.0
    count = 0
    last_id = 0
    armed = False
    losses = shared(0)
    window = array(4)

    def indicators(self, candles):
        return {{"rsi": indicator.rsi(candles.close, self.fast), "d1": {{"slow": indicator.sma(candles.d1.close, 3)}}}}

    def halved(self, x):
        return x * 0.5 + self.span

    def on_candle(self, candle, broker):
{body}

    def on_fill(self, fill, broker):
        self.total += {fill}
{fill_body}

    def on_order_error(self, order, broker):
        self.total += {order}
        if order.status == Status.EXPIRED:
            self.count += 1

    def on_position(self, broker):
        self.level = {position}
'''


def source(seed: int) -> str:
    """The text of a strategy; different seeds together use everything."""
    numbers = random.Random(seed)
    lines = []
    for i in range(10):
        action = ACTIONS[(seed * 10 + i) % len(ACTIONS)] if i < 8 else numbers.choice(ACTIONS)
        lines.append(f"        if {_condition(numbers)}:\n            {_filled(numbers, action)}")
    lines.append("        if self.last_id > 0:\n            order = broker.order(self.last_id)")
    lines.append(f"            self.total += {_finite(ORDER_READS[seed % len(ORDER_READS)])}")
    lines.append(f"        self.level += {_finite(NUMBERS[seed * 3 % len(NUMBERS)])}")
    lines.append(f"        self.level -= {_finite(NUMBERS[(seed * 3 + 1) % len(NUMBERS)])}")
    lines.append(f"        broker.plot('seed', {_finite(NUMBERS[(seed * 3 + 2) % len(NUMBERS)])})")
    return TEMPLATE.format(
        body="\n".join(lines),
        timezone=["UTC", "Europe/Berlin", "America/New_York"][seed % 3],
        fill=_finite(FILL_READS[seed % len(FILL_READS)]),
        fill_body="        if fill.is_buy:\n            broker.sell(fill.amount, price=fill.price * 1.02)"
        if seed % 2
        else "        self.count += 1",
        order=_finite(ORDER_READS[(seed + 5) % len(ORDER_READS)]),
        position=_finite(["broker.position", "broker.cash", "broker.realised_pnl", "broker.equity"][seed % 4]),
    )


def _finite(number: str) -> str:
    """Reads that may be nan must not poison the memory that later decisions use."""
    return (
        f"min(max({number}, -1e15), 1e15)"
        if "price" not in number and "stop" not in number
        else f"(0.0 if {number} != {number} else {number})"
    )


def _condition(numbers: random.Random) -> str:
    period = numbers.choice([3, 5, 7, 11, 13])
    truth = numbers.choice([*TRUTHS, f"{numbers.choice(NUMBERS)} > {numbers.choice(NUMBERS)}", "True"])
    return f"candle.time // 3600000 % {period} == {numbers.randrange(period)} and ({truth})"


def _filled(numbers: random.Random, action: str) -> str:
    return action.format(
        amount=numbers.choice(["0.5", "2.0", "self.span", "broker.position * 0.3"]),
        cost=numbers.choice(["150.0", "broker.free_cash * 0.2", "900.0"]),
        part=numbers.choice(["0.25", "0.5", "1.0"]),
        price=PRICE.format(near=numbers.choice(["0.995", "0.99", "1.0", "1.005", "1.02"])),
        number=_finite(numbers.choice(NUMBERS)),
    )
