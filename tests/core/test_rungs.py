"""This file fixes the ladder's numbers, which stand on metrics pages and in ledgers."""

from isolane.core.rungs import Rung


def test_a_higher_rung_sends_less() -> None:
    assert [rung.name for rung in sorted(Rung)] == ["FULL", "DEADBAND", "BOUNDED", "MINUTE"]
    assert [int(rung) for rung in sorted(Rung)] == [0, 1, 2, 3]
