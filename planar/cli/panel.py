"""How a session stands, as a terminal shows it: printed once by ``status``, again and again by ``attach``."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from planar.cli.answer import NONE, shown_time

COLOURS = {"ACTIVE": "green", "REDUCING": "yellow", "HALTED": "red"}
DEAD_MAN = {
    "armed": "set",
    "spared": "not set while a stop protects a position, which it would cancel as well",
    "ended": "not set",
}
TEXTS = ("instrument", "side", "kind", "tag", "id")
"""Columns that stand on the left."""


def drawn(status: Mapping[str, Any], *, lines: int = 0) -> RenderableType:
    """All of it. lines: how many sentences of what happened last."""
    parts: list[RenderableType] = [_title(status)]
    if status["why"]:
        parts.append(Text(f" {status['why']}", COLOURS.get(status["state"], "dim")))
    parts += _edited(status.get("code", {}))
    parts.append(_money(status))
    if status["positions"]:
        parts.append(_table("position", status["positions"], ("instrument", "amount", "entry_price", "price", "pnl")))
    if status["orders"]:
        columns = ("id", "instrument", "side", "kind", "amount", "filled", "price", "stop", "tag")
        parts.append(_table("open order", status["orders"], columns))
    parts += [_protection(each) for each in status["protection"]]
    parts.append(_market(status))
    if status.get("dead_man"):
        parts.append(Text(f" dead-man's switch: {DEAD_MAN[status['dead_man']]}"))
    if "latency" in status:
        parts += [_latency(status["latency"]), _health(status["health"]), *_feeds(status["feeds"])]
    parts += [_sentence(each) for each in status["recent"][-lines:]] if lines else []
    return Group(*parts)


def _title(status: Mapping[str, Any]) -> Text:
    text = Text(f" {status['session']}", "bold").append("  ")
    text.append(status["state"], COLOURS.get(status["state"], "dim"))
    rest = f"  {status['mode']} at {status['exchange']}, {status['timeframe']}"
    if "pid" in status:
        rest += f", process {status['pid']}"
    return text.append(f"{rest}  {shown_time(status['now'])} UTC", "not bold dim")


def _edited(code: Mapping[str, Any]) -> list[Text]:
    """The last edit of its code that it went on with."""
    return [
        Text(f" code {code['hash']}, edited at {shown_time(last['time'])}: {last['changes']}", "dim")
        for last in code.get("edited", [])[-1:]
    ]


def _money(status: Mapping[str, Any]) -> Text:
    quote, gain = status["quote"], status["gain"]
    text = Text(f" equity {status['equity']:,.2f} {quote} ")
    text.append(f"{gain:+.2%}", "red" if gain < 0 else "green")
    return text.append(f"   cash {status['cash']:,.2f}, free {status['free']:,.2f}")


def _protection(told: Mapping[str, Any]) -> Text:
    text = Text(f" protection of {told['instrument']}: ")
    text.append("MISSING" if told["is_naked"] else "as asked for", "red" if told["is_naked"] else "")
    return text.append(f"; {missed(told)}", "not bold dim") if told["count"] else text


def missed(told: Mapping[str, Any]) -> str:
    """How long it was not at the exchange."""
    times = "once" if told["count"] == 1 else f"{told['count']:,} times"
    more = f", {_seconds(told['longest'])} at the longest" if told["count"] > 1 else ""
    return f"missing {times}, {_seconds(told['total'])} in all{more}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:,.3f} s" if ms < 10_000 else f"{ms / 1000:,.0f} s"


def _market(status: Mapping[str, Any]) -> Text:
    candle = max(status["candles"].values())
    counts = f"{status['decisions']:,} decisions, {status['ordered']:,} orders, {status['fills']:,} fills"
    return Text(f" candles up to {shown_time(candle)}, decided {shown_time(status['decided'])}: {counts}")


def _latency(latency: Mapping[str, Any]) -> Text:
    if not latency["orders"]:
        return Text(" latency: no order yet", "dim")
    wire = f"{latency['wire_p50']:.1f} ms, p99 {latency['wire_p99']:.1f}"
    answer = f"{latency['answer_p50']:.1f} ms, p99 {latency['answer_p99']:.1f}"
    return Text(f" decision to wire {wire}; wire to answer {answer}  ({latency['orders']:,} orders)")


def _health(health: Mapping[str, Any]) -> Text:
    if health["success"] is None:
        return Text(" exchange: not asked yet", "dim")
    errors = ", ".join(f"{count} {code}" for code, count in health["errors"].items())
    text = Text(f" exchange: {health['success']:.1%} of requests answered, in {health['request_p50']:.0f} ms")
    text.append(f", limits {health['limit_share']:.0%} used" if health["limit_share"] else "")
    text.append(f", {errors}" if errors else "", "yellow")
    return text.append("" if health["breaker"] == "closed" else f", breaker {health['breaker']}", "red")


def _feeds(feeds: Sequence[Mapping[str, Any]]) -> list[Text]:
    live = sum(each["state"] == "live" for each in feeds)
    lines = [Text(f" feeds: {live} of {len(feeds)} live", "" if live == len(feeds) else "yellow")]
    troubles = [each for each in feeds if each["state"] != "live"]
    return lines + [Text(f"   {each['feed']}: {each['state']} {each['why']}".rstrip(), "yellow") for each in troubles]


def _sentence(told: Mapping[str, Any]) -> Text:
    return Text(f" {shown_time(told['time'])}  ", "dim", no_wrap=True, overflow="ellipsis").append(
        told["text"], "not dim"
    )


def _table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    used = [name for name in columns if any(row[name] not in ("", None) for row in rows)]
    for i, name in enumerate(used):
        head = f"{title} {name}" if not i and name == "id" else title if not i else name.replace("_", " ")
        table.add_column(head, justify="left" if name in TEXTS else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in used))
    return table


def _cell(name: str, value: Any) -> Text:
    if value in ("", None):
        return Text(NONE)
    if name == "pnl":
        return Text(f"{value:+,.2f}", "red" if value < 0 else "green")
    return Text(f"{value:,.10g}" if isinstance(value, float) else str(value))
