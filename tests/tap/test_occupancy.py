"""This file tests `tap.occupancy`."""

from isolane.core.clock import NS_PER_S
from isolane.tap.occupancy import Occupancy
from isolane.wire.tap_event import (
    AnyEvent,
    Booted,
    Connected,
    Disconnected,
    StatusChanged,
    TransactionChanged,
    Unread,
)


class _Clock:
    now_s = 0

    def mono_ns(self) -> int:
        return self.now_s * NS_PER_S

    def utc_ns(self) -> int:
        return 0


_OPEN, _BOOT = Connected("CP1", 1, "ocpp1.6", secure=True), Booted("CP1", 1, "ACME", "X", "1")
_FREE, _TAKEN = StatusChanged("CP1", 1, 1, 1, "Available"), StatusChanged("CP1", 1, 1, 1, "Charging")
_OCCUPIED = StatusChanged("CP1", 1, 1, 1, "Occupied")
_BEGIN, _END = TransactionChanged("CP1", 1, 1, "started", "aa"), TransactionChanged("CP1", 1, 1, "ended", "aa")
_GAP = Unread("CP1", 1, "copies-lost", 1)
_AWAY = Disconnected("CP1", 1, "charger", None)


def _state(*events: AnyEvent, later_s: int = 0) -> str:
    clock = _Clock()
    occupancy = Occupancy(10, clock)
    for event in events:
        occupancy.note(event)
    clock.now_s = later_s
    return "".join(occupancy.counts())


def test_a_charger_is_idle_when_all_of_it_is_known_to_be_free() -> None:
    assert _state(_OPEN, _BOOT, _FREE) == "idle"
    assert _state(_OPEN, _BOOT, _FREE, _BEGIN, _TAKEN, _END) == "idle"
    assert _state(_OPEN, _BOOT, _OCCUPIED, _BEGIN, _END) == "idle"
    assert _state(_OPEN, _FREE, later_s=900) == "idle"


def test_a_charger_is_busy_while_anything_says_so() -> None:
    for told in ((_FREE, _BEGIN), (_TAKEN,), (_BEGIN, _GAP), (_BEGIN, _AWAY, _OPEN), (_GAP, _BEGIN)):
        assert _state(_OPEN, _BOOT, *told, later_s=9000) == "busy"


def test_what_a_gap_may_have_ended_is_open_until_the_place_is_free() -> None:
    assert _state(_OPEN, _BOOT, _BEGIN, _GAP, _FREE) == "unknown"
    assert _state(_OPEN, _BOOT, _BEGIN, _GAP, _FREE, later_s=900) == "idle"


def test_what_nobody_knows_is_not_idle() -> None:
    for told in ((), (_FREE,), (_BOOT,), (_BOOT, _OCCUPIED), (_BOOT, _FREE, _GAP), (_BOOT, _FREE, _AWAY, _OPEN)):
        assert _state(_OPEN, *told) == "unknown"


def test_who_is_away_is_not_counted_and_memory_is_bounded() -> None:
    assert _state(_OPEN, _BEGIN, _AWAY) == ""
    occupancy = Occupancy(2, _Clock())
    for number in range(5):
        occupancy.note(Connected(f"CP{number}", 1, "", secure=False))
    assert occupancy.counts() == {"unknown": 2}
