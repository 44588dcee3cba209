"""What exchanges and networks do, and what becomes of it: each row of the guide's table, over the real CCXT class.

The venue does what an exchange does; servers of a few lines do what stands between. No order is ever sent twice.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

import planar
from planar import errors
from planar.config.secrets import Credentials, Secret
from planar.config.settings import ExchangeSettings
from planar.exchange.ccxt_exchange import CcxtExchange
from planar.exchange.model import OrderRequest
from planar.model.order import Side
from planar.venue.chaos import Rule
from planar.venue.config import VenueConfig
from planar.venue.server import Venue

KEY, SECRET = "k" * 64, "s" * 64
KEYS = Credentials(Secret(KEY), Secret(SECRET))
TEXT = (Path(planar.__file__).parents[1] / "docs" / "exchanges.md").read_text()
ROWS = [
    tuple(part.strip(" `") for part in line.strip("|").split("|"))
    for line in TEXT.split("| what happens |")[1].split("\n\n")[0].splitlines()[2:]
]
LOW = OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), price=Decimal(20_000))
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s"

Ask = Callable[[CcxtExchange], Awaitable[Any]]


async def read(exchange):
    return await exchange.open_orders("BTC/USDT")


async def order(exchange):
    return await exchange.place(LOW)


def placing(request: OrderRequest) -> Ask:
    return lambda exchange: exchange.place(request)


@dataclass(frozen=True)
class Scene:
    """How a row is made to happen. rule: the venue's fault. server: stands at the address instead of the venue."""

    rule: Rule | None = None
    keys: Credentials | None = KEYS
    read: Ask = read
    order: Ask = order
    before: Callable[[Venue, CcxtExchange], Any] = lambda venue, exchange: None
    server: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None
    address: str = ""
    proxy: str = ""
    timeout: int = 10_000


def told(status: int, code: int = 0, text: str = "") -> Scene:
    return Scene(Rule("answer", "* /api/v3/o*", count=0, status=status, code=code, text=text))


