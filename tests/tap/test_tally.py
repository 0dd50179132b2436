"""This file tests `tap.tally`."""

from isolane.tap.tally import Tally
from isolane.wire.tap_event import Unread


def test_losses_are_told_once_for_each_charger_and_reason() -> None:
    tally = Tally()
    for charger, reason, mono_ns in (
        ("A", "oversize", 1),
        ("A", "oversize", 2),
        ("A", "compressed", 3),
        ("B", "oversize", 4),
    ):
        tally.lose(charger, reason, mono_ns)
    assert tally.tell() == [
        Unread("A", 2, "oversize", 2),
        Unread("A", 3, "compressed", 1),
        Unread("B", 4, "oversize", 1),
    ]
    assert tally.tell() == []
    assert tally.unread == {"oversize": 3, "compressed": 1}
