"""This file tests `tap.event_port` against a real SEQPACKET listener."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from isolane.tap import event_port as subject
from isolane.tap.event_port import CALL_S, EventPort
from isolane.tap.facts import VALUES_PER_EVENT_MAX
from isolane.tap.standing import Standing
from isolane.wire import tap_event as ev
from isolane.wire.tap_event import Connected, Metered, MeterValue, Unread
from support.tap_traffic import health_listens


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventPort]:
    monkeypatch.setattr(subject, "RETRY_S", 0.02)
    opened = EventPort(tmp_path / "events.sock", 1000, Standing(10))
    yield opened
    opened.close()


def unread(number: int) -> Unread:
    return Unread("CP1", number, "oversize", 1)


async def taken(sock: socket.socket) -> ev.Packet:
    return ev.decode(await asyncio.to_thread(sock.recv, ev.PACKET_BYTES_MAX))


async def accepted(server: socket.socket) -> socket.socket:
    sock, _ = await asyncio.to_thread(server.accept)
    sock.settimeout(10)
    return sock


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_events_that_wait_arrive_when_the_reader_comes(port: EventPort, tmp_path: Path) -> None:
    port.open()
    port.put(unread(1))
    with health_listens(tmp_path / "events.sock") as server, await accepted(server) as sock:
        assert await taken(sock) == ev.Packet(1, 0, (unread(1),))
        for number in (2, 3):
            port.put(unread(number))
        assert await taken(sock) == ev.Packet(1, 0, (unread(2), unread(3)))
    assert port.sent == 3


async def test_what_the_queue_could_not_hold_is_counted_and_told_once(port: EventPort, tmp_path: Path) -> None:
    for number in range(1050):
        port.put(unread(number))
    port.open()
    with health_listens(tmp_path / "events.sock") as server, await accepted(server) as sock:
        packets = [await taken(sock) for _ in range(10)]
    assert [packet.lost for packet in packets] == [50] + [0] * 9
    assert [event.mono_ns for packet in packets for event in packet.events] == list(range(50, 1050))
    assert port.lost == 50


async def test_a_reader_that_does_not_read_is_not_waited_for(port: EventPort, tmp_path: Path) -> None:
    value = MeterValue("Energy.Active.Import.Register", "L1-L2", "Upstream", "Fahrenheit", 1.234567890123)
    big = [Metered("CP1", number, 1, (value,) * VALUES_PER_EVENT_MAX) for number in range(300)]
    with health_listens(tmp_path / "events.sock") as server:
        port.open()
        with await accepted(server) as sock:
            for event in big:
                port.put(event)
            await until(lambda: port.queued < 300)
            before = port.queued
            assert before > 0
            port.put(unread(1))
            await asyncio.sleep(0)
            read = 0
            while read < 301:
                packet = await taken(sock)
                assert packet.lost == 0
                read += len(packet.events)
    assert port.queued == 0


async def test_a_reader_that_comes_back_is_told_what_stands(port: EventPort, tmp_path: Path) -> None:
    connected = Connected("CP1", 1, "ocpp1.6", secure=True)
    path = tmp_path / "events.sock"
    with health_listens(path) as server:
        port.open()
        with await accepted(server) as sock:
            port.put(connected)
            assert (await taken(sock)).events == (connected,)
    await until(lambda: not port.is_connected)
    path.unlink()
    port.put(unread(2))
    with health_listens(path) as server, await accepted(server) as sock:
        assert (await taken(sock)).events == (connected,)
        assert (await taken(sock)).events == (unread(2),)


async def test_closing_sends_what_waits(port: EventPort, tmp_path: Path) -> None:
    with health_listens(tmp_path / "events.sock") as server:
        port.open()
        with await accepted(server) as sock:
            port.put(unread(1))
            port.close()
            assert (await taken(sock)).events == (unread(1),)
            assert sock.recv(1) == b""


async def test_a_call_waits_for_no_others(port: EventPort, tmp_path: Path) -> None:
    port.open()
    with health_listens(tmp_path / "events.sock") as server, await accepted(server) as sock:
        loop = asyncio.get_running_loop()
        port.put(unread(1))
        later = port._timer
        port.put(ev.Called("CP1", 2, "charger"))
        sooner = port._timer
        assert later is not None
        assert sooner is not None
        assert sooner.when() < later.when()
        assert sooner.when() <= loop.time() + CALL_S
        port.put(unread(3))
        assert (await taken(sock)).events == (unread(1), ev.Called("CP1", 2, "charger"), unread(3))
