"""This file checks that JSON which two readers might understand differently is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.strict_json import DEPTH_MAX, INTEGER_MAX, read, write

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_json_is_what_it_was(value: object) -> None:
    assert read(write(value)) == value == json.loads(write(value))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"\\u0062":1}}',
        b"[NaN]",
        b"[-Infinity]",
        b"[1e999]",
        b'["\\ud800"]',
        b'"\xff"',
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b"[" * 100_000 + b"]" * 100_000,
        b"1" * 10_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_the_rest_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        read(text)


def test_integers_are_bounded_where_that_is_asked_for() -> None:
    least, most = f"[-{INTEGER_MAX}]".encode(), f"[{INTEGER_MAX + 1}]".encode()
    assert read(least, INTEGER_MAX) == [-INTEGER_MAX]
    assert read(most) == [INTEGER_MAX + 1]
    with pytest.raises(ValueError, match="too large"):
        read(most, INTEGER_MAX)
