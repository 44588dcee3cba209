"""``planar exchanges``: which there are, what they can do, whether they answer."""

import asyncio
import getpass
import sys
import time
from typing import Annotated

from cyclopts import App, Parameter

from planar.cli.answer import at, say, say_json, table
from planar.cli.ask import Flag, ask
from planar.config.keys import add_keys, remove_keys
from planar.config.load import load
from planar.config.names import DEMO, ccxt_ids
from planar.config.secrets import load_secrets
from planar.errors import ConfigError, ExchangeError
from planar.exchange.interface import Exchange

app = App(name="exchanges", help="Exchanges: which there are, what they can do, whether they answer.")

LETTERS = {"I": "IOC", "F": "FOK", "D": "GTD", "P": "PO"}

KNOWN = (
    "binance", "binancecoinm", "binanceus", "binanceusdm", "bingx", "bitget", "bybit", "coinbase", "coinbaseexchange",
    "gate", "htx", "kraken", "krakenfutures", "kucoin", "okx",
)  # fmt: skip
"""Those that were looked at closely."""


@app.command(name="list")
def list_(*, all: Flag = False, json: Flag = False) -> None:
    """List the exchanges that are configured, and with --all every one there is.

    Parameters
    ----------
    all
        Every exchange that CCXT knows.
    json
        One document instead of a table.
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
def add(
    exchange: str,
    /,
    *,
    sandbox: Annotated[bool, Parameter(name=["--sandbox", "--testnet"], negative=())] = False,
    account: str | None = None,
) -> None:
    """Put the keys of an account into user/secrets.toml; they are typed, and not shown.

    Parameters
    ----------
    exchange
        Such as binance.
    sandbox
        Keys of the test environment.
    account
        A name for a further account.
    """
    if not sys.stdin.isatty():
        raise ConfigError("keys are typed by hand; write them into user/secrets.toml, as docs/config.md shows.")
    asked = {"api_key": "API key: ", "secret": "Secret: ", "passphrase": "Passphrase, if it has one: "}
    keys = {name: getpass.getpass(prompt).strip() for name, prompt in asked.items()}
    if not (keys["api_key"] and keys["secret"]):
        raise ConfigError("a key and its secret belong together; nothing was written.")
    path = add_keys(exchange, sandbox, account or "", {name: value for name, value in keys.items() if value})
    say(f"Written to {path}. Try them: planar exchanges test {exchange}{' --sandbox' if sandbox else ''}")


@app.command
def remove(
    exchange: str,
    /,
    *,
    sandbox: Annotated[bool, Parameter(name=["--sandbox", "--testnet"], negative=())] = False,
    account: str | None = None,
) -> None:
    """Take the keys of an account out of user/secrets.toml.

    Parameters
    ----------
    exchange
        Such as binance.
    sandbox
        Keys of the test environment.
    account
        A named account.
    """
    path = remove_keys(exchange, sandbox, account or "")
    say(f"Removed from {path}. They are still valid at the exchange; delete them there, too.")


@app.command(name="test")
def answers(
    exchange: str | None = None, /, *, sandbox: Flag = False, account: str | None = None, json: Flag = False
) -> None:
    """Ask an exchange for its time, its markets and, with keys, the balance.

    Parameters
    ----------
    exchange
        The configured default when left out.
    sandbox
        The test environment.
    account
        A named account.
    json
        One document instead of a table.
    """

    async def work(found: Exchange) -> list[tuple[str, str, str]]:
        steps = (("time", found.server_time), ("markets", found.markets), ("balance", found.balance))
        return [await _tried(name, step) for name, step in steps]

    found = ask(work, exchange, sandbox=sandbox, account=account)
    if json:
        say_json([{"asked": name, "answer": told, "took": took} for name, told, took in found])
    else:
        table(("asked", "answer", "took"), found, nothing="")
    if any(told != "ok" for _, told, _ in found):
        raise SystemExit(1)


async def _tried(name: str, step) -> tuple[str, str, str]:
    before = time.perf_counter()
    try:
        await step()
    except ExchangeError as error:
        return name, f"{error.code}: {error}", f"{(time.perf_counter() - before) * 1000:.0f} ms"
    return name, "ok", f"{(time.perf_counter() - before) * 1000:.0f} ms"


@app.command(name="sync-time")
def sync_time(exchange: str | None = None, /, *, sandbox: Flag = False) -> None:
    """Measure how far an exchange's clock is from ours.

    Parameters
    ----------
    exchange
        The configured default when left out.
    sandbox
        The test environment.
    """

    async def work(found: Exchange) -> tuple[str, int, int]:
        offsets = []
        for _ in range(5):
            before = time.time()
            server = await found.server_time()
            offsets.append((server - (before + time.time()) * 500, server))
            await asyncio.sleep(0.05)
        offset, server = sorted(offsets)[2]
        return found.name, round(offset), server

    name, offset, server = ask(work, exchange, sandbox=sandbox)
    ahead = "ahead of" if offset >= 0 else "behind"
    say(f"{name}: its clock ({at(server)} UTC) is {abs(offset)} ms {ahead} ours.")
    if abs(offset) > 1_000:
        say("Requests carry its time, so they work; set this machine's clock all the same: timedatectl set-ntp true")


@app.command
def capabilities(*exchanges: str, json: Flag = False) -> None:
    """Show what exchanges can do, from CCXT's own tables; nothing is sent.

    Parameters
    ----------
    exchanges
        Fifteen well-known ones when none is named.
    json
        One document with all of it.
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
