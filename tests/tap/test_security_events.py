"""This file tests `tap.security_events`: one line an event, within bounds."""

import logging
import re

import pytest

from isolane.core.clock import NS_PER_S
from isolane.tap.security_events import SecurityEvents, Source
from isolane.wire.tap_event import SecurityEvent, SecurityKind
from support.tap_rules import StillClock

KIND = SecurityKind.METER_REGRESS


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def subject(clock: StillClock, caplog: pytest.LogCaptureFixture) -> SecurityEvents:
    caplog.set_level(logging.WARNING)
    return SecurityEvents(clock)


def test_an_event_is_one_line(subject: SecurityEvents, caplog: pytest.LogCaptureFixture) -> None:
    subject.report(KIND, Source("CP1", 7), 5, evse=1, change="back")
    [line] = caplog.messages
    assert line == (
        'security-event type=meter-regress charger=CP1 connection=7 peer=- detail="evse=1 change=back"'
        " utc=2026-01-01T00:00:00.000Z"
    )


def test_nothing_from_outside_can_write_a_line(subject: SecurityEvents, caplog: pytest.LogCaptureFixture) -> None:
    subject.report(KIND, Source('CP 1\u202e\x1b[31m\r\nforged" type=x', 7), 5, started_at='B "\n')
    [line] = caplog.messages
    assert line.isascii()
    assert line.isprintable()
    assert line.count('"') == 2
    assert line.count(" type=") == 1


def test_lines_are_bounded_and_what_is_left_out_is_told(
    subject: SecurityEvents, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        subject.report(KIND, Source("CP1", 7), 5)
    subject.report(KIND, Source("CP2", 8), 5)
    subject.report(SecurityKind.MASS_CONTROL, Source("CP2", 8), 5)
    assert len(caplog.messages) == 3
    clock.now_ns += 61 * NS_PER_S
    subject.report(KIND, Source("CP1", 7), 5)
    assert caplog.messages[-1].endswith(" suppressed=49")
    for number in range(200):
        subject.report(KIND, Source(f"CP{number}", number), 5)
    assert len(caplog.messages) <= 4 + 30
    subject.close()
    assert re.fullmatch(r"security-events-suppressed count=\d+", caplog.messages[-1])
    assert subject.counts == {KIND: 252, SecurityKind.MASS_CONTROL: 1}


def test_the_health_process_is_told_once_for_each_charger_and_type(subject: SecurityEvents) -> None:
    for charger, kind, mono_ns in (("A", KIND, 1), ("A", KIND, 2), ("B", SecurityKind.MASS_CONTROL, 3)):
        subject.report(kind, Source(charger, 1), mono_ns)
    assert subject.tell() == [SecurityEvent("A", 2, KIND, 2), SecurityEvent("B", 3, SecurityKind.MASS_CONTROL, 1)]
    assert subject.tell() == []
