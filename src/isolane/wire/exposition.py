"""This file serves a registry to Prometheus over HTTP, on a TCP port or on a Unix socket.

It guards that a scrape can never hold up the process it looks at.

One request per connection, 2 s to ask, 4 KiB of head at most, eight scrapes at once; anything else is closed. A
scrape is rendered in one go on the loop (a few hundred microseconds for isolane's pages), so keep the page small.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from isolane.core.failures import IsolaneError

_ASK_S = 2.0
_HEAD_BYTES_MAX = 4096
_SCRAPES_MAX = 8
_Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_metrics(
    registry: CollectorRegistry, host: str, port: int, refresh: Callable[[], Awaitable[None]] | None = None
) -> asyncio.Server:
    """Serve ``GET /metrics`` (and ``/healthz``) on one address until the server is closed.

    Args:
        registry: What is shown.
        host: Address to listen on; loopback unless the operator wants otherwise.
        port: TCP port; 0 lets the system choose.
        refresh: Awaited before each page, by those who must ask another process for what they show.

    Raises:
        IsolaneError: The port cannot be opened.
    """
    try:
        return await asyncio.start_server(_answering(registry, refresh), host, port, limit=_HEAD_BYTES_MAX)
    except OSError as error:
        raise IsolaneError(
            f"cannot open the metrics port {host}:{port}: {error.strerror}",
            "choose another port in the table's `metrics` setting or stop what uses it",
        ) from error


async def serve_metrics_at(registry: CollectorRegistry, path: Path) -> asyncio.Server:
    """Serve the same on a Unix socket, for a process without network; a socket that is there already is replaced.

    Args:
        registry: What is shown.
        path: Of the socket, mode 0660: the folder's group decides who may ask.

    Raises:
        IsolaneError: The socket cannot be made.
    """
    return await asyncio.start_unix_server(_answering(registry), sock=_bound(path), limit=_HEAD_BYTES_MAX)


def _bound(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    mask = os.umask(0o117)
    try:
        if path.is_socket():
            path.unlink()
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise IsolaneError(
            f"cannot open the metrics socket {path}: {error.strerror or error}",
            "choose a folder that this user may write",
        ) from error
    finally:
        os.umask(mask)
    return sock


def _answering(registry: CollectorRegistry, refresh: Callable[[], Awaitable[None]] | None = None) -> _Answer:
    scrapes = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal scrapes
        scrapes += 1
        try:
            if scrapes <= _SCRAPES_MAX:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _ASK_S)
                if refresh is not None:
                    await refresh()
                writer.write(_response(registry, head))
                await asyncio.wait_for(writer.drain(), _ASK_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            scrapes -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return answer


def _response(registry: CollectorRegistry, head: bytes) -> bytes:
    method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    status, kind, body = "200 OK", CONTENT_TYPE_LATEST, b""
    if method != b"GET":
        status, kind, body = "405 Method Not Allowed", "text/plain", b"GET only\n"
    elif path == b"/metrics":
        body = generate_latest(registry)
    elif path == b"/healthz":
        kind, body = "text/plain", b"ok\n"
    else:
        status, kind, body = "404 Not Found", "text/plain", b"see /metrics\n"
    fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return f"HTTP/1.1 {status}\r\n{fields}".encode() + body
