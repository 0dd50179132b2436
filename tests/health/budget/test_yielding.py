"""This file tells Channel B of calls and watches it stand aside, and never for ever."""

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.health.budget.yielding import Stance, Yielding

_MS = 1_000_000
FREE, HOLD, TRICKLE = Stance.FREE, Stance.HOLD, Stance.TRICKLE


def test_a_call_holds_until_its_answer_and_the_guard_time_after() -> None:
    subject = Yielding(guard_ms=50, hold_ms_max=2000)
    assert subject.stance(0) is FREE
    subject.called("CP1", "charger", 0)
    assert [subject.stance(at * _MS) for at in (0, 49, 80)] == [HOLD] * 3
    subject.answered("CP1", "csms", 80 * _MS)
    assert [subject.stance(at * _MS) for at in (80, 129, 130)] == [HOLD, HOLD, FREE]
    assert subject.holds == 1


def test_a_call_of_either_side_waits_for_the_answer_of_the_other() -> None:
    subject = Yielding(guard_ms=0, hold_ms_max=2000)
    subject.called("CP1", "charger", 0)
    subject.called("CP1", "csms", 0)
    subject.answered("CP1", "charger", 1)
    assert subject.stance(2) is HOLD
    subject.answered("CP1", "csms", 2)
    assert subject.stance(2) is FREE


def test_what_is_never_answered_stops_for_a_bounded_time_then_slows_then_is_forgotten() -> None:
    subject = Yielding(guard_ms=50, hold_ms_max=2000)
    subject.called("CP1", "charger", 0)
    assert [subject.stance(at * _MS) for at in (1999, 2000, 59_999, 60_001)] == [HOLD, TRICKLE, TRICKLE, FREE]


def test_a_business_that_is_never_quiet_leaves_the_trickle() -> None:
    subject, seen = Yielding(guard_ms=50, hold_ms_max=2000), []
    for n in range(1000):
        at = n * 20 * _MS
        subject.called("CP1", "charger", at)
        seen.append(subject.stance(at))
        subject.answered("CP1", "csms", at + 10 * _MS)
    assert seen == [HOLD] * 100 + [TRICKLE] * 900
    assert subject.stance(1000 * 20 * _MS + 60 * _MS) is FREE


def test_a_charger_that_is_gone_and_facts_that_are_lost_hold_nobody() -> None:
    for is_lost in (False, True):
        subject = Yielding(guard_ms=50, hold_ms_max=2000)
        subject.called("CP1", "charger", 0)
        if is_lost:
            subject.forget()
        else:
            subject.gone("CP1")
        assert subject.stance(50 * _MS) is FREE
        assert subject.in_flight == 0


def test_no_full_stop_at_all_can_be_set() -> None:
    subject = Yielding(guard_ms=50, hold_ms_max=0)
    subject.called("CP1", "charger", 0)
    assert subject.stance(1) is TRICKLE


_EVENTS = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from(["call", "answer", "gone", "look"]), st.sampled_from("AB")),
    max_size=30,
)


@settings(deadline=None, max_examples=30)
@given(events=_EVENTS)
def test_no_hold_lasts_longer_than_it_may(events: list[tuple[int, str, str]]) -> None:
    subject, now, held_since = Yielding(guard_ms=100, hold_ms_max=300), 0, None
    for pause_ms, what, charger in events:
        for _ in range(pause_ms):  # look every millisecond
            now += _MS
            if subject.stance(now) is not HOLD:
                held_since = None
            elif held_since is None:
                held_since = now
            assert held_since is None or now - held_since < 300 * _MS
            assert (subject.stance(now) is HOLD) == (subject.change_s(now) > 0)
        match what:
            case "call":
                subject.called(charger, "charger", now)
            case "answer":
                subject.answered(charger, "csms", now)
            case "gone":
                subject.gone(charger)
            case _:
                pass
