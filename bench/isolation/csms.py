"""This file is the CSMS; it guards that every call is answered at once, so that the way there is all that is timed.

Arguments: address, port, certificate, key.
"""

import asyncio
import os
import ssl
import sys

from bench.isolation.ocpp import SUBPROTOCOL, answer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_PRIORITY = 20


async def _attend(connection: ServerConnection) -> None:
    try:
        async for message in connection:
            await connection.send(answer(str(message)))
    except ConnectionClosed:
        return


async def _main(host: str, port: int, certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    names = [Subprotocol(SUBPROTOCOL)]
    async with serve(_attend, host, port, ssl=context, subprotocols=names, compression=None, ping_interval=None):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
