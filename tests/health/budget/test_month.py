"""This file books bytes under clocks that run, step, stop and lie; used bytes stay used."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.health.budget.month import Books, Month

_S = 1_000_000_000
_DAY = 86_400 * _S


def _utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * _S


def test_a_month_that_ends_while_the_clock_runs_begins_anew() -> None:
    month, utc = Month(Books(), 1), _utc("2026-11-30T23:59:30")
    month.book(100, utc, 0)
    month.book(50, utc + 20 * _S, 20 * _S)
    assert month.used == 150
    month.book(7, utc + 40 * _S, 40 * _S)
    assert (month.used, month.books.month) == (7, "2026-12")


@pytest.mark.parametrize(
    ("day", "moment", "name", "left_days"),
    [
        (1, "2026-11-01T00:00:00", "2026-11", 30),
        (15, "2026-11-14T00:00:00", "2026-10", 1),
        (15, "2026-11-15T00:00:00", "2026-11", 30),
        (28, "2026-02-28T00:00:00", "2026-02", 28),
        (1, "2024-02-29T00:00:00", "2024-02", 1),
        (1, "2026-12-31T00:00:00", "2026-12", 1),
    ],
)
def test_a_billing_month_begins_on_its_day(day: int, moment: str, name: str, left_days: float) -> None:
    month = Month(Books(), day)
    month.book(0, _utc(moment), 0)
    assert month.books.month == name
    assert month.left_s(_utc(moment)) == left_days * 86_400


def test_a_step_into_the_future_and_back_loses_nothing() -> None:
    month, utc = Month(Books(), 1), _utc("2026-11-10T00:00:00")
    month.book(1000, utc, 0)
    month.book(10, _utc("2099-01-01T00:00:00"), 1 * _S)
    assert month.used == 1010
    month.book(1, utc + 2 * _S, 2 * _S)
    assert (month.used, month.books.month) == (1011, "2026-11")


def test_back_after_more_than_the_day_of_doubt_too() -> None:
    month, utc = Month(Books(), 1), _utc("2026-11-10T00:00:00")
    month.book(1000, utc, 0)
    month.book(0, _utc("2099-01-01T00:00:00"), 1 * _S)
    month.book(10, _utc("2099-01-03T00:00:00"), 2 * _DAY)
    assert month.used == 10
    month.book(1, utc + 2 * _DAY, 2 * _DAY + _S)
    assert month.used == 1011


def test_a_clock_without_a_battery_changes_nothing() -> None:
    month = Month(Books(month="2026-11", used=1000), 1)
    month.book(1, 0, 0)
    assert month.used == 1001
    month.book(1, _utc("2026-11-20T00:00:00"), 5 * _S)
    month.book(1, _utc("2026-11-22T00:00:00"), 5 * _S + 2 * _DAY)
    assert (month.used, month.books.month) == (1003, "2026-11")


def test_a_month_that_began_while_nobody_looked_counts_anew_after_a_day() -> None:
    month, utc = Month(Books(month="2026-10", used=1000), 1), _utc("2026-11-20T00:00:00")
    month.book(5, utc, 0)
    assert month.used == 1005
    month.book(5, utc + _DAY, _DAY)
    assert month.used == 10


_STEPS = st.lists(
    st.tuples(st.integers(0, 3600), st.integers(-400 * 86_400, 400 * 86_400), st.integers(0, 1000)), max_size=30
)


@settings(deadline=None)
@given(steps=_STEPS)
def test_no_step_within_the_day_of_doubt_gives_bytes_back(steps: list[tuple[int, int, int]]) -> None:
    month, mono, offset_s, used = Month(Books(), 1), 0, 0, 0
    base = _utc("2026-06-15T00:00:00")
    for run_s, step_s, size in steps[:20]:
        mono += run_s * _S
        offset_s += step_s
        # A month's own end, run through evenly, does begin anew; here the clock always steps by minutes at least.
        offset_s += 120 if abs(step_s) < 120 else 0
        month.book(size, base + mono + offset_s * _S, mono)
        assert month.used >= used + size
        used = month.used
    assert mono < 20 * 3600 * _S + 1


@settings(deadline=None)
@given(utc=st.integers(-(10**20), 10**20))
def test_no_clock_is_too_wrong(utc: int) -> None:
    month = Month(Books(), 28)
    month.book(1, utc, 0)
    assert month.used == 1
    assert month.left_s(utc) >= 1
