"""This file tests the algebra of time against plain sets of instants; it guards every law the figures lean on."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from isolane.center.kpis.spans import Span, Spans, difference, intersection, length_ms, normal, union

raw = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)
spans = raw.map(normal)


def instants(some: list[Span] | Spans) -> set[int]:
    return {t for begin, end in some for t in range(begin, end)}


@given(raw)
def test_normal_form(some: list[Span]) -> None:
    made = normal(some)
    assert instants(made) == instants(some)
    assert all(begin < end for begin, end in made)
    assert all(one[1] < two[0] for one, two in pairwise(made))
    assert normal(made) == made


@given(spans, spans)
def test_operations_are_those_of_sets_and_lengths_count_instants(one: Spans, two: Spans) -> None:
    cases: list[tuple[Callable[[Spans, Spans], Spans], set[int]]] = [
        (union, instants(one) | instants(two)),
        (intersection, instants(one) & instants(two)),
        (difference, instants(one) - instants(two)),
    ]
    for operation, expected in cases:
        made = operation(one, two)
        assert instants(made) == expected
        assert normal(made) == made
        assert length_ms(made) == len(expected)


@given(spans, spans, spans)
def test_laws(one: Spans, two: Spans, three: Spans) -> None:
    assert union(one, two) == union(two, one)
    assert union(one, two, three) == union(one, union(two, three))
    assert intersection(one, union(two, three)) == union(intersection(one, two), intersection(one, three))
    assert difference(one, union(two, three)) == difference(difference(one, two), three)
    assert length_ms(one) == length_ms(intersection(one, two)) + length_ms(difference(one, two))
    assert length_ms(union(one, two)) == length_ms(one) + length_ms(two) - length_ms(intersection(one, two))
