"""This file tests `tap.listen` with real SEQPACKET sockets."""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.tap import listen as subject
from isolane.tap.connections import Connections
from isolane.tap.listen import Listener, Pacer
from isolane.tap.session import Rules
from isolane.tap.stream import Budget
from isolane.wire import tap_copy
from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Direction, Kind
from support.tap_rules import make_rules
from support.tap_traffic import Leg, seqpacket

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS


class Tap:
    """A listener and what it listens for."""

    def __init__(self, path: Path, rules: Rules, share: float = 1.0) -> None:
        self.events: list[ev.AnyEvent] = []
        self.rules = rules
        self.path = path
        self.connections = Connections(rules, self.events.append, SystemClock(), 100)
        self.listener = Listener(path, self.connections, rules.tally, share)


@pytest.fixture
async def tap(tmp_path: Path, rules: Rules) -> AsyncIterator[Tap]:
    opened = Tap(tmp_path / "run" / "tap.sock", rules)
    opened.listener.open()
    yield opened
    opened.listener.close()
    assert not opened.path.exists()


def connect(path: Path) -> socket.socket:
    sock = seqpacket()
    sock.connect(str(path))
    return sock


def data_packet(size: int, lost: int = 0) -> bytes:
    """Give a packet of one DATA copy."""
    header = tap_copy.pack_copy_header(Kind.DATA, CHARGER, size, 1, 1, 0, 0)
    return tap_copy.pack_packet_header(lost) + header + bytes(size)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_workers_are_read_side_by_side(tap: Tap) -> None:
    legs = [Leg(f"CP{number}", 1) for number in range(3)]
    socks = [connect(tap.path) for _ in legs]
    for sock, leg in zip(socks, legs, strict=True):
        sock.send(leg.opened())
        sock.send(leg.says(CHARGER, 2, "1", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "1", {}))
    await until(lambda: sum(isinstance(event, ev.Answered) for event in tap.events) == 3)
    assert (tap.listener.links, len(tap.connections), tap.rules.tally.copies) == (3, 3, 9)
    for sock in socks:
        sock.close()
    await until(lambda: tap.listener.links == 0)


async def test_many_copies_are_read_in_order(tap: Tap) -> None:
    leg = Leg()
    with connect(tap.path) as sock:
        sock.send(leg.opened())
        for number in range(1000):
            await asyncio.to_thread(sock.send, leg.says(CHARGER, 2, str(number), "Heartbeat", {}))
        await until(lambda: tap.rules.tally.messages == 1000)
    assert not tap.rules.tally.unread


async def test_a_packet_of_many_copies_is_read_whole(tap: Tap) -> None:
    leg = Leg()
    packets = [leg.opened(), *(leg.says(CHARGER, 2, str(number), "Heartbeat", {}) for number in range(200))]
    with connect(tap.path) as sock:
        copies = b"".join(packet[tap_copy.PACKET_HEADER_BYTES :] for packet in packets)
        sock.send(tap_copy.pack_packet_header(0) + copies)
        await until(lambda: tap.rules.tally.messages == 200)
    assert tap.rules.tally.copies == 201
    assert not tap.rules.tally.unread


@pytest.mark.parametrize(
    "packet",
    [
        b"x",
        b"\x01" + bytes(35),
        tap_copy.pack_packet_header(0) + b"\x09" + bytes(35),
        tap_copy.pack_packet_header(0) + b"\x02\x05" + bytes(34),
        data_packet(tap_copy.PAYLOAD_BYTES_MAX + 1),
    ],
    ids=["short", "version", "kind", "direction", "long"],
)
async def test_a_packet_of_another_form_is_counted(packet: bytes, tap: Tap) -> None:
    with connect(tap.path) as sock:
        sock.send(packet)
        await until(lambda: tap.rules.tally.copies_bad == 1)
        sock.send(Leg().opened())
        await until(lambda: len(tap.connections) == 1)


async def test_losses_that_the_relay_tells_are_counted(tap: Tap) -> None:
    with connect(tap.path) as sock:
        sock.send(data_packet(1, lost=41))
        await until(lambda: tap.rules.tally.copies_lost == 41)


async def test_links_are_bounded(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LINKS_MAX", 2)
    socks = [connect(tap.path) for _ in range(3)]
    assert await asyncio.to_thread(socks[2].recv, 1) == b""
    assert tap.listener.links == 2
    for sock in socks:
        sock.close()


async def test_the_socket_is_the_tap_users_alone(tap: Tap) -> None:
    assert stat.S_IMODE(tap.path.stat().st_mode) == 0o660
    assert stat.S_IMODE(tap.path.parent.stat().st_mode) == 0o700


async def test_a_second_tap_is_refused_and_a_dead_ones_socket_is_taken_over(
    tap: Tap, rules: Rules, tmp_path: Path
) -> None:
    with pytest.raises(IsolaneError, match="another tap listens"):
        Tap(tap.path, rules).listener.open()
    left = tmp_path / "left.sock"
    with seqpacket() as dead:
        dead.bind(str(left))
    again = Tap(left, rules)
    again.listener.open()
    connect(left).close()
    again.listener.close()


@pytest.mark.parametrize("name", ["file", "x" * 120])
async def test_a_path_that_cannot_be_used_is_said(name: str, tmp_path: Path, rules: Rules) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError):
        Tap(tmp_path / name, rules).listener.open()


async def test_reading_keeps_within_its_share_of_a_core(tmp_path: Path, rules: Rules) -> None:
    tap = Tap(tmp_path / "tap.sock", rules, share=0.05)
    tap.listener.open()
    leg = Leg()
    with connect(tap.path) as sock:
        sock.send(leg.opened())
        sock.setblocking(False)
        lost = 0
        async with asyncio.timeout(20):
            while rules.tally.pauses < 3:
                try:
                    sock.send(leg.says(CHARGER, 2, "1", "Heartbeat", {}))
                except BlockingIOError:
                    lost += 1
                    await asyncio.sleep(0)
        assert lost > 0
    tap.listener.close()


def test_the_pacer_rests_for_what_was_spent_too_much() -> None:
    ms = 1_000_000
    pacer = Pacer(0.5, 0, 0)
    assert pacer.rest_s(100 * ms, 100 * ms) == 0.0  # 100 ms were saved up, 50 came, 100 went
    assert pacer.rest_s(200 * ms, 200 * ms) == 0.0
    assert pacer.rest_s(300 * ms, 300 * ms) == pytest.approx(0.1)  # 50 ms too many come back in 100 ms
    assert pacer.rest_s(400 * ms, 300 * ms) == 0.0
    assert pacer.rest_s(10_000 * ms, 300 * ms) == 0.0
    assert pacer.rest_s(10_000 * ms, 401 * ms) == pytest.approx(0.002)  # no more than 100 ms are ever saved
    assert Pacer(1.0, 0, 0).rest_s(0, 10_000 * ms) == 0.0


@given(packets=st.lists(st.binary(max_size=120), max_size=10))
def test_no_packet_raises_and_each_is_counted(packets: list[bytes]) -> None:
    subject_rules = make_rules(Budget(1 << 20))
    listener = Tap(Path("unused"), subject_rules).listener
    for packet in packets:
        listener._take(1, packet)
    assert subject_rules.tally.copies >= len(packets)
    assert subject_rules.tally.crashes == 0
    assert subject_rules.tally.copy_bytes == sum(map(len, packets))
