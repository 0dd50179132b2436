"""This file is a TCP server on loopback for peers to build on; it guards that nothing of one outlives its `stop`."""

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod

from isolane.config.values import Address


class StreamServer(ABC):
    """Listens on loopback; it keeps its port when it is started again.

    Args:
        context: For TLS.

    Attributes:
        connections: How many there have been.
        port: Where it listens, once started.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.port = 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls())
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection, if it was started."""
        if self._server is None:
            return
        self._server.close()
        self.cut()
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        if talks:
            await asyncio.wait(talks)
        await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Cut every connection; new ones are taken."""
        for writer in self._talks.values():
            # CPython 3.11.2, Debian 12's, breaks where TLS has been closed twice: then it is cut already.
            with contextlib.suppress(AttributeError):
                writer.transport.abort()

    def tls(self) -> ssl.SSLContext | None:
        """Give what TLS is spoken with from now on."""
        return self._context

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; it may end with the stream."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        try:
            # `stop` cancels it, and CPython 3.11 reports a server's callback that was cancelled as an accident.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            del self._talks[task]
