"""``planar.portfolio``: several strategies in one account, each with a book of its own.

docs/simulation.md, section 18.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from planar.config.settings import Risk
from planar.engine.backtest import Session, session_of
from planar.engine.history import Instruments
from planar.engine.run import HOLDING, Run
from planar.errors import ConfigError, did_you_mean
from planar.model.instrument import Instrument, exact
from planar.report.statistics import summary
from planar.report.terminal import Summary, render
from planar.simulator.fill_model import FillModel
from planar.strategy.base import Strategy

Chosen = str | Path | Strategy | type[Strategy]


@dataclass(frozen=True)
class Book:
    """One strategy of a portfolio, and its part of the account.

    share: of the account's cash; None is an equal part of what others leave. name: in the result; else the class's.
    params, instruments, limits, fill: for this book alone, as `planar.backtest` takes them.
    """

    strategy: Chosen
    share: float | None = None
    name: str = ""
    params: Mapping[str, object] | None = None
    instruments: Sequence[str] | None = None
    limits: Risk | Mapping[str, float] | None = None
    fill: str | FillModel | None = None


class Portfolio:
    """What several strategies did in one account.

    runs: by the name of their book. equity, fills, orders, trades: polars frames of the account; in all but the first
    a column ``book`` says whose. idle: cash that no book has, quote.
    """

    def __init__(self, runs: dict[str, Run], idle: Fraction, shared: Mapping[str, int]) -> None:
        self.runs, self._idle, self.shared = runs, idle, dict(shared)
        self.idle = float(idle)

    def __getitem__(self, book: str) -> Run:
        if book not in self.runs:
            raise KeyError(
                f"there is no book {book!r}; there are {', '.join(self.runs)}.{did_you_mean(book, self.runs)}"
            )
        return self.runs[book]

    def __iter__(self) -> Iterator[str]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def start_cash(self) -> float:
        """Of the account, quote."""
        return float(self._idle + sum(run.start_units * run.quote_unit for run in self.runs.values()))

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row per moment at which a book has one: time, equity, cash. Cash adds up in whole units."""
        frames = {name: run.equity for name, run in self.runs.items()}
        times: np.ndarray = np.unique(np.concatenate([f["time"].to_numpy() for f in frames.values()]))
        unit = next(iter(self.runs.values())).quote_unit
        units, worth = np.full(len(times), int(self._idle / unit)), np.zeros(len(times))
        for name, frame in frames.items():
            run = self.runs[name]
            row = np.searchsorted(frame["time"].to_numpy(), times, side="right")
            money = frame["cash"].to_numpy()
            counts = np.concatenate(([run.start_units], np.rint(money / float(unit)).astype(np.int64)))
            units += counts[row]
            worth += np.concatenate(([0.0], frame["equity"].to_numpy() - money))[row]
        cash = units * unit.numerator / unit.denominator
        return pl.DataFrame({"time": times, "equity": cash + worth, "cash": cash})

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill of any book, in the order of time."""
        return self._together("fills")

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order of any book, in the order of time; ids are the book's."""
        return self._together("orders")

    @cached_property
    def trades(self) -> pl.DataFrame:
        """Round trips of the books, each book's by themselves."""
        return self._together("trades", "closed")

    def _together(self, name: str, by: str = "time") -> pl.DataFrame:
        named = [getattr(run, name).with_columns(book=pl.lit(book)) for book, run in self.runs.items()]
        return pl.concat(named).sort(by, maintain_order=True)

    @cached_property
    def stats(self) -> dict[str, Any]:
        """Statistics of the account by name; those of a book are its run's."""
        equity, cash = self.equity["equity"].to_numpy(), self.equity["cash"].to_numpy()
        rejected: Counter[str] = Counter()
        for run in self.runs.values():
            rejected.update(run.stats["rejected"])
        held = [(run.start_cash, run.stats["buy_and_hold_return"]) for run in self.runs.values()]
        return summary(
            self.equity,
            self.trades,
            self.fills,
            start_time=self._start,
            start_cash=self.start_cash,
            buy_and_hold=sum(money * (held or 0.0) for money, held in held) / self.start_cash,
            exposure=float((np.abs(equity - cash) > HOLDING * np.abs(equity)).mean()) if len(equity) else None,
            rejected=rejected,
        )

    @property
    def _start(self) -> int:
        return min(run.summary().start for run in self.runs.values())

    def summary(self) -> Summary:
        """What the printout says."""
        shown = [run.summary() for run in self.runs.values()]
        equity = self.equity["equity"].to_numpy()
        return Summary(
            " + ".join(self.runs),
            list(dict.fromkeys(name for run in self.runs.values() for name in run.instruments)),
            "/".join(dict.fromkeys(one.timeframe for one in shown)),
            self._start,
            end=max(one.end for one in shown),
            currency=shown[0].currency,
            start_cash=self.start_cash,
            statistics=self.stats,
            equity=equity,
            market=shown[0].market,
            believe=self._believe(shown),
            notes=list(dict.fromkeys(note for one in shown for note in one.notes)),
        )

    def _believe(self, shown: Sequence[Summary]) -> list[tuple[str, str]]:
        rows = []
        for name, one in zip(self.runs, shown, strict=True):
            final, trades = one.statistics["final_equity"], len(self.runs[name].trades)
            rows.append((name, f"{one.start_cash:,.2f} to {final:,.2f} {one.currency}, {trades:,} trades"))
        if self._idle:
            rows.append(("Idle", f"{self.idle:,.2f} {shown[0].currency}"))
        together = [f"{name} by {count} books" for name, count in self.shared.items()]
        rows.append(("Volume shared", ", ".join(together) or "none"))
        return rows

    def show(self) -> None:
        """Prints the result as ``planar backtest`` does."""
        from rich.console import Console

        Console().print(render(self.summary()))

    def __repr__(self) -> str:
        return f"<Portfolio of {', '.join(self.runs)}: equity {self.equity['equity'][-1]:,.2f}>"


