"""The WebSockets of the venue: market streams, user streams by listen key, the WebSocket API."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from aiohttp import web

from planar.venue.api import Api
from planar.venue.chaos import Chaos
from planar.venue.connection import USER, Connection, dumped
from planar.venue.faults import faulty_message
from planar.venue.refusal import Refusal
from planar.venue.streams import Streams
from planar.venue.user_stream import UserStreams
from planar.venue.ws_api import METHODS, Methods, WsSession, message_of


class Sockets:
    """Opens, feeds and closes connections. catch_up: lets happen what the clock says has happened.

    methods: of the WebSocket API.
    """

    def __init__(
        self,
        api: Api,
        streams: Streams,
        users: UserStreams,
        chaos: Chaos,
        catch_up: Callable[[], None],
        methods: Methods = METHODS,
    ) -> None:
        self.api, self.streams, self.users, self.chaos, self.catch_up = api, streams, users, chaos, catch_up
        self.methods = methods
        self.open: set[Connection] = set()

    async def market(self, request: web.Request) -> web.StreamResponse:
        """``/ws``, ``/ws/NAME/NAME`` and ``/stream?streams=NAME/NAME``; ``/stream/ws`` is ``/ws``.

        Of contracts these stand below ``/public``, ``/market`` and ``/private``, too; the last may name a listenKey.
        """
        is_combined = request.path.endswith("/stream")
        connection = Connection(self.chaos, is_combined=is_combined)
        names = (request.query.get("streams", "") if is_combined else request.path).split("/")
        names.append(request.query.get("listenKey", ""))
        self._subscribe(connection, [name for name in names if self._is_known(name)])
        try:
            return await self._serve(request, connection, lambda text: self._market_message(connection, text))
        finally:
            self._unsubscribe(connection, {*connection.streams, *connection.accounts})

    async def session(self, request: web.Request) -> web.StreamResponse:
        """``/ws-api/v3``, of contracts ``/ws-fapi/v1``."""
        connection = Connection(self.chaos)
        session = WsSession(self.api, self.users, connection, request.remote or "", self.methods)
        try:
            return await self._serve(request, connection, lambda text: self._session_message(session, text))
        finally:
            session.close()

    async def close(self, *, abruptly: bool = False) -> None:
        """Closes every connection, as before maintenance; or as if a cable was pulled."""
        await asyncio.gather(*(connection.close(abruptly=abruptly) for connection in self.open))

    def _is_known(self, name: object) -> bool:
        """Whether a stream is named so, or a listen key."""
        return isinstance(name, str) and (self.streams.is_stream(name) or name in self.api.desk.listen_keys)

    def _subscribe(self, connection: Connection, names: Collection[str]) -> None:
        self.streams.subscribe(connection, [name for name in names if self.streams.is_stream(name)])
        for key in names:
            account = self.api.desk.listen_keys.get(key)
            if account is not None and key not in connection.accounts:
                connection.accounts[key] = self.users.listen(account, partial(_tell_user, connection, key))

    def _unsubscribe(self, connection: Connection, names: Collection[str]) -> None:
        self.streams.unsubscribe(connection, [name for name in names if self.streams.is_stream(name)])
        for key in names:
            connection.accounts.pop(key, _nothing)()

    async def _serve(
        self, request: web.Request, connection: Connection, receive: Callable[[str], None]
    ) -> web.StreamResponse:
        try:
            await connection.socket.prepare(request)
        except ConnectionError:
            return web.Response(status=400)  # the client is gone: nobody reads this
        connection.transport = request.transport
        with contextlib.suppress(ConnectionError):
            await self._talk(connection, receive)
        return connection.socket

    async def _talk(self, connection: Connection, receive: Callable[[str], None]) -> None:
        self.open.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for message in connection.socket:
                text = await connection.receive(message)
                if text is not None:
                    self.catch_up()
                    receive(text)
        finally:
            self.open.discard(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def _session_message(self, session: WsSession, text: str) -> None:
        method = _method(text)
        rule = self.chaos.request(f"WS {method}") if method else None
        if rule is None:
            session.connection.answer(session.receive(text))
        else:
            faulty_message(self.api, session, text, rule)

    def _market_message(self, connection: Connection, text: str) -> None:
        try:
            message = json.loads(text)
            method, id = message["method"], message.get("id")
        except (ValueError, TypeError, KeyError):
            connection.answer({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})
            return
        connection.answer(self._control(connection, method, message.get("params") or [], id))

    def _control(self, connection: Connection, method: str, names: Any, id: Any) -> dict[str, Any]:
        """Answer of SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted([*connection.streams, *connection.accounts]), "id": id}
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return {"error": {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}, "id": id}
        wrong = [name for name in names if not self._is_known(name)]
        if wrong:
            return {"error": {"code": 2, "msg": f"Invalid request: invalid stream {wrong[0]!r}"}, "id": id}
        change = self._subscribe if method == "SUBSCRIBE" else self._unsubscribe
        change(connection, names)
        return {"result": None, "id": id}


def _tell_user(connection: Connection, key: str, event: Any) -> None:
    connection.tell(key, dumped(event), USER)


def _nothing() -> None:
    """Ends what was not begun."""


def _method(text: str) -> str:
    """The method of a message, empty when it is none."""
    try:
        return message_of(text)["method"]
    except Refusal:
        return ""
