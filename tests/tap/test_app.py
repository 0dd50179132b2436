"""This file tests the tap as a process: what it opens, what it survives, how it ends."""

import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolane.wire import tap_event as ev
from isolane.wire.tap_copy import Direction
from support.tap_process import DEADLINE_S, Health, Tap, running, wait_until
from support.tap_traffic import Leg, deflate, message, ocpp

CHARGER, CSMS = Direction.FROM_CHARGER, Direction.FROM_CSMS
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Tap, Health]]:
    with running(tmp_path) as both:
        yield both


def connected(events: list[ev.AnyEvent]) -> int:
    return sum(isinstance(event, ev.Connected) for event in events)


def answered(events: list[ev.AnyEvent]) -> int:
    return sum(isinstance(event, ev.Answered) for event in events)


def pseudonyms(events: list[ev.AnyEvent]) -> list[str]:
    return [event.pseudonym for event in events if isinstance(event, ev.TransactionChanged)]


def test_it_opens_one_network_socket_and_leaves_nothing_but_its_key(pair: tuple[Tap, Health]) -> None:
    tap, _ = pair
    assert tap.network_sockets() == 1
    assert tap.stop() == 0
    assert {path.name for path in tap.run_dir.iterdir()} == {"events.sock", "tap-pseudonym.key"}
    assert stat.S_IMODE((tap.run_dir / "tap-pseudonym.key").stat().st_mode) == 0o600


def test_a_used_run_folder_is_said_in_one_sentence(pair: tuple[Tap, Health]) -> None:
    tap, _ = pair
    second = Tap(tap.run_dir.parent)
    second.output = tap.run_dir.parent / "second"
    assert second.launch().wait(DEADLINE_S) == 2
    assert "another tap listens" in second.text()
    assert "Traceback" not in second.text()


def test_it_survives_a_relay_that_goes_and_comes(pair: tuple[Tap, Health]) -> None:
    tap, health = pair
    leg = Leg()
    with tap.relay() as sock:
        sock.send(leg.opened())
        sock.send(leg.says(CHARGER, 2, "1", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "1", {}))
        health.wait_for(lambda events: answered(events) == 1, "the first answer is told")
    wait_until(lambda: tap.metric("isolane_tap_links") == 0, "the link has ended")
    leg.says(CHARGER, 2, "2", "Heartbeat", {})
    with tap.relay() as sock:
        sock.send(leg.opened())
        sock.send(leg.says(CHARGER, 2, "3", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "2", {}))  # as after any gap, what was asked before it is forgotten
        sock.send(leg.says(CHARGER, 2, "4", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "4", {}))
        health.wait_for(lambda events: answered(events) == 2, "the second answer is told")
        assert connected(health.events) == 1
        assert not [event for event in health.events if isinstance(event, ev.Disconnected)]


def test_it_survives_being_killed_in_the_middle_of_a_compressed_stream(pair: tuple[Tap, Health]) -> None:
    tap, health = pair
    leg, shared = Leg(extensions="permessage-deflate; server_no_context_takeover"), deflate(takeover=True)

    def compressed(*array: object) -> bytes:
        return leg.data(CHARGER, message(ocpp(*array), masked=True, extension=shared)[0])

    with tap.relay() as sock:
        sock.send(leg.opened())
        sock.send(compressed(2, "1", "StartTransaction", START))
        sock.send(leg.says(CSMS, 3, "1", {"transactionId": 7}))
        health.wait_for(lambda events: len(pseudonyms(events)) == 1, "the transaction has begun")
        assert tap.stop(signal.SIGKILL) == -signal.SIGKILL
        missed = compressed(2, "2", "Heartbeat", {})
        with pytest.raises(ConnectionError):
            sock.send(missed)
    tap.start()
    with tap.relay() as sock:
        sock.send(leg.opened())
        sock.send(compressed(2, "3", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 2, "9", "Reset", {}))
        sock.send(leg.says(CHARGER, 3, "9", {}))
        sock.send(leg.says(CHARGER, 2, "4", "StartTransaction", START))
        sock.send(leg.says(CSMS, 3, "4", {"transactionId": 7}))
        health.wait_for(lambda events: len(pseudonyms(events)) == 2, "the plain messages are read")
        health.wait_for(
            lambda events: (
                {event.reason for event in events if isinstance(event, ev.Unread)} == {"copies-lost", "compressed"}
            ),
            "what could not be read is told",
        )
    assert len(set(pseudonyms(health.events))) == 1, "the key outlives the process"
    assert len({event.mono_ns for event in health.events if isinstance(event, ev.Connected)}) == 1


