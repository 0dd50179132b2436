"""This file hands a link its next message only when the last one is on its way; it guards what an alarm waits behind.

Without it a link would take as many messages as its window holds, all of which an alarm would have to wait for, and
which at a slow pace would count as unanswered before they were sent.
"""

import asyncio
from typing import Generic, Protocol, TypeVar

from isolane.health.budget.way_out import LinkWay
from isolane.wire.uplink import Downlink

_TURNS = 10
"""Rounds of the loop after which what a link has taken stands in its connection."""

Message = TypeVar("Message")


class Courier(Protocol[Message]):
    """The outbox's cursor as a link sees it."""

    async def begin(self) -> None:
        """Begin a session."""
        ...

    async def next(self) -> Message:
        """Wait for the next message."""
        ...

    async def answer(self, downlink: Downlink) -> None:
        """Take what the center says."""
        ...

    def sent(self, message: Message) -> None:
        """The message was taken."""
        ...

    def back(self, message: Message) -> None:
        """The message did not get through."""
        ...

    def refuse(self, message: Message) -> None:
        """The message is not taken as it is."""
        ...


class Unhurried(Generic[Message]):
    """A courier that waits for the way to be free.

    Args:
        courier: Has the messages.
        way: Of the link.
    """

    def __init__(self, courier: Courier[Message], way: LinkWay) -> None:
        self.begin = courier.begin
        self.answer = courier.answer
        self.sent = courier.sent
        self.back = courier.back
        self.refuse = courier.refuse
        self._next = courier.next
        self._way = way
        self._turn = asyncio.Lock()

    async def next(self) -> Message:
        """Wait until what the link was given before is on its way, then for the next message."""
        async with self._turn:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            await self._way.sent()
            return await self._next()