def portfolio(
    books: Sequence[Chosen | Book],
    candles: Any = None,
    *,
    cash: float | Mapping[str, float] = 10_000.0,
    instruments: Instruments | None = None,
    **options: Any,
) -> Portfolio:
    """Runs several strategies in one account, each with its own share of the cash, and gives what happened.

    books: strategies as `planar.backtest` takes them, or each a `Book`. instruments: rules of those that are traded, as
    Instruments; each strategy trades those that it declares, or its book names. All else is as of `planar.backtest`.
    Raises ConfigError, StrategyError or DataError, each one paragraph with its remedy.
    """
    made = [each if isinstance(each, Book) else Book(each) for each in _checked(books)]
    sessions = _named(made, [_session(book, candles, cash, instruments, options) for book in made])
    _check_money(sessions)
    idle = _share_out(list(sessions.values()), _shares(made))
    counts = Counter(one.name for session in sessions.values() for one in session.market.instruments)
    shared = {name: count for name, count in counts.items() if count > 1}
    for session in sessions.values():
        session.shares = {name: 1.0 / count for name, count in shared.items()}
    progress = options.get("progress", False)
    return Portfolio({name: session.run(progress) for name, session in sessions.items()}, idle, shared)


def _checked(books: object) -> list[Any]:
    if not isinstance(books, Sequence) or isinstance(books, str) or not books:
        raise ConfigError(
            f"books={books!r}: give a list of strategies, as in planar.portfolio(['sma_cross', MyClass])."
        )
    return list(books)


def _session(book: Book, candles: Any, cash: Any, rules: Instruments | None, options: Mapping[str, Any]) -> Session:
    """The run of a book, with all of the account's cash as yet."""
    own = {name: value for name, value in options.items() if name != "progress"}
    for name in ("params", "limits", "fill"):
        value = getattr(book, name)
        if value is not None:
            own[name] = value
    return session_of(book.strategy, candles, cash=cash, instruments=_instruments(book, rules), **own)


def _instruments(book: Book, rules: Instruments | None) -> Instruments | None:
    """Those that the book names, else those that its class declares, with the rules that are given for them."""
    from planar.strategy.load import load

    cls = type(book.strategy) if isinstance(book.strategy, Strategy) else load(book.strategy)
    wanted = book.instruments or (cls.instruments if isinstance(cls.instruments, list | tuple) else ())
    if rules is None or not wanted:
        return list(wanted) or rules
    given = list(rules.values()) if isinstance(rules, Mapping) else [rules] if isinstance(rules, Instrument) else rules
    known = {one.name: one for one in given if isinstance(one, Instrument)}
    return [known.get(name, name) for name in wanted]


def _named(books: Sequence[Book], sessions: Sequence[Session]) -> dict[str, Session]:
    """Sessions by the names of their books; those of the same class are numbered."""
    named: dict[str, Session] = {}
    for book, session in zip(books, sessions, strict=True):
        name, usual, number = book.name, type(session.strategy).__name__, 1
        if name in named:
            raise ConfigError(f"two books are named {name!r}: give each a name of its own.")
        while not name or name in named:
            name, number = usual if number == 1 else f"{usual} {number}", number + 1
        named[name] = session
    return named


def _check_money(sessions: Mapping[str, Session]) -> None:
    firsts = {name: session.market.instruments[0] for name, session in sessions.items()}
    if len({(one.settle, one.quote_unit) for one in firsts.values()}) > 1:
        told = ", ".join(f"{name} in {one.settle} by {one.quote_unit:g}" for name, one in firsts.items())
        raise ConfigError(f"one account has one cash, and the books count it differently: {told}.")


def _shares(books: Sequence[Book]) -> list[Fraction]:
    """Each book's part of the cash. Raises ConfigError where these are no parts, or more than all."""
    given = [book.share for book in books if book.share is not None]
    if not all(isinstance(x, int | float) and not isinstance(x, bool) and 0 < x <= 1 for x in given):
        raise ConfigError(f"shares of {given} are no parts of the account's cash: each is above 0 and up to 1.")
    left, rest = Fraction(1) - sum((exact(x) for x in given), Fraction(0)), len(books) - len(given)
    if left < 0 or (rest and left == 0):
        raise ConfigError(f"shares of {given} are more than the account's cash: they add up to 1 at most.")
    return [left / rest if book.share is None else exact(book.share) for book in books]


def _share_out(sessions: Sequence[Session], shares: Sequence[Fraction]) -> Fraction:
    """Gives each session its cash in whole units; what is idle stays."""
    unit = exact(sessions[0].market.instruments[0].quote_unit)
    total = int(exact(float(sessions[0].cash)) / unit)
    parts = [int(total * share) for share in shares]
    if sum(shares) == 1:
        for i in range(total - sum(parts)):
            parts[i] += 1
    for session, part in zip(sessions, parts, strict=True):
        if part == 0:
            raise ConfigError("the account's cash does not give each book something: give more, or a larger share.")
        session.cash = part * unit
    return (total - sum(parts)) * unit
