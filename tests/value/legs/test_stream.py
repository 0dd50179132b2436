"""This file checks that a peer that vanishes without a word is noticed, and one that resets with a word is heard.

A filter on the peer's own socket drops every segment that comes in, so that it acknowledges neither data nor
keep-alive probes and sends nothing: what a pulled cable looks like from the relay, without any privilege.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
from pathlib import Path

import uvloop

from isolane.value.legs.stream import unread
from support.raw_peer import TEXT, Peer, ask, end, frame, raw_csms, request
from support.relay import Relay, relaying

DEAD_S = 3
_SO_ATTACH_FILTER = 26
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
"""One classic BPF instruction: return 0, keep no byte."""


def pull_the_cable(peer: Peer) -> None:
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(_DROP)))


async def seconds_until_the_end(peer: Peer) -> float:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with asyncio.timeout(DEAD_S * 4):
        with contextlib.suppress(ConnectionError):
            while await peer.reader.read(65_536):
                pass
    return loop.time() - begin


async def vanish(relay: Relay, charger: Peer, csms: Peer, leg: str, *, owing: bool) -> float:
    """Let one leg vanish, with data on the way to it or without; give s until the other leg's peer was told."""
    gone, left = (charger, csms) if leg == "charger" else (csms, charger)
    pull_the_cable(gone)
    if owing:
        left.writer.write(frame(TEXT, b"x" * 1000, mask=b"abcd" if leg == "csms" else b""))
    took_s = await seconds_until_the_end(left)
    assert relay.process.returncode is None
    return took_s


async def test_whoever_vanishes_is_gone_within_its_time(tmp_path: Path) -> None:
    async with raw_csms() as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, limits=f"dead_s = {DEAD_S}\nclose_s = 1") as relay:
            cases = [(leg, owing) for leg in ("charger", "csms") for owing in (False, True)]
            pairs = []
            for index in range(len(cases) + 1):
                charger = await ask(relay.ports[0], request(f"/ocpp/CP{index}"))
                pairs.append((charger, await upstream.accepted()))
            *lost, bystander = pairs
            took = await asyncio.gather(
                *(vanish(relay, *pair, leg, owing=owing) for pair, (leg, owing) in zip(lost, cases, strict=True))
            )
            assert all(DEAD_S * 0.5 < took_s < DEAD_S * 2 for took_s in took), took
            await relay.until_metric("isolane_value_connections", 1)
            bystander[0].writer.write(frame(TEXT, b"hello", mask=b"abcd"))
            assert len(await bystander[1].reader.readexactly(11)) == 11
            for pair in pairs:
                for peer in pair:
                    await end(peer.writer)


class Lost(asyncio.Protocol):
    """Keeps what was not read when the connection was lost."""

    def __init__(self) -> None:
        self.unread: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self.stream: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream = transport  # type: ignore[assignment]  # TCP transports are such
        self.stream.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is not None
        self.unread.set_result(list(unread(self.stream)))


def test_what_came_before_a_reset_is_still_there_where_a_write_meets_it() -> None:
    async def lose() -> list[bytes]:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            _, lost = await loop.create_connection(Lost, *server.getsockname())
            peer, _ = server.accept()
            peer.sendall(b"because")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            async with asyncio.timeout(10):
                while not lost.unread.done():
                    lost.stream.write(b"more")
                    await asyncio.sleep(0.01)
                return await lost.unread

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(lose()) == [b"because"]
