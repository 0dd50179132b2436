"""This file holds conditions that have to last: when they turn, what gaps do, and that cuts make no difference."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.held import Held


def test_it_turns_after_so_many_rows_in_a_row() -> None:
    held = Held(3, 2)
    assert held.feed(np.array([1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0], bool)) == [(5, True), (10, False)]


def test_what_is_not_known_neither_counts_nor_starts_anew() -> None:
    held = Held(3, 1)
    yes = np.array([1, 0, 1, 0, 0, 1], bool)
    assert held.feed(yes, np.zeros(6, bool)) == [(5, True)]


@given(
    st.lists(st.sampled_from("yn-"), min_size=1, max_size=60),
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_cuts_and_notes_make_no_difference(rows: list[str], cuts: list[int], rise: int, fall: int) -> None:
    yes, no = np.array([row == "y" for row in rows]), np.array([row == "n" for row in rows])
    whole, found, at, step = Held(rise, fall).feed(yes, no), [], 0, 0
    held = Held(rise, fall)
    while at < len(rows):
        end = at + cuts[step % len(cuts)]
        found += [(row + at, on) for row, on in held.feed(yes[at:end], no[at:end])]
        at, step = end, step + 1
        note, held = held.note(), Held(rise, fall)
        held.recall(note)
    assert found == whole
