"""This file is the devices of a site behind one JSON page; it guards that each reading is a new row.

Arguments: port, seed.
"""

import asyncio
import sys
from contextlib import suppress

from bench.isolation.signals import RESOLUTION, Walk


async def _main(port: int, seed: int) -> None:
    walk = Walk(seed)

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                values = ",".join(f"{value * RESOLUTION:.1f}" for value in walk.rows(1)[:, 0].tolist())
                body = f'{{"v":[{values}]}}'.encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", port):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
