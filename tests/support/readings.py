"""This file runs a source and keeps what it emits; it guards that a test waits for a condition, never for a while."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from isolane.core.ports import Source
from isolane.core.samples import Quality, Reading, Reason

DEADLINE_S = 10.0


class Kept:
    """What a running source has emitted, and what went wrong in its loop beside it."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.accidents: list[dict[str, Any]] = []
        self.running: asyncio.Task[None] | None = None

    def emit(self, readings: Sequence[Reading]) -> None:
        self.readings.extend(readings)

    def reasons(self) -> set[Reason]:
        return {reading.reason for reading in self.readings}

    def good(self) -> list[Reading]:
        return [reading for reading in self.readings if reading.quality is Quality.GOOD]

    def value(self, key: str, charger: str | None = None) -> float | None:
        """Give the newest value of a signal, None if its newest reading is BAD or there is none."""
        for reading in reversed(self.readings):
            if reading.signal == key and charger in (None, reading.charger):
                return reading.value
        return None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds; fail when the source ends or the deadline passes before."""
        begin = time.monotonic()
        while not condition():
            assert self.running is not None
            assert not self.running.done(), "the source ended"
            assert time.monotonic() - begin < DEADLINE_S, f"after {len(self.readings)} readings: {self.readings[-3:]}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(source: Source) -> AsyncIterator[Kept]:
    """Run a source; at the end it has to stop within 1 s of being cancelled, and nothing may have gone wrong unseen.

    Of several that run at once each sees the accidents of all.
    """
    loop = asyncio.get_running_loop()
    kept = Kept()
    before = loop.get_exception_handler()

    def note(which: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        kept.accidents.append(context)
        if before is not None:
            before(which, context)

    loop.set_exception_handler(note)
    kept.running = loop.create_task(source.run(kept.emit))
    try:
        yield kept
    finally:
        kept.running.cancel()
        done, _ = await asyncio.wait({kept.running}, timeout=1.0)
        assert done, "the source did not stop within 1 s"
        with contextlib.suppress(asyncio.CancelledError):
            await kept.running
    declared = {(signal.charger, signal.key) for signal in source.signals}
    assert {(reading.charger, reading.signal) for reading in kept.readings} <= declared
    for reading in kept.readings:
        assert (reading.value is None) == (reading.quality is Quality.BAD) == (reading.reason is not Reason.NONE)
    assert not kept.accidents, kept.accidents
