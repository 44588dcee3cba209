"""Alerts: real requests to a server on this machine, which answers as Telegram and webhooks do, or not at all."""

import asyncio
import contextlib
import logging
import time

import pytest
from aiohttp import web
from engine.session.trading import Busy, Raises, exchange_at, session_at, venue

from planar.config.secrets import AlertKeys, Secret
from planar.config.settings import AlertSettings
from planar.engine.session import alerts as module
from planar.engine.session.alerts import Alerts
from planar.errors import ConfigError, StrategyError

TOKEN = "12345:AAAA-a-token-of-telegram"


class Server:
    """Hears messages; answers with what it is given, 200 when that is used up."""

    def __init__(self):
        self.heard, self.beats, self.answers, self.pause = [], 0, [], 0.0

    async def post(self, request):
        await asyncio.sleep(self.pause)
        self.heard.append((request.path, await request.json()))
        status = self.answers.pop(0) if self.answers else 200
        body = {"ok": True} if status == 200 else {"ok": False, "description": f"Unauthorized {request.path}"}
        return web.json_response(body, status=status)

    async def get(self, request):
        self.beats += 1
        return web.Response()


@contextlib.asynccontextmanager
async def server():
    made, app = Server(), web.Application()
    app.router.add_post("/{path:.*}", made.post)
    app.router.add_get("/{path:.*}", made.get)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def alerts_to(there, **settings):
    made = AlertSettings(**{"telegram_chat": "42", "telegram_url": there.url, **settings})
    return Alerts(made, AlertKeys(Secret(f"{there.url}/hook"), Secret(TOKEN)), "mine")


def test_a_message_is_what_telegram_and_webhooks_take(tmp_path):
    async def scene():
        async with server() as there, alerts_to(there) as alerts:
            assert dict(await alerts.try_all("hello")) == {"webhook": "", "telegram": ""}
            return sorted(there.heard)

    assert asyncio.run(scene()) == [
        (f"/bot{TOKEN}/sendMessage", {"chat_id": "42", "text": "hello"}),
        ("/hook", {"text": "hello", "content": "hello"}),
    ]


def test_messages_that_wait_go_as_one_and_all_are_sent_before_the_end():
    async def scene():
        async with server() as there:
            async with alerts_to(there, telegram_chat="42", on=("fills",)) as alerts:
                for i in range(30):
                    alerts.tell("fills", f"fill {i}")
                    alerts.tell("errors", "not wanted")
            return [body["text"] for path, body in there.heard if path == "/hook"]

    told = asyncio.run(scene())
    assert len(told) == 2
    assert "\n".join(told).splitlines() == [f"mine: fill {i}" for i in range(30)]


def test_what_fails_is_tried_again_and_what_is_refused_is_not(monkeypatch, caplog):
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))

    async def scene(*answers):
        async with server() as there:
            there.answers = list(answers)
            async with Alerts(
                AlertSettings(telegram_chat="42", telegram_url=there.url), AlertKeys(None, Secret(TOKEN)), "mine"
            ) as alerts:
                alerts.tell("errors", "something")
            return len(there.heard)

    assert asyncio.run(scene(500, 429)) == 3
    assert caplog.text == ""
    assert asyncio.run(scene(401)) == 1
    assert "an alert was not sent: telegram answered 401: Unauthorized" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.slow
def test_nobody_waits_for_a_channel_that_is_silent(monkeypatch, caplog):
    monkeypatch.setattr(module, "PATIENCE", 0.2)

    async def scene():
        async with server() as there:
            there.pause = 30.0
            async with alerts_to(there) as alerts:
                began = time.monotonic()
                for _ in range(1_000):
                    alerts.tell("fills", "a fill")
                    await asyncio.sleep(0)
                print(f"1,000 alerts told in {time.monotonic() - began:.3f} s")
                assert len(alerts._queue) == module.WAITING

    asyncio.run(scene())
    assert "alerts were not sent before the session ended" in caplog.text


def test_the_heartbeat_goes_on_and_its_absence_is_logged_once(caplog):
    async def scene():
        async with server() as there:
            beating = alerts_to(there, heartbeat=f"{there.url}/beat", heartbeat_every=0.05)
            async with beating:
                await asyncio.sleep(0.5)
            assert there.beats > 3
        async with alerts_to(there, heartbeat=f"{there.url}/beat", heartbeat_every=0.05):
            await asyncio.sleep(0.5)

    asyncio.run(scene())
    assert caplog.text.count("the heartbeat is not heard") == 1


def test_a_drawdown_is_told_once_until_the_next_peak():
    async def scene():
        async with server() as there:
            async with alerts_to(there, drawdown=0.1) as alerts:
                for equity in (100.0, 95.0, 89.0, 80.0, 99.0, 101.0, 90.0):
                    alerts._look_down(equity, "USDT")
            return [body["text"] for path, body in there.heard if path == "/hook"]

    assert asyncio.run(scene()) == [
        "mine: Equity is 89.00 USDT, 11.0% below its peak of 100.00.\n"
        "mine: Equity is 90.00 USDT, 10.9% below its peak of 101.00."
    ]


@pytest.mark.parametrize(
    ("settings", "keys", "told"),
    [
        ({"on": ("fils",)}, {}, "Did you mean 'fills'?"),
        ({"telegram_chat": "42"}, {}, "Telegram needs both"),
        ({}, {"telegram_token": Secret(TOKEN)}, "Telegram needs both"),
        ({}, {"webhook": Secret("example.com/hook")}, "alerts.webhook in user/secrets.toml is no address"),
    ],
)
def test_what_is_half_configured_is_refused(settings, keys, told):
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        Alerts(AlertSettings(**settings), AlertKeys(**keys), "mine")


def told_by(folder, cls, there_on=("fills", "errors", "state")):
    """What a session of a strategy tells."""

    async def scene():
        async with server() as there, venue() as market, exchange_at(market.port) as exchange:
            with contextlib.suppress(StrategyError):
                async with alerts_to(there, on=there_on) as alerts:
                    session = session_at(folder, exchange, cls)
                    session.on_entry.append(lambda kind, body: alerts.hear(session, kind, body))
                    async with session:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(4):
                                await session.run()
            return "\n".join(body["text"] for path, body in there.heard if path == "/hook")

    logging.getLogger("planar.session").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(scene())
    finally:
        logging.getLogger("planar.session").setLevel(logging.NOTSET)


def test_a_session_tells_its_fills_and_its_end(tmp_path):
    told = told_by(tmp_path / "one", Busy)
    assert "mine: BTC/USDT: order 1" in told
    assert " filled " in told
    assert told.endswith("mine: The session has stopped.")


def test_a_session_tells_what_ended_it(tmp_path):
    told = told_by(tmp_path / "one", Raises, ("errors",))
    assert "mine: The session ended: Raises.on_candle raised" in told
