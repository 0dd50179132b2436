"""This file is a process of the storm's chargers; it guards that a message is forgotten only when it was answered.

Each charger makes a message every 5 to 30 s, connected or not, and sends what waits one at a time, as OCPP wants it.
It comes back as real ones do: after a random time that doubles with each failure. On SIGTERM all stop making messages
and end when nothing waits. A line of the journal is ``["made", id]``, written before the message may be sent.
"""

import asyncio
import json
import random
import signal
import ssl
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

_MAKE_S = (5.0, 30.0)
_BACKOFF_S = (0.5, 8.0)
_ANSWER_S = 30.0


class Charger:
    """One charger.

    Args:
        url: Where it connects.
        tls: For wss.
        journal: Where its messages are written down.
        leaving: Set when no more are to be made.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None, journal: BinaryIO, leaving: asyncio.Event) -> None:
        self._url, self._tls, self._journal, self._leaving = url, tls, journal, leaving
        self._identity = url.rpartition("/")[2]
        self._rng = random.Random(self._identity)
        self._waiting: deque[str] = deque()
        self._filled = asyncio.Event()

    async def run(self) -> None:
        """Live until told to leave and all is answered."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._make())
            group.create_task(self._link())

    async def _make(self) -> None:
        number = 0
        while not self._leaving.is_set():
            made = f"{self._identity}.{number}"
            number += 1
            self._journal.write(json.dumps(("made", made)).encode() + b"\n")
            self._waiting.append(made)
            self._filled.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rng.uniform(*_MAKE_S)):
                    await self._leaving.wait()

    async def _link(self) -> None:
        tries = 0
        low, high = _BACKOFF_S
        while self._waiting or not self._leaving.is_set():
            try:
                async with connect(
                    self._url,
                    subprotocols=[Subprotocol("ocpp1.6")],
                    ssl=self._tls,
                    proxy=None,
                    ping_interval=None,
                    close_timeout=3,
                    open_timeout=_ANSWER_S,
                ) as socket:
                    tries = 0
                    await self._talk(socket)
            except (OSError, WebSocketException, TimeoutError):
                tries += 1
            await asyncio.sleep(min(high, low * 2 ** min(tries, 6)) * self._rng.uniform(0.5, 1))

    async def _talk(self, socket: ClientConnection) -> None:
        ended = asyncio.ensure_future(socket.wait_closed())
        try:
            while self._waiting or not self._leaving.is_set():
                if not self._waiting:
                    self._filled.clear()
                    filled = asyncio.ensure_future(self._filled.wait())
                    left = asyncio.ensure_future(self._leaving.wait())
                    await asyncio.wait([filled, left, ended], return_when=asyncio.FIRST_COMPLETED)
                    filled.cancel()
                    left.cancel()
                    if ended.done():
                        return
                    continue
                await socket.send(json.dumps([2, self._waiting[0], "Heartbeat", {}]))
                async with asyncio.timeout(_ANSWER_S):
                    answer = json.loads(await socket.recv())
                if answer[1] == self._waiting[0]:
                    self._waiting.popleft()
        finally:
            ended.cancel()


async def _main(url: str, ca: str, folder: Path, first: int, count: int) -> None:
    tls = ssl.create_default_context(cafile=ca) if url.startswith("wss") else None
    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    with (folder / f"chargers-{first}.storm").open("ab", buffering=0) as journal:
        chargers = [Charger(f"{url}/CP{number:04}", tls, journal, leaving) for number in range(first, first + count)]
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            for charger in chargers:
                group.create_task(charger.run())


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
