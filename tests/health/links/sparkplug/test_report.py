"""This file tests report by exception; it guards that a host is never further off than the deadband."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.links.rows import Rows
from isolane.health.links.sparkplug.report import Report
from isolane.wire.block import BlockKey
from support.target_rows import BAD, SIGNALS

VOLTS = SIGNALS[1]


def rows(values: list[int | None], t0_ms: int) -> Rows:
    codes = np.array([[BAD if value is None else 0 for value in values]], np.uint8)
    numbers = np.array([[value or 0 for value in values]], np.int64)
    return Rows(BlockKey(1, 0, 1), (VOLTS,), t0_ms + 1000 * np.arange(len(values)), 1000, numbers, codes)


@given(
    st.lists(st.lists(st.none() | st.integers(0, 40), min_size=1, max_size=8), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_a_host_is_never_further_off_than_the_deadband(blocks: list[list[int | None]], deadband: float) -> None:
    report = Report({"V": deadband}, held=True)
    report.begin()
    at_ms, known = 1000, {}
    truth: dict[int, int | None] = {}
    for values in blocks:
        changes = report.changes(rows(values, at_ms), 0)
        assert not any(change.is_historical for change in changes)
        known.update({change.t_ms: change.value for change in changes})
        truth.update({at_ms + 1000 * index: value for index, value in enumerate(values)})
        at_ms += 1000 * len(values)
    told: float | int | None = None
    for t_ms, value in truth.items():
        told = known.get(t_ms, told)
        if value is None:
            assert told is None
        else:
            assert told is not None
            assert abs(told - value / 10) <= deadband + 1e-9


def test_what_the_birth_has_told_is_not_told_again_as_current() -> None:
    report = Report({}, held=True)
    first = rows([1, 2, 3], 1000)
    report.note(first)
    report.begin()
    assert report.current(VOLTS, 9).value == 0.3
    assert all(change.is_historical for change in report.changes(first, 0))
    later = report.changes(rows([3, 4], 4000), 0)
    assert [(change.value, change.is_historical) for change in later] == [(0.4, False)]


def test_a_signal_never_read_is_null_in_the_birth() -> None:
    change = Report({}, held=True).current(VOLTS, 77)
    assert (change.t_ms, change.value) == (77, None)
