"""This file tests `wire.tap_event`: what is packed is read as it was, and what is not of its form is refused."""

import msgspec
import pytest

from isolane.wire import tap_event as ev
from isolane.wire.tap_event import SecurityEvent, SecurityKind


def test_every_kind_of_security_event_is_read_as_it_was_packed() -> None:
    events = tuple(SecurityEvent("CP1", 7, kind, 2) for kind in SecurityKind)
    packet = ev.Packet(1, 0, events)
    assert ev.decode(ev.encode(packet)) == packet


@pytest.mark.parametrize(
    "event",
    [
        b'{"type":"security","charger":"CP1","mono_ns":1,"kind":"John","count":1}',
        b'{"type":"security","charger":"CP1","mono_ns":1,"kind":"mass-control","count":1,"detail":"John"}',
        b'{"type":"John","charger":"CP1","mono_ns":1}',
    ],
)
def test_nothing_else_passes(event: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        ev.decode(b'{"version":1,"lost":0,"events":[' + event + b"]}")


def test_another_version_is_said() -> None:
    with pytest.raises(ValueError, match="different releases"):
        ev.decode(ev.encode(ev.Packet(2, 0, ())))
