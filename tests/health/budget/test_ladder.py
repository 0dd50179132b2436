"""This file puts the ladder under pressure and relieves it: it goes where it must and does not swing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.core.rungs import Rung
from isolane.health.budget.ladder import Ladder, Need
from isolane.health.budget.rate import Rate

ALL = (Rung.MINUTE, Rung.DEADBAND, Rung.BOUNDED)
DWELL_S = 100.0
_RATES = {Rung.FULL: 1000.0, Rung.DEADBAND: 500.0, Rung.BOUNDED: 200.0, Rung.MINUTE: 20.0}


def _need(rate: float, allowed: float | None = None, *, spent: bool = False, backlog: float = 0.0) -> Need:
    return Need(rate, allowed, spent, backlog)


def _live(ladder: Ladder, allowed: float, seconds: int, from_s: int = 0) -> list[Rung]:
    """Let each rung cost what it costs."""
    return [ladder.decide(_need(_RATES[ladder.rung], allowed), from_s + at) for at in range(seconds)]


def test_it_goes_down_as_far_as_needed_a_rung_in_a_dwell_time() -> None:
    ladder = Ladder(ALL, DWELL_S, 0)
    seen = _live(ladder, 250, 1000)
    assert [seen[at] for at in (99, 100, 199, 200, 999)] == [
        Rung.FULL,
        Rung.DEADBAND,
        Rung.DEADBAND,
        Rung.BOUNDED,
        Rung.BOUNDED,
    ]
    assert ladder.changes == 2


def test_it_does_not_try_what_did_not_fit_but_once_in_six_hours() -> None:
    ladder = Ladder(ALL, DWELL_S, 0)
    _live(ladder, 250, 80_000)
    assert ladder.changes <= 2 + 2 * (80_000 // 21_600 + 1)


def test_it_comes_back_when_there_is_more() -> None:
    ladder = Ladder(ALL, DWELL_S, 0)
    _live(ladder, 250, 1000)
    seen = _live(ladder, 5000, 1000, 1000)
    assert seen[-1] is Rung.FULL
    assert ladder.changes == 4


def test_a_backlog_counts_as_much_as_the_month() -> None:
    ladder = Ladder(ALL, DWELL_S, 0)
    seen = [ladder.decide(_need(10, backlog=1.5 if at <= 100 else 0.5), at) for at in range(600)]
    assert [seen[at] for at in (99, 100, 599)] == [Rung.FULL, Rung.DEADBAND, Rung.FULL]


def test_a_month_that_is_spent_leaves_the_last_rung_at_once() -> None:
    ladder = Ladder(ALL, DWELL_S, 0)
    assert ladder.decide(_need(1, 0, spent=True), 0) is Rung.MINUTE


def test_only_rungs_that_were_allowed_are_used() -> None:
    ladder = Ladder((Rung.MINUTE,), DWELL_S, 0)
    assert set(_live(ladder, 1, 500)) == {Rung.FULL, Rung.MINUTE}
    assert set(_live(Ladder((), DWELL_S, 0), 1, 500)) == {Rung.FULL}


_NEEDS = st.lists(
    st.builds(
        Need,
        st.floats(0, 1e6),
        st.none() | st.floats(0, 1e6),
        st.booleans(),
        st.floats(0, 10),
    ),
    max_size=300,
)


@settings(deadline=None)
@given(needs=_NEEDS)
def test_it_never_goes_back_sooner_than_four_dwell_times(needs: list[Need]) -> None:
    ladder, changed_s, before = Ladder(ALL, DWELL_S, 0), 0, Rung.FULL
    for at, need in enumerate(needs):
        now_s = at * 20
        rung = ladder.decide(need, now_s)
        assert rung >= before or now_s - changed_s >= 4 * DWELL_S
        assert rung <= before + 1 or need.is_spent
        if rung is not before:
            changed_s, before = now_s, rung


def test_a_burst_is_no_habit_and_a_habit_is_seen() -> None:
    rate = Rate(0)
    rate.add(600_000, 1)
    assert 900 < rate.bytes_s(1) < 1100
    for second in range(1, 36_000):
        rate.add(100, second * 1_000_000_000)
    assert 100 < rate.bytes_s(36_000 * 1_000_000_000) < 130
    rate.begin(36_000 * 1_000_000_000)
    assert rate.bytes_s(36_001 * 1_000_000_000) == 0
