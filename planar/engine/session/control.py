"""`Control`: a running session listens to its operator, on the socket of `line`, which no network leads to."""

import asyncio
import errno
import json
import logging
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planar.engine.session.line import SHORT, socket_path
from planar.engine.session.operator import Operator
from planar.engine.session.status import Status
from planar.errors import ConfigError, PlanarError

if TYPE_CHECKING:
    from planar.engine.session.live import LiveSession

LOG = logging.getLogger("planar.session")


def _make_own(folder: Path) -> None:
    """A folder of this user alone. Raises PermissionError where another made something of that name."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, f"{folder} is not this user's alone")


def _bound(path: Path) -> socket.socket:
    """A socket there that no other user may connect to. The session is ours, so what lies there is of a killed one."""
    if path.parent.parent == SHORT:
        _make_own(path.parent)
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        made.bind(os.fspath(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def _instrument(request: Mapping[str, Any]) -> str:
    if not request.get("instrument"):
        raise ConfigError(f"{request['do']} needs an instrument, such as BTC/USDT.")
    return str(request["instrument"])


class Control:
    """Answers while it is open. A session that cannot be steered trades nevertheless, and says so in its log."""

    def __init__(self, session: "LiveSession") -> None:
        self.session = session
        self._path = socket_path(session.folder)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[Any]] = set()
        self._operator: Operator
        self._status: Status

    async def __aenter__(self) -> "Control":
        self._status = Status(self.session)
        self._operator = Operator(self.session)
        try:
            self._server = await asyncio.start_unix_server(self._serve, sock=_bound(self._path))
        except OSError as error:
            LOG.warning("this session cannot be steered: %s: %s", self._path, error.strerror or error)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._operator.leave()
        if self._server is None:
            return
        self._server.close()
        self._path.unlink(missing_ok=True)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            async for line in reader:
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # who asked has left, or speaks otherwise
        except asyncio.CancelledError:
            return  # the session ends; asyncio's server would report it as an error
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or "do" not in request:
                return {"error": 'a request is written {"do": "status"}.'}
            return {"answer": await self._do(request)}
        except json.JSONDecodeError as error:
            return {"error": f"that is no JSON: {error}."}
        except PlanarError as error:
            return {"error": str(error)}
        except Exception as error:
            LOG.exception("a command of the operator failed")
            return {"error": f"internal error: {type(error).__name__}: {error}."}

    async def _do(self, request: Mapping[str, Any]) -> Any:
        operator, what = self._operator, request["do"]
        if what == "status":
            return self._status.document()
        LOG.info("the operator asks: %s", json.dumps(request))
        if what == "pause":
            operator.pause()
        elif what == "resume":
            operator.resume()
        elif what == "lock":
            operator.lock(_instrument(request), request.get("for") or "")
        elif what == "unlock":
            operator.unlock(_instrument(request))
        elif what == "adopt":
            return await operator.adopt(str(request.get("what") or ""))
        elif what == "close":
            return await operator.close(request.get("instrument") or "")
        elif what == "stop" and request.get("close"):
            return await operator.stop_closed()
        elif what == "stop" and request.get("when_flat"):
            operator.stop_when_flat()
        elif what == "stop":
            operator.stop()
        else:
            raise ConfigError(f"there is no command {what!r}.")
        return self._status.document()
