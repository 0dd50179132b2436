"""This file sends over real sockets: bytes stay as they are, ends arrive, and nobody's stillness fills memory."""

import asyncio
import itertools
import os
import socket
import struct
import time

from isolane.health.budget import tcp
from isolane.health.budget.settings import BudgetSettings
from support.budget_ways import World, world_of
from support.outboxes import until

FAST = BudgetSettings(rate_kbit_s=1_000_000)
_NAP_S = 0.001
_ON_TIME_S = 0.002
"""A loop that comes back so soon is on time: its timer counts in milliseconds."""


async def _silence(*_: object) -> None:
    await asyncio.Event().wait()


async def test_bytes_arrive_as_they_were_and_both_ends_end() -> None:
    data, got, back = os.urandom(2_000_000), bytearray(), os.urandom(500_000)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(back)
        while chunk := await reader.read(65_536):
            got.extend(chunk)
        writer.write(b"end")
        await writer.drain()

    async with world_of(serve, FAST) as world:
        reader, writer = await world.streams()
        writer.write(data)
        writer.write_eof()
        assert await reader.read(-1) == back + b"end"
        writer.close()
        await until(lambda: not world.way.passages("a"), "the passage has ended")
    assert got == data
    assert len(data) <= world.counts.socket_sent_bytes <= len(data) + 70_000  # a busy machine sends a segment again
    assert world.counts.socket_received_bytes - len(back) in {3, 4}  # the kernel counts an end as a byte
    # Packet headers come on top; how many depends on what the kernel puts into one segment.
    assert sum(world.spent) == world.way.packet_bytes["a"] > len(data) + len(back) + 1000


async def _late(late_s: list[float]) -> None:
    """Add up, for ever, how much later than asked this loop has come back: time in which it could not send either."""
    while True:
        due = time.monotonic() + _NAP_S
        await asyncio.sleep(_NAP_S)
        late_s[0] += max(0.0, time.monotonic() - due - _ON_TIME_S)


async def test_the_rate_holds_within_a_tenth() -> None:
    arrived: list[tuple[float, int]] = []
    late_s = [0.0]

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            arrived.append((time.monotonic(), len(chunk)))

    async with world_of(serve, BudgetSettings(rate_kbit_s=512)) as world:
        _, writer = await world.streams()
        writer.write(bytes(96_000))
        writer.write_eof()
        began = time.monotonic()
        watching = asyncio.create_task(_late(late_s))
        await until(lambda: sum(size for _, size in arrived) == 96_000, "all has arrived")
        took_s = time.monotonic() - began
        watching.cancel()
        writer.close()
        packets = world.turnstile.passed_bytes
        # No faster, for any stretch; and not slower, but for what a busy machine takes.
        assert packets / took_s <= 64_000 * 1.02 + 2000 / took_s
        assert packets / (took_s - late_s[0]) >= 64_000 * 0.9 or took_s > 3
        sums = list(itertools.accumulate(size for _, size in arrived))
        assert all(later - earlier <= 24_000 for earlier, later in itertools.pairwise(sums))


async def test_two_links_share_evenly_and_one_that_goes_first_goes_first() -> None:
    got = {b"a": 0, b"b": 0, b"f": 0}

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        name = await reader.readexactly(1)
        while chunk := await reader.read(65_536):
            got[name] += len(chunk)

    async with world_of(serve, BudgetSettings(rate_kbit_s=512, first=("f",))) as world:
        writers = []
        for name in ("a", "b"):
            _, writer = await world.streams(name)
            writer.write(name.encode() + bytes(200_000))
            writers.append(writer)
        await until(lambda: got[b"a"] > 20_000 and got[b"b"] > 20_000, "both go")
        assert abs(got[b"a"] - got[b"b"]) <= 4 * 1024
        _, writer = await world.streams("f")
        writer.write(b"f" + bytes(20_000))
        before = got[b"a"] + got[b"b"]
        await until(lambda: got[b"f"] == 20_000, "the first has gone")
        # Only what was under way already, and what filled its turns while its own buffer was filled again.
        assert got[b"a"] + got[b"b"] - before <= 12_000
        for each in (writer, *writers):
            each.transport.abort()


async def test_a_far_end_that_stands_still_fills_no_memory() -> None:
    async with world_of(_silence, FAST) as world:
        passage = await world.passage()
        taken = 0
        quiet_since = time.monotonic()
        async with asyncio.timeout(30):
            while time.monotonic() - quiet_since < 0.5:
                try:
                    taken += passage.inner.send(bytes(4096))
                    quiet_since = time.monotonic()
                except BlockingIOError:
                    await asyncio.sleep(0.02)
        passage.read()
        # What the far machine's own buffer has taken is no longer here.
        here = taken - (world.counts.socket_sent_bytes - passage.unacknowledged_bytes())
        assert passage.unacknowledged_bytes() <= 40_000
        assert here <= 80_000
        passage.inner.close()


async def test_an_end_without_reading_cuts_the_far_end_too() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(100_000))
        try:
            while await reader.read(1024):
                pass
        finally:
            ended.set()

    async with world_of(serve, FAST) as world:
        passage = await world.passage()
        passage.inner.send(b"x")
        passage.inner.close()
        await ended.wait()
        await until(lambda: not world.way.passages("a"), "the passage has ended")
    assert passage.unacknowledged_bytes() > 0


async def test_a_reset_of_the_far_end_ends_the_library_s_side() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with world_of(serve, FAST) as world:
        reader, writer = await world.streams()
        writer.write(b"x")
        assert await reader.read() == b""
        writer.close()


async def test_nobody_listens_is_told_at_once() -> None:
    world = World(FAST)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        world.port = sock.getsockname()[1]
    try:
        await world.passage()
    except ConnectionRefusedError:
        return
    raise AssertionError("connected to nobody")


async def test_sockets_are_opened_as_settled() -> None:
    seen = asyncio.Queue[tuple[str, int]]()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.put_nowait(writer.get_extra_info("peername")[:2])

    settings = BudgetSettings(rate_kbit_s=64, source="127.0.0.9", dscp=8, interface="lo")
    async with world_of(serve, settings) as world:
        passage = await world.passage()
        assert (await seen.get())[0] == "127.0.0.9"
        outer = passage._outer  # what the kernel was told is seen nowhere else
        assert outer.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 8 << 2
        assert outer.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 1
        assert outer.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
        assert outer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 500
        assert outer.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        passage.inner.close()


async def test_no_more_is_under_way_than_is_confirmed_in_time() -> None:
    settings = BudgetSettings(rate_kbit_s=64, segment_bytes=88)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # it never reads, so little is confirmed
        world = World(settings, server.getsockname()[1])
        async with asyncio.timeout(60):
            passage = await world.passage()
            passage.inner.send(bytes(8000))
            passed, quiet_since, most = 0, time.monotonic(), 0
            while time.monotonic() - quiet_since < 1:
                await asyncio.sleep(0.01)
                most = max(most, tcp.unacknowledged_bytes(passage._outer))  # of the real connection alone
                if world.turnstile.passed_bytes != passed:
                    passed, quiet_since = world.turnstile.passed_bytes, time.monotonic()
            passage.read()
            allowed = world.turnstile.under_way_bytes(passage._seen.least_s)
            assert 0 < allowed <= 8000 * 0.075
            assert 0 < most <= allowed + 88
            passage.inner.close()
            await world.way.close()
