"""This file lets the HTTP library use a link's way out; it guards that TLS and names stay the library's matter."""

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore
import httpx
from anyio.abc import UNIXSocketStream
from httpcore._backends.anyio import AnyIOStream

from isolane.health.links.counts import LinkCounts
from isolane.health.links.way import Way


class _Backend(httpcore.AnyIOBackend):
    """Connects over a way.

    Args:
        way: Of the link.
        traffic: Of the link.
        dead_s: See `Way.connect`.
    """

    def __init__(self, way: Way, traffic: LinkCounts, dead_s: int) -> None:
        self._way = way
        self._traffic = traffic
        self._dead_s = dead_s

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection, as the library asks."""
        del local_address, socket_options  # the way has its own
        try:
            with anyio.fail_after(timeout):
                passage = await self._way.connect(host, port, self._dead_s, self._traffic)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return AnyIOStream(await UNIXSocketStream.from_socket(passage.inner))


def transport(  # noqa: PLR0917 - made in one place a link
    way: Way | None, traffic: LinkCounts, dead_s: int, context: ssl.SSLContext, kept_s: float, connections: int = 1
) -> httpx.AsyncHTTPTransport:
    """Make a transport that keeps its connections and heeds nothing of the environment.

    Args:
        way: Of the link; None: it connects by itself.
        traffic: Of the link.
        dead_s: A connection whose peer has confirmed nothing for so long is dead, s.
        context: Checks the far end.
        kept_s: An idle connection is kept for so long, s.
        connections: At once: one more for who waits for an answer while the others go on.
    """
    made = httpx.AsyncHTTPTransport(
        verify=context,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=kept_s
        ),
        socket_options=[
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, dead_s * 1000),
        ],
    )
    if way is not None:
        # The library's pool takes a backend, its transport hands none through.
        made._pool = httpcore.AsyncConnectionPool(  # noqa: SLF001
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=kept_s,
            network_backend=_Backend(way, traffic, dead_s),
        )
    return made
