"""This file tests `tap.standing`."""

from isolane.tap.standing import Standing
from isolane.wire.tap_event import Booted, Connected, Disconnected, StatusChanged, Unread


def test_what_stands_is_told_again_as_it_was() -> None:
    standing = Standing(10)
    connected, booted = Connected("CP1", 1, "ocpp1.6", secure=True), Booted("CP1", 2, "ACME", "X", "1")
    free, taken = StatusChanged("CP1", 3, 1, 1, "Available"), StatusChanged("CP1", 4, 1, 1, "Charging")
    for event in (connected, booted, free, taken, Unread("CP1", 5, "oversize", 1)):
        standing.note(event)
    standing.note(StatusChanged("CP2", 3, 1, 1, "Available"))
    assert standing.tell() == [connected, booted, taken]


def test_a_status_outlives_a_connection() -> None:
    standing = Standing(10)
    first, again = Connected("CP1", 1, "", secure=False), Connected("CP1", 9, "", secure=False)
    status = StatusChanged("CP1", 3, 1, 1, "Available")
    for event in (first, status, Disconnected("CP1", 4, "charger", None)):
        standing.note(event)
    assert standing.tell() == []
    standing.note(again)
    assert standing.tell() == [again, status]


def test_chargers_and_connectors_are_bounded() -> None:
    standing = Standing(2)
    for number in range(5):
        standing.note(Connected(f"CP{number}", 1, "", secure=False))
    for evse in range(200):
        standing.note(StatusChanged("CP4", 3, evse, 1, "Available"))
    told = standing.tell()
    assert [event.charger for event in told if isinstance(event, Connected)] == ["CP3", "CP4"]
    assert len(told) == 2 + 64
