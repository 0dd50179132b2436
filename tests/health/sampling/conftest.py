"""This file gives the sampling tests a clock that only they move; it guards that no test waits for real time."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest


@dataclass(slots=True)
class TestClock:
    """Both clocks, moved by hand. `sleep` moves them and calls what a test has planned for that moment."""

    __test__ = False

    mono: int = 1_000_000_000_000
    utc: int = 1_700_000_000_000_000_000
    plans: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def mono_ns(self) -> int:
        return self.mono

    def utc_ns(self) -> int:
        return self.utc

    def pass_s(self, seconds: float) -> None:
        self.mono += round(seconds * 1e9)
        self.utc += round(seconds * 1e9)

    async def sleep(self, seconds: float) -> None:
        self.pass_s(seconds)
        due = [plan for plan in self.plans if plan[0] <= self.mono]
        self.plans = [plan for plan in self.plans if plan[0] > self.mono]
        for _, act in due:
            act()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()
