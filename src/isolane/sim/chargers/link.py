"""This file keeps a charger connected; it guards that one call is outstanding at a time and none is lost by a cut.

connect → BootNotification until accepted → status → messages of the outbox, heartbeats when idle → cut → wait →
connect ...
"""

import asyncio
import base64
import logging
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from isolane.sim.chargers.dialect import Dialect
from isolane.sim.chargers.outbox import Outbox, Outgoing
from isolane.sim.peer import CallRefused, Handler, Peer, Socket

_LOG = logging.getLogger(__name__)
_REFUSALS_MAX = 3
"""OCPP 1.6 §3.7.1 TransactionMessageAttempts: after so many CALLERRORs a transaction message is given up."""
_REFUSAL_WAIT_S = 1.0
_BOOT_RETRY_S_MAX = 30.0
_IDLE_S = 1.0
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Reach:
    """How a charger gets to its CSMS.

    Attributes:
        url: ws:// or wss:// address, without the charger's identity.
        tls: TLS context for wss; None for ws.
        password: For HTTP Basic, the identity being the user; None sends none.
        call_timeout_s: How long an answer may take before the connection is given up.
        ping_s: Time between WebSocket pings; None sends none.
        backoff_s: First and longest wait before connecting again.
        compression: Whether permessage-deflate is offered.
    """

    url: str
    tls: ssl.SSLContext | None = None
    password: bytes | None = None
    call_timeout_s: float = 30.0
    ping_s: float | None = 20.0
    backoff_s: tuple[float, float] = (0.5, 10.0)
    compression: bool = True


class Link:
    """One charger's connection.

    Args:
        charger: Identity.
        reach: See there.
        dialect: OCPP version.
        outbox: Messages to send.
        handlers: Who answers the CSMS's calls.
        on_online: Called after each accepted boot.
        on_dropped: Called with a transaction message that was given up.
    """

    def __init__(
        self,
        charger: str,
        reach: Reach,
        dialect: Dialect,
        outbox: Outbox,
        *,
        handlers: Mapping[str, Handler],
        on_online: Callable[[], None],
        on_dropped: Callable[[Outgoing], None],
    ) -> None:
        self._charger = charger
        self._reach = reach
        self._dialect = dialect
        self._outbox = outbox
        self._handlers = handlers
        self._on_online = on_online
        self._on_dropped = on_dropped
        self._socket: ClientConnection | None = None
        self._rng = random.Random(charger)
        self._heartbeat_s = 60.0
        self._tries = 0
        self._leaving = False
        self.online = False
        self.connects = 0

    async def run(self) -> None:
        """Keep connected until told to leave, or cancelled."""
        while not self._leaving:
            try:
                await self._once()
            except (OSError, WebSocketException, TimeoutError, CallRefused) as error:
                _LOG.info("link-down charger=%s error=%s", self._charger, _short(error))
            finally:
                self.online = False
                self._outbox.forget_plain()
            low, high = self._reach.backoff_s
            longest = min(high, low * 2 ** min(self._tries, 10))
            self._tries += 1
            await asyncio.sleep(longest * self._rng.uniform(0.5, 1.0))

    async def drop(self) -> None:
        """Close the connection in good order; `run` makes a new one."""
        if self._socket is not None:
            await self._socket.close()

    async def leave(self) -> None:
        """Close the connection in good order and for good; `run` returns."""
        self._leaving = True
        await self.drop()

    async def _once(self) -> None:
        headers = {}
        if self._reach.password is not None:
            pair = self._charger.encode() + b":" + self._reach.password
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        async with connect(
            f"{self._reach.url.rstrip('/')}/{quote(self._charger, safe='')}",
            subprotocols=[Subprotocol(self._dialect.subprotocol)],
            ssl=self._reach.tls,
            additional_headers=headers,
            compression="deflate" if self._reach.compression else None,
            ping_interval=self._reach.ping_s,
            close_timeout=_CLOSE_S,
            proxy=None,
        ) as socket:
            if socket.subprotocol != self._dialect.subprotocol:
                raise CallRefused(f"the CSMS did not choose {self._dialect.subprotocol}")
            self._socket = socket
            self.connects += 1
            await self._talk(socket)

    async def _talk(self, socket: ClientConnection) -> None:
        peer = Peer(
            self._dialect.subprotocol,
            self._charger,
            cast("Socket", socket),
            self._handlers,
            self._reach.call_timeout_s,
        )
        tasks = [asyncio.create_task(peer.serve()), asyncio.create_task(self._speak(peer))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what ended the connection
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak(self, peer: Peer) -> None:
        await self._boot(peer)
        self._tries = 0
        self.online = True
        self._on_online()
        _LOG.info("link-up charger=%s subprotocol=%s", self._charger, self._dialect.subprotocol)
        loop = asyncio.get_running_loop()
        spoke_at = loop.time()
        while True:
            message = await self._outbox.next(min(_IDLE_S, self._heartbeat_s))
            if message is not None:
                await self._send(peer, message)
                spoke_at = loop.time()
            elif loop.time() - spoke_at >= self._heartbeat_s:
                self._outbox.put(self._dialect.heartbeat())

    async def _boot(self, peer: Peer) -> None:
        while True:
            boot = self._dialect.boot()
            answer = await peer.call(boot.action, boot.body(), boot.unique_id)
            interval_s = float(answer["interval"])
            if answer["status"] == "Accepted":
                self._heartbeat_s = interval_s or self._heartbeat_s
                return
            await asyncio.sleep(min(interval_s or _BOOT_RETRY_S_MAX, _BOOT_RETRY_S_MAX))

    async def _send(self, peer: Peer, message: Outgoing) -> None:
        try:
            answer = await peer.call(message.action, message.body(), message.unique_id)
        except CallRefused as error:
            await self._refused(message, error)
            return
        self._outbox.remove(message)
        message.answered(answer)

    async def _refused(self, message: Outgoing, error: CallRefused) -> None:
        message.refusals += 1
        _LOG.warning("call-refused charger=%s action=%s error=%s", self._charger, message.action, _short(error))
        if message.durable and message.refusals < _REFUSALS_MAX:
            await asyncio.sleep(_REFUSAL_WAIT_S * message.refusals)
            return
        self._outbox.remove(message)
        message.lost()
        if message.durable:
            self._on_dropped(message)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
