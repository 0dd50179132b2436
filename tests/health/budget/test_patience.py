"""This file spends patience in every order; it never lasts longer than it may."""

from hypothesis import given
from hypothesis import strategies as st

from isolane.health.budget.patience import Patience

_STEPS = st.lists(st.tuples(st.integers(0, 5000), st.booleans()), max_size=60)


@given(steps=_STEPS, most=st.integers(0, 3000))
def test_over_any_time_what_is_spent_is_what_was_there_and_a_tenth(steps: list[tuple[int, bool]], most: int) -> None:
    subject, now, spent = Patience(most), 0, 0
    for passed, is_spending in steps:
        subject.spend(now, is_spending=is_spending)
        before = subject.left_ns(now)
        now += passed
        after = subject.left_ns(now)
        assert 0 <= after <= most
        if is_spending:
            assert after == max(0, before - passed)
            spent += before - after
        assert spent <= most + now / 10


def test_it_comes_back_in_ten_times_the_time_and_a_clock_that_goes_back_changes_nothing() -> None:
    subject = Patience(1000)
    subject.spend(0, is_spending=True)
    assert subject.left_ns(1000) == 0
    subject.spend(1000, is_spending=False)
    assert [subject.left_ns(at) for at in (6000, 500, 6000, 11_000, 50_000)] == [500, 500, 500, 1000, 1000]
