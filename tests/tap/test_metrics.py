"""This file tests the tap's metrics page."""

from pathlib import Path

from prometheus_client import generate_latest

from isolane.core.clock import SystemClock
from isolane.tap import metrics
from isolane.tap.connections import Connections
from isolane.tap.event_port import EventPort
from isolane.tap.listen import Listener
from isolane.tap.occupancy import Occupancy
from isolane.tap.security_events import Source
from isolane.tap.session import Rules
from isolane.tap.standing import Standing
from isolane.wire.tap_event import Connected, SecurityKind


def test_every_counter_has_a_line_and_unread_one_for_each_reason(tmp_path: Path, rules: Rules) -> None:
    port = EventPort(tmp_path / "events.sock", 100, Standing(1))
    connections = Connections(rules, port.put, SystemClock(), 1)
    listener = Listener(tmp_path / "tap.sock", connections, rules.tally, 1.0)
    occupancy = Occupancy(10, SystemClock())
    occupancy.note(Connected("CANARY", 1, "", secure=False))
    rules.tally.copies = 7
    rules.tally.lose("CANARY", "oversize", 1)
    rules.watch.events.report(SecurityKind.METER_REGRESS, Source("CANARY", 1), 1)
    page = generate_latest(
        metrics.registry(
            metrics.TapCollector(
                rules.tally,
                rules.budget,
                connections,
                listener,
                port,
                findings=rules.watch.events,
                occupancy=occupancy,
            )
        )
    ).decode()
    assert "isolane_tap_copies_total 7.0" in page
    assert 'isolane_tap_unread_total{reason="oversize"} 1.0' in page
    assert "isolane_tap_links 0.0" in page
    assert "CANARY" not in page
    assert 'isolane_tap_chargers{state="unknown"} 1.0' in page
    assert 'isolane_tap_chargers{state="busy"} 0.0' in page
    assert page.count('reason="') == len(metrics.REASONS)
    assert 'isolane_tap_security_events_total{type="meter-regress"} 1.0' in page
    assert page.count('type="') == len(SecurityKind)
