"""This file tests the ticks against stepped and frozen clocks; it guards that no t is given twice in an epoch."""

from collections.abc import Callable
from typing import Protocol

from hypothesis import given
from hypothesis import strategies as st

from isolane.health.sampling.ticks import Step, Tick, Ticks

START_MS = 1_700_000_000_000


class MovedClock(Protocol):
    """What these tests need of the fixture."""

    mono: int
    utc: int
    plans: list[tuple[int, Callable[[], None]]]

    def mono_ns(self) -> int: ...
    def utc_ns(self) -> int: ...
    def pass_s(self, seconds: float) -> None: ...
    async def sleep(self, seconds: float) -> None: ...


async def take(clock: MovedClock, count: int, step_ms: int = 1000, set_ms_min: int = 0) -> list[Tick | Step]:
    taken: list[Tick | Step] = []
    async for each in Ticks(clock, step_ms, clock.sleep, set_ms_min):
        taken.append(each)
        if len(taken) == count:
            break
    return taken


def plan(clock: MovedClock, after_s: float, act: Callable[[], None]) -> None:
    clock.plans.append((clock.mono + round(after_s * 1e9), act))


def set_by(clock: MovedClock, seconds: float) -> None:
    clock.utc += round(seconds * 1e9)


def times(taken: list[Tick | Step]) -> list[int]:
    return [each.t_ms - START_MS for each in taken if isinstance(each, Tick)]


async def test_ticks_come_on_whole_utc_seconds(clock: MovedClock) -> None:
    clock.pass_s(0.3)
    taken = await take(clock, 3)
    assert times(taken) == [1000, 2000, 3000]
    assert [each.mono_ns for each in taken] == [1_000_000_000_000 + n * 1_000_000_000 for n in (1, 2, 3)]
    assert all(isinstance(each, Tick) and not each.missed for each in taken)


async def test_another_step_keeps_to_its_own_multiples(clock: MovedClock) -> None:
    clock.pass_s(0.3)
    assert times(await take(clock, 3, 250)) == [500, 750, 1000]


async def test_a_frozen_process_reports_the_rows_it_missed(clock: MovedClock) -> None:
    plan(clock, 1.5, lambda: clock.pass_s(20.2))
    taken = await take(clock, 4)
    assert times(taken) == [1000, 22000, 23000, 24000]
    assert [each.missed for each in taken if isinstance(each, Tick)] == [0, 20, 0, 0]


async def test_a_clock_set_forward_is_a_step_and_misses_nothing(clock: MovedClock) -> None:
    plan(clock, 1.5, lambda: set_by(clock, 3600))
    first, step, second, third = await take(clock, 4)
    assert isinstance(step, Step)
    assert (step.by_ms, step.needs_new_epoch) == (3_600_000, False)
    assert times([first, second, third]) == [1000, 3_602_000, 3_603_000]
    assert isinstance(second, Tick)
    assert second.missed == 0


async def test_a_clock_set_back_asks_for_a_new_epoch(clock: MovedClock) -> None:
    plan(clock, 2.5, lambda: set_by(clock, -10))
    taken = await take(clock, 5)
    step = taken[2]
    assert isinstance(step, Step)
    assert (step.by_ms, step.needs_new_epoch) == (-10_000, True)
    assert times(taken) == [1000, 2000, -6000, -5000]


async def test_a_clock_set_back_by_less_than_a_row_stretches_one_wait(clock: MovedClock) -> None:
    plan(clock, 1.5, lambda: set_by(clock, -0.9))
    taken = await take(clock, 3)
    assert times(taken) == [1000, 2000, 3000]
    assert taken[1].mono_ns - taken[0].mono_ns == 1_900_000_000


async def test_fast_ticks_take_a_corrected_clock_for_no_new_time(clock: MovedClock) -> None:
    plan(clock, 0.25, lambda: set_by(clock, -0.3))
    plan(clock, 1.25, lambda: set_by(clock, 0.3))
    taken = await take(clock, 12, 100, set_ms_min=1000)
    assert not [each for each in taken if isinstance(each, Step)]
    assert times(taken) == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1300, 1400, 1500]
    assert all(each.missed == 0 for each in taken if isinstance(each, Tick)), "what was jumped over was not lived"


async def test_fast_ticks_see_a_clock_that_was_set(clock: MovedClock) -> None:
    plan(clock, 0.25, lambda: set_by(clock, -10))
    taken = await take(clock, 4, 100, set_ms_min=1000)
    assert [each.by_ms for each in taken if isinstance(each, Step)] == [-10_000]
    assert times(taken) == [100, 200, -9600]


async def test_a_leap_second_is_a_step_back_of_one_row_and_loses_none(clock: MovedClock) -> None:
    """Linux inserts it by setting the clock back one second at midnight: the repeated second is of a new epoch."""
    plan(clock, 2.0, lambda: set_by(clock, -1))
    taken = await take(clock, 5)
    steps = [each for each in taken if isinstance(each, Step)]
    assert [(step.by_ms, step.needs_new_epoch) for step in steps] == [(-1000, True)]
    assert times(taken) == [1000, 2000, 3000, 4000]
    assert all(each.missed == 0 for each in taken if isinstance(each, Tick))


async def test_a_smeared_leap_second_needs_no_word(clock: MovedClock) -> None:
    for second in range(1, 20):
        plan(clock, second - 0.5, lambda: set_by(clock, -0.05))
    taken = await take(clock, 18)
    assert not [each for each in taken if isinstance(each, Step)]
    assert times(taken) == [1000 * number for number in range(1, 19)]


async def test_a_sleep_that_ends_early_is_taken_up_again(clock: MovedClock) -> None:
    async def short(seconds: float) -> None:
        await clock.sleep(seconds * 0.7)

    taken: list[Tick | Step] = []
    async for each in Ticks(clock, 1000, short):
        taken.append(each)
        if len(taken) == 3:
            break
    assert times(taken) == [1000, 2000, 3000]


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 7)), max_size=12),
    st.sampled_from([100, 1000, 5000]),
    st.sampled_from([0, 1000]),
)
async def test_t_only_rises_within_an_epoch(moves: list[tuple[float, float]], step_ms: int, set_ms_min: int) -> None:
    clock = Jumpy(moves)
    last, lived = None, 0
    async for each in Ticks(clock, step_ms, clock.sleep, set_ms_min):
        if isinstance(each, Step):
            assert abs(each.by_ms) >= max(step_ms, set_ms_min)
            last = None if each.needs_new_epoch else last
            continue
        assert each.t_ms % step_ms == 0
        assert each.missed >= 0
        assert last is None or each.t_ms > last
        last = each.t_ms
        lived += 1
        if lived == 30:
            break


class Jumpy:
    """A clock that is set and stands still as a list says, one entry a sleep."""

    def __init__(self, moves: list[tuple[float, float]]) -> None:
        self.mono, self.utc, self.moves = 10**12, 1_700_000_000 * 10**9, list(moves)

    def mono_ns(self) -> int:
        return self.mono

    def utc_ns(self) -> int:
        return self.utc

    async def sleep(self, seconds: float) -> None:
        set_s, stood_s = self.moves.pop() if self.moves else (0.0, 0.0)
        passed = round((seconds + stood_s) * 1e9)
        self.mono += passed
        self.utc += passed + round(set_s * 1e9)
