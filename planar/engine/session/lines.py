"""A journal as lines: when each entry happened in the session's time, which orders it is of, what it says."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from planar.broker.journal import Entry
from planar.engine.session.archive import happened, origin_of
from planar.engine.session.words import sentences
from planar.errors import ConfigError, did_you_mean
from planar.model.timeframe import milliseconds

SCHEMA = {
    "number": pl.Int64,
    "time": pl.Int64,
    "written": pl.Int64,
    "kind": pl.String,
    "orders": pl.String,
    "text": pl.String,
    "body": pl.String,
}
FORMATS = (".jsonl", ".csv", ".parquet")


class Line(NamedTuple):
    """An entry. time: of the session, UTC ms; written: by its machine's clock. text: sentences of `words`."""

    number: int
    time: int
    written: int
    kind: str
    orders: list[int]
    text: list[str]
    body: Any


@dataclass(frozen=True)
class Wanted:
    """Which lines: of these kinds, from ``since`` up to before ``until`` (UTC ms), of an order, that say a text."""

    kinds: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    order: int | None = None
    text: str = ""

    def takes(self, line: Line) -> bool:
        """Whether a line is one of them."""
        is_kind = not self.kinds or line.kind in self.kinds
        is_late = self.since is None or line.time >= self.since
        is_early = self.until is None or line.time < self.until
        is_of = self.order is None or self.order in line.orders
        return is_kind and is_late and is_early and is_of and (not self.text or bool(line.text))


EVERYTHING = Wanted()


def lines(entries: list[Entry], wanted: Wanted = EVERYTHING) -> Iterator[Line]:
    """The lines of a journal that are wanted. Raises ConfigError for a kind that it does not have."""
    origin, known = origin_of(entries), {entry.kind for entry in entries}
    for kind in wanted.kinds:
        if kind not in known:
            near = did_you_mean(kind, known)
            raise ConfigError(f"the journal has no entries of kind {kind!r}.{near} It has {', '.join(sorted(known))}.")
    length, time = milliseconds(origin.timeframe), origin.started
    for entry in entries:
        time = happened(entry, length) or time
        orders, body = _orders_of(entry), entry.body
        if wanted.order in orders and "asks" in body:
            body = {**body, "asks": [ask for ask in body["asks"] if ask[1] == wanted.order]}
        said = [each for each in sentences(origin, entry.kind, body) if wanted.text.lower() in each.lower()]
        line = Line(entry.number, time, entry.time, entry.kind, orders, said, entry.body)
        if wanted.takes(line):
            yield line


def _orders_of(entry: Entry) -> list[int]:
    body = entry.body
    if entry.kind == "told":
        id = body.get("order", 0) if body["what"] == "adjusted" else body["numbers"][0]
        return [id] if id else []
    if not isinstance(body, dict):
        return []
    if "asks" in body:
        return sorted({ask[1] for ask in body["asks"]})
    each = [body, *body.get("differences", [])]
    return [one["order"] for one in each if one.get("order")]


def export(found: Iterable[Line], path: Path) -> int:
    """Writes lines as JSON lines, CSV or Parquet, as the file's name ends; gives how many. Raises ConfigError."""
    if path.suffix not in FORMATS:
        raise ConfigError(f"--export {path}: a journal is written as {', '.join(FORMATS)}: name a file that ends so.")
    rows = [line._asdict() for line in found]
    try:
        if path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
            return len(rows)
        frame = pl.DataFrame([_flat(row) for row in rows], schema=SCHEMA)
        frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    except OSError as error:
        raise ConfigError(f"--export {path} cannot be written: {error.strerror or error}.") from None
    return len(rows)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without lists: a table has none."""
    orders, text = " ".join(map(str, row["orders"])), " ".join(row["text"])
    return {**row, "orders": orders, "text": text, "body": json.dumps(row["body"])}
