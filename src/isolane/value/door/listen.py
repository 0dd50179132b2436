"""This file takes chargers in.

It guards that a socket costs little until it has asked properly, and none is kept for nothing.

A `Gate` is the protocol of a charger's leg from accept to the splice. It collects one request head within
`handshake_s`, checks it, asks the CSMS, passes the answer on. From accept to a whole request a socket counts against
`limits.preauth`; when that is reached the oldest gives way. Bytes that follow the request belong to the splice and go
up after the 101.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from time import monotonic_ns
from typing import Final

from isolane.core.failures import IsolaneError
from isolane.value.access.learning import DENIED, Admitted, alike, refuse_doubtful
from isolane.value.access.settings import Listener
from isolane.value.door.entrance import RETRY, End, Entrance
from isolane.value.door.extensions import keeps_nothing
from isolane.value.door.handshake import Accepted, Upgrade, accept_south, mirror, read_request, refusal
from isolane.value.door.head import END
from isolane.value.door.listener_tls import ListenerTls
from isolane.value.failures import Refused
from isolane.value.legs.connection import Connection
from isolane.value.legs.duplicates import Place
from isolane.value.legs.hold import Hold
from isolane.value.legs.stream import Stream
from isolane.value.legs.tls_stream import TlsStream
from isolane.value.security_events import Kind
from isolane.value.upstream.dial import CsmsLeg
from isolane.wire.tap_copy import Opened

_log = logging.getLogger(__name__)

_EARLY_BYTES_MAX = 65_536
"""Bytes taken behind a request while the CSMS is asked; a charger waits for its answer, so a frame or two."""
_REFUSALS: Final = {**dict.fromkeys(DENIED, Kind.AUTHENTICATION), 404: Kind.UNKNOWN_IDENTITY}
"""Which answers of a CSMS tell of a charger that should not be here."""
_AS_IT_IS: Final = nullcontext()
_LINGER_S = 2.0
"""What a refused charger gets to read its answer."""
_BACKLOG = 1024


class Gate(asyncio.Protocol):
    """A charger's leg until the splice takes over; see the top of this file.

    Args:
        entrance: What all gates share.
        listener: The port it came in on.

    Attributes:
        stream: The leg, known from accept on.
    """

    __slots__ = (
        "_buffer", "_entrance", "_listener", "_looked", "_over", "_task", "_timer", "_who", "proved",
        "stream",
    )  # fmt: skip

    def __init__(self, entrance: Entrance, listener: Listener) -> None:
        self._entrance = entrance
        self._listener = listener
        self._buffer = bytearray()
        self._looked = 0
        self._who = End(str(listener.address), "", "")
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._timer = entrance.loop.call_later(entrance.limits.handshake_s, self._late)
        self.stream: Stream | None = None
        self.proved = False
        entrance.admit(self)

    def opened(self, stream: Stream) -> None:
        """Know the leg, which for TLS has not shaken hands yet."""
        is_new, self.stream = self.stream is None, stream
        if is_new and (peer := stream.get_extra_info("peername")):
            self._who = End(self._who.listener, str(peer[0]), "")
        if self._over:
            stream.abort()
        elif is_new and self._entrance.strangers.shuts_out(self._who.peer):
            self._end("throttled")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the leg; for TLS again, after its handshake."""
        self.opened(transport)  # type: ignore[arg-type]  # TCP transports and TlsStream are Streams

    def data_received(self, data: bytes) -> None:
        """Collect the request, then what follows it."""
        if self._over:
            return
        self._buffer += data
        if self._task is not None:
            if len(self._buffer) > _EARLY_BYTES_MAX and self.stream is not None:
                self.stream.pause_reading()
            return
        try:
            self._read_head()
        except Refused as refused:
            self._refuse(refused)

    def eof_received(self) -> bool:
        """A charger that ends its stream before it has an answer does not want one."""
        self._leave("gone")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave("tls" if isinstance(exc, ssl.SSLError) else "gone", str(exc or ""))

    def evict(self) -> None:
        """Give way to a newer one."""
        self._end("evicted")

    def give_way(self) -> None:
        """See `entrance.Unanswered`."""
        self._refuse(Refused(503, "shed", RETRY))
        if self._task is not None:
            self._task.cancel()

    def turn_away(self) -> None:
        """End it because the relay ends: a charger that was waiting for its answer is told to come back."""
        if self._task is None:
            self._end("shutdown")
            return
        self._task.cancel()
        self._refuse(Refused(503, "shutdown", RETRY))

    def _read_head(self) -> None:
        entrance, listener, buffer = self._entrance, self._listener, self._buffer
        end = buffer.find(END, max(0, self._looked - len(END) + 1))
        self._looked = len(buffer)
        if max(end, self._looked if end < 0 else 0) > entrance.limits.head_bytes:
            raise Refused(431, "malformed")
        if end < 0:
            if not buffer[:1].isalpha():
                raise Refused(400, "malformed", detail="not HTTP")
            return
        upgrade = read_request(
            bytes(buffer[:end]),
            entrance.limits,
            listener.path,
            query=listener.query == "pass",
            untouched=entrance.untouched,
        )
        if entrance.own_calls is not None:
            upgrade = entrance.own_calls.narrow(upgrade)
        del buffer[: end + len(END)]
        who = self._who = End(self._who.listener, self._who.peer, upgrade.charger)
        entrance.check_pace(who)
        self.proved = listener.client_ca is not None or entrance.strangers.is_known(who.peer, who.charger)
        if entrance.admission.verifies(listener):
            entrance.policy.check_origin(upgrade)  # who is on the list is told to those alone who have a password
        else:
            entrance.policy.check(upgrade)
        entrance.ask(self)
        self._timer.cancel()
        self._task = entrance.loop.create_task(self._ask(upgrade))

    async def _ask(self, upgrade: Upgrade) -> None:
        """Let the charger in, or not."""
        entrance, listener = self._entrance, self._listener
        try:
            tls = self.stream.get_extra_info("ssl_object") if self.stream is not None else None
            admitted = await entrance.admission.admit(upgrade, listener, tls, self._who.peer)
            is_itself = entrance.admission.verifies(listener) and not admitted.doubtful
            self.proved |= is_itself
            is_itself |= listener.client_ca is not None
            async with entrance.duplicates.turn(upgrade.charger) if is_itself else _AS_IT_IS:
                await self._ask_north(upgrade, admitted)
        except Refused as refused:
            self._refuse(refused)
        finally:
            entrance.asking.pop(self, None)
            if not self._over:
                self._end("failed")

    async def _ask_north(self, upgrade: Upgrade, admitted: Admitted) -> None:
        """Ask the CSMS and pass its answer on."""
        entrance = self._entrance
        leg: CsmsLeg | None = None
        place: Place | None = None
        try:
            async with alike() if admitted.doubtful else _AS_IT_IS:
                entrance.policy.check(upgrade)
                place = await entrance.duplicates.admit(upgrade.charger)
                leg, answer, admitted = await entrance.admission.as_came.ask(entrance.upstream, admitted)
                refuse_doubtful(admitted, answer)
            if answer.status == 101:  # noqa: PLR2004 - Switching Protocols
                check = partial(accept_south, upgrade=upgrade, untouched=entrance.untouched)
                accepted = check(answer)
                await entrance.admission.confirm(admitted)
                self._standing(leg)
                await place.claim()
                connection = self._join(upgrade, leg, accepted, place)
                if entrance.holds and keeps_nothing(accepted.extensions):
                    again = partial(entrance.upstream.ask, admitted.upgrade, admitted.context)
                    connection.waiting = Hold(connection, accepted, again, check, entrance.limits)
                return
            head = mirror(answer)
            kind = _REFUSALS.get(answer.status)
            entrance.note("refused-by-csms", self._who, f"the CSMS answered {answer.status}", kind)
            self._say(head)
        finally:
            if leg is not None and not leg.joined:
                leg.stream.abort()
            if place is not None:
                place.leave()

    def _standing(self, leg: CsmsLeg) -> Stream:
        """Give the charger's leg while both stand."""
        if self.stream is None or self.stream.is_closing() or leg.stream.is_closing():
            raise Refused(502, "unreachable", detail="a leg ended behind the 101")
        return self.stream

    def _join(self, upgrade: Upgrade, leg: CsmsLeg, accepted: Accepted, place: Place) -> Connection:
        """Answer 101 and give both legs to the splice; the identity is this charger's."""
        stream, entrance = self._standing(leg), self._entrance
        stream.write(accepted.head)
        self._over = True
        leg.joined = True
        facts = Opened(
            upgrade.charger,
            accepted.subprotocol,
            accepted.extensions,
            monotonic_ns(),
            self._listener.certificate is not None,
        )
        asked = None
        if entrance.own_calls is not None and not accepted.extensions:  # enabled behind the request, it may have some
            asked = entrance.own_calls.attach(upgrade.charger, accepted.subprotocol, stream, entrance.limits)
        connection = Connection(
            entrance.registry,
            entrance.tap,
            entrance.limits,
            facts,
            entrance.events,
            charger=asked or stream,
            csms=leg.stream,
        )
        if asked is not None:
            asked.connection = connection
        place.hold(connection)
        entrance.registry.handshakes["accepted"] += 1
        entrance.strangers.know(self._who.peer, upgrade.charger)
        entrance.registry.lines.opened(connection.number, facts)
        if self._buffer:
            (asked or connection.from_charger).data_received(bytes(self._buffer))
        if leg.rest:
            connection.from_csms.data_received(bytes(leg.rest))
        stream.resume_reading()
        leg.stream.resume_reading()
        if leg.ended:
            connection.from_csms.eof_received()
        return connection

    def _refuse(self, refused: Refused) -> None:
        if self._over:
            return
        self._entrance.note(refused.result, self._who, refused.detail or refused.status.phrase)
        self._say(refusal(refused))

    def _say(self, answer: bytes) -> None:
        """Answer and end; the charger gets a moment to read it before its socket goes."""
        self._over = True
        self._timer.cancel()
        if self.stream is None or self.stream.is_closing():
            self._forget()
            return
        self.stream.write(answer)
        self.stream.write_eof()
        self._entrance.preauth[self] = None
        self._timer = self._entrance.loop.call_later(_LINGER_S, self.stream.abort)

    def _late(self) -> None:
        self._end("late")

    def _leave(self, result: str, detail: str = "") -> None:
        self._forget()
        if not self._over:
            self._over = True
            self._entrance.note(result, self._who, detail)
        if self._task is not None:
            self._task.cancel()

    def _end(self, result: str) -> None:
        """End the socket without an answer."""
        self._leave(result)
        if self.stream is not None:
            self.stream.abort()

    def _forget(self) -> None:
        self._timer.cancel()
        self._entrance.preauth.pop(self, None)
        self._entrance.asking.pop(self, None)


