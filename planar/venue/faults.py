"""What a request meets when chaos has a rule for it."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from planar.venue.api import Answer, Api, Request
from planar.venue.chaos import Rule
from planar.venue.ws_api import WsSession, message_of

HANG_SECONDS = 60.0
UNKNOWN = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
PAGE = "<html><head><title>Service Unavailable</title></head><body><h1>Oops</h1></body></html>"

ANSWERS: dict[str, Answer] = {
    "503": Answer(503, PAGE, {}),
    "html": Answer(200, PAGE, {}),
    "maintenance": Answer(503, {"code": 1, "msg": "System is under maintenance."}, {}),
    "reject": Answer(400, {"code": -1000, "msg": "An unknown error occurred while processing the request."}, {}),
    "accept_then_5xx": Answer(503, {"code": -1007, "msg": UNKNOWN}, {}),
}
"""Faults that are an answer instead of the true one."""

UNDONE = ("drop", "hang", "429", "503", "html", "maintenance", "reject", "answer")
"""Faults of requests that are not done."""

Told = TypeVar("Told")


class Cut(Exception):  # noqa: N818 - no error: it is what was asked for
    """The connection is to be cut without an answer."""


async def faulty(api: Api, request: Request, rule: Rule) -> Answer:
    """Answers a request as the rule says. Raises Cut where nothing is to be answered."""
    if rule.what == "delay":
        await asyncio.sleep(rule.seconds)
    elif rule.what == "418":
        _ban(api, request.address, rule)
    elif rule.what == "partial":
        return shared(api, rule.share, lambda: api.answer(request))
    elif rule.what in UNDONE:
        return await _undone(rule)
    answer = api.answer(request)
    if rule.what == "accept_then_hang":
        await asyncio.sleep(rule.seconds or HANG_SECONDS)
        raise Cut
    if rule.what == "accept_then_drop":
        raise Cut
    return ANSWERS.get(rule.what, answer)


async def _undone(rule: Rule) -> Answer:
    if rule.what == "hang":
        await asyncio.sleep(rule.seconds or HANG_SECONDS)
    if rule.what in ("hang", "drop"):
        raise Cut
    return _answer(rule)


def _answer(rule: Rule) -> Answer:
    """What is answered without looking at the request."""
    if rule.what == "429":
        return _too_many(rule)
    if rule.what == "answer":
        return Answer(rule.status, {"code": rule.code, "msg": rule.text} if rule.code else rule.text or PAGE, {})
    return ANSWERS[rule.what]


def _ban(api: Api, address: str, rule: Rule) -> None:
    api.desk.counter.ban(address, api.desk.time(), max(int(rule.seconds), 1))


def _too_many(rule: Rule) -> Answer:
    text = "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API."
    return Answer(429, {"code": -1003, "msg": text}, {"Retry-After": str(max(int(rule.seconds), 1))})


def faulty_message(api: Api, session: WsSession, text: str, rule: Rule) -> None:
    """Answers a message of the WebSocket API as the rule says, with the faults of requests."""
    loop, connection = asyncio.get_running_loop(), session.connection
    answer: Any = None
    if rule.what == "418":
        _ban(api, session.address, rule)
    if rule.what not in UNDONE:
        answer = shared(api, rule.share if rule.what == "partial" else 1.0, lambda: session.receive(text))
    if rule.what in ("drop", "accept_then_drop"):
        loop.call_soon(lambda: loop.create_task(connection.close(abruptly=True)))
    elif rule.what == "delay":
        loop.call_later(rule.seconds, connection.answer, answer)
    elif rule.what in ANSWERS or rule.what in ("429", "answer"):
        told = _answer(rule)
        error = told.document if isinstance(told.document, dict) else {"code": -1000, "msg": "Service Unavailable"}
        connection.answer({"id": (answer or message_of(text)).get("id"), "status": told.status, "error": error})
    elif rule.what not in ("hang", "accept_then_hang"):
        connection.answer(answer)


def shared(api: Api, share: float, call: Callable[[], Told]) -> Told:
    """Runs a call that finds only a share of the book."""
    api.desk.share = share
    try:
        return call()
    finally:
        api.desk.share = 1.0


def cut(request: web.Request) -> web.Response:
    """Cuts the connection of a request."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
