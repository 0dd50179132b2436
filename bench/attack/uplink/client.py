"""This file is an MQTT client that may be anybody; it guards that what it hears is kept, with the broker's flags."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from isolane.security.authority import Identity
from isolane.security.tls import client_context

_WAIT_S = 6.0


@dataclass
class Client:
    """One session, or the attempt at one.

    Attributes:
        connected: Whether the broker has said yes.
        present: Whether the broker had kept a session.
        heard: Topic, payload and expiry, s, of every message.
        heard_at: When each came, monotonic s.
        granted: Reason codes of subscriptions.
        refused: Reason codes of publications that were refused.
        ended: Set when the connection is over.
    """

    connected: bool = False
    present: bool = False
    heard: list[tuple[str, bytes, int | None]] = field(default_factory=list)
    heard_at: list[float] = field(default_factory=list)
    granted: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    acknowledged: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    raw: Any = None

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1 and do not wait."""
        self.raw.publish(topic, payload, qos=1)

    async def subscribe(self, topic: str) -> None:
        """Subscribe and wait for the answer."""
        before = len(self.granted)
        self.raw.subscribe(topic, qos=1)
        await self.until(lambda: len(self.granted) > before)

    async def until(self, condition: Any, seconds: float = _WAIT_S) -> bool:  # noqa: ANN401 - a callable of truth
        """Wait for a condition or the end of the connection; tell whether it holds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition() and not self.ended.is_set():  # noqa: ASYNC110 - another thread's
                    await asyncio.sleep(0.02)
        return bool(condition())


def trusting(ca: Any, identity: Identity | None = None) -> ssl.SSLContext:  # noqa: ANN401 - a path
    """Make a TLS context of a client."""
    return client_context(ca, identity.certificate if identity else None, identity.key if identity else None)


@contextlib.asynccontextmanager
async def client(  # noqa: C901 - one callback each for what a broker may say
    port: int,
    tls: ssl.SSLContext | None,
    client_id: str = "",
    *,
    login: tuple[str, str] | None = None,
    keep_s: int = 0,
    transport: Any = "tcp",  # noqa: ANN401 - paho's literal
) -> AsyncIterator[Client]:
    """Try to open a session; it is closed at the end.

    Args:
        port: Of the broker.
        tls: None for none.
        client_id: Asked for.
        login: User name and password.
        keep_s: How long the broker shall keep the session, s; above 0 an old one is taken up.
        transport: "tcp" or "websockets".
    """
    state, loop = Client(), asyncio.get_running_loop()
    raw = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, transport=transport)
    state.raw = raw
    if tls is not None:
        raw.tls_set_context(tls)
    if login is not None:
        raw.username_pw_set(*login)
    raw.reconnect_delay_set(3600, 3600)

    def connected(_c: Any, _u: Any, flags: Any, reason: Any, _p: Any = None) -> None:  # noqa: ANN401 - paho's signature
        state.connected, state.present = not reason.is_failure, bool(flags.session_present)

    def message(_c: Any, _u: Any, one: Any) -> None:  # noqa: ANN401
        expiry = getattr(one.properties, "MessageExpiryInterval", None)
        state.heard_at.append(time.monotonic())
        state.heard.append((one.topic, bytes(one.payload), expiry))

    def subscribed(_c: Any, _u: Any, _m: Any, reasons: Any, _p: Any = None) -> None:  # noqa: ANN401
        state.granted.extend(reason.value for reason in reasons)

    def published(_c: Any, _u: Any, _m: Any, reason: Any, _p: Any = None) -> None:  # noqa: ANN401
        if reason.is_failure:
            state.refused.append(reason.value)
        state.acknowledged += 1

    def ended(*_: Any) -> None:  # noqa: ANN401
        loop.call_soon_threadsafe(state.ended.set)

    raw.on_connect, raw.on_message, raw.on_subscribe = connected, message, subscribed
    raw.on_publish, raw.on_disconnect = published, ended
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    if keep_s:
        limits.SessionExpiryInterval = keep_s
    try:
        await asyncio.to_thread(raw.connect, "127.0.0.1", port, 30, "", 0, keep_s == 0, limits)
    except (OSError, ValueError):
        state.ended.set()
    else:
        raw.loop_start()
        await state.until(lambda: state.connected)
    try:
        yield state
    finally:
        await asyncio.to_thread(_close, raw)


def _close(raw: Any) -> None:  # noqa: ANN401 - paho's client
    raw.disconnect()
    raw.loop_stop()
