"""This file sends one HTTP request byte by byte; it guards that no library mends what an attack has broken."""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

_ANSWER_S = 30.0
LISTEN_S = 2.0
_DENIED = (b"log in first", b"you have no right to this", b"this token opens nothing")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 for nothing.

    Attributes:
        asked: The request, every byte.
        raw: The answer, every byte; of a stream what came in a while.
    """

    asked: bytes
    raw: bytes

    @property
    def status(self) -> int:
        """Give the status."""
        words = self.raw[:64].split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    @property
    def head(self) -> str:
        """Give the status line and the headers."""
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """Give what follows them."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def is_denied(self) -> bool:
        """Whether the gate has said that the caller may not, or has sent him to log in; a room's own no is another."""
        to_log_in = self.status == 303 and "location: /login?next=" in self.head.lower()
        return to_log_in or (self.status in {401, 403} and any(words in self.body for words in _DENIED))

    def cookies(self) -> dict[str, str]:
        """Give the cookies that the answer sets."""
        lines = re.findall(r"(?im)^set-cookie: *([^=;\s]+)=([^;\r\n]*)", self.head)
        return {name: value for name, value in lines if value}


def compose(method: str, target: str, fields: Iterable[str] = (), body: bytes = b"") -> bytes:
    """Write a request; no field is added but the length of a body."""
    lines = [f"{method} {target} HTTP/1.1", *fields, "Connection: close"]
    if body or method not in {"GET", "HEAD"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def send(port: int, wire: bytes, *, listen_s: float = LISTEN_S) -> Reply:
    """Send bytes to the center on loopback and read the answer to its end, a stream's for `listen_s`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    raw = bytearray()
    try:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                writer.write(wire)
                await writer.drain()
                while not _is_whole(raw) and (data := await reader.read(65_536)):
                    raw += data
                    if b"text/event-stream" in raw:
                        await _listen(reader, raw, listen_s)
                        break
    finally:
        writer.transport.abort()
    return Reply(wire, bytes(raw))


async def _listen(reader: asyncio.StreamReader, raw: bytearray, seconds: float) -> None:
    """Read a stream for a while: it has no end."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while data := await reader.read(65_536):
                raw += data


def _is_whole(raw: bytearray) -> bool:
    head, end, body = bytes(raw).partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def of_json(content: object) -> bytes:
    """Write JSON."""
    return json.dumps(content).encode()
