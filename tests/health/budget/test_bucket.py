"""This file holds the bucket to its one promise, over any window of any history."""

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.health.budget.bucket import Bucket

_NS = 1_000_000_000
_STEPS = st.lists(st.tuples(st.integers(0, 2 * _NS), st.integers(1, 500)), min_size=1, max_size=60)


@settings(deadline=None)
@given(steps=_STEPS, rate=st.integers(1, 5000), burst=st.integers(500, 3000))
def test_no_window_carries_more_than_rate_times_time_and_a_burst(
    steps: list[tuple[int, int]], rate: int, burst: int
) -> None:
    bucket, now, taken = Bucket(burst, 0), 0, []
    bucket.set_rate(rate, 0)
    for pause_ns, size in steps:
        now += pause_ns
        if not bucket.wait_s(size, now):
            bucket.take(size, now)
            taken.append((now, size))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            window_s = (taken[last][0] - taken[first][0]) / _NS
            carried = sum(size for _, size in taken[first : last + 1])
            assert carried <= rate * window_s + burst + 1e-6


@settings(deadline=None)
@given(rate=st.integers(1, 5000), size=st.integers(1, 3000))
def test_whoever_waits_as_long_as_told_may_go(rate: int, size: int) -> None:
    bucket = Bucket(1000, 0)
    bucket.set_rate(rate, 0)
    bucket.take(1000, 0)
    wait_s = bucket.wait_s(size, 0)
    assert wait_s > 0
    assert bucket.wait_s(size, int(wait_s * _NS) + 1) < 1e-6


def test_what_is_larger_than_the_burst_goes_when_it_is_full() -> None:
    bucket = Bucket(100, 0)
    bucket.set_rate(10, 0)
    assert bucket.wait_s(5000, 0) == 0
    bucket.take(5000, 0)
    assert bucket.wait_s(1, 0) == 490.1


def test_without_a_rate_nothing_comes_in_and_what_is_saved_stays() -> None:
    bucket = Bucket(100, 0)
    assert bucket.wait_s(100, 10 * _NS) == 0
    bucket.take(100, 10 * _NS)
    assert bucket.wait_s(1, 20 * _NS) == float("inf")
    bucket.set_rate(100, 20 * _NS)
    assert bucket.wait_s(50, 20 * _NS) == 0.5


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(100, _NS)
    bucket.set_rate(100, _NS)
    bucket.take(100, _NS)
    assert bucket.wait_s(100, 0) == 1.0
