"""This file checks that security events are told once, cleanly, and never faster than the bound."""

import logging
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.security_events import OF_RESULT, Kind, SecurityEvents, source_of

_LINE = re.compile(r'security-event type=[a-z-]+ listener=\S+ peer=\S+ charger=\S+ detail="[^"\x00-\x1f\x7f-\uffff]*"')


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def turn(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


def test_an_event_is_one_line_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    events = SecurityEvents()
    events.report(Kind.AUTHENTICATION, listener="0.0.0.0:1", peer="10.0.0.7", charger="CP 1", detail="wrong password")
    line = 'type=authentication listener=0.0.0.0:1 peer=10.0.0.7 charger=CP%201 detail="wrong password"'
    assert caplog.messages == [f"security-event {line}"]
    assert events.counts == {Kind.AUTHENTICATION: 1}


@given(text=st.text(max_size=400))
def test_whatever_was_sent_makes_one_line_of_printable_ascii(text: str) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, keep = logging.getLogger("isolane.value.security_events"), Keep()
    logger.addHandler(keep)
    try:
        SecurityEvents().report(Kind.TLS, listener=text, peer=text, charger=text, detail=text)
    finally:
        logger.removeHandler(keep)
    assert len(lines) == 1
    assert _LINE.fullmatch(lines[0])


def test_an_attack_is_one_line_and_the_rest_is_told_later(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    events = SecurityEvents(clock)
    for _ in range(50):
        events.report(Kind.MALFORMED, peer="10.0.0.7", charger="CP1")
        clock.turn(1)
    assert len(caplog.messages) == 1
    events.report(Kind.MALFORMED, peer="10.0.0.8")
    events.report(Kind.TLS, peer="10.0.0.7")
    assert len(caplog.messages) == 3, "another source and another type are events of their own"
    clock.turn(11)
    events.report(Kind.MALFORMED, peer="10.0.0.7")
    assert len(caplog.messages) == 4, "a minute later it is told again"
    assert caplog.messages[-1].endswith(" suppressed=49")
    assert events.counts[Kind.MALFORMED] == 52


def test_what_nobodys_address_caused_counts_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    events = SecurityEvents(Clock())
    for name in ("one", "two", "one"):
        events.report(Kind.RELOAD, detail=f"{name}: the old one stays")
    assert len(caplog.messages) == 2


def test_no_minute_holds_two_lines_of_a_type_wherever_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    events = SecurityEvents(clock)
    written: list[int] = []
    for _ in range(1000):
        before = len(caplog.messages)
        events.report(Kind.TLS, peer="10.0.0.7")
        written += [clock.ns] * (len(caplog.messages) - before)
        clock.turn(0.37)
    assert max(sum(1 for at in written if begin <= at < begin + 60e9) for begin in written) == 1


def test_many_addresses_write_no_more_than_a_hundred_lines(caplog: pytest.LogCaptureFixture) -> None:
    events = SecurityEvents(Clock())
    for number in range(6000):
        events.report(Kind.TLS, peer=f"10.0.{number // 256}.{number % 256}")
    assert len(caplog.messages) == 100
    events.close()
    assert caplog.messages[-1] == "security-events-suppressed count=5900"
    events.close()
    assert len(caplog.messages) == 101, "what was told is not told again"


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_a_host_is_one_source_whatever_addresses_it_takes(peer: str, source: str) -> None:
    assert source_of(peer) == source


def test_every_event_of_a_handshake_has_its_own_type_but_for_the_ways_of_having_no_room() -> None:
    shared = {kind for kind, times in Counter(OF_RESULT.values()).items() if times > 1}
    assert shared == {Kind.CROWDING}
