"""This file is the leg of a charger that may be asked; it guards that its two neighbours need not know of it.

It stands between the charger's stream and the splice and is a `Stream` to one, a protocol to the other. Down go the
CSMS's bytes and own calls (downward.py), up go the charger's bytes without the replies (upward.py). Connections that
are not enabled have no such leg, and no line of this file runs for them.

One own call at a time: `send` begins it, its reply, `give_up` or the end of the connection ends it. CALLs of the CSMS
wait for at most `delay_s` from `send` on.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from isolane.value.legs.stream import Stream, unread
from isolane.value.own_calls.dialogue import Boots, Dialogue, Ids
from isolane.value.own_calls.downward import Downward
from isolane.value.own_calls.frames import text_frame
from isolane.value.own_calls.upward import Upward
from isolane.value.settings import Limits
from isolane.wire.own_call import Failure, Refusal

if TYPE_CHECKING:
    from isolane.value.legs.connection import Connection

Reply = bytes | Failure
"""The text of a reply, or why there is none."""


class Owner(Protocol):
    """What a leg tells the service that made it."""

    ids: Ids
    boots: Boots

    def left(self, leg: "OwnCallLeg") -> None:
        """Know that the charger is gone."""

    def late(self, charger: str, identity: str) -> None:
        """Know that a reply came which nobody waits for."""

    def held(self, ns: int) -> None:
        """Know how long a CALL of the CSMS has waited."""


class OwnCallLeg(asyncio.Protocol):
    """See the top of this file.

    Args:
        stream: The charger's stream.
        charger: Identity.
        subprotocol: As agreed.
        owner: Who made it.
        limits: Those of the connection.
        csms_call_s: See `Dialogue`.
        answer_bytes_max: Of a reply.

    Attributes:
        connection: Whose leg it is; set once that is there.
        reserved: Whether somebody is about to ask.
    """

    __slots__ = (
        "_dialogue", "_down", "_identity", "_owner", "_protocol", "_reply", "_stream", "_timer", "_up", "charger",
        "connection", "reserved", "subprotocol",
    )  # fmt: skip

    def __init__(
        self, stream: Stream, charger: str, subprotocol: str, owner: Owner, limits: Limits,
        *, csms_call_s: float, answer_bytes_max: int,
    ) -> None:  # fmt: skip
        self._stream = stream
        self._owner = owner
        self._dialogue = Dialogue(charger, owner.boots, csms_call_s)
        self._down = Downward(self._dialogue, owner.held)
        self._up = Upward(owner.ids, self._dialogue, limits, answer_bytes_max, self._replied)
        self._protocol = asyncio.Protocol()
        self._identity = ""
        self._reply: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.charger = charger
        self.subprotocol = subprotocol
        self.connection: Connection | None = None
        self.reserved = False
        stream.set_protocol(self)

    # Own calls.

    def refusal(self) -> Refusal | None:
        """Say why the charger may not be asked now, None where it may."""
        connection, waiting = self.connection, None
        if connection is not None:
            waiting = connection.waiting
        if connection is None or self._stream.is_closing() or self._up.over or self._down.over:
            reason: Refusal | None = Refusal.NOT_CONNECTED
        elif waiting is not None and waiting.active:
            reason = Refusal.NOT_CONNECTED
        elif not self._dialogue.booted:
            reason = Refusal.NOT_BOOTED
        elif self._reply is not None:
            reason = Refusal.OWN_CALL_OUTSTANDING
        elif self._dialogue.csms_is_asking:
            reason = Refusal.CSMS_CALL_OUTSTANDING
        elif not (self._down.between and connection.from_csms.between) or self._stream.get_write_buffer_size():
            reason = Refusal.BUSY
        else:
            reason = None
        return reason

    def send(self, identity: str, text: bytes, delay_s: float) -> asyncio.Future[Reply]:
        """Ask; `refusal` has just said that it may be done.

        Args:
            identity: Id of the CALL.
            text: The whole message.
            delay_s: For how long CALLs of the CSMS wait at most.
        """
        loop = asyncio.get_running_loop()
        self._identity = identity
        self._reply = loop.create_future()
        self._down.window = delay_s > 0
        self._timer = loop.call_later(delay_s, self._close_window)
        self._stream.write(text_frame(text))
        return self._reply

    def give_up(self) -> None:
        """Wait for the reply no longer; it is still not let through."""
        self._settle(Failure.TIMEOUT)

    def _replied(self, identity: str, text: bytes | None) -> None:
        if self._reply is None or identity != self._identity:
            self._owner.late(self.charger, identity)
            return
        self._settle(Failure.ANSWER_TOO_LONG if text is None else text)

    def _settle(self, reply: Reply) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(reply)
        self._reply = None
        self._close_window()

    def _close_window(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held = self._down.close_window()
        if held and not self._stream.is_closing():
            self._stream.write(held)

    # What the charger's stream says.

    def data_received(self, data: bytes) -> None:
        """Pass up what is not ours."""
        passing = self._up.take(data)
        if passing:
            self._protocol.data_received(passing)
        connection = self.connection
        if connection is None:
            return
        if not passing:
            connection.heard()
        if self._up.offence is not None:
            connection.offended(connection.from_charger, self._up.offence)

    def eof_received(self) -> bool | None:
        """Pass up what has waited, then the end of the stream."""
        rest = self._up.end()
        if rest:
            self._protocol.data_received(rest)
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass up, before it what was received and is not read yet; nobody answers any more."""
        for data in unread(self._stream) if exc is not None else ():
            self.data_received(data)
        self._settle(Failure.CONNECTION_LOST)
        self._owner.left(self)
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass up."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass up."""
        self._protocol.resume_writing()

    # What the splice says.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `Stream.write`."""
        passing = self._down.take(bytes(data))
        if passing:
            self._stream.write(passing)

    def write_eof(self) -> None:
        """See `Stream.write_eof`."""
        self._write_rest()
        self._stream.write_eof()

    def pause_reading(self) -> None:
        """See `Stream.pause_reading`."""
        self._stream.pause_reading()

    def resume_reading(self) -> None:
        """See `Stream.resume_reading`."""
        self._stream.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `Stream.set_write_buffer_limits`."""
        self._stream.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """See `Stream.get_write_buffer_size`; what is held back counts."""
        return self._stream.get_write_buffer_size() + self._down.held_bytes

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """See `Stream.get_extra_info`."""
        return self._stream.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See `Stream.set_protocol`."""
        self._protocol = protocol  # type: ignore[assignment]  # the relay's are asyncio.Protocol

    def is_closing(self) -> bool:
        """See `Stream.is_closing`."""
        return self._stream.is_closing()

    def close(self) -> None:
        """See `Stream.close`."""
        self._write_rest()
        self._stream.close()

    def abort(self) -> None:
        """See `Stream.abort`."""
        self._stream.abort()

    def _write_rest(self) -> None:
        rest = self._down.end()
        if rest and not self._stream.is_closing():
            self._stream.write(rest)
