"""This file mends what aiomqtt leaves open; it guards that no session, however it ended, leaves a socket behind.

The library connects in a thread that cannot be stopped, keeps to itself an end before the broker's CONNACK, has no
public way to close a session that never came up, may go on where it was cancelled, and keeps the error of a session's
end in a future at which nobody need look. The lock pins its version.
"""

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiomqtt
from aiomqtt.types import PahoSocket
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

T = TypeVar("T")
Session = TypeVar("Session", bound="MqttSession")


class MqttSession(aiomqtt.Client):
    """One connection to a broker; see aiomqtt for its arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*args, **kwargs)
        for end in (self._connected, self._disconnected):
            # Who waits for it gets the error; who does not, since it is cancelled or done, need not be reported.
            end.add_done_callback(_look_at)

    def abort(self) -> None:
        """Close the socket, whatever state the session is in."""
        self._client._sock_close()  # noqa: SLF001 - a session that never came up has no public way to be closed

    async def open(self) -> None:
        """Connect.

        Raises:
            aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses.
        """
        opening = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self._give_up(opening)
            raise
        except BaseException:
            self.abort()
            raise

    async def _give_up(self, opening: "asyncio.Future[Any]") -> None:
        """Stop waiting for a session that is being opened, and see to it that its socket is closed."""
        if self._client.socket() is None:
            # The library is connecting in a thread that cannot be stopped; what it opens is closed when it is done.
            opening.add_done_callback(self._opened_too_late)
            return
        opening.cancel()
        await asyncio.wait({opening})
        self._opened_too_late(opening)

    def _opened_too_late(self, opening: "asyncio.Future[Any]") -> None:
        _look_at(opening)
        self.abort()

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 - the library's signature
        # The library's own uses asyncio.wait_for, which before Python 3.12 loses a cancellation that meets the answer.
        wait_s = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(None if wait_s == math.inf else wait_s):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401 - the library's callback signature
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            # In TLS 1.3 a broker refuses a certificate after the handshake; without this the wait would run to its end.
            self._connected.set_exception(aiomqtt.MqttError(f"the broker ended the connection at once: {reason_code}"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_register_write(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401, ARG002 - the library's callback signature
        sock: PahoSocket,
    ) -> None:
        # The library's own would watch a number that, by the time the loop gets to it, may be closed or another's.
        self._loop.call_soon_threadsafe(self._await_writable, client, sock)

    def _await_writable(self, client: PahoClient, sock: PahoSocket) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: PahoClient) -> None:
        try:
            client.loop_write()
        except OSError as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


def _look_at(end: "asyncio.Future[Any]") -> None:
    """Look at a future's error, so that it is not reported as never seen."""
    if not end.cancelled():
        end.exception()


@asynccontextmanager
async def held(session: Session, *, is_polite: bool = True) -> AsyncIterator[Session]:
    """Open a session and close it again.

    Args:
        session: Not opened yet.
        is_polite: Whether a DISCONNECT is sent at the end; without one the broker publishes the will.

    Raises:
        aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses; or the session has ended.
    """
    await session.open()
    try:
        yield session
    finally:
        try:
            if is_polite:
                await session.__aexit__(None, None, None)
        finally:
            session.abort()


class ClosedOnFailure(ssl.SSLSocket):
    """A TLS socket that the library, which forgets to, need not close when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl.SSLSocket
        """Shake hands, or close."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
