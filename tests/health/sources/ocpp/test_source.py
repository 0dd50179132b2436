"""This file plays a tap over a real socket; it guards that without a tap, or after a loss, every signal says so."""

import asyncio
import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.ocpp import plan
from isolane.health.sources.ocpp.settings import ChargerSettings, OcppSettings
from isolane.health.sources.ocpp.source import OcppSource
from isolane.wire import tap_event
from support.readings import Kept, running

KEY = plan.availability(1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "events.sock"


def source(path: Path) -> OcppSource:
    chargers = (ChargerSettings(charger="CP1"), ChargerSettings(charger="CP2"))
    return OcppSource(OcppSettings(chargers=chargers, period_s=0.1), path, SystemClock())


@contextlib.contextmanager
def tap(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(str(path))
        yield connection


def tell(connection: socket.socket, *events: tap_event.AnyEvent, lost: int = 0) -> None:
    connection.send(tap_event.encode(tap_event.Packet(1, lost, events)))


def status(charger: str, text: str) -> tap_event.StatusChanged:
    return tap_event.StatusChanged(charger, 1, 1, 1, text, "NoError")


def modes(path: Path) -> tuple[int, int]:
    return stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)


async def listening(kept: Kept, path: Path) -> None:
    await kept.until(path.is_socket)


async def test_without_a_tap_every_signal_is_disconnected(path: Path) -> None:
    built = source(path)
    async with running(built) as kept:
        await kept.until(lambda: len(kept.readings) >= 2 * len(built.signals))
        assert modes(path) == (0o660, 0o700)
    assert kept.reasons() == {Reason.DISCONNECTED}
    assert {reading.signal for reading in kept.readings} == {signal.key for signal in built.signals}
    assert not list(path.parent.iterdir())


async def test_events_become_readings_until_the_tap_leaves(path: Path) -> None:
    built = source(path)
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as connection:
            tell(connection, status("CP1", "Charging"), status("CP9", "Charging"))
            await kept.until(lambda: kept.value(KEY, "CP1") == 2)
            assert built.counts["events_of_others"] == 1
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        with tap(path) as connection:
            await kept.until(lambda: built.counts["taps"] == 2)
            await kept.until(lambda: kept.readings[-1].signal == plan.SECURITY_EVENTS)
            tell(connection, status("CP1", "Available"))
            await kept.until(lambda: kept.value(KEY, "CP1") == 0)


async def test_lost_events_make_states_unknown_until_told_again(path: Path) -> None:
    built = source(path)
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as connection:
            tell(connection, status("CP1", "Charging"), status("CP2", "Charging"))
            await kept.until(lambda: kept.value(KEY, "CP2") == 2)
            tell(connection, status("CP1", "Available"), lost=7)
            await kept.until(lambda: kept.value(KEY, "CP1") == 0)
            seen = len(kept.readings)
            await kept.until(lambda: len(kept.readings) > seen + 8)
            assert not any(each.signal == KEY and each.charger == "CP2" for each in kept.readings[seen:])
    assert built.counts["events_lost"] == 7


@pytest.mark.parametrize("packet", [b"{}", b"\xff" * 100, b"x" * (tap_event.PACKET_BYTES_MAX + 1), b'{"version":2}'])
async def test_a_malformed_packet_is_counted_and_survived(path: Path, packet: bytes) -> None:
    built = source(path)
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            connection.send(packet)
            tell(connection, status("CP1", "Charging"))
            await kept.until(lambda: kept.value(KEY, "CP1") == 2)
    assert built.counts["packets_malformed"] == 1


async def test_security_events_are_told_and_counted_by_type(path: Path) -> None:
    built, kind = source(path), tap_event.SecurityKind.MASS_CONTROL
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as connection:
            tell(connection, tap_event.SecurityEvent("CP1", 1, kind, 3), tap_event.SecurityEvent("CP9", 1, kind, 1))
            await kept.until(lambda: kept.value(plan.SECURITY_EVENTS, "CP1") == 3)
    assert built.counts["security_mass-control"] == 4
    assert built.counts["events_of_others"] == 1


async def test_a_tap_that_says_nothing_makes_nothing_known(path: Path) -> None:
    built = source(path)
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path):
            await kept.until(lambda: built.counts["taps"] == 1)
            before = len(kept.readings)
            await kept.until(lambda: len(kept.readings) >= before + 20)
            told = {each.signal for each in kept.readings[before + 8 :]}
    assert told == {plan.RECONNECTS, plan.SECURITY_EVENTS}, "what it counts itself; of states there is no word"


async def test_a_flood_shares_the_loop(path: Path) -> None:
    built = source(path)
    data = tap_event.encode(tap_event.Packet(1, 0, tuple(status("CP1", "Charging") for _ in range(50))))
    beats = 0

    async def flood(connection: socket.socket) -> None:
        connection.setblocking(False)
        for _ in range(400):
            await asyncio.get_running_loop().sock_sendall(connection, data)

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as connection:
            beating = asyncio.create_task(beat())
            await flood(connection)
            await kept.until(lambda: built.counts["packets"] == 400)
            beating.cancel()
    assert beats > 10
    assert built.counts["events"] == 20_000


async def test_a_new_tap_replaces_the_old(path: Path) -> None:
    built = source(path)
    async with running(built) as kept:
        await listening(kept, path)
        with tap(path) as old:
            tell(old, status("CP1", "Charging"))
            await kept.until(lambda: kept.value(KEY, "CP1") == 2)
            with tap(path) as new:
                tell(new, status("CP1", "Faulted"))
                await kept.until(lambda: kept.value(KEY, "CP1") == 4)
                assert old.recv(1) == b""


async def test_a_socket_left_by_a_killed_process_is_taken_over_and_a_live_one_is_not(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    async with running(source(path)) as kept:
        await kept.until(lambda: len(kept.readings) > 0)
        with pytest.raises(IsolaneError, match="another process listens"):
            await source(path).run(lambda _: None)
        await kept.until(path.is_socket)


async def test_a_path_that_cannot_be_a_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot listen on the event socket"):
        await source(tmp_path / ("x" * 120) / "events.sock").run(lambda _: None)


def test_a_charger_twice_is_refused(path: Path) -> None:
    chargers = (ChargerSettings(charger="CP1"), ChargerSettings(charger="CP1"))
    with pytest.raises(IsolaneError, match="names a charger twice"):
        OcppSource(OcppSettings(chargers=chargers), path, SystemClock())
