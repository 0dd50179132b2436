"""This file is the CSMS; it guards that every call is answered at once, so that the way there is all that is timed.

Arguments: port, certificate, key.
"""

import asyncio
import ssl
import sys

from bench.isolation.ocpp import SUBPROTOCOL, answer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


async def _attend(connection: ServerConnection) -> None:
    try:
        async for message in connection:
            await connection.send(answer(str(message)))
    except ConnectionClosed:
        return


async def _main(port: int, certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    names = [Subprotocol(SUBPROTOCOL)]
    async with serve(_attend, "127.0.0.1", port, ssl=context, subprotocols=names, compression=None, ping_interval=None):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
