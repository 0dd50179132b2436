"""This file is the port for callers; it guards that only one user may ask, and seldom enough to fill no disk.

A Unix socket in `run_dir`, mode 0600, or 0660 where another user than the relay's is named in the settings; whoever
connects is checked by the system's word for who that is. Requests of one connection are answered one after the other;
all callers together get a slow pace, beyond which they wait. A caller that leaves ends nothing.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from pathlib import Path
from typing import Final

from isolane.core.failures import IsolaneError
from isolane.value.legs.pace import Bucket
from isolane.value.own_calls.service import OwnCalls
from isolane.value.security_events import Kind, SecurityEvents
from isolane.wire.own_call import LENGTH_BYTES, length, pack, unpack_request

_log = logging.getLogger(__name__)

_CALLERS_MAX: Final = 16
_ASKS_PER_S: Final = 2.0
_ASKS_BURST: Final = 20
"""Each request is a line in the audit or two; at this pace a caller gone mad writes 100 MB a day at most."""
_READ_S: Final = 5.0
"""From the first byte of a request to its last."""
_LAST_S: Final = 2.0
"""What calls in hand get to be written down when the relay ends; their connections are gone by then."""
_PEER: Final = struct.Struct("3i")


class OwnCallPort:
    """The port.

    Args:
        path: Where it listens.
        service: Who answers.
        events: Who is told of strangers.
        caller: The user who may ask; None for our own.

    Raises:
        IsolaneError: There is no such user.
    """

    def __init__(self, path: Path, service: OwnCalls, events: SecurityEvents, caller: str | None) -> None:
        self._path = path
        self._service = service
        self._events = events
        self._mask = 0o177 if caller is None else 0o117
        self._uid = os.geteuid() if caller is None else _uid(caller)
        self._pace = Bucket(_ASKS_PER_S, _ASKS_BURST)
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen.

        Raises:
            IsolaneError: Another relay listens there, or the socket cannot be made.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        mask = os.umask(self._mask)
        try:
            _clear(self._path)
            sock.bind(str(self._path))
            self._server = await asyncio.start_unix_server(self._serve, sock=sock)
        except OSError as error:
            sock.close()
            raise IsolaneError(
                f"cannot listen on {self._path}: {error.strerror or error}", "choose another [site] run_dir"
            ) from error
        finally:
            os.umask(mask)
        _log.info("own-calls-open path=%s", self._path)

    async def close(self) -> None:
        """Take no more requests, end those in hand, remove the path."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for caller in self._callers - self._busy:
            caller.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=_LAST_S)
        for caller in self._callers:
            caller.cancel()
        if self._callers:
            await asyncio.wait(self._callers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        try:
            if self._may_ask(writer):
                self._callers.add(task)
                while await self._answer(reader, writer, task):
                    pass
        except (OSError, asyncio.IncompleteReadError):  # it left, or was too slow, which is a TimeoutError
            pass
        except asyncio.CancelledError:  # the relay ends; this task has nobody above it who wants to know
            pass
        finally:
            self._callers.discard(task)
            self._busy.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _may_ask(self, writer: asyncio.StreamWriter) -> bool:
        sock = writer.get_extra_info("socket")
        _, uid, _ = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if uid != self._uid:
            self._events.report(Kind.OWN_CALL, detail=f"asked by user {uid}")
            return False
        if len(self._callers) >= _CALLERS_MAX:
            _log.warning("own-call-caller-refused callers=%d", len(self._callers))
            return False
        return True

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> bool:
        """Answer one request; tell whether another may follow."""
        self._busy.discard(task)
        head = await reader.readexactly(LENGTH_BYTES)
        try:
            async with asyncio.timeout(_READ_S):
                request = unpack_request(await reader.readexactly(length(head)))
        except ValueError:
            writer.write(pack(self._service.malformed()))
            await writer.drain()
            return False
        await asyncio.sleep(self._pace.reserve(float("inf")) or 0)
        self._busy.add(task)
        writer.write(pack(await self._service.call(request)))
        await writer.drain()
        return True


def _uid(user: str) -> int:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        raise IsolaneError(
            f"there is no user {user!r}", "name the health process's user in [value.own_calls] caller"
        ) from error


def _clear(path: Path) -> None:
    """Remove a socket on which nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            return
        else:
            raise OSError("another relay listens there")
