"""This file asks a relay to make an own call; it guards that a relay which is not there is one kind of failure.

Standard library and this room only, so that any process may load it.
"""

import asyncio
import contextlib
from pathlib import Path

from isolane.wire.own_call import LENGTH_BYTES, Answer, Request, length, pack, unpack_answer

_SPARE_S = 10.0
"""Beyond the request's deadline, for waiting in line and for the audit's disk."""


async def ask(path: Path, request: Request) -> Answer:
    """Ask the relay that listens at a path.

    Args:
        path: See `Site.own_calls_socket`.
        request: What to call.

    Raises:
        OSError: There is no relay, or it went away; the call may have been made. A relay that does not answer in time
            is a TimeoutError, which is one.
        ValueError: What came is no answer, or the request is too long.
    """
    wire = pack(request)
    async with asyncio.timeout(request.deadline_ms / 1000 + _SPARE_S):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(wire)
            await writer.drain()
            head = await reader.readexactly(LENGTH_BYTES)
            return unpack_answer(await reader.readexactly(length(head)))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the relay went away") from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
