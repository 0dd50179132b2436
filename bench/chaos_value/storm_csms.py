"""This file is the storm's CSMS; it guards that what it has seen outlives its death.

A line of its journal is a JSON array: ``["dial", s]`` when a handshake arrives, s of the monotonic clock, which all
processes share, or ``["came", id]`` before a message is answered.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from time import monotonic

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol


async def _main(port: int, folder: Path) -> None:
    journal = (folder / "csms.storm").open("ab", buffering=0)

    def note(what: str, value: object) -> None:
        journal.write(json.dumps((what, value)).encode() + b"\n")

    def dialled(_connection: ServerConnection, _request: Request) -> Response | None:
        note("dial", monotonic())
        return None

    async def attend(connection: ServerConnection) -> None:
        try:
            async for text in connection:
                number = json.loads(text)[1]
                note("came", number)
                await connection.send(json.dumps([3, number, {}]))
        except ConnectionClosed:
            return

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    names = [Subprotocol("ocpp1.6")]
    async with serve(
        attend, "127.0.0.1", port, subprotocols=names, ping_interval=None, close_timeout=2, process_request=dialled
    ):
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
