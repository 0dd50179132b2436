"""This file checks that both clocks of the machine run and that the one for measuring never goes back."""

from itertools import pairwise

from isolane.core.clock import SystemClock


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    stamps = [clock.mono_ns() for _ in range(1000)]
    assert all(later >= earlier for earlier, later in pairwise(stamps))


def test_the_label_is_utc_in_nanoseconds() -> None:
    year_2020_ns, year_2100_ns = 1_577_836_800 * 10**9, 4_102_444_800 * 10**9
    assert year_2020_ns < SystemClock().utc_ns() < year_2100_ns
