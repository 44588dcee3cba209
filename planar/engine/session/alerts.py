"""`Alerts`: what somebody wants to be told while he is away, sent to a webhook and to Telegram.

Trading never waits for it: messages queue up, those that wait go as one, and what cannot be sent is logged and dropped.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from planar.config.secrets import AlertKeys
from planar.config.settings import TOPICS, AlertSettings
from planar.engine.session.words import sentences
from planar.errors import ConfigError, did_you_mean
from planar.exchange.scrub import Scrubber
from planar.model.order import Status

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

LOG = logging.getLogger("planar.alerts")

WAITING = 200
"""Messages that wait at most; the oldest are dropped then."""
TOGETHER = 20
"""Messages that are sent as one; Telegram takes 4,096 characters."""
LONGEST = 3_900
PAUSES = (1.0, 5.0)
"""Seconds before each further attempt."""
TIMEOUT = aiohttp.ClientTimeout(total=10)
PATIENCE = 5.0
"""Seconds that the last messages have when the session ends."""


class Channel(NamedTuple):
    """Where messages go: its name, its address, and a message as it wants it."""

    name: str
    address: str
    body: Callable[[str], dict[str, Any]]


def channels(settings: AlertSettings, keys: AlertKeys) -> list[Channel]:
    """Those that are configured. Raises ConfigError where one is half configured, or a topic is none."""
    for topic in settings.on:
        if topic not in TOPICS:
            near = did_you_mean(topic, TOPICS)
            raise ConfigError(f"alerts.on has {topic!r}, which is no topic.{near} There are {', '.join(TOPICS)}.")
    found = []
    if keys.webhook is not None:
        address = keys.webhook.reveal()
        if not address.startswith(("https://", "http://")):
            raise ConfigError("alerts.webhook in user/secrets.toml is no address: it begins with https://.")
        # Slack reads "text", Discord reads "content".
        found.append(Channel("webhook", address, lambda text: {"text": text, "content": text}))
    if bool(keys.telegram_token) != bool(settings.telegram_chat):
        raise ConfigError(
            "Telegram needs both alerts.telegram_chat in user/planar.toml and telegram_token below [alerts] in "
            "user/secrets.toml; one of them is missing."
        )
    if keys.telegram_token is not None:
        address = f"{settings.telegram_url}/bot{keys.telegram_token.reveal()}/sendMessage"
        found.append(Channel("telegram", address, lambda text: {"chat_id": settings.telegram_chat, "text": text}))
    return found


class Alerts:
    """Sends while it is open. name: of the session."""

    def __init__(self, settings: AlertSettings, keys: AlertKeys, name: str) -> None:
        self._settings, self._name = settings, name
        self._channels = channels(settings, keys)
        self._scrub = Scrubber(keys.given()).text
        self._queue: deque[str] = deque(maxlen=WAITING)
        self._has_some, self._is_sent = asyncio.Event(), asyncio.Event()
        self._is_sent.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession
        self._peak = 0.0
        self._is_down = False

    async def __aenter__(self) -> "Alerts":
        self._http = aiohttp.ClientSession(timeout=TIMEOUT)
        if self._channels:
            self._tasks.append(asyncio.create_task(self._send_all()))
        if self._settings.heartbeat:
            self._tasks.append(asyncio.create_task(self._beat()))
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            self.tell("errors", f"The session ended: {error}")
        try:
            async with asyncio.timeout(PATIENCE):
                await self._is_sent.wait()
        except TimeoutError:
            LOG.warning("%d alerts were not sent before the session ended", len(self._queue))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    def tell(self, topic: str, text: str) -> None:
        """Lets a message be sent, if its topic is wanted; waits for nothing."""
        if topic in self._settings.on and self._channels:
            self._queue.append(f"{self._name}: {text}")
            self._is_sent.clear()
            self._has_some.set()

    def tell_apart(self, text: str) -> None:
        """Sends a message of errors and waits for it: for a thread, while nothing else of the program goes on."""
        if "errors" in self._settings.on and self._channels:
            asyncio.run(self._sent_apart(f"{self._name}: {text}"))

    async def _sent_apart(self, text: str) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            await asyncio.gather(*(self._attempt(http, channel, text) for channel in self._channels))

    def hear(self, session: "LiveSession", kind: str, body: Any) -> None:
        """An entry of the session's journal."""
        for topic in _topics(kind, body):
            for sentence in sentences(session.origin, kind, body):
                self.tell(topic, sentence)
        if kind == "state":
            self.tell("state", f"{body['state']} {body['why']}".rstrip())
        if kind == "adopted":
            self._peak += body["worth"]
        if kind == "step" and "drawdown" in self._settings.on:
            self._look_down(session.recorder.trader.equity(), session.origin.instruments[0].quote)

    def _look_down(self, equity: float, quote: str) -> None:
        """Tells once how far equity fell below its peak, and again after the next peak."""
        if equity >= self._peak:
            self._peak, self._is_down = equity, False
        elif equity < self._peak * (1 - self._settings.drawdown) and not self._is_down:
            self._is_down = True
            share = 1 - equity / self._peak
            self.tell("drawdown", f"Equity is {equity:,.2f} {quote}, {share:.1%} below its peak of {self._peak:,.2f}.")

    async def _send_all(self) -> None:
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            while self._queue:
                text = "\n".join(self._queue.popleft() for _ in range(min(TOGETHER, len(self._queue))))[:LONGEST]
                for why in await asyncio.gather(*(self.send(channel, text) for channel in self._channels)):
                    if why:
                        LOG.warning("an alert was not sent: %s", why)
            self._is_sent.set()

    async def send(self, channel: Channel, text: str) -> str:
        """Sends one message; gives why it could not be, or nothing."""
        why = ""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            why, is_final = await self._attempt(self._http, channel, text)
            if is_final:
                break
        return why

    async def _attempt(self, http: aiohttp.ClientSession, channel: Channel, text: str) -> tuple[str, bool]:
        """Sends one message once; gives why it was not sent, and whether another attempt would end so too."""
        try:
            async with http.post(channel.address, json=channel.body(text)) as answer:
                if answer.status < 300:
                    return "", True
                told = (await answer.text())[:200]
                why = f"{channel.name} answered {answer.status}: {self._scrub(_words(told))}"
                return why, answer.status < 500 and answer.status != 429
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return f"{channel.name}: {type(error).__name__}: {self._scrub(str(error))}".removesuffix(": "), False

    async def try_all(self, text: str) -> Iterator[tuple[str, str]]:
        """Sends it to each channel now: its name, and why it could not be."""
        told = await asyncio.gather(*(self.send(channel, text) for channel in self._channels))
        return zip((channel.name for channel in self._channels), told, strict=True)

    async def _beat(self) -> None:
        """Asks the heartbeat's address again and again; whoever watches it raises the alarm when that ends."""
        is_heard = True
        while True:
            began, why = time.monotonic(), ""
            try:
                async with self._http.get(self._settings.heartbeat) as answer:
                    why = "" if answer.status < 300 else f"it answered {answer.status}"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                why = f"{type(error).__name__}: {self._scrub(str(error))}"
            if why and is_heard:
                LOG.warning("the heartbeat is not heard: %s", why)
            is_heard = not why
            await asyncio.sleep(max(self._settings.heartbeat_every - (time.monotonic() - began), 0.1))


def _topics(kind: str, body: Any) -> list[str]:
    """What an entry is told under; nothing where nobody wants to be woken for it."""
    if kind == "told" and body["what"] == "filled":
        return ["fills"]
    if kind == "told" and body["what"] == "forced":
        return ["errors"]
    if kind == "told" and body["what"] == "ended" and body["numbers"][2] == Status.REJECTED:
        return ["errors"]
    if kind == "alarm":
        return [body["topic"]]
    if kind in ("unknown", "refused"):
        return ["errors"]
    if kind in ("protection", "stood"):
        return ["protection"]
    return ["state"] if kind in ("operator", "adopted", "edited", "resumed", "stopped") else []


def _words(told: str) -> str:
    """What Telegram says of a refusal; else the answer itself."""
    try:
        return str(json.loads(told)["description"])
    except (ValueError, KeyError, TypeError):
        return " ".join(told.split())
