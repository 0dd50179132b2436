"""This file says when to take a row; it guards that no UTC second is given twice and none is given that was not lived.

Constraints: within one epoch t only rises. Waits follow the monotonic clock; the UTC clock is only looked at, to label.

Operation: a tick comes at every UTC instant that is a whole multiple of the step. After each wait both clocks are
compared with the tick before. Then one of these holds:

- both moved alike by one step: a tick.
- both moved alike by more (the process stood still): one tick for now; `missed` counts the rows that were not taken.
- UTC moved further than the monotonic clock, by a step or more (set forward, or the machine was suspended): a `Step`,
  then the tick of now. t still rises; the seconds that were jumped over never existed.
- UTC moved less, by a step or more (set back): a `Step` with a negative `by_ms`, then ticks whose t may have been given
  before. The receiver begins a new epoch at such a step.

Smaller deviations (NTP slewing, a step of less than one row) stretch or shorten one wait and need no word.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock

Sleep = Callable[[float], Awaitable[None]]
"""Waits for a number of seconds of the monotonic clock."""

_WAIT_NS_MIN = NS_PER_MS


@dataclass(frozen=True, slots=True)
class Tick:
    """Take a row now.

    Attributes:
        t_ms: UTC of the row, ms since 1970, a whole multiple of the step.
        mono_ns: The monotonic clock at this moment.
        missed: Rows since the tick before that were not taken because this process stood still.
    """

    t_ms: int
    mono_ns: int
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """The UTC clock was set.

    Attributes:
        by_ms: How far, ms; negative is back.
        mono_ns: The monotonic clock at this moment.
    """

    by_ms: int
    mono_ns: int

    @property
    def needs_new_epoch(self) -> bool:
        """Whether the ticks that follow may repeat a t that was given before."""
        return self.by_ms < 0


class Ticks:
    """An endless asynchronous iterator of `Tick` and `Step`.

    Args:
        clock: Both clocks.
        step_ms: From tick to tick, ms.
        sleep: How to wait.
        set_ms_min: The UTC clock counts as set when it moved by so much, ms; one step if that is more. Ticks much
            faster than a second would else take every small correction of the clock for a new time.
    """

    def __init__(self, clock: Clock, step_ms: int = 1000, sleep: Sleep = asyncio.sleep, set_ms_min: int = 0) -> None:
        self._clock = clock
        self._step_ns = step_ms * NS_PER_MS
        self._set_ns = max(self._step_ns, set_ms_min * NS_PER_MS)
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[Tick | Step]:
        """Give ticks for ever, at their time."""
        last_utc, last_mono = self._clock.utc_ns(), self._clock.mono_ns()
        due = self._after(last_utc)
        while True:
            utc, mono = await self._wait(due, last_utc, last_mono)
            moved_by = (utc - last_utc) - (mono - last_mono)
            lived = mono - last_mono
            last_utc, last_mono = utc, mono
            stepped = abs(moved_by) >= self._set_ns
            if stepped:
                yield Step(moved_by // NS_PER_MS, mono)
                if moved_by < 0:
                    due = self._after(utc)
                    continue
            t = utc - utc % self._step_ns
            skipped = lived if moved_by >= self._step_ns else t - due + self._step_ns
            yield Tick(t // NS_PER_MS, mono, max(0, skipped // self._step_ns - 1))
            due = t + self._step_ns

    def _after(self, utc: int) -> int:
        return utc - utc % self._step_ns + self._step_ns

    async def _wait(self, due: int, last_utc: int, last_mono: int) -> tuple[int, int]:
        """Wait until UTC is `due` or the clock was set; give both clocks."""
        while True:
            utc, mono = self._clock.utc_ns(), self._clock.mono_ns()
            if utc >= due or abs((utc - last_utc) - (mono - last_mono)) >= self._set_ns:
                return utc, mono
            await self._sleep(max(due - utc, _WAIT_NS_MIN) / NS_PER_S)
