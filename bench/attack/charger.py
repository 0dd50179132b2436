"""This file is a charger that speaks bytes; it guards that its journal can be held against the CSMS's."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.attack.frames import Assembler
from bench.attack.link import Link

HANDSHAKE_S = 20.0


@dataclass(frozen=True)
class Door:
    """Where and how to connect.

    Attributes:
        port: On loopback.
        path: Before the identity.
        context: For TLS.
        source: Address to come from.
        receive_bytes: Size of the socket's receive buffer, 0 for the system's.
    """

    port: int
    path: str = "/ocpp"
    context: ssl.SSLContext | None = None
    source: str | None = None
    receive_bytes: int = 0


def new_key() -> str:
    """Give a fresh Sec-WebSocket-Key, which also pairs both ends' journals."""
    return base64.b64encode(os.urandom(16)).decode()


def upgrade(target: str, key: str, fields: Iterable[str] = ()) -> bytes:
    """Write a handshake; a field given here replaces the default one of its name."""
    given = list(fields)
    names = {field.partition(":")[0].strip().lower() for field in given}
    defaults = [
        "Host: g",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
    ]
    kept = [line for line in defaults if line.partition(":")[0].lower() not in names]
    return "\r\n".join([f"GET {target} HTTP/1.1", *kept, *given, "", ""]).encode("latin-1", "replace")


async def dial(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket."""
    sock = socket.socket()
    sock.setblocking(False)
    if door.receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, door.receive_bytes)
    try:
        if door.source:
            sock.bind((door.source, 0))
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", door.port))
    except OSError:
        sock.close()
        raise
    return await asyncio.open_connection(
        sock=sock, ssl=door.context, server_hostname="127.0.0.1" if door.context else None, limit=1 << 22
    )


@dataclass
class Charger:
    """One charger; connect it, let it call, close it.

    Attributes:
        identity: Last part of its path.
        status: Of the last handshake's answer, 0 where the socket closed without one.
        head: Of the last handshake's answer.
        link: After a 101.
        key: Of the last handshake.
        replies: Payload of its answers to CALLs by action; None for no answer.
        connected_s: How long the handshake took.
    """

    identity: str
    status: int = 0
    head: bytes = b""
    link: Link | None = None
    key: str = ""
    replies: dict[str, Any] = field(default_factory=dict)
    connected_s: float = 0.0
    late: list[str] = field(default_factory=list)
    assembler: Assembler | None = None
    _waiting: dict[str, asyncio.Future[list[Any]]] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _number: int = 0

    async def connect(self, door: Door, fields: Iterable[str] = ()) -> int:
        """Shake hands; give the status."""
        began = time.monotonic()
        self.key, self.link, self.status, self.head = new_key(), None, 0, b""
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                reader, writer = await dial(door)
                writer.write(upgrade(f"{door.path}/{self.identity}", self.key, fields))
                self.head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ssl.SSLError):
            return 0
        self.connected_s = time.monotonic() - began
        self.status = int(self.head.split(b" ", 2)[1])
        if self.status != 101:
            writer.close()
            return self.status
        deflate = b"permessage-deflate" in self.head.lower()
        link = Link(reader, writer, client=True, assembler=self.assembler or Assembler(masked=False, deflate=deflate))
        self.link = link
        self._task = asyncio.create_task(link.run(self._take))
        return self.status

    @property
    def is_connected(self) -> bool:
        """Tell whether the socket lives."""
        return self.link is not None and not self.link.ended.is_set()

    async def call(self, action: str, payload: object, wait_s: float = 10.0) -> list[Any]:
        """Call and give the whole answer.

        Raises:
            ConnectionError: The connection ended first.
            TimeoutError: There was no answer.
        """
        if self.link is None:
            raise ConnectionError(f"{self.identity} is not connected")
        self._number += 1
        unique = f"{self.identity}-{self.key[:6]}-{self._number}"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[unique] = answer
        await self.link.send(json.dumps([2, unique, action, payload]).encode())
        ended: asyncio.Future[Any] = asyncio.create_task(self.link.ended.wait())
        try:
            await asyncio.wait([answer, ended], timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if answer.done():
            result: list[Any] = answer.result()
            return result
        if self.link.ended.is_set():
            raise ConnectionError(f"{self.identity}: the connection ended while {action} waited")
        raise TimeoutError(f"{self.identity}: no answer to {action}")

    async def close(self) -> None:
        """End well."""
        if self.link is not None:
            await self.link.close()
        await self.done()

    async def done(self) -> None:
        """Wait for the reading to end."""
        if self._task is not None:
            if self.link is not None:
                self.link.writer.close()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._task, 5)

    async def _take(self, message: bytes) -> None:
        try:
            what = json.loads(message)
        except (ValueError, RecursionError):
            return
        if not isinstance(what, list) or len(what) < 3:
            return
        if what[0] == 2 and self.link is not None:
            reply = self.replies.get(what[2], {"status": "Accepted"})
            if reply is None:
                self.late.append(what[1])
                return
            await self.link.send(json.dumps([3, what[1], reply]).encode())
        elif what[0] in {3, 4}:
            waiting = self._waiting.pop(str(what[1]), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(what)
