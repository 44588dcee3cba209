"""``planar adopt``: what an account has beside a session's books, taken into them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import Parameter

from planar.cli.answer import say, say_json, table
from planar.cli.options import Json
from planar.cli.steer import Name, folder_of

What = Annotated[str | None, Parameter(help="Such as 0.5BTC; BTC writes off what of it is missing.")]


def adopt(name: Name, what: What = None, /, *, json: Json = False) -> None:
    """Show what the account has beside a session's books, or make some of it the session's own."""
    from planar.engine.session.line import ask

    found = ask(folder_of(name), "adopt", what=what)
    if json:
        say_json(found)
    elif what is None:
        _say_beside(found)
    else:
        amount, currency = Decimal(found["amount"]), found["currency"]
        if ":" in currency:
            say(f"{currency}: {found['session']} has a position of {found['owned']} in its books, as the account has.")
            return
        told = f"{amount:f} {currency} adopted" if amount > 0 else f"{-amount:f} {currency} written off"
        say(f"{told}: {found['session']} has {found['owned']} {currency} in its books.")


def _say_beside(found: Mapping[str, Any]) -> None:
    name = found["session"]
    rows = [
        (currency, Decimal(amount), f"planar adopt {name} {'' if _is_whole(currency, amount) else amount}{currency}")
        for currency, amount in found["beside"].items()
    ]
    table(("currency", "beside", "to take it in"), rows, nothing=f"The account has what the books of {name} have.")
    if rows:
        say("Some of it may be another session's.")
    if found["orders"]:
        say(
            f"Open orders that are not of {name}: {', '.join(found['orders'])}. Orders are not adopted: leave them, or "
            "cancel them with `planar cancel ID`."
        )


def _is_whole(currency: str, amount: str) -> bool:
    """Whether it is adopted as it is, without saying how much: what is missing, and a position."""
    return amount[0] == "-" or ":" in currency