def test_it_survives_being_frozen_and_the_relay_loses_no_time(pair: tuple[Tap, Health]) -> None:
    tap, health = pair
    leg = Leg()
    with tap.relay() as sock:
        sock.send(leg.opened())
        tap.send_signal(signal.SIGSTOP)
        sock.setblocking(False)
        refused, longest_s = 0, 0.0
        for number in range(3000):
            begin = time.perf_counter()
            try:
                sock.send(leg.says(CHARGER, 2, str(number), "Heartbeat", {}))
            except BlockingIOError:
                refused += 1
            longest_s = max(longest_s, time.perf_counter() - begin)
        assert refused > 0
        assert longest_s < 1
        tap.send_signal(signal.SIGCONT)
        wait_until(lambda: tap.metric("isolane_tap_copies_total") == 3001 - refused, "what the socket held is read")
        sock.settimeout(10)
        sock.send(leg.says(CHARGER, 2, "last", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "last", {}))
        health.wait_for(lambda events: answered(events) == 1, "reading goes on")
    health.wait_for(
        lambda events: any(isinstance(event, ev.Unread) and event.reason == "copies-lost" for event in events),
        "the loss is told",
    )


def test_it_survives_the_health_process_being_absent_and_coming_back(pair: tuple[Tap, Health]) -> None:
    tap, health = pair
    leg = Leg()
    with tap.relay() as sock:
        sock.send(leg.opened())
        health.wait_for(lambda events: connected(events) == 1, "the charger is known")
        health.close()
        wait_until(lambda: tap.metric("isolane_tap_events_connected") == 0, "its absence is noticed")
        sock.send(leg.says(CHARGER, 2, "1", "Heartbeat", {}))
        sock.send(leg.says(CSMS, 3, "1", {}))
        wait_until(lambda: tap.metric("isolane_tap_events_queued") == 1, "the event waits")
        again = Health(tap.run_dir)
        again.wait_for(lambda events: answered(events) == 1, "the event arrives")
        assert connected(again.events) == 1
        again.close()


def test_what_may_be_an_attack_is_a_line_a_counter_and_an_event_after_an_absence_too(pair: tuple[Tap, Health]) -> None:
    tap, health = pair
    leg, other = Leg(), Leg("CP2", 2)
    with tap.relay() as sock:
        for each in (leg, other):
            sock.send(each.opened())
        health.wait_for(lambda events: connected(events) == 2, "the chargers are known")
        health.close()
        wait_until(lambda: tap.metric("isolane_tap_events_connected") == 0, "its absence is noticed")
        sock.send(leg.says(CHARGER, 2, "1", "StartTransaction", START))
        sock.send(leg.says(CSMS, 3, "1", {"transactionId": 7}))
        stop = {"transactionId": 7, "meterStop": 9, "timestamp": "2026-01-01T00:00:00Z"}
        for number in range(3):
            sock.send(other.says(CHARGER, 2, str(number), "StopTransaction", stop))
        sock.send(leg.says(CSMS, 2, "k", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "CANARY"}))
        name = "isolane_tap_security_events_total"
        wait_until(lambda: tap.metric(f'{name}{{type="reconfiguration-of-security-parameters"}}') == 1, "it is counted")
        assert tap.metric(f'{name}{{type="foreign-transaction"}}') == 1
        again = Health(tap.run_dir)
        again.wait_for(
            lambda events: (
                {(event.charger, event.kind, event.count) for event in events if isinstance(event, ev.SecurityEvent)}
                == {
                    ("CP2", ev.SecurityKind.FOREIGN_TRANSACTION, 1),
                    ("CP1", ev.SecurityKind.RECONFIGURATION, 1),
                }
            ),
            "both are told",
        )
        assert b"CANARY" not in b"".join(again.packets)
        again.close()
    lines = [line for line in tap.text().splitlines() if " security-event " in line]
    assert len(lines) == 2
    assert all(" WARNING isolane.tap.security_events " in line and line.endswith("Z") for line in lines)
    assert "CANARY" not in tap.text()
