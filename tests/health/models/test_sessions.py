"""This file tests how rows are cut into sessions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.sessions import QUIET_S, STRETCH_S, Cut, Sessions

START_S = 1_700_000_000


def _flows(*spans: tuple[int, int], rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    flows = np.zeros(rows, np.bool_)
    for first, last in spans:
        flows[first:last] = True
    return flows


def test_a_session_ends_two_minutes_after_its_last_current() -> None:
    sessions = Sessions()
    (cut,) = sessions.take(START_S, _flows((100, 700), rows=2000))
    assert cut == Cut(START_S + 100, START_S + 700 + QUIET_S, 1, begins=True, ends=True, rest_s=cut.rest_s)
    assert np.isnan(cut.rest_s)
    assert sessions.from_s is None


def test_a_pause_shorter_than_that_does_not_end_it() -> None:
    cuts = Sessions().take(START_S, _flows((0, 100), (99 + QUIET_S, 400), rows=2000))
    assert [(cut.first_s, cut.end_s) for cut in cuts] == [(START_S, START_S + 400 + QUIET_S)]


def test_the_rest_before_a_session_is_known() -> None:
    first, second = Sessions().take(START_S, _flows((0, 100), (1000, 1100), rows=2000))
    assert second.rest_s == 900
    assert (first.session, second.session) == (1, 2)


def test_a_long_one_is_given_by_the_hour() -> None:
    cuts = Sessions().take(START_S, _flows((0, 2 * STRETCH_S + 50), rows=3 * STRETCH_S))
    assert [(cut.begins, cut.ends) for cut in cuts] == [(True, False), (False, False), (False, True)]
    assert [cut.session for cut in cuts] == [1, 1, 1]
    assert [b.first_s for b in cuts[1:]] == [a.end_s for a in cuts[:-1]]


def test_missing_rows_end_it() -> None:
    sessions = Sessions()
    assert sessions.take(START_S, _flows((0, 100), rows=100)) == []
    (cut,) = sessions.end()
    assert cut.ends
    assert sessions.end() == []


@given(
    pieces=st.lists(st.tuples(st.integers(1, 500), st.booleans()), max_size=30),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=40),
)
def test_the_cut_of_the_rows_does_not_matter(pieces: list[tuple[int, bool]], cuts: list[int]) -> None:
    flows = np.concatenate([np.full(length, flow) for length, flow in pieces]) if pieces else np.zeros(0, np.bool_)
    whole = Sessions().take(START_S, flows)
    parted, at, turn = Sessions(), 0, 0
    found: list[Cut] = []
    while at < len(flows):
        step = cuts[turn % len(cuts)]
        found += parted.take(START_S + at, flows[at : at + step])
        at, turn = at + step, turn + 1
    assert [repr(cut) for cut in found] == [repr(cut) for cut in whole]