async def open_listener(listener: Listener, entrance: Entrance, shared: int | None = None) -> asyncio.Server:
    """Open a port for chargers.

    Args:
        listener: Which.
        entrance: What all ports share.
        shared: Number of the port that other workers open too, None where this process is the only one.

    Raises:
        IsolaneError: The port or a certificate cannot be used.
    """
    tls = None
    if listener.certificate is not None:
        tls = ListenerTls(listener)
        entrance.keys.add(f"listener {listener.address}", tls)
    try:
        port = await asyncio.get_running_loop().create_server(
            _factory(entrance, listener, tls),
            listener.address.host,
            listener.address.port if shared is None else shared,
            backlog=_BACKLOG,
            reuse_port=shared is not None,
        )
    except OSError as error:
        raise IsolaneError(
            f"cannot listen for chargers on {listener.address}: {error.strerror or error}",
            "choose another address in [[value.listen]] or stop what uses it",
        ) from error
    entrance.open_port(port)
    return port


def _factory(entrance: Entrance, listener: Listener, tls: ListenerTls | None) -> Callable[[], asyncio.Protocol]:
    def plain() -> asyncio.Protocol:
        return Gate(entrance, listener)

    def secure() -> asyncio.Protocol:
        gate = Gate(entrance, listener)
        return TlsStream(server.context, gate, server=True, opened=gate.opened)

    if tls is None:
        return plain
    server = tls
    return secure
