"""This file is the bench's chargers; it guards that a round trip is timed from write to read.

Commands come as JSON lines on standard input, answers go out the same way:

- open {name, port, ca, count}: open connections; ca null for plain ws. Answer {opened}.
- rate {name, seconds, hz}: send at a fixed rate over all connections, in turn. Answer {p50, p99} in us and {count}.
- closed {name, seconds}: each connection sends again as soon as it is answered. Answer {count}.
- storm {name, port, ca, seconds}: open and end connections, 50 at a time. Answer {count}.
- shut {name}: close them. Answer {}.
"""

import asyncio
import gc
import json
import ssl
import sys
from time import perf_counter
from typing import Any

import uvloop
from bench.relay.wire import DOWN, UP, request

_DOWN = len(DOWN)
_AT_ONCE = 50
_SETTLE_S = 0.03


class Charger(asyncio.Protocol):
    """One connection with at most one message in flight."""

    __slots__ = ("_due", "_head", "again", "answered", "ready", "sent_at", "times", "transport")

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._due = 0
        self.transport: asyncio.Transport
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.times: list[float] = []
        self.sent_at = 0.0
        self.again = False
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the transport."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Time an answer, and send again in a closed loop."""
        if self._head is not None:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = None
            if not head.startswith(b"HTTP/1.1 101 "):
                raise SystemExit(f"refused: {head.decode()}")
            self.ready.set_result(None)
        self._due += len(data)
        if self._due < _DOWN:
            return
        self._due -= _DOWN
        self.times.append(perf_counter() - self.sent_at)
        self.answered += 1
        if self.again:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail a handshake that ends early."""
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed"))

    def send(self) -> None:
        """Send a message."""
        self.sent_at = perf_counter()
        self.transport.write(UP)


class Load:
    """All connections, by contestant."""

    def __init__(self) -> None:
        self._chargers: dict[str, list[Charger]] = {}

    async def open(self, name: str, port: int, ca: str | None, count: int) -> dict[str, Any]:
        """Open connections, some at a time."""
        context = ssl.create_default_context(cafile=ca) if ca else None
        opened: list[Charger] = []

        async def one(index: int) -> None:
            opened.append(await _connect(port, context, index))

        for begin in range(0, count, _AT_ONCE):
            await asyncio.gather(*(one(index) for index in range(begin, min(count, begin + _AT_ONCE))))
        self._chargers[name] = opened
        return {"opened": len(opened)}

    async def rate(self, name: str, seconds: float, hz: float) -> dict[str, Any]:
        """Send at a fixed rate."""
        chargers = self._chargers[name]
        begin, index = perf_counter(), 0
        while (now := perf_counter() - begin) < seconds:
            while index < now * hz:
                chargers[index % len(chargers)].send()
                index += 1
            await asyncio.sleep(0.001)
        await asyncio.sleep(_SETTLE_S)
        times = sorted(time for charger in chargers for time in charger.times)
        for charger in chargers:
            charger.times.clear()
        return {"p50": 1e6 * times[len(times) // 2], "p99": 1e6 * times[len(times) * 99 // 100], "count": len(times)}

    async def closed(self, name: str, seconds: float) -> dict[str, Any]:
        """Send as fast as answers come."""
        chargers = self._chargers[name]
        before = sum(charger.answered for charger in chargers)
        for charger in chargers:
            charger.again = True
            charger.send()
        await asyncio.sleep(seconds)
        for charger in chargers:
            charger.again = False
        await asyncio.sleep(_SETTLE_S)
        for charger in chargers:
            charger.times.clear()
        return {"count": sum(charger.answered for charger in chargers) - before}

    async def storm(self, name: str, port: int, ca: str | None, seconds: float) -> dict[str, Any]:
        """Open and end connections as fast as they come."""
        context = ssl.create_default_context(cafile=ca) if ca else None
        end, count = perf_counter() + seconds, 0

        async def again(index: int) -> None:
            nonlocal count
            while perf_counter() < end:
                charger = await _connect(port, context, f"{name}{index}")
                charger.transport.abort()
                count += 1

        await asyncio.gather(*(again(index) for index in range(_AT_ONCE)))
        await asyncio.sleep(_SETTLE_S)
        return {"count": count}

    async def shut(self, name: str) -> dict[str, Any]:
        """Close connections."""
        for charger in self._chargers.pop(name):
            charger.transport.abort()
        await asyncio.sleep(_SETTLE_S)
        return {}


async def _connect(port: int, context: ssl.SSLContext | None, index: int | str) -> Charger:
    """Open a connection and have it answered."""
    host = "127.0.0.1" if context else None
    loop = asyncio.get_running_loop()
    _, charger = await loop.create_connection(Charger, "127.0.0.1", port, ssl=context, server_hostname=host)
    charger.transport.write(request(f"CP{index}"))
    await charger.ready
    return charger


async def _main() -> None:
    load = Load()
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        do = getattr(load, command.pop("do"))
        print(json.dumps(await do(**command)), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
