"""This file is the CSMS's server; it guards that one charger has one connection and the newest one counts."""

import asyncio
import base64
import hmac
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from isolane.core.failures import IsolaneError
from isolane.core.ids import is_charger_id
from isolane.sim.csms.answers import Answers
from isolane.sim.csms.ledger import Ledger
from isolane.sim.peer import SUBPROTOCOLS, Payload, Peer, Socket

_LOG = logging.getLogger(__name__)
_WEBSOCKET_LOG = logging.getLogger(f"{__name__}.websocket")
_WEBSOCKET_LOG.setLevel(logging.CRITICAL)
"""The library logs refused handshakes with tracebacks; this file logs them as events."""
_GOING_AWAY = 1001
_PROTOCOL_ERROR = 1002
_REPLACED = 1000


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may come in and what they are told.

    Attributes:
        chargers: Known identities; empty lets everyone in, others get 404.
        passwords: HTTP Basic password by identity; an identity without one is not asked.
        blocked: Tokens that are not authorised.
        heartbeat_s: Heartbeat interval for chargers, s.
        ping_s: Time between WebSocket pings, s; None sends none.
    """

    chargers: frozenset[str] = frozenset()
    passwords: Mapping[str, bytes] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    heartbeat_s: int = 60
    ping_s: float | None = 20.0


class CentralSystem:
    """The central system.

    Args:
        ledger: Where bills are made.
        policy: See there.
    """

    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self.ledger = ledger
        self.statuses: dict[str, str] = {}
        self.problems: dict[str, bool] = {}
        self.connects = 0
        self._policy = policy
        self._peers: dict[str, tuple[ServerConnection, Peer]] = {}
        self._server: Server | None = None

    @property
    def connected(self) -> list[str]:
        """Identities that are connected now."""
        return sorted(self._peers)

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It is not listening.
        """
        if self._server is None:
            raise RuntimeError("not listening")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Begin to listen; `tls` makes it wss.

        Raises:
            IsolaneError: The address cannot be listened on.
        """
        try:
            self._server = await serve(
                self._attend,
                host,
                port,
                ssl=tls,
                select_subprotocol=_choose,
                process_request=self._judge,
                ping_interval=self._policy.ping_s,
                close_timeout=2,
                logger=_WEBSOCKET_LOG,
            )
        except OSError as error:
            raise IsolaneError(
                f"the CSMS cannot listen on {host}:{port}: {error.strerror}", "choose another port"
            ) from error

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close(code=_GOING_AWAY)
            await self._server.wait_closed()
            self._server = None

    async def call(self, charger: str, action: str, body: Payload) -> Mapping[str, Any]:
        """Send a call to a connected charger and wait for its answer.

        Raises:
            KeyError: It is not connected.
            CallRefused: It answered CALLERROR.
            TimeoutError: It did not answer.
        """
        return await self._peers[charger][1].call(action, body)

    def abort(self, charger: str) -> None:
        """Cut a charger's TCP connection without a word, as a failing network does.

        Raises:
            KeyError: It is not connected.
        """
        self._peers[charger][0].transport.abort()

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        charger = unquote(request.path.partition("?")[0].rpartition("/")[2])
        known = not self._policy.chargers or charger in self._policy.chargers
        if not is_charger_id(charger) or not known:
            _LOG.warning("charger-unknown charger=%r", charger)
            return connection.respond(HTTPStatus.NOT_FOUND, "unknown charger\n")
        password = self._policy.passwords.get(charger)
        if password is not None:
            expected = "Basic " + base64.b64encode(charger.encode() + b":" + password).decode()
            if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode()):
                _LOG.warning("charger-refused charger=%s", charger)
                response = connection.respond(HTTPStatus.UNAUTHORIZED, "wrong password\n")
                response.headers["WWW-Authenticate"] = 'Basic realm="csms"'
                return response
        return None

    async def _attend(self, connection: ServerConnection) -> None:
        request = connection.request
        if connection.subprotocol is None or request is None:
            await connection.close(_PROTOCOL_ERROR, "no common subprotocol")
            return
        charger = unquote(request.path.partition("?")[0].rpartition("/")[2])
        answers = Answers(
            charger,
            self.ledger,
            heartbeat_s=self._policy.heartbeat_s,
            blocked=self._policy.blocked,
            on_status=lambda status: self.statuses.__setitem__(charger, status),
            on_problem=lambda problem: self.problems.__setitem__(charger, problem),
        )
        peer = Peer(
            connection.subprotocol, charger, cast("Socket", connection), answers.handlers(connection.subprotocol)
        )
        before = self._peers.get(charger)
        self._peers[charger] = (connection, peer)
        self.connects += 1
        _LOG.info("charger-up charger=%s subprotocol=%s", charger, connection.subprotocol)
        closing = asyncio.ensure_future(before[0].close(_REPLACED, "replaced")) if before else None
        try:
            await peer.serve()
        except ConnectionClosed as error:
            _LOG.info("charger-down charger=%s code=%s", charger, error.rcvd.code if error.rcvd else None)
        finally:
            if self._peers.get(charger, (None,))[0] is connection:
                del self._peers[charger]
            if closing is not None:
                await closing


def _choose(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose our favourite; without a common one the handshake succeeds and is closed afterwards (OCPP-J)."""
    return next((Subprotocol(name) for name in SUBPROTOCOLS if name in offered), None)
