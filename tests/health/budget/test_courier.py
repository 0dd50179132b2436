"""This file gives a link messages faster than they may be sent; it gets no more than can go out."""

import asyncio

from isolane.health.budget.courier import Unhurried
from isolane.health.budget.settings import BudgetSettings
from isolane.wire.uplink import Downlink
from support.budget_ways import world_of
from support.outboxes import until


class _Messages:
    """Messages without end, counted as they are taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def begin(self) -> None:
        """Nothing to begin."""

    async def next(self) -> bytes:
        self.taken += 1
        return bytes(4000)

    async def answer(self, downlink: Downlink) -> None:
        """Nobody answers."""

    def sent(self, message: bytes) -> None:
        """It was sent."""

    def back(self, message: bytes) -> None:
        """It comes again."""

    def refuse(self, message: bytes) -> None:
        """It is not taken."""


async def test_a_window_of_senders_takes_one_message_after_the_other() -> None:
    got = 0

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal got
        while chunk := await reader.read(65_536):
            got += len(chunk)

    messages = _Messages()
    async with world_of(serve, BudgetSettings(rate_kbit_s=256)) as world:
        courier = Unhurried(messages, world.way.of("a"))
        assert await courier.next() == bytes(4000), "without a connection nothing is waited for"
        _, writer = await world.streams()

        async def send() -> None:
            while True:
                writer.write(await courier.next())

        senders = [asyncio.create_task(send()) for _ in range(16)]
        most = 0
        while got < 40_000:
            await asyncio.sleep(0.01)
            most = max(most, messages.taken * 4000 - got)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        # One that is being sent and one that may have been taken, and the first, which nobody wrote.
        assert most <= 4 * 4000
        writer.transport.abort()
        await until(lambda: not world.way.passages("a"), "the passage has ended")
