"""This file tests how requests are read; it guards that no shape of one keeps the loop, the memory or the log busy."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from isolane.center.bounded_http import BoundedProtocol
from isolane.center.serve import WebServer
from isolane.config.values import Address

WAIT_S = 20
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

Message = MutableMapping[str, Any]


class Hasty(BoundedProtocol):
    """Waits for next to nothing."""

    head_s = 0.2
    body_s = 0.2


class Asked:
    """An application that counts; it reads bodies if it is told to.

    Attributes:
        size_bytes: What it has read of bodies.
        turns: How often the loop has turned while it read.
    """

    def __init__(self, *, reads: bool = True) -> None:
        self.reads = reads
        self.size_bytes = self.turns = 0

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        loop, more = asyncio.get_running_loop(), self.reads and scope["method"] == "POST"

        def turn() -> None:
            self.turns += 1
            if more:
                loop.call_soon(turn)

        turn()
        while more:
            event = await receive()
            self.size_bytes += len(event.get("body", b""))
            more = event.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(
    app: Asked, protocol: type[BoundedProtocol] = BoundedProtocol, requests_max: int = 1000
) -> AsyncIterator[int]:
    server = WebServer("test", app, Address("127.0.0.1", 0), protocol=protocol, requests_max=requests_max)
    task = asyncio.create_task(server.run())
    try:
        yield server.address.port
    finally:
        server.stop()
        await task


async def ask(port: int, *parts: bytes, until: bytes = b"ok") -> bytes:
    """Send parts and read until an answer is there or the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    raw = b""
    async with asyncio.timeout(WAIT_S):
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            while not raw.endswith(until) and (data := await reader.read(65_536)):
                raw += data
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
    return raw


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)


async def test_a_request_of_tiny_chunks_is_read_between_others() -> None:
    app = Asked()
    async with serving(app) as port:
        body = b"1\r\nx\r\n" * 20_000
        assert (await ask(port, POST + body + b"0\r\n\r\n")).endswith(b"ok")
    assert app.size_bytes == 20_000
    assert app.turns >= len(body) // 4096


async def test_a_large_head_is_refused_also_if_it_comes_at_once() -> None:
    async with serving(Asked()) as port:
        for line in (b"X: " + b"x" * 200_000, b"X: x\r\n" * 20_000, b"Cookie: " + b"a=b; " * 20_000):
            raw = await ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n", until=b"\0")
            assert b" 200 " not in raw
        assert b" 200 " in await ask(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 12_000 + b"\r\n\r\n")


@pytest.mark.parametrize(
    "start", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", GET + b"G"]
)
async def test_what_does_not_come_in_time_is_not_waited_for(start: bytes) -> None:
    async with serving(Asked(), Hasty) as port:
        await ask(port, start, until=b"\0")  # ends within the test's own patience


async def test_a_connection_goes_on_after_its_first_request() -> None:
    async with serving(Asked(), Hasty) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            for _ in range(3):
                writer.write(GET)
                assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
                await asyncio.sleep(0.15)  # three rests are longer than a head may take
            writer.write(GET * 3)
            for _ in range(3):
                await reader.readuntil(b"ok")
        writer.close()


async def test_who_was_answered_already_cannot_go_on_sending() -> None:
    app = Asked(reads=False)
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        async with asyncio.timeout(WAIT_S):
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            with pytest.raises(ConnectionError):
                await send_for_ever(writer)
        writer.transport.abort()
        assert (await ask(port, GET)).endswith(b"ok")


async def test_a_little_that_is_left_of_a_request_ends_nothing() -> None:
    async with serving(Asked(reads=False)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n")
            await reader.readuntil(b"ok")
            writer.write(b"x" * 30_000 + GET)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"])
async def test_slow_ones_make_room(start: bytes) -> None:
    async with serving(Asked(), requests_max=8) as port:
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        for _, writer in slow:
            writer.write(start)
        for _ in range(3):
            assert b" 200 " in await ask(port, GET)
        for _, writer in slow:
            writer.transport.abort()


async def test_nobody_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serving(Asked()) as port:
        for _ in range(20):
            assert b" 400 " in await ask(port, b"\x00 / HTTP/1.1\r\n\r\n", until=b"\0")
            await ask(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    assert len(caplog.records) <= 3
