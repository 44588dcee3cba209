"""``planar exchanges``: which there are, what they can do, whether they answer."""

import getpass
import json as json_
import sys
from typing import Annotated

from cyclopts import App, Parameter

from planar.cli.answer import say, say_json, shown_time, table
from planar.cli.ask import Flag
from planar.cli.doctor import Teller, looking
from planar.cli.options import MAIN, Environment, Json, Named
from planar.config.keys import add_keys, check_room, remove_keys
from planar.config.load import load
from planar.config.names import DEMO, ccxt_ids
from planar.config.secrets import SPELLINGS, load_secrets
from planar.errors import ConfigError
from planar.exchange.interface import Exchange

app = App(name="exchanges", help="Exchanges: which there are, what they can do, whether they answer.")

Id = Annotated[str, Parameter(help="Such as binance.")]

PROMPTS = {"api_key": "API key: ", "secret": "Secret: ", "passphrase": "Passphrase, if it has one: "}

LETTERS = {"I": "IOC", "F": "FOK", "D": "GTD", "P": "PO"}

KNOWN = (
    "binance", "binancecoinm", "binanceus", "binanceusdm", "bingx", "bitget", "bybit", "coinbase", "coinbaseexchange",
    "gate", "htx", "kraken", "krakenfutures", "kucoin", "okx",
)  # fmt: skip
"""Those that were looked at closely."""


@app.command(name="list")
def list_(*, all: Flag = False, json: Json = False) -> None:
    """List the exchanges that are configured, and with --all every one there is.

    Parameters
    ----------
    all
        Every exchange that CCXT knows.
    """
    config = load()
    secrets = load_secrets(custom=config.custom)
    named = {"demo", *config.settings.exchanges, *(key[0] for key in secrets.by_key)}
    rows = []
    for name in sorted(named | (ccxt_ids() if all else set())):
        mine = config.settings.exchange(name)
        keys = [
            f"{'sandbox' if test else 'main'}{f' {who}' if who else ''}"
            for which, test, who in secrets.by_key
            if which == name
        ]
        where = "local" if name == DEMO else "sandbox" if mine.sandbox else "production"
        rows.append((name, where, ", ".join(keys) or None, mine.priority))
    if json:
        say_json([dict(zip(("exchange", "environment", "keys", "priority"), row, strict=True)) for row in rows])
        return
    table(("exchange", "environment", "keys", "priority"), [(*r[:3], str(r[3])) for r in rows], nothing="None.")


@app.command
def add(exchange: Id, *, at: Environment = MAIN, json: Json = False) -> None:
    """Put the keys of an account into user/secrets.toml; they are typed, and not shown, or come by a pipe.

    A pipe gives JSON, as {"apiKey": "…", "secret": "…"}, or lines: key, secret, passphrase where there is one.
    """
    where = exchange, at.sandbox, at.account or ""
    check_room(*where)
    keys = {
        name: value for name, value in (_typed() if sys.stdin.isatty() else _piped(sys.stdin.read())).items() if value
    }
    if not ("api_key" in keys and "secret" in keys):
        raise ConfigError("a key and its secret belong together; nothing was written.")
    path = add_keys(*where, keys)
    options = (" --sandbox" if at.sandbox else "") + (f" --account {at.account}" if at.account else "")
    if json:
        say_json({"written": str(path)})
        return
    say(f"Written to {path}. Try them: planar exchanges test {exchange}{options}")


def _typed() -> dict[str, str]:
    return {name: getpass.getpass(prompt).strip() for name, prompt in PROMPTS.items()}


def _piped(text: str) -> dict[str, str]:
    """Keys by our names. Raises ConfigError for what is neither, and quotes nothing of it."""
    if not text.lstrip().startswith("{"):
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if len(lines) > len(PROMPTS):
            raise ConfigError("too many lines: give the key, the secret and, where there is one, the passphrase.")
        return dict(zip(PROMPTS, lines, strict=False))
    try:
        told = json_.loads(text)
    except ValueError:
        raise ConfigError("what was piped is not JSON; nothing was written.") from None
    wrong = [name for name, value in told.items() if SPELLINGS.get(name) not in PROMPTS or not isinstance(value, str)]
    if wrong:
        raise ConfigError(f"{wrong[0]!r} is no key that can be added: give apiKey, secret, passphrase, as texts.")
    return {SPELLINGS[name]: value.strip() for name, value in told.items()}


@app.command
def remove(exchange: Id, *, at: Environment = MAIN, json: Json = False) -> None:
    """Take the keys of an account out of user/secrets.toml."""
    path = remove_keys(exchange, at.sandbox, at.account or "")
    if json:
        say_json({"removed": str(path)})
        return
    say(f"Removed from {path}. They are still valid at the exchange; delete them there, too.")


@app.command(name="test")
def look_at(exchange: Named = None, *, at: Environment = MAIN, json: Json = False) -> None:
    """Look at an exchange as `planar doctor` does: whether it answers, its clock, what the key may do."""
    with Teller(json) as teller:
        at.ask(looking(teller), exchange)


@app.command(name="sync-time")
def sync_time(exchange: Named = None, *, at: Environment = MAIN, json: Json = False) -> None:
    """Measure how far an exchange's clock is from ours."""
    from planar.engine.doctor.clock import Clock, clock_of
    from planar.engine.doctor.exchange import NTP

    async def work(found: Exchange) -> tuple[str, Clock]:
        return found.name, await clock_of(found)

    name, clock = at.ask(work, exchange)
    if json:
        say_json({"exchange": name, "offset": clock.offset, "latency": clock.latency, "time": clock.time})
        return
    say(f"{name}: its clock ({shown_time(clock.time)} UTC) is {clock}.")
    if clock.is_far:
        say(f"Requests carry its time, so they work. {NTP}")


@app.command
def capabilities(*exchanges: str, json: Json = False) -> None:
    """Show what exchanges can do, from CCXT's own tables; nothing is sent.

    Parameters
    ----------
    exchanges
        Fifteen well-known ones when none is named.
    """
    from planar.exchange.registry import get

    found = {name: get(name).capabilities() for name in exchanges or KNOWN}
    if json:
        say_json(found)
        return
    columns = ("exchange", "spot", "swap", "trail", "exits", "batch", "amend", "test", "ws")
    table(columns, [_row(name, each) for name, each in found.items()], nothing="None.")
    say("I: IOC, F: FOK, D: GTD, P: post-only, and GTC everywhere. Exits: attached to orders. Ws: streams, of eight.")


def _row(name: str, found) -> tuple[str, ...]:
    spot, futures = found.get("spot"), found.get("futures")
    parts = [part for part in (spot, futures) if part]
    streams = sum(bool(has) for key, has in found.items() if key.startswith("stream_"))

    def tifs(part) -> str:
        if part is None:
            return "–"
        names = {*part["tif"], *(["PO"] if part["post_only"] else [])}
        return "".join(letter for letter, name in LETTERS.items() if name in names) or "GTC"

    def yes(key: str) -> str:
        return "yes" if any(part[key] for part in parts) else "–"

    batch = max((part["batch"] for part in parts), default=0)
    return (
        name, tifs(spot), tifs(futures), yes("trailing"), yes("attached_exits"), str(batch or "–"),
        "yes" if found.get("amend") else "–", "yes" if found.get("sandbox") else "–", str(streams or "–"),
    )  # fmt: skip
