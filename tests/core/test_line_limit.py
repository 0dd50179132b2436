"""This file tests `core.line_limit`: a log line more or a count more, never a flood."""

from isolane.core.clock import NS_PER_S
from isolane.core.line_limit import LineLimit


def test_a_source_has_its_lines_and_is_told_what_was_left_out() -> None:
    limit = LineLimit(2, 100)
    assert [limit.admit("A", number) for number in range(4)] == [0, 0, None, None]
    assert limit.admit("B", 4) == 0
    assert limit.admit("A", 60 * NS_PER_S) == 2
    assert limit.admit("A", 60 * NS_PER_S) is None
    assert limit.close() == 1
    assert limit.close() == 0


def test_all_sources_share_a_bound() -> None:
    limit = LineLimit(2, 3)
    assert [limit.admit(str(number), number) for number in range(5)] == [0, 0, 0, None, None]
    assert limit.admit("4", 61 * NS_PER_S) == 1


def test_sources_that_are_forgotten_are_still_counted() -> None:
    limit = LineLimit(1, 1)
    left_out = sum(limit.admit(str(number), number) is None for number in range(10_000))
    assert left_out == 9_999
    assert limit.close() == left_out
