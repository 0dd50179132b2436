"""This file begins parts anew; it guards that there is never more than one of a part."""

import asyncio

import pytest

from isolane.health.anew import Anew


class Part:
    """Runs until it is told to end, and notes how many of it there are."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0
        self.is_there, self.end = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        self.now, self.begun = self.now + 1, self.begun + 1
        self.most = max(self.most, self.now)
        self.is_there.set()
        try:
            await self.end.wait()
        finally:
            await asyncio.sleep(0)  # what closing a connection takes
            self.now -= 1

    async def there(self) -> None:
        async with asyncio.timeout(20):
            await self.is_there.wait()
        self.is_there.clear()


async def test_the_old_has_ended_before_the_new_begins() -> None:
    part = Part()
    anew = Anew(part.run)
    running = asyncio.create_task(anew.run())
    for number in range(1, 4):
        await part.there()
        assert anew.restart() == number
    await part.there()
    assert (part.begun, part.most, anew.count) == (4, 1, 3)
    part.end.set()
    async with asyncio.timeout(20):
        await running
    assert part.now == 0


async def test_what_it_raises_is_raised_and_a_cancellation_reaches_it() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Anew(broken).run()
    part = Part()
    running = asyncio.create_task(Anew(part.run).run())
    await part.there()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (running.cancelled(), part.now) == (True, 0)
