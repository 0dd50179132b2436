"""This file checks that a name is reached by whichever of its addresses answers, soon, and that losers are closed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from isolane.value.upstream.reach import Found, first_of, in_turns, reach


def found(family: socket.AddressFamily, host: str, port: int) -> Found:
    place = (host, port, 0, 0) if family == socket.AF_INET6 else (host, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """Listen with a queue that is full: whoever connects waits for an answer that never comes."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(server.getsockname())
        yield server.getsockname()[1]


@contextlib.asynccontextmanager
async def living() -> AsyncIterator[int]:
    """Listen and let go of everybody."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_families_take_turns() -> None:
    six = [found(socket.AF_INET6, f"::{n}", 1) for n in range(3)]
    four = [found(socket.AF_INET, "127.0.0.1", 1)]
    assert in_turns([*six, *four]) == [six[0], four[0], six[1], six[2]]


async def test_an_address_that_does_not_answer_delays_by_a_moment() -> None:
    with deaf() as port:
        async with living() as alive, asyncio.timeout(10):
            sock = await first_of([found(socket.AF_INET, "127.0.0.1", each) for each in (port, alive)])
            with sock:
                assert sock.getpeername()[1] == alive


async def test_an_address_that_refuses_delays_nothing() -> None:
    async with living() as alive, asyncio.timeout(10):
        ports = [*(closed_port() for _ in range(50)), alive]
        began = asyncio.get_running_loop().time()
        with await first_of([found(socket.AF_INET, "127.0.0.1", each) for each in ports]) as sock:
            assert sock.getpeername()[1] == alive
        assert asyncio.get_running_loop().time() - began < 50 * 0.25


async def test_where_none_answers_the_failure_is_told() -> None:
    with pytest.raises(ConnectionRefusedError):
        await first_of([found(socket.AF_INET, "127.0.0.1", closed_port()) for _ in range(2)])


async def test_a_name_without_an_address_is_a_failure() -> None:
    with pytest.raises(OSError, match=r"."):
        await reach("nobody.invalid", 80)


async def test_who_no_longer_waits_leaves_no_socket() -> None:
    with deaf() as port:
        task = asyncio.create_task(first_of([found(socket.AF_INET, "127.0.0.1", port)]))
        await asyncio.wait([task], timeout=0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)


async def test_the_address_that_won_goes_first() -> None:
    async with living() as alive:
        with await reach("localhost", alive, ("127.0.0.1", alive)) as sock:
            assert sock.getpeername() == ("127.0.0.1", alive)
