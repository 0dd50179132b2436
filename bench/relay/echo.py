"""This file is the bench's CSMS: it answers each frame with a frame. It guards that it does nothing else."""

import asyncio
import json
import ssl
import sys

import uvloop
from bench.relay.wire import DOWN, UP, answer

_UP = len(UP)


class Echo(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_due", "_head", "_transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._head: bytes | None = b""
        self._due = 0

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = None
            self._transport.write(answer(head))
        self._due += len(data)
        whole, self._due = divmod(self._due, _UP)
        if whole:
            self._transport.write(DOWN * whole)


async def _main(certificate: str, key: str) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    secure = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096, ssl=context)
    ports = {"ws": plain.sockets[0].getsockname()[1], "wss": secure.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], sys.argv[2]))
