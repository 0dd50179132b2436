"""This file tests the cadence with a clock that only it moves; it guards that late rounds are skipped."""

import asyncio

from isolane.core.clock import SystemClock
from isolane.health.sources.cadence import Cadence


class Clock:
    """Moves when it is slept on."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def mono_ns(self) -> int:
        return self.now

    def utc_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


async def test_groups_come_at_their_periods() -> None:
    clock = Clock()
    cadence = Cadence({"fast": 1.0, "slow": 3.0}, clock, clock.sleep)
    rounds = [(await cadence.due(), (clock.now - 5_000_000_000) / 1e9) for _ in range(7)]
    assert [sorted(groups) for groups, _ in rounds[:5]] == [
        ["fast", "slow"],
        ["fast"],
        ["fast"],
        ["fast", "slow"],
        ["fast"],
    ]
    assert [at for _, at in rounds] == [0, 1, 2, 3, 4, 5, 6]


async def test_a_group_can_come_and_ends_by_itself() -> None:
    clock = Clock()
    cadence = Cadence({"fast": 1.0}, clock, clock.sleep)
    await cadence.due()
    cadence.begin("rapid", 0.25, clock.now + 500_000_000)
    cadence.begin("rapid", 0.25, clock.now + 1_100_000_000)
    assert [sorted(await cadence.due()) for _ in range(5)] == [["rapid"]] * 4 + [["fast", "rapid"]]
    assert await cadence.due() == {"fast"}
    assert clock.now == 7_000_000_000
    assert cadence.left_s == 1.0


async def test_a_group_that_begins_does_not_wait_for_the_others() -> None:
    cadence = Cadence({"slow": 3600.0}, SystemClock())
    await cadence.due()
    waiting = asyncio.create_task(cadence.due())
    await asyncio.sleep(0)
    cadence.begin("rapid", 0.1, SystemClock().mono_ns() + 10_000_000_000)
    async with asyncio.timeout(10):
        assert await waiting == {"rapid"}


async def test_what_is_left_counts_no_group_that_has_ended() -> None:
    clock = Clock()
    cadence = Cadence({"fast": 1.0}, clock, clock.sleep)
    await cadence.due()
    cadence.begin("rapid", 0.25, clock.now + 100_000_000)
    assert cadence.left_s == 0
    clock.now += 500_000_000
    assert cadence.left_s == 0.5


async def test_a_late_round_is_skipped_and_the_beat_kept() -> None:
    clock = Clock()
    cadence = Cadence({"fast": 1.0}, clock, clock.sleep)
    await cadence.due()
    clock.now += 4_300_000_000
    await cadence.due()
    assert cadence.left_s == 0.7
    await cadence.due()
    assert clock.now == 10_000_000_000
