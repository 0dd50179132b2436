"""This file tests ranges of sequence numbers against sets."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.stretches import Stretches

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda r: (r[0], r[0] + r[1])), max_size=30)


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(RANGES)
def test_it_holds_what_a_set_holds(ranges: list[tuple[int, int]]) -> None:
    stretches = Stretches()
    for first, last in ranges:
        before = list(stretches)
        replaced, now = stretches.add(first, last)
        assert sorted([*(set(before) - set(replaced)), now]) == list(stretches)
    expected = numbers(ranges)
    assert numbers(list(stretches)) == expected
    assert all((number in stretches) == (number in expected) for number in range(75))
    assert all(after[0] > before[1] + 1 for before, after in zip(list(stretches), list(stretches)[1:], strict=False))
    assert stretches.last == max(expected, default=0)


@given(RANGES, st.integers(0, 75))
def test_what_is_missing_is_the_rest(ranges: list[tuple[int, int]], upto: int) -> None:
    stretches = Stretches(ranges)
    assert numbers(stretches.missing(upto)) == set(range(1, upto + 1)) - numbers(ranges)


@given(RANGES, st.integers(1, 75), st.integers(0, 20))
def test_within_is_the_part_between(ranges: list[tuple[int, int]], first: int, length: int) -> None:
    last = first + length
    assert numbers(Stretches(ranges).within(first, last)) == numbers(ranges) & set(range(first, last + 1))
