"""This file is a door by HTTP or HTTPS; it guards that what is not one PUT or POST to the slot costs next to nothing.

It takes the bytes of the body as they come and looks at none of them; a form is kept as the form that it is. One
request a connection. Whatever is wrong with the path is one answer, so that nobody learns whether a slot is open.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import unquote

import h11

from isolane.health.commands.uploads.quarantine import Intake, NoRoomError, Slot, UploadError

_HEAD_BYTES_MAX: Final = 16_384
_CONNECTIONS_MAX: Final = 8
_QUIET_S: Final = 60.0
"""Without a byte for so long the other side has gone."""
_HEAD_S: Final = 10.0
"""Who has not said by then what it wants makes room for the charger."""
_GOODBYE_S: Final = 2.0
_CREATED, _CHALLENGE, _NOT_FOUND, _NOT_ALLOWED, _CONFLICT, _TOO_LARGE, _NO_ROOM = 201, 401, 404, 405, 409, 413, 507


class _RefusedError(Exception):
    """An answer instead of an upload."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@asynccontextmanager
async def http_door(slot: Slot, host: str, port: int, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Listen for a slot until the block ends; gives the port.

    Raises:
        OSError: The address cannot be listened at.
    """
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(tasks) >= _CONNECTIONS_MAX:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(_Exchange(slot, reader, writer).serve())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, port, ssl=context, limit=_HEAD_BYTES_MAX)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if slot.arrived.done() and tasks:
            await asyncio.wait(tasks, timeout=_GOODBYE_S)  # a charger whose log has come hears that it has
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


class _Exchange:
    """One request and its answer."""

    def __init__(self, slot: Slot, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._slot, self._reader, self._writer = slot, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES_MAX)

    async def serve(self) -> None:
        """Take the upload, answer, and close."""
        intake: Intake | None = None
        why = "the gateway has shut the door"
        try:
            async with asyncio.timeout(_HEAD_S):
                request = await self._request()
            intake = self._begin(request)
            await self._body(intake)
            intake.done()
            await self._answer(_CREATED)
        except _RefusedError as refused:
            await self._answer(refused.status)
        except NoRoomError:
            await self._answer(_NO_ROOM)
        except UploadError:
            await self._answer(_TOO_LARGE)
        except TimeoutError:
            why = f"the charger said nothing for {_QUIET_S:g} s"
        except (OSError, h11.ProtocolError) as error:
            why = f"the charger broke it off ({error})"
        finally:
            # Who has shown no credentials of the slot has no intake: whatever a stranger says is nobody's reason.
            if intake is not None:
                intake.drop(why)
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _request(self) -> h11.Request:
        event = await self._event()
        if not isinstance(event, h11.Request):
            raise h11.RemoteProtocolError("no request")
        return event

    def _begin(self, request: h11.Request) -> Intake:
        """Ask whether it may be; begin it."""
        headers = {bytes(name): bytes(value) for name, value in request.headers}
        token, _, label = bytes(request.target).decode("ascii", "replace").partition("?")[0][1:].partition("/")
        if not self._slot.is_own(token):
            raise _RefusedError(_NOT_FOUND)
        if not self._slot.admits_basic(headers.get(b"authorization", b"")):
            raise _RefusedError(_CHALLENGE)
        if request.method not in {b"PUT", b"POST"}:
            raise _RefusedError(_NOT_ALLOWED)
        length = headers.get(b"content-length", b"0")
        if int(length) > self._slot.size_bytes_max:  # h11 has checked that it is a number
            raise _RefusedError(_TOO_LARGE)
        try:
            return self._slot.begin(unquote(label))
        except NoRoomError:
            raise
        except UploadError:
            raise _RefusedError(_CONFLICT) from None

    async def _body(self, intake: Intake) -> None:
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise h11.RemoteProtocolError("cut")
            await intake.write(bytes(event.data))

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(_QUIET_S):
                self._http.receive_data(await self._reader.read(_HEAD_BYTES_MAX))
        return event

    async def _answer(self, status: int) -> None:
        headers = [("Content-Length", "0"), ("Connection", "close")]
        if status == _CHALLENGE:
            headers.append(("WWW-Authenticate", 'Basic realm="upload"'))
        with contextlib.suppress(OSError, h11.ProtocolError):
            await self._send(h11.Response(status_code=status, headers=headers))
            await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.InformationalResponse | h11.Response | h11.EndOfMessage) -> None:
        self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(_QUIET_S):
            await self._writer.drain()
