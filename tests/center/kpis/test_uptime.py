"""This file tests uptime by the numbers published for it; it guards that unknown time is between its two bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.kpis.spans import Spans, normal
from isolane.center.kpis.uptime import (
    REQUIRED_PERCENT,
    YEAR_MIN,
    Uptime,
    nevi_uptime_percent,
    uptime,
    year_percent,
)

MINUTE_MS = 60_000
YEAR_MS = YEAR_MIN * MINUTE_MS


@pytest.mark.parametrize(
    ("outage_min", "excluded_min", "percent"),
    [(20_000, 5000, 97.146), (15_768, 0, 97.0), (0, 0, 100.0), (525_600, 0, 0.0), (525_600, 525_600, 100.0)],
)
def test_published_numbers(outage_min: float, excluded_min: float, percent: float) -> None:
    assert nevi_uptime_percent(outage_min, excluded_min) == pytest.approx(percent, abs=5e-4)


def test_97_percent_are_263_hours() -> None:
    allowed_min = YEAR_MIN * (100 - REQUIRED_PERCENT) / 100
    assert allowed_min == pytest.approx(15_768)
    assert allowed_min / 60 == pytest.approx(262.8)


@pytest.mark.parametrize("minutes", [(1, 2, 3), (-1, 0, 3), (4, 0, 3), (0, 0, 0), (1, -1, 3)])
def test_minutes_that_cannot_be(minutes: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="needs"):
        nevi_uptime_percent(*minutes)


@pytest.mark.parametrize(
    ("down_min", "verdict"), [(15_767, "met"), (15_768, "missed"), (15_769, "missed"), (YEAR_MIN, "missed")]
)
def test_more_than_97_is_asked_for(down_min: int, verdict: str) -> None:
    assert Uptime(YEAR_MS, down_ms=down_min * MINUTE_MS).verdict == verdict


TABLE: list[tuple[dict[str, Spans], tuple[float | None, float | None, float | None, float | None]]] = [
    ({}, (100, 100, 100, 100)),
    ({"down": ((0, 10),)}, (90, 90, 90, 100)),
    ({"offline": ((0, 10),)}, (90, 90, 100, 100)),
    ({"unknown": ((0, 10),)}, (90, 100, 100, 90)),
    ({"down": ((0, 10),), "excluded": ((5, 20),)}, (95, 95, 95, 100)),
    ({"unknown": ((0, 10),), "excluded": ((5, 20),)}, (95, 100, 100, 90)),
    ({"offline": ((0, 50),), "down": ((50, 60),)}, (40, 40, 80, 100)),
    ({"down": ((0, 10),), "offline": ((5, 20),), "unknown": ((0, 30),)}, (70, 80, 100 * 70 / 80, 90)),
    ({"down": ((-50, 10), (90, 500))}, (80, 80, 80, 100)),
    ({"unknown": ((0, 100),)}, (0, 100, None, 0)),
    ({"offline": ((0, 100),)}, (0, 0, None, 100)),
    ({"excluded": ((0, 100),)}, (100, 100, 100, 100)),
]


@pytest.mark.parametrize(("times", "expected"), TABLE)
def test_times(times: dict[str, Spans], expected: tuple[float | None, ...]) -> None:
    nothing: dict[str, Spans] = {"down": (), "offline": (), "unknown": (), "excluded": ()}
    one = uptime((0, 100), **{**nothing, **times})
    figures = (one.percent, one.percent_at_most, one.online_percent, one.known_percent)
    assert figures == tuple(None if value is None else pytest.approx(value) for value in expected)


def test_nothing_is_known_of_no_time() -> None:
    nothing = Uptime()
    assert (nothing.percent, nothing.percent_at_most, nothing.known_percent) == (None, None, None)
    assert nothing.verdict == "not known"
    assert Uptime(100, unknown_ms=50).verdict == "not known"


some = st.lists(st.tuples(st.integers(-20, 120), st.integers(-20, 120)), max_size=5).map(normal)


@given(some, some, some, some, st.integers(1, 99))
def test_the_bounds_hold_and_periods_add_up(
    down: Spans, offline: Spans, unknown: Spans, excluded: Spans, cut: int
) -> None:
    def measure(begin: int, end: int) -> Uptime:
        return uptime((begin, end), down=down, offline=offline, unknown=unknown, excluded=excluded)

    whole = measure(0, 100)
    assert measure(0, cut) + measure(cut, 100) == whole
    assert whole.percent is not None
    assert whole.percent_at_most is not None
    assert 0 <= whole.percent <= whole.percent_at_most <= 100
    surely_up = uptime((0, 100), down=down, offline=offline, unknown=(), excluded=excluded)
    assert whole.percent_at_most == pytest.approx(surely_up.percent)
    if not whole.unknown_ms:
        assert whole.percent == whole.percent_at_most


def test_a_year_has_the_rules_minutes() -> None:
    half = Uptime(YEAR_MS // 2, down_ms=10_000 * MINUTE_MS, down_excluded_ms=2500 * MINUTE_MS)
    least, most = year_percent([half, half], whole=True)
    assert least == most == pytest.approx(97.146, abs=5e-4)
    leap = Uptime(YEAR_MS + 1440 * MINUTE_MS, down_ms=15_768 * MINUTE_MS)
    assert year_percent([leap], whole=True)[0] == pytest.approx(97.0)
    assert year_percent([Uptime(100, unknown_ms=50)], whole=False) == (50, 100)
    assert year_percent([], whole=False) == (None, None)
    assert year_percent([Uptime(2 * YEAR_MS, down_ms=2 * YEAR_MS)], whole=True) == (0, 0)
