"""This file tells Channel B of calls and watches it stand aside, and never for ever."""

from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.health.budget.yielding import Stance, Yielding

_MS = 1_000_000
FREE, HOLD, SHARE = Stance.FREE, Stance.HOLD, Stance.SHARE


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


def test_what_is_never_answered_stops_what_waits_for_a_bounded_time_then_slows_then_is_forgotten() -> None:
    subject = Yielding(guard_ms=50, hold_ms_max=2000)
    subject.called("CP1", "charger", 0)
    assert subject.stance(9_000 * _MS) is HOLD, "nobody has waited yet"
    subject.waits(10_000 * _MS, is_waiting=True)
    assert [subject.stance(at * _MS) for at in (11_999, 12_000, 59_999, 60_001)] == [HOLD, SHARE, SHARE, FREE]


def test_a_backlog_beside_a_busy_business_waits_for_a_tenth_of_the_time_and_goes_on_between_its_calls() -> None:
    subject, seen = Yielding(guard_ms=50, hold_ms_max=2000), []
    subject.waits(0, is_waiting=True)
    for at in range(0, 600_000, 10):  # a call each 300 ms takes 100 ms
        if at % 300 == 0:
            subject.called("CP1", "charger", at * _MS)
        if at % 300 == 100:
            subject.answered("CP1", "csms", at * _MS)
        seen.append(subject.stance(at * _MS))
    assert seen[:15] == [HOLD] * 15, "as long as there is patience"
    assert seen.count(FREE) == len(seen) // 2
    assert 0.08 <= seen.count(HOLD) / len(seen) <= 0.1 + 2 / 600


def test_what_is_sent_now_and_then_keeps_clear_of_every_call() -> None:
    subject, seen = Yielding(guard_ms=50, hold_ms_max=2000), []
    for at in range(0, 600_000, 10):
        if at % 300 == 0:
            subject.called("CP1", "charger", at * _MS)
        if at % 300 == 100:
            subject.answered("CP1", "csms", at * _MS)
        subject.waits(at * _MS, is_waiting=at % 10_000 < 1000)
        seen.append(subject.stance(at * _MS))
    assert SHARE not in seen


def test_a_business_that_is_never_quiet_is_given_room_call_by_call() -> None:
    subject, seen = Yielding(guard_ms=50, hold_ms_max=2000), []
    subject.waits(0, is_waiting=True)
    for n in range(1000):
        at = n * 20 * _MS
        subject.called("CP1", "charger", at)
        seen.append(subject.stance(at))
        subject.answered("CP1", "csms", at + 10 * _MS)
    assert seen == [HOLD] * 100 + [SHARE] * 900
    assert subject.stance(1000 * 20 * _MS + 60 * _MS) is FREE


def test_the_more_calls_are_in_flight_the_less_is_left() -> None:
    heavy, light = Yielding(50, 0), Yielding(50, 0, weight=0.25)
    assert heavy.share == light.share == 1
    for n in range(4):
        heavy.called(f"CP{n}", "charger", 0)
        light.called(f"CP{n}", "charger", 0)
    assert (heavy.share, light.share) == (0.2, 0.5)
    heavy.answered("CP1", "csms", 1)
    assert heavy.share == 0.25


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
    assert subject.stance(1) is SHARE


_EVENTS = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from(["call", "answer", "gone", "wait", "rest"]), st.sampled_from("AB")),
    max_size=30,
)


@settings(deadline=None, max_examples=30)
@given(events=_EVENTS)
def test_what_waits_is_held_for_its_patience_and_a_tenth_of_the_time_at_most(
    events: list[tuple[int, str, str]],
) -> None:
    subject, now, held_ms, is_waiting = Yielding(guard_ms=100, hold_ms_max=300), 0, 0, False
    for pause_ms, what, charger in events:
        for _ in range(pause_ms):  # look every millisecond
            now += _MS
            is_held = subject.stance(now) is HOLD
            held_ms += is_held and is_waiting
            assert is_held == (subject.change_s(now) > 0)
            assert held_ms <= 300 + now / _MS / 10 + 1
        match what:
            case "call":
                subject.called(charger, "charger", now)
            case "answer":
                subject.answered(charger, "csms", now)
            case "gone":
                subject.gone(charger)
            case _:
                is_waiting = what == "wait"
                subject.waits(now, is_waiting=is_waiting)
