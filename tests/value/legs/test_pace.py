"""This file checks the token bucket against its two promises, with a clock of the test's own."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from isolane.value.legs.pace import Bucket, Wait

S = 1_000_000_000


@given(
    st.lists(st.tuples(st.integers(0, 3 * S), st.integers(1, 50)), max_size=60),
    st.floats(0.5, 100),
    st.integers(1, 300),
)
def test_no_span_of_time_gives_more_than_burst_and_pace(asked: list[tuple[int, int]], per_s: float, burst: int) -> None:
    now, given_out = 0, [(0, 0)]
    bucket = Bucket(per_s, burst, lambda: now)
    for wait_ns, most in asked:
        now += wait_ns
        given_out.append((now, bucket.take(most)))
        assert given_out[-1][1] <= most
    for begin in range(len(given_out)):
        span_s = (now - given_out[begin][0]) / S
        assert sum(count for _, count in given_out[begin:]) <= burst + span_s * per_s + 1e-3


@given(st.integers(1, 50), st.floats(0.5, 100))
def test_whoever_waits_as_long_as_told_is_served(tokens: int, per_s: float) -> None:
    now = 0
    bucket = Bucket(per_s, 50, lambda: now)
    assert bucket.take(60) == 50
    now += int(bucket.wait_s(tokens) * S) + 1_000
    assert bucket.take(tokens) == tokens
    assert bucket.wait_s(0) == 0.0


@given(st.integers(1, 40), st.floats(0.5, 100), st.floats(0, 10))
def test_who_reserves_is_served_in_order_at_the_pace_or_told_no(burst: int, per_s: float, wait_s_max: float) -> None:
    bucket = Bucket(per_s, burst, lambda: 0)
    waits = [bucket.reserve(wait_s_max) for _ in range(burst + 20)]
    served = [wait for wait in waits if wait is not None]
    assert served == sorted(served)
    assert served[:burst] == [0.0] * burst
    assert all(wait <= wait_s_max for wait in served)
    for later, wait in enumerate(served[burst:], 1):
        assert abs(wait - later / per_s) < 1e-6
    assert waits[: len(served)] == served, "after the first no there is no yes"
    assert bucket.take() == 0


async def test_a_wait_is_one_at_a_time_and_ends_by_itself() -> None:
    over: list[int] = []
    wait, done = Wait(60), asyncio.Event()

    def end() -> None:
        over.append(1)
        done.set()

    assert wait.begin(0.01, end)
    assert wait.begin(0.01, end), "it waits already"
    async with asyncio.timeout(10):
        await done.wait()
    assert not wait.active
    assert wait.begin(3600, end)
    wait.stop()
    assert wait.begin(3600, end), "and another"
    wait.stop()
    assert over == [1]


async def test_waits_that_follow_each_other_come_to_an_end() -> None:
    wait, begun = Wait(0.2), asyncio.get_running_loop().time()
    over = asyncio.Event()
    async with asyncio.timeout(10):
        while wait.begin(0.01, over.set):
            await over.wait()
            over.clear()
    assert asyncio.get_running_loop().time() - begun > 0.2
