"""This file tells the detectors what happens; it guards which of it is a trigger, and how often."""

import pytest

from isolane.health.recorder.event_detectors import EventDetectors, ResidualDetector
from isolane.health.recorder.settings import TriggerSettings
from isolane.health.recorder.triggers import COMMAND, HoldOff
from isolane.wire.snapshot import Trigger
from isolane.wire.tap_event import (
    AnyEvent,
    Connected,
    Disconnected,
    Monitored,
    StatusChanged,
    TransactionChanged,
)

S = 1_000_000_000


def status(word: str, error: str = "NoError", connector: int = 1) -> StatusChanged:
    return StatusChanged("CP-1", 0, connector, 1, word, error)


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ([status("Available"), status("Charging")], []),
        ([status("Faulted"), status("Faulted"), status("Available"), status("Faulted")], ["fault", "fault"]),
        ([status("Charging", "HighTemperature")], ["fault"]),
        ([status("Faulted"), status("Faulted", connector=2)], ["fault", "fault"]),
        ([Monitored("CP-1", 0, 1, 1, "Connector", "Problem", 1.0)], ["fault"]),
        ([Monitored("CP-1", 0, 1, 1, "Connector", "Problem", 0.0)], []),
        ([Monitored("CP-1", 0, 1, 1, "Connector", "AvailabilityState", "Faulted")], ["fault"]),
        ([TransactionChanged("CP-1", 0, 1, "ended", "ab", "EmergencyStop")], ["unexpected-stop"]),
        ([TransactionChanged("CP-1", 0, 1, "ended", "ab", "Local")], []),
        ([TransactionChanged("CP-1", 0, 1, "updated", "ab", "EmergencyStop")], []),
    ],
)
def test_what_is_a_trigger(events: list[AnyEvent], kinds: list[str]) -> None:
    detectors = EventDetectors(TriggerSettings())
    assert [found.kind for event in events for found in detectors.take(event, 5)] == kinds


def test_a_connection_is_lost_when_it_stays_away_and_told_once() -> None:
    detectors = EventDetectors(TriggerSettings(link_loss_s=60))
    detectors.take(Disconnected("CP-1", 0, "charger", 1006), 1000)
    detectors.take(Disconnected("CP-2", 0, "charger", 1006), 1000)
    detectors.take(Disconnected("CP-3", 0, "relay", None), 1000)
    detectors.take(Connected("CP-2", 30 * S, "ocpp1.6", secure=True), 31_000)
    assert not detectors.due(59 * S)
    (found,) = detectors.due(61 * S)
    assert (found.kind, found.charger, found.t_ms) == ("link-loss", "CP-1", 1000)
    assert not detectors.due(99 * S)
    detectors.take(Disconnected("CP-1", 100 * S, "charger", 1006), 1000)
    detectors.forget()
    assert not detectors.due(999 * S)


def test_a_residual_is_told_when_it_leaves_and_again_after_it_came_back() -> None:
    detector = ResidualDetector(6.0)
    sizes = [1.0, 5.9, -6.1, 7.0, 4.0, 8.0, 2.0, 6.0, float("nan")]
    assert [len(detector.take("CP-1", "x", size, 0)) for size in sizes] == [0, 0, 1, 0, 0, 0, 0, 1, 0]


def test_a_flapping_signal_is_heeded_once_in_a_while_but_worse_and_asked_for_always() -> None:
    hold_off = HoldOff(600, frozenset({"door"}))

    def heeded(kind: str, level: int, at_s: int, charger: str = "CP-1") -> bool:
        return hold_off.heed(Trigger(kind=kind, charger=charger, t_ms=0, level=level), at_s * S)

    assert [heeded("fault", 3, at) for at in range(0, 1300, 100)].count(True) == 3
    assert heeded("fault", 4, 1301)
    assert heeded("fault", 3, 1301, "CP-2")
    assert not heeded("door", 2, 0)
    assert all(heeded(COMMAND, 1, 5) for _ in range(3))
    assert hold_off.suppressed == {"fault": 10, "door": 1}
