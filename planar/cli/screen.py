"""A picture of watched markets as a terminal shows it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from planar.cli.answer import NONE, shown, shown_time
from planar.engine.picture import Picture, Seen
from planar.exchange.model import Balance
from planar.exchange.watcher import State
from planar.model.order import Side

SECOND = 1_000_000_000
QUIET = 10
"""Seconds without a word after which the age of what is shown is marked."""

STATES = {
    State.LIVE: ("live", "green"),
    State.STARTING: ("connecting", "yellow"),
    State.POLLING: ("by REST", "yellow"),
    State.ENDED: ("ended", "red"),
}
SIDES = {Side.BUY: "green", Side.SELL: "red"}
ORDERS, FILLS, ALWAYS = 8, 5, 6
"""How many are shown at most; and how many market trades however low the terminal is."""

FRAME = 4
"""Lines of a table that are no rows."""


def drawn(picture: Picture, now: int, height: int) -> RenderableType:
    """All of it. now: UTC nanoseconds. height: lines there are; market trades take what is left."""
    parts: list[Table | Text] = [_title(picture, now), _markets(picture, now)]
    if picture.orders:
        parts.append(_orders(picture))
    if picture.fills:
        parts.append(_fills(picture))
    if picture.balance is not None:
        parts.append(_balance(picture.balance))
    for why, names in picture.troubles().items():
        parts.append(Text(f" {why}  ({', '.join(names)})", "yellow", no_wrap=True, overflow="ellipsis"))
    left = height - sum(map(_lines, parts)) - FRAME
    return Group(*parts, _trades(picture, max(left, ALWAYS)))


def _lines(part: Table | Text) -> int:
    return FRAME + part.row_count if isinstance(part, Table) else 1


def _title(picture: Picture, now: int) -> Text:
    title = Text(f" {picture.name}", "bold")
    return title.append(f"  {shown_time(now // 1_000_000)} UTC  Ctrl-C ends it", "not bold dim")


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(each if isinstance(each, Text) else Text(shown(each)) for each in row))
    return table


def _markets(picture: Picture, now: int) -> Table:
    columns = ("symbol", "last", "bid", "ask", "spread", "24 h", "age", "feed")
    rows = [_market(seen, picture.state(seen.symbol), now) for seen in picture.markets.values()]
    return _table(columns, rows, columns[1:7])


def _market(seen: Seen, state: State | None, now: int) -> Sequence[Any]:
    bid, ask = (level.price if level else None for level in (seen.bid, seen.ask))
    prices = (_price(price, seen.step) for price in (seen.last, bid, ask))
    spread = f"{seen.spread / ask:.3%}" if seen.spread is not None and ask else None
    return seen.symbol, *prices, spread, _change(seen), _age(seen, now), _state(state)


def _price(price: Decimal | None, step: Decimal) -> str:
    """With as many digits as the market's prices have, so that columns do not jump."""
    return shown(price) if price is None or not step else f"{price.quantize(step.normalize()):,f}"


def _change(seen: Seen) -> Text:
    if seen.change is None:
        return Text(NONE)
    return Text(f"{seen.change:+.2%}", "red" if seen.change < 0 else "green")


def _age(seen: Seen, now: int) -> Text:
    if seen.heard is None:
        return Text(NONE)
    age = max(now - seen.heard, 0) / SECOND
    return Text(f"{age:.1f} s" if age < QUIET else f"{age:,.0f} s", "" if age < QUIET else "yellow")


def _state(state: State | None) -> Text:
    return Text(*STATES[state]) if state is not None else Text(NONE)


def _side(side: Side | None) -> Text:
    return Text(shown(side), SIDES.get(side, "") if side is not None else "")


def _orders(picture: Picture) -> Table:
    columns = ("open orders", "side", "kind", "amount", "filled", "price", "stop")
    rows = [
        (o.symbol, _side(o.side), o.kind, o.amount, o.filled, o.price, o.stop)
        for o in list(picture.orders.values())[-ORDERS:]
    ]
    return _table(columns, rows, columns[3:])


def _fills(picture: Picture) -> Table:
    columns = ("last fills", "side", "amount", "price", "fee", "in", "time")
    rows = [
        (f.symbol, _side(f.side), f.amount, f.price, f.fee, f.fee_currency, shown_time(f.time))
        for f in reversed(list(picture.fills.values())[-FILLS:])
    ]
    return _table(columns, rows, ("amount", "price", "fee"))


def _balance(balance: Balance) -> Text:
    text = Text(" balance", "bold", no_wrap=True, overflow="ellipsis")
    for currency, total in sorted(balance.total.items()):
        used = balance.used.get(currency)
        text.append(f"   {shown(total)} {currency}", "not bold")
        if used:
            text.append(f" ({shown(used)} in orders)", "not bold dim")
    return text


def _trades(picture: Picture, count: int) -> Table:
    found = sorted((trade for seen in picture.markets.values() for trade in seen.trades), key=lambda trade: trade.time)[
        -count:
    ]
    columns = ("market trades", "side", "amount", "price", "time")
    steps = {symbol: seen.step for symbol, seen in picture.markets.items()}
    rows = [
        (t.symbol, _side(t.side), t.amount, _price(t.price, steps[t.symbol]), shown_time(t.time))
        for t in reversed(found)
    ]
    return _table(columns, rows, ("amount", "price"))
