"""This file tests what is counted of attempts; it guards that nothing half seen is in a share."""

import pytest

from isolane.center.kpis.attempts import (
    AUTHORISED,
    ENDED_WELL,
    ENERGY,
    FAILED,
    HELPED,
    NOT_KNOWN,
    PLUGGED,
    RETRY,
    Attempt,
)
from isolane.center.kpis.sessions import Sessions, sessions


def attempt(from_ms: int, rung: int, visit: int, *, seen: bool = True) -> Attempt:
    return Attempt(1, from_ms, from_ms + 1, rung, seen, visit, 500.0)


ATTEMPTS = [
    attempt(5, ENERGY, HELPED),
    attempt(10, ENDED_WELL, HELPED),
    attempt(11, AUTHORISED, HELPED),
    attempt(12, ENERGY, RETRY),
    attempt(13, PLUGGED, FAILED),
    attempt(14, ENERGY, NOT_KNOWN, seen=False),
    attempt(15, PLUGGED, NOT_KNOWN),
    attempt(20, ENERGY, HELPED),
]


def test_counts() -> None:
    found = sessions((10, 20), ATTEMPTS)
    assert found == Sessions(5, 1, (5, 3, 2, 2, 1), 3, 1, 2, 2500.0)
    assert found.first_time_percent == pytest.approx(100 / 3)
    assert found.visit_percent == pytest.approx(200 / 3)
    assert found.ladder_percent == pytest.approx((100, 60, 200 / 3, 100, 50))
    assert sessions((0, 10), ATTEMPTS) + sessions((10, 30), ATTEMPTS) == sessions((0, 30), ATTEMPTS)


def test_no_share_of_nothing() -> None:
    nothing = sessions((0, 5), ATTEMPTS)
    assert nothing == Sessions()
    assert (nothing.first_time_percent, nothing.visit_percent) == (None, None)
    assert nothing.ladder_percent == (None,) * 5


@pytest.mark.parametrize(("helped", "visits", "percent"), [(83, 100, 83.0), (77, 100, 77.0)])
def test_published_visit_success(helped: int, visits: int, percent: float) -> None:
    many = [attempt(n, ENERGY if n < helped else PLUGGED, HELPED if n < helped else FAILED) for n in range(visits)]
    assert sessions((0, visits), many).visit_percent == pytest.approx(percent)
