"""The mapped session: named hosts go to one address, all others nowhere."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from exchange.recorded import recorded
from yarl import URL

from planar.errors import ConfigError
from planar.exchange.transport import MappedSession, checked_base, hosts_of


def mapped(url, base="http://127.0.0.1:8080/venue", is_socket=False):
    async def ask():
        session = MappedSession({"api.binance.com", "stream.binance.com"}, base)
        try:
            return str(session.mapped(url, is_socket=is_socket))
        finally:
            await session.close()

    return asyncio.run(ask())


def test_a_named_host_is_replaced_and_path_and_query_are_kept_to_the_letter():
    url = URL("https://api.binance.com/api/v3/order?symbol=BTCUSDT&signature=a%2Bb", encoded=True)
    assert mapped(url) == "http://127.0.0.1:8080/venue/api/v3/order?symbol=BTCUSDT&signature=a%2Bb"


def test_a_web_socket_is_mapped_too():
    assert mapped("wss://stream.binance.com:9443/ws/1", is_socket=True) == "ws://127.0.0.1:8080/venue/ws/1"


def test_a_request_to_any_other_host_is_refused():
    with pytest.raises(ConfigError, match=r"a request to api.kraken.com was refused"):
        mapped("https://api.kraken.com/0/public/Time")


@pytest.mark.parametrize("base", ["127.0.0.1:8080", "ftp://127.0.0.1", "", "http://127.0.0.1?x=1"])
def test_what_is_no_address_is_refused(base):
    with pytest.raises(ConfigError, match="is no address"):
        checked_base(base)


def test_plain_http_is_refused_beyond_this_machine_since_keys_would_travel_in_the_clear():
    with pytest.raises(ConfigError, match="in the clear"):
        checked_base("http://venue.example")
    assert checked_base("https://venue.example").host == "venue.example"
    assert checked_base("http://localhost:1").host == "localhost"


def test_hosts_are_found_wherever_they_stand_in_the_urls():
    urls = {"api": {"public": "https://{hostname}/v5", "ws": {"spot": "wss://stream.x.com/ws"}}, "www": "https://x.com"}
    assert hosts_of(urls, "api.x.com") == {"api.x.com", "stream.x.com", "x.com"}


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
def test_every_method_reaches_the_address(method):
    async def ask():
        async with recorded() as server:
            session = MappedSession({"api.x.com"}, server.address)
            try:
                async with getattr(session, method)("https://api.x.com/api/v3/time") as answer:
                    return answer.status, server.requests
            finally:
                await session.close()
                assert session.closed

    status, requests = asyncio.run(ask())
    assert (status, requests) == (200, [(method.upper(), "/api/v3/time", {})])


def test_a_web_socket_reaches_the_address():
    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.path)
        await socket.close()
        return socket

    async def ask():
        app = web.Application()
        app.router.add_get("/ws", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = MappedSession({"stream.x.com"}, f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            async with session.ws_connect("wss://stream.x.com/ws") as socket:
                return await socket.receive(timeout=5)
        finally:
            await session.close()
            await runner.cleanup()

    assert asyncio.run(ask()) == aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, "/ws", "")


@pytest.mark.parametrize(
    "base", ["https://user:hunter2@example.org/", "http://user:hunter2@127.0.0.1:1/x?y", "u:hunter2@x"]
)
def test_an_address_with_a_password_is_refused_without_showing_it(base):
    with pytest.raises(ConfigError, match="base_url = ") as error:
        checked_base(base)
    assert "hunter2" not in str(error.value)
