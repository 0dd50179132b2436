"""This file checks the copies over a real socket: what is owed, what is lost, and that nothing ever waits."""

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from isolane.value.tap_port import TapPort
from isolane.wire.tap_copy import NO_BOUNDARY, PAYLOAD_BYTES_MAX, Copy, Direction, Kind, Opened, unpack

FACTS = Opened("CP1", "ocpp1.6", "", 7, secure=True)
UP, DOWN = Direction.FROM_CHARGER, Direction.FROM_CSMS


class Tap:
    """A tap that reads when it is told to."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(30)
        self._socket: socket.socket | None = None
        self._left: list[Copy] = []
        self.packets = 0
        self.lost = 0

    def take(self) -> Copy | None:
        """Give the next copy, None where there is none."""
        if self._left:
            return self._left.pop(0)
        if self._socket is None:
            self._socket, _ = self._listener.accept()
            self._socket.setblocking(False)
        try:
            packet = self._socket.recv(1 << 17)
        except BlockingIOError:
            return None
        if not packet:
            return None
        read = unpack(packet)
        self.packets += 1
        self.lost += read.lost
        self._left = read.copies
        return self._left.pop(0)

    def take_all(self) -> list[Copy]:
        """Give all that is there."""
        return list(iter(self.take, None))

    def leave(self) -> None:
        """Close the connection and wait for another."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def close(self) -> None:
        """Close everything."""
        self.leave()
        self._listener.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tap.sock"


@pytest.fixture
def tap(path: Path) -> Iterator[Tap]:
    made = Tap(path)
    yield made
    made.close()


@pytest.fixture
async def port(path: Path) -> Iterator[TapPort]:  # type: ignore[misc]  # an async fixture that yields
    made = TapPort(path, 65_536)
    yield made
    made.stop()


def copy(port: TapPort, data: bytes, *, offset: int = 0, connection: int = 1) -> None:
    port.copy(UP, connection, offset, NO_BOUNDARY, data, time.monotonic_ns())
    port.flush()


