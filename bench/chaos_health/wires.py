"""This file is the network between gateway, broker and center; it guards that a cut is a cut, not an orderly end.

A wire carries TCP connections to one port. Cut, it resets those that are open and accepts none; stalled, it stays open
and carries nothing, as a dead link does before anyone notices.
"""

import asyncio
import contextlib
import socket
import struct
import threading

_CHUNK = 65_536


class Wire:
    """One port that leads to another.

    Args:
        target: Port of loopback it leads to.
        loop: Of the thread that carries.
    """

    def __init__(self, target: int, loop: asyncio.AbstractEventLoop) -> None:
        self.carried = 0
        """Connections so far."""
        self._target = target
        self._loop = loop
        self._open = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Reset what is open and accept nothing."""
        self._loop.call_soon_threadsafe(self._cut)

    def stall(self) -> None:
        """Stay open and carry nothing."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def mend(self) -> None:
        """Carry again."""
        self._loop.call_soon_threadsafe(self._mend)

    def _mend(self) -> None:
        self._open = True
        self._flows.set()

    def _cut(self) -> None:
        self._open = False
        for writer in list(self._writers):
            _reset(writer)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        self.carried += 1
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._writers -= pair
            for each in pair:
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            if writer.can_write_eof():
                writer.write_eof()


class Network:
    """All wires, carried by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def wire(self, target: int) -> Wire:
        """Lay a wire to a port of loopback."""
        return Wire(target, self._loop)

    def close(self) -> None:
        """Carry no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
