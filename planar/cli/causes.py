"""A session beside its simulation, drawn: what each earned, the causes of the difference, and its orders."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from planar.cli.answer import say, shown_time, table

if TYPE_CHECKING:
    from planar.engine.session.attribution import Attribution, Share
    from planar.engine.session.comparison import Pair, Score
    from planar.engine.session.parity import Told


def document_of(told: "Told", made: "Attribution", choice: str, is_apart: bool) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "session": told.name,
        "currency": told.currency,
        "fill": choice,
        "earned": {
            "session": _exact(made.session),
            "shadow": _exact(made.shadow),
            "backtest": None if made.backtest is None else _exact(made.backtest),
        },
        "causes": shares_as_json(made.shares),
        "difference": _exact(made.difference),
        "score": made.score.document(),
        "is_apart": is_apart,
        "candles": {
            "sources": told.market.sources,
            "why_not": told.market.why or None,
            "missing": len(told.market.missing),
            "changed": len(told.market.changed),
        },
        "why_no_backtest": made.why or None,
        "orders": [pair.document() for pair in made.pairs],
    }


def shares_as_json(shares: "Sequence[Share]") -> list[dict[str, Any]]:
    """Causes with amounts of eight decimals, which add up to that of their sum."""
    amounts = _rounded([each.amount for each in shares], 8)
    return [
        {"cause": str(each.cause), "amount": amount, "count": each.count}
        for each, amount in zip(shares, amounts, strict=True)
    ]


def _rounded(amounts: Sequence[Fraction], places: int) -> list[str]:
    """Texts of so many decimals that add up to the rounded sum: what each leaves is carried to the next."""
    scale, total, before, texts = 10**places, Fraction(0), 0, []
    for amount in amounts:
        total += amount
        now = round(total * scale)
        texts.append(_decimal(now - before, places))
        before = now
    return texts


def _decimal(units: int, places: int) -> str:
    sign, digits = "-" if units < 0 else "", f"{abs(units):0{places + 1}d}"
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _exact(amount: Fraction) -> str:
    return _rounded([amount], 8)[0]


def show(told: "Told", made: "Attribution", choice: str, is_apart: bool, least: int) -> None:
    """Prints what all of it earned, the causes, and the score. choice: of the fill model; least: orders to judge."""
    origin, console = told.story.origin, Console(highlight=False)
    names = ", ".join(each.name.partition(":")[2] for each in origin.instruments)
    span = f"{shown_time(told.story.begun)} to {shown_time(told.story.end)}"
    say(f"{told.name}: {names}, {origin.timeframe} candles, {span}, simulated with fill model {choice}.")
    earned = Table(box=SIMPLE_HEAD)
    for name, justify in (("earned", "left"), (told.currency, "right"), ("", "left")):
        earned.add_column(name, justify=justify, no_wrap=True)
    earned.add_row("session", signed(made.session), "")
    earned.add_row("its shadow", signed(made.shadow), "the same orders, simulated")
    if made.backtest is not None:
        earned.add_row("a backtest", signed(made.backtest), "the same strategy, over the same candles")
    console.print(earned)
    if made.shares:
        console.print(_causes(made, told.currency))
    else:
        say("Nothing differs.")
    _print_score(made.score, is_apart, least)
    for line in _remarks(told, made):
        say(line)


def _causes(made: "Attribution", currency: str) -> Table:
    """The causes, and their sum."""
    causes = Table(box=SIMPLE_HEAD, show_footer=True)
    against = "session less shadow" if made.backtest is None else "session less backtest"
    causes.add_column("cause", footer=against, no_wrap=True)
    causes.add_column(currency, footer=signed(made.difference), justify="right", no_wrap=True)
    causes.add_column("of", justify="right", no_wrap=True)
    texts = _rounded([share.amount for share in made.shares], 2)
    for share, text in zip(made.shares, texts, strict=True):
        what = "candle" if "candle" in share.cause else "order"
        count = f"{share.count:,} {what}{'' if share.count == 1 else 's'}" if share.count else ""
        causes.add_row(str(share.cause), _grouped(text), count)
    return causes


def signed(amount: Fraction) -> str:
    """``"+1,234.50"``."""
    return _grouped(_rounded([amount], 2)[0])


def _grouped(text: str) -> str:
    whole, _, part = text.lstrip("-").partition(".")
    return f"{'-' if text.startswith('-') else '+'}{int(whole):,}.{part}"


def _print_score(score: "Score", is_apart: bool, least: int) -> None:
    if not score.orders:
        say("No order has been judged yet.")
        return
    better = "better" if score.bps >= 0 else "worse"
    say(
        f"{score.agreeing:,} of {score.orders:,} orders went as simulated ({score.agreement:.1%}); "
        f"together they did {abs(score.bps):.1f} bp of their turnover {better}."
    )
    if is_apart:
        say("That is further apart than [parity] in user/planar.toml allows.")
    elif score.orders < least:
        say(f"Too few to judge: [parity] asks for {least}.")


def _remarks(told: "Told", made: "Attribution") -> list[str]:
    lines = [f"No backtest: {made.why.rstrip('.')}."] if made.why else []
    market = told.market
    if market.sources:
        whose = " and ".join(dict.fromkeys(market.sources.values()))
        lines.append(f"Compared with the candles of {whose}: {_found(len(market.missing), len(market.changed))}.")
    if market.why:
        which = "Not all candles could" if market.sources else "The candles could not"
        why = market.why.rstrip(".")
        lines.append(f"{which} be compared with the market's and count as the session saw them: {why}.")
    return lines


def _found(missing: int, changed: int) -> str:
    if not missing + changed:
        return "none is missing or otherwise"
    return f"{missing:,} never came to the session, {changed:,} {'is' if changed == 1 else 'are'} otherwise now"


def show_orders(pairs: "Sequence[Pair]") -> None:
    """Prints each order beside its simulation."""
    columns = ["order", "decided", "", "symbol", "amount", "simulated", "price", "simulated", "worth", "differs in"]
    rows = []
    for pair in pairs:
        told = pair.document()
        actual, expected = told["actual"], told["expected"]
        row = [str(pair.id), shown_time(pair.decided), told["side"].lower(), told["symbol"]]
        row += [f"{each['amount']:g}" for each in (actual, expected)]
        row += [f"{each['price']:,.10g}" if each["amount"] else "" for each in (actual, expected)]
        rows.append([*row, signed(pair.difference), ", ".join(told["differs"])])
    table(columns, rows, nothing="No order has been judged yet.")
