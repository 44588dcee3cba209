"""`Connection`: one WebSocket of a client, with what still has to be sent on it."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from planar.venue.chaos import Chaos, Rule

MOST_WAITING = 200_000
"""Messages that a client may lag behind before it is cut off."""

PING_SECONDS, CLOSE_SECONDS = 20.0, 1.0
MOST_PINGS = 3
"""Pings of an idle client that may go unanswered before it is cut off."""

USER = "user"
"""What chaos calls the streams of accounts."""


class Connection:
    """Sends texts in order, without making the venue wait for anyone."""

    def __init__(self, chaos: Chaos, *, is_combined: bool = False) -> None:
        self.socket = web.WebSocketResponse(timeout=CLOSE_SECONDS, autoping=False, compress=False)
        self.chaos = chaos
        self.is_combined = is_combined
        self.is_frozen = False
        self.transport: asyncio.BaseTransport | None = None
        self.streams: set[str] = set()
        self.accounts: dict[str, Callable[[], None]] = {}
        """Of each listen key that it is told the account's events of: what ends that."""
        self._waiting: deque[str] = deque()
        self._held: list[str] = []
        self._pings = 0
        self._has_more = asyncio.Event()

    def tell(self, stream: str, event: str, kind: str = "") -> None:
        """Queues an event of a stream, in the form that this client wants. kind: what chaos calls the stream."""
        text = f'{{"stream":"{stream}","data":{event}}}' if self.is_combined else event
        rule = self.chaos.stream(kind or stream)
        if rule is None:
            self.send(text)
            if self._held:
                self.send(self._held.pop())
        else:
            self._bend(rule, text)

    def _bend(self, rule: Rule, text: str) -> None:
        """Sends an event as chaos wants it."""
        if rule.what == "duplicate":
            self.send(text)
        elif rule.what == "reorder":
            self._held.insert(0, text)
            return
        elif rule.what == "freeze":
            self.freeze(rule.seconds)
        elif rule.what == "lose":
            return
        self.send(text.replace('"x":false', '"x":true') if rule.what == "unclosed_as_closed" else text)

    def freeze(self, seconds: float) -> None:
        """Nothing is sent for so long; for good when that is 0."""
        self.is_frozen = True
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._thaw)

    async def close(self, *, abruptly: bool = False) -> None:
        """Closes the socket, with a word or without."""
        if abruptly and isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        else:
            await self.socket.close(code=1001, message=b"going away")

    def _thaw(self) -> None:
        self.is_frozen = False
        self._has_more.set()

    def send(self, text: str) -> None:
        """Queues a text."""
        self._waiting.append(text)
        self._has_more.set()

    def answer(self, document: Any) -> None:
        """Queues a document."""
        self.send(dumped(document))

    async def write(self) -> None:
        """Sends what is queued until the socket closes."""
        while not self.socket.closed:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await self._has_more.wait()
            except TimeoutError:
                await self._ping()
                continue
            self._has_more.clear()
            if len(self._waiting) > MOST_WAITING:
                await self.socket.close(code=1008, message=b"too slow")
                return
            while self._waiting and not self.is_frozen:
                try:
                    await self.socket.send_str(self._waiting.popleft())
                except ConnectionError:
                    return

    async def receive(self, message: WSMessage) -> str | None:
        """Takes a message; gives its text, where it has one for the venue."""
        self._pings = 0
        if message.type == WSMsgType.PING and not self.is_frozen:
            await self.socket.pong(message.data)
        return message.data if message.type == WSMsgType.TEXT else None

    async def _ping(self) -> None:
        if self._pings >= MOST_PINGS:
            await self.close()
        elif not self.is_frozen:
            self._pings += 1
            await self.socket.ping()


def dumped(document: Any) -> str:
    """A document as JSON."""
    return json.dumps(document, separators=(",", ":"))
