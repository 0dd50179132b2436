"""This file is chargers that call again and again; it guards that a call is timed from its sending to its answer.

Arguments: port of the relay, how many chargers. Each line on standard input is a number of seconds; the answer is a
JSON list of the times of all calls, s.
"""

import asyncio
import json
import random
import sys
from time import monotonic

from bench.isolation.ocpp import SUBPROTOCOL, business, call
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PAUSE_S = 0.06


async def _talk(connection: ClientConnection, number: int, until: float, times: list[float]) -> None:
    rng, sent = random.Random(f"{number} {until}"), 0
    while monotonic() < until:
        await asyncio.sleep(_PAUSE_S * rng.uniform(0.5, 1.5))
        identity = f"{number:02d}-{sent:08d}-{rng.randrange(1 << 30):010d}"
        text, begun = call(identity, "TransactionEvent", business("TransactionEvent", number, sent)), monotonic()
        await connection.send(text)
        while json.loads(await connection.recv())[1] != identity:
            continue
        times.append(monotonic() - begun)
        sent += 1


async def _main(port: int, chargers: int) -> None:
    names = [Subprotocol(SUBPROTOCOL)]
    urls = [f"ws://127.0.0.1:{port}/ocpp/CP-{number}" for number in range(chargers)]
    connections = [
        await connect(url, subprotocols=names, compression=None, ping_interval=None, proxy=None) for url in urls
    ]
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        times: list[float] = []
        until = monotonic() + float(line)
        await asyncio.gather(*(_talk(each, number, until, times) for number, each in enumerate(connections)))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
