"""This file is the CSMS of the attack cases; it guards that everything that reaches it is on record, byte for byte."""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from bench.attack.frames import Assembler
from bench.attack.link import Link

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SUBPROTOCOLS = ("ocpp1.6", "ocpp2.0.1")


@dataclass
class Session:
    """One connection that was answered 101."""

    charger: str
    key: str
    head: bytes
    link: Link
    peer: tuple[Any, ...]
    peer_certificate: dict[str, Any] | None = None


@dataclass
class Csms:
    """Answers every CALL, and handshakes by `passwords`.

    Attributes:
        passwords: Basic passwords by identity; None lets everybody in.
        candidates: Passwords that the CSMS has sent and does not know the end of: it takes the old one or this one,
            and from then on that one alone.
        heads: Every request head in order.
        connections: Sockets accepted.
        sessions: Connections in order.
        accept_delay_s: How long a handshake waits for its answer.
        silent: Whether CALLs stay unanswered.
        receive_bytes: Size of its sockets' receive buffer, 0 for the system's.
        serves: Whether it takes connections; a CSMS that is down resets them.
    """

    passwords: dict[str, bytes] | None = None
    message_bytes_max: int = 1 << 23
    deflate: bool = False
    accept_delay_s: float = 0.0
    silent: bool = False
    receive_bytes: int = 0
    serves: bool = True
    candidates: dict[str, bytes] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    connections: int = 0
    sessions: list[Session] = field(default_factory=list)
    port: int = 0
    on_message: Callable[[Session, bytes], None] | None = None
    _transactions: Any = field(default_factory=lambda: count(1))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def serving(self, context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator["Csms"]:
        """Serve on loopback until the block ends."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        sock.bind(("127.0.0.1", port))
        server = await asyncio.start_server(self._serve, sock=sock, ssl=context, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for session in self.sessions:
                session.link.reads.set()
            self.drop()
            if self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=2)
                for task in late:
                    task.cancel()

    @contextlib.asynccontextmanager
    async def also_at(self, host: str, context: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Serve at another address of this machine, same port."""
        async with await asyncio.start_server(self._serve, host, self.port, ssl=context):
            yield

    def drop(self) -> None:
        """End every connection at once."""
        for writer in list(self._writers):
            writer.transport.abort()

    def of(self, charger: str) -> list[Session]:
        """Give a charger's connections in order."""
        return [session for session in self.sessions if session.charger == charger]

    def by_key(self, key: str) -> Session | None:
        """Give the connection whose handshake had this key."""
        return next((session for session in self.sessions if session.key == key), None)

    async def call(self, charger: str, unique: str, action: str, payload: object) -> bool:
        """Send a CALL on the charger's newest living connection; tell whether there is one."""
        for session in reversed(self.of(charger)):
            if not session.link.ended.is_set():
                await session.link.send(json.dumps([2, unique, action, payload]).encode())
                return True
        return False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self.serves:
                await self._session(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            pass
        except asyncio.CancelledError:  # only at the end of a case, when nobody waits for this
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        fields = fields_of(head)
        charger = unquote(head.split(b" ")[1].decode("latin-1").partition("?")[0].rpartition("/")[2])
        if self.accept_delay_s:
            await asyncio.sleep(self.accept_delay_s)
        if not self._may(charger, fields.get("authorization", "")):
            self.refused.append(head)
            writer.write(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="ocpp"\r\nContent-Length: 0\r\n\r\n'
            )
            await writer.drain()
            return
        key = fields.get("sec-websocket-key", "")
        deflate = self.deflate and "permessage-deflate" in fields.get("sec-websocket-extensions", "")
        writer.write(_answer(key, fields.get("sec-websocket-protocol", ""), deflate=deflate))
        link = Link(
            reader,
            writer,
            client=False,
            assembler=Assembler(True, self.message_bytes_max, deflate),
        )
        certificate = writer.get_extra_info("peercert")
        session = Session(charger, key, head, link, writer.get_extra_info("peername"), certificate)
        self.sessions.append(session)

        async def take(message: bytes) -> None:
            await self._answer_call(session, message)

        await link.run(take)

    def _may(self, charger: str, authorization: str) -> bool:
        if self.passwords is None:
            return True
        password = self.passwords.get(charger)
        candidate = self.candidates.get(charger)
        if candidate is not None and authorization == basic(charger, candidate):
            self.take(charger, candidate)
            return True
        if password is None or authorization != basic(charger, password):
            return False
        self.candidates.pop(charger, None)
        return True

    def take(self, charger: str, password: bytes) -> None:
        """Take this password of a charger's from now on, and no other."""
        self.candidates.pop(charger, None)
        if self.passwords is not None:
            self.passwords[charger] = password

    async def _answer_call(self, session: Session, message: bytes) -> None:
        if self.on_message is not None:
            self.on_message(session, message)
        if self.silent:
            return
        try:
            call = json.loads(message)
        except (ValueError, RecursionError):
            return
        if not isinstance(call, list) or len(call) < 3 or call[0] != 2:
            return
        answer: dict[str, Any] = {}
        if call[2] == "StartTransaction":
            answer = {"transactionId": next(self._transactions), "idTagInfo": {"status": "Accepted"}}
        await session.link.send(json.dumps([3, call[1], answer]).encode())


def basic(charger: str, password: bytes) -> str:
    """Write a Basic credential."""
    return "Basic " + base64.b64encode(charger.encode() + b":" + password).decode()


def fields_of(head: bytes) -> dict[str, str]:
    """Give a head's fields by name in lower case; a name that comes twice has its values joined."""
    out: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            out[key] = f"{out[key]}, {value.strip()}" if key in out else value.strip()
    return out


def _answer(key: str, offered: str, *, deflate: bool) -> bytes:
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
    ]
    chosen = [name for name in (item.strip() for item in offered.split(",")) if name in SUBPROTOCOLS]
    lines += [f"Sec-WebSocket-Protocol: {chosen[0]}"] if chosen else []
    if deflate:
        together = "server_no_context_takeover; client_no_context_takeover"
        lines.append(f"Sec-WebSocket-Extensions: permessage-deflate; {together}")
    return "\r\n".join([*lines, "", ""]).encode()
