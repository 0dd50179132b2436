"""This file picks the messages of one POST; it guards that each is handed back if it is not answered for.

The first is waited for; what is due then joins it, up to a number and so many bytes that an alarm which comes now waits
behind little. Nothing is asked of the cursor while a POST is under way.
"""

import asyncio
from typing import Generic

from isolane.health.links.port import AnyMessage, Courier

_BYTES_MAX = 8192
"""Headers are 5 % of it, and it is a second on a line of 64 kbit/s."""
_SOON_S = 0.05
"""What is due is there within a reading of the outbox's file."""


class Pick(Generic[AnyMessage]):
    """What a link has picked.

    Args:
        courier: Has the messages.

    Attributes:
        messages: Of the POST under way.
    """

    def __init__(self, courier: Courier[AnyMessage]) -> None:
        self.messages: list[AnyMessage] = []
        self._courier = courier
        self._over: list[AnyMessage] = []
        """Came beside them and did not fit."""

    async def pick(self, messages_max: int) -> list[AnyMessage]:
        """Give the messages to post next, at least one."""
        size_bytes = 0
        while len(self.messages) < messages_max:
            if not self._over:
                await (self._due() if self.messages else self._wait())
            if not self._over:
                break
            size_bytes += len(self._over[0].data)
            if self.messages and size_bytes > _BYTES_MAX:
                break
            self.messages.append(self._over.pop(0))
        return self.messages

    def answered(self) -> None:
        """Those picked are answered for."""
        self.messages = []

    def back(self) -> None:
        """Hand everything back."""
        for message in self.messages + self._over:
            self._courier.back(message)
        self.messages, self._over = [], []

    async def _wait(self) -> None:
        self._over.append(await self._courier.next())

    async def _due(self) -> None:
        """Take one more message if one is due."""
        task = asyncio.ensure_future(self._courier.next())
        try:
            await asyncio.wait({task}, timeout=_SOON_S)
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                self._over.append(task.result())