async def test_open_data_close_in_order(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    port.copy(DOWN, 1, 40, 3, b"data", 123)
    port.closed(1, DOWN, "close-frame")
    port.flush()
    first, data, last = tap.take_all()
    assert (first.kind, msgspec.json.decode(first.payload, type=Opened)) == (Kind.OPEN, FACTS)
    assert data == Copy(Kind.DATA, DOWN, 1, 123, 40, 3, b"data")
    assert (last.kind, last.direction, last.payload) == (Kind.CLOSE, DOWN, b'{"cause":"close-frame"}')
    assert (port.sent, port.lost) == (3, 0)


async def test_the_largest_payload_fits(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    copy(port, bytes(PAYLOAD_BYTES_MAX))
    assert len(tap.take_all()[1].payload) == PAYLOAD_BYTES_MAX


async def test_copies_gather_and_go_out_as_one_packet_in_time(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    port.flush()
    assert len(tap.take_all()) == 1
    sent = [str(index).encode() for index in range(20)]
    for index, data in enumerate(sent):
        port.copy(UP, 1, index, 0, data, 1)
    assert tap.take_all() == []
    got: list[Copy] = []
    async with asyncio.timeout(30):
        while not got:
            await asyncio.sleep(0.001)
            got = tap.take_all()
    assert [each.payload for each in got] == sent
    assert tap.packets == 2


async def test_what_gathers_is_bounded(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    for size in (1, 4000, 60_000, PAYLOAD_BYTES_MAX, 30_000, 5000, 1):
        for _ in range(20):
            port.copy(UP, 1, 0, 0, bytes(size), 1)
            tap.take_all()
    port.flush()
    tap.take_all()
    assert (port.sent, port.lost) == (141, 0)


async def test_without_a_tap_copies_are_lost_and_told_when_it_comes(path: Path, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    copy(port, b"nobody")
    assert (port.sent, port.lost, port.connected) == (0, 1, False)
    late = Tap(path)
    async with asyncio.timeout(30):
        while not port.connected:
            await asyncio.sleep(0.02)
    told = late.take()
    assert told is not None
    assert (told.kind, late.lost) == (Kind.OPEN, 1)
    late.close()


async def test_a_tap_that_stops_loses_and_is_told_how_much(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    tries = 2000
    begin = time.perf_counter()
    for index in range(tries):
        copy(port, bytes(500), offset=index * 500)
    assert time.perf_counter() - begin < 1
    assert port.lost > 0
    got = tap.take_all()
    assert len(got) == port.sent
    await asyncio.sleep(0.005)
    copy(port, b"again")
    again = tap.take()
    assert again is not None
    assert tap.lost == port.lost
    copy(port, b"and again")
    after = tap.take()
    assert after is not None
    assert tap.lost == port.lost


async def test_open_and_close_are_owed_until_they_get_through(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    while not port.lost:
        copy(port, bytes(1000))
    port.opened(2, FACTS)
    copy(port, b"no OPEN yet", connection=2)
    port.closed(1, UP, "reset")
    assert {each.connection for each in tap.take_all()} == {1}
    await asyncio.sleep(0.005)
    copy(port, b"now", connection=2)
    kinds = [(each.kind, each.connection) for each in tap.take_all()]
    assert kinds == [(Kind.OPEN, 2), (Kind.CLOSE, 1), (Kind.DATA, 2)]


async def test_what_had_gathered_when_the_tap_left_is_lost_and_counted(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    port.flush()
    port.copy(UP, 1, 0, 0, b"one", 1)
    port.copy(UP, 1, 3, 0, b"two", 1)
    tap.take()
    tap.leave()
    port.flush()
    assert (port.sent, port.lost, port.connected) == (1, 2, False)


def known_after(copies: list[Copy]) -> set[int]:
    """Give the connections that a tap knows after these copies, and see that their order makes sense."""
    known: set[int] = set()
    for each in copies:
        if each.kind is Kind.OPEN:
            assert each.connection not in known
            known.add(each.connection)
        elif each.kind is Kind.CLOSE:
            known.discard(each.connection)
        else:
            assert each.connection in known, "OPEN comes before everything else of its connection"
    return known


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_refused_the_tap_can_tell(seed: int, tap: Tap, port: TapPort) -> None:
    rng = random.Random(seed)
    port.start()
    living: list[int] = []
    got: list[Copy] = []
    copies = 0
    for number in range(4000):
        match rng.choices(["open", "close", "copy", "flush", "read", "wait"], [20, 18, 600, 20, 3, 3])[0]:
            case "open":
                port.opened(number, FACTS)
                living.append(number)
            case "close" if living:
                port.closed(living.pop(rng.randrange(len(living))), UP, "reset")
            case "copy" if living:
                data = bytes(rng.choice((0, 400, 400, 9000)))
                port.copy(UP, rng.choice(living), 0, 0, data, time.monotonic_ns())
                copies += 1
            case "flush":
                port.flush()
            case "read":
                got += tap.take_all()
            case "wait":
                await asyncio.sleep(0.003)
    for _ in range(20):
        got += tap.take_all()
        await asyncio.sleep(0.003)
        port.flush()
    got += tap.take_all()
    port.opened(2**64 - 1, FACTS)
    port.flush()
    got += tap.take_all()
    assert known_after(got) == {*living, 2**64 - 1}
    assert sum(each.kind is Kind.DATA for each in got) + port.lost == copies
    assert tap.lost == port.lost > 0
    assert len(got) == port.sent


async def test_a_tap_that_comes_back_is_told_of_the_living(tap: Tap, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    port.opened(2, FACTS)
    port.closed(1, UP, "reset")
    port.flush()
    assert len(tap.take_all()) == 3
    tap.leave()
    async with asyncio.timeout(30):
        while tap_gone(port):
            await asyncio.sleep(0.02)
        while not port.connected:
            await asyncio.sleep(0.02)
    assert [(each.kind, each.connection) for each in tap.take_all()] == [(Kind.OPEN, 2)]


def tap_gone(port: TapPort) -> bool:
    """Copy until the port has noticed that its tap left."""
    copy(port, b"x", connection=2)
    return port.connected


async def test_a_late_tap_is_told_of_thousands_in_few_packets(path: Path, port: TapPort) -> None:
    for connection in range(3000):
        port.opened(connection, FACTS)
    late = Tap(path)
    port.start()
    got = late.take_all()
    async with asyncio.timeout(30):
        while len(got) < 3000:
            await asyncio.sleep(0.005)
            copy(port, b"", connection=2999)
            got += [each for each in late.take_all() if each.kind is Kind.OPEN]
    assert [each.connection for each in got] == list(range(3000))
    assert late.packets < 60
    late.close()


async def test_a_connection_that_ends_before_its_open_is_never_told(path: Path, port: TapPort) -> None:
    port.start()
    port.opened(1, FACTS)
    port.closed(1, UP, "reset")
    late = Tap(path)
    async with asyncio.timeout(30):
        while not port.connected:
            await asyncio.sleep(0.02)
    assert late.take_all() == []
    late.close()
