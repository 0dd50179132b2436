"""This file runs uvicorn inside a loop that is not its own; it guards that only the process decides when to exit."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Generator

import uvicorn

from isolane.center.bounded_http import BoundedProtocol, limit_lines
from isolane.config.values import Address
from isolane.core.failures import IsolaneError

_BACKLOG = 128
"""Also how many connections are taken in one turn of the loop: all of them are read from before more are taken."""
_GRACE_S = 3
_HEAD_BYTES_MAX = 16_384
_CONNECTIONS_MAX = 800
"""With files and databases that is less than the 1024 descriptors that a process usually gets."""

App = Callable[..., Awaitable[None]]


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


class WebServer:
    """One listener. It is bound when it is made, serves while `run` runs, and ends after `stop`.

    Args:
        name: The setting that gives its address, for the error sentence.
        app: ASGI application.
        address: Port 0 lets the system choose.
        tls: For HTTPS.
        protocol: Uvicorn protocol class.
        requests_max: Connections and requests at once; slow ones make room for more.
        keep_alive_s: How long a connection may rest between two requests, s.
        is_sharing: Whether other processes of this user may listen there too; the system splits connections among them.

    Raises:
        IsolaneError: The port cannot be opened.
    """

    def __init__(
        self,
        name: str,
        app: App,
        address: Address,
        *,
        tls: ssl.SSLContext | None = None,
        protocol: type[asyncio.Protocol] = BoundedProtocol,
        requests_max: int = _CONNECTIONS_MAX,
        keep_alive_s: int = 5,
        is_sharing: bool = False,
    ) -> None:
        limit_lines()
        self._socket = _bind(name, address, is_sharing=is_sharing)
        self.address = Address(address.host, self._socket.getsockname()[1])
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            limit_concurrency=requests_max,
            h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
            timeout_keep_alive=keep_alive_s,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        self._server = _Quiet(config)

    @property
    def connections(self) -> list[asyncio.Protocol]:
        """Those that are open now."""
        return list(self._server.server_state.connections)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve([self._socket])

    def stop(self) -> None:
        """Take no more connections, finish what is being answered, let `run` return."""
        self._server.should_exit = True


def _bind(name: str, address: Address, *, is_sharing: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_sharing:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise IsolaneError(
            f"cannot open {address} ({name}): {error.strerror}", "choose another address or stop what uses it"
        ) from error
    return listener