def says(body: bytes, length: int | None = None):
    """A server that answers a request with this, and nothing more."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PAGE % (len(body) if length is None else length, body))
        writer.close()

    return answer


async def silent(reader, writer):
    await reader.read()
    writer.close()


async def speaks_plainly(reader, writer):
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def forbids(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    writer.close()


def with_market(**changes):
    """We know other rules of the market than the venue does."""

    def change(venue, exchange):
        exchange._markets["BTC/USDT"] = replace(exchange._markets["BTC/USDT"], **changes)

    return change


def closed(venue, exchange):
    venue.floor.set_status(venue.floor.market("BTCUSDT").listing, "BREAK")


async def twice(exchange):
    await exchange.place(replace(LOW, client_id="twice"))
    await exchange.place(replace(LOW, client_id="twice"))


SCENES = {
    "400 -1022: the secret is wrong": Scene(keys=Credentials(Secret(KEY), Secret("wrong"))),
    "401 -2015: the key is wrong, or may not do this from here": Scene(keys=Credentials(Secret("w" * 64), KEYS.secret)),
    "400 -2014: no key that it gave out": told(400, -2014, "API-key format invalid."),
    "there are no keys": Scene(keys=None),
    "400 -1021: the clocks differ, measured anew, too": told(400, -1021, "Timestamp is outside of the recvWindow."),
    "400 -1121: no such symbol": told(400, -1121, "Invalid symbol."),
    "a symbol that is not listed": Scene(
        read=lambda exchange: exchange.ticker("BTCUSDT"), order=placing(replace(LOW, symbol="BTCUSDT"))
    ),
    "400 -2013: no such order": Scene(read=lambda exchange: exchange.order("999", "BTC/USDT")),
    "400 -2011: no such order to cancel": Scene(order=lambda exchange: exchange.cancel("999", "BTC/USDT")),
    "400 -2010: not enough money": Scene(order=placing(OrderRequest("BTC/USDT", Side.BUY, Decimal(100)))),
    "400 -2010: post-only would take": Scene(order=placing(replace(LOW, price=Decimal(90_000), post_only=True))),
    "400 -2010: the stop would trigger": Scene(
        order=placing(OrderRequest("BTC/USDT", Side.BUY, Decimal("0.01"), stop=Decimal(20_000)))
    ),
    "400 -2010: the client id is in use": Scene(order=twice),
    "400 -1013: LOT_SIZE": told(400, -1013, "Filter failure: LOT_SIZE"),
    "400 -1013: MARKET_LOT_SIZE": told(400, -1013, "Filter failure: MARKET_LOT_SIZE"),
    "400 -1013: PRICE_FILTER": told(400, -1013, "Filter failure: PRICE_FILTER"),
    "400 -1013: PERCENT_PRICE_BY_SIDE": Scene(order=placing(replace(LOW, amount=Decimal(9), price=Decimal(1)))),
    "400 -1013: TRAILING_DELTA": Scene(order=placing(replace(LOW, price=None, trail=Decimal("0.5")))),
    "400 -1013: NOTIONAL": Scene(
        before=with_market(min_cost=Decimal(0)), order=placing(replace(LOW, amount=Decimal("0.0001")))
    ),
    "400 -1013: the market is closed": Scene(before=closed),
    "less than the least amount, seen before it is sent": Scene(order=placing(replace(LOW, amount=Decimal("1e-9")))),
    "429": Scene(Rule("429", "* /api/v3/o*", count=0, seconds=3)),
    "418: banned": Scene(Rule("418", "* /api/v3/o*", count=0, seconds=3)),
    "400 -1003: too many requests": told(400, -1003, "Too many requests."),
    "400 -1015: too many orders": told(400, -1015, "Too many new orders."),
    "500 page": told(500),
    "502 page": told(502),
    "503 page": told(503),
    "504 page": told(504),
    "503 -1007: status unknown": told(503, -1007, "Timeout waiting for response from backend server."),
    "500 -1001: internal error": told(500, -1001, "Internal error; unable to process your request."),
    "403 page": told(403),
    "451": told(451, text="Unavailable For Legal Reasons"),
    "503: maintenance": Scene(Rule("maintenance", "* /api/v3/o*", count=0)),
    "400 with a code of tomorrow": told(400, -9999, "Something new."),
    "200 page of a proxy": Scene(Rule("html", "* /api/v3/o*", count=0)),
    "200 cut short": Scene(Rule("answer", "* /api/v3/o*", count=0, status=200, text='{"symbol":')),
    "200 without a body": Scene(server=says(b"")),
    "no answer in time": Scene(Rule("hang", "* /api/v3/o*", count=0, seconds=1), timeout=300),
    "the connection is cut": Scene(Rule("drop", "* /api/v3/o*", count=0)),
    "the answer breaks off": Scene(server=says(b'{"symbol":', 1_000)),
    "nobody listens at the address": Scene(address="http://127.0.0.1:1"),
    "the address has no such host": Scene(address="https://nobody.invalid"),
    "the certificate is not trusted": Scene(server=silent, address="https-self-signed"),
    "the server speaks no TLS": Scene(server=speaks_plainly, address="https"),
    "TLS is not answered in time": Scene(server=silent, address="https", timeout=300),
    "the proxy is down": Scene(proxy="http://127.0.0.1:1"),
    "the proxy refuses": Scene(server=forbids, address="proxy"),
}


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@asynccontextmanager
async def standing(scene, folder):
    """The server of a scene; gives its address."""
    if scene.server is None:
        yield scene.address
        return
    context = self_signed(folder) if scene.address == "https-self-signed" else None
    server = await asyncio.start_server(scene.server, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if scene.address.startswith('https') else 'http'}://127.0.0.1:{port}"


def self_signed(folder) -> ssl.SSLContext:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(hours=1)).sign(
        key, hashes.SHA256()
    )
    secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *secret) + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def played(scene: Scene, ask: Ask, folder):
    """The error, and how many orders were sent to the venue."""
    posts = []
    async with Venue(VenueConfig(speed=0, history=30, points=4, api_key=KEY, secret=SECRET)) as venue:
        settings = ExchangeSettings(base_url=f"http://127.0.0.1:{venue.port}", retries=0, enable_rate_limit=False)
        async with (
            standing(scene, folder) as address,
            CcxtExchange("binance", settings=settings, credentials=scene.keys) as exchange,
        ):
            await exchange.markets()
            exchange.quirk.receive_window_ms = 10  # for as long a lost order is looked for
            scene.before(venue, exchange)
            if scene.rule is not None:
                venue.add_chaos([scene.rule])
            elsewhere(exchange, scene, address)
            answer = venue.api.answer
            venue.api.answer = lambda request: (posts.append(request.method), answer(request))[1]
            with pytest.raises(errors.ExchangeError) as caught:
                await ask(exchange)
            orders = len(venue.account.orders)
    return caught.value, posts.count("POST"), orders


def elsewhere(exchange, scene, address):
    """From now on the exchange is at another address, or behind a proxy."""
    instance = exchange._ccxt()
    instance.timeout = scene.timeout
    if proxy := (address if scene.address == "proxy" else scene.proxy):
        instance.httpsProxy = proxy
        instance.session.base = URL("https://127.0.0.1:1")
    elif address:
        instance.session.base = URL(address)


def test_each_row_has_its_scene():
    assert [row[0] for row in ROWS] == list(SCENES)


CASES = [
    (what, kind, code, error)
    for what, code, *became in ROWS
    for kind, error in zip(("read", "order"), became, strict=True)
    if error != "–"
]


@pytest.mark.parametrize(("row", "kind", "code", "error"), CASES, ids=[f"{row}, {kind}" for row, kind, *_ in CASES])
def test_what_is_made_of_it(runner, tmp_path, row, kind, code, error):
    scene = SCENES[row]
    found, posts, orders = runner.run(played(scene, getattr(scene, kind), tmp_path))
    print(found)
    assert (type(found).__name__, found.code, found.exchange) == (error, code, "binance")
    is_second = row == "400 -2010: the client id is in use"
    assert posts <= 1 + (is_second or code == "CLOCK")
    assert orders == is_second
    assert SECRET not in str(found)
