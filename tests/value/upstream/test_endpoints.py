"""This file checks the memory of endpoints, with a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.upstream.endpoints import Endpoint, Endpoints

S = 1_000_000_000
URLS = ["wss://a.example/ocpp/", "ws://[::1]:81", "ws://c.example"]


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        (URLS[0], ("a.example:443", "a.example", 443, "a.example", "/ocpp", True)),
        (URLS[1], ("[::1]:81", "::1", 81, "[::1]:81", "", False)),
        (URLS[2], ("c.example:80", "c.example", 80, "c.example", "", False)),
    ],
)
def test_a_url_is_taken_apart(url: str, facts: tuple[str, str, int, str, str, bool]) -> None:
    made = Endpoint(url)
    assert (made.name, made.host, made.port, made.host_field, made.path, made.secure) == facts


def test_one_that_fails_comes_back_by_trial() -> None:
    now = 0
    known = Endpoints(URLS, 10, lambda: now)
    a, b, c = known.all
    assert known.order() == [a, b, c]
    known.failed(a)
    assert known.order() == [b, c, a], "while it is down, others first"
    now += S
    assert known.order() == [a, b, c], "one newcomer tries it"
    assert known.order() == [b, c, a], "the others do not"
    known.failed(a)
    now += S
    assert known.order() == [b, c, a], "twice as long after each failure"
    now += S
    assert known.order()[0] is a
    known.worked(a)
    assert known.order() == [a, b, c]
    assert known.order() == [a, b, c]


def test_a_better_one_that_works_is_left_for_no_trial() -> None:
    now = 0
    known = Endpoints(URLS, 10, lambda: now)
    a, b, c = known.all
    known.failed(b)
    now += 100 * S
    assert known.order() == [a, c, b]


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 90)), max_size=40))
def test_nobody_is_refused_by_memory_alone(history: list[tuple[int, bool, int]]) -> None:
    now = 0
    known = Endpoints(URLS, 10, lambda: now)
    for index, worked, wait_s in history:
        (known.worked if worked else known.failed)(known.all[index])
        now += wait_s * S
        assert sorted(map(id, known.order())) == sorted(map(id, known.all))
        assert all(each.down_until_ns <= now + 60 * S for each in known.all)
