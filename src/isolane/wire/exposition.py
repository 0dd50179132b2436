"""This file serves a registry to Prometheus over HTTP.

It guards that a scrape can never hold up the process it looks at.

One request per connection, 2 s to ask, 4 KiB of head at most, eight scrapes at once; anything else is closed. A
scrape is rendered in one go on the loop (a few hundred microseconds for isolane's pages), so keep the page small.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from isolane.core.failures import IsolaneError

_ASK_S = 2.0
_HEAD_BYTES_MAX = 4096
_SCRAPES_MAX = 8


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

    try:
        return await asyncio.start_server(answer, host, port, limit=_HEAD_BYTES_MAX)
    except OSError as error:
        raise IsolaneError(
            f"cannot open the metrics port {host}:{port}: {error.strerror}",
            "choose another port in the table's `metrics` setting or stop what uses it",
        ) from error


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
