"""This file gives each gateway its share of ingest; it guards that one that floods delays itself alone.

Operation: a gateway has a bucket of messages and one of bytes, both refilled at the rate of the settings. While they
hold something its messages pass at once. Beyond that they wait for their turn, in their order, which slows a long
backlog down without losing any of it. When more waits than a well-behaved gateway ever has in flight, the rest is not
taken: it is not acknowledged, so an honest gateway sends it again, and it is told as a security event.
"""

import asyncio
import time
from collections.abc import Callable

from isolane.center.ingest.settings import QuotaSettings


class QuotaError(Exception):
    """A gateway sends faster than its share, and enough of it waits already."""


class Gate:
    """The way in of one gateway.

    Args:
        settings: Its share.
        clock_s: A monotonic clock, s.
    """

    def __init__(self, settings: QuotaSettings, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock_s = clock_s
        self._at_s = clock_s()
        self._messages = float(settings.burst_messages)
        self._bytes = float(settings.burst_bytes)
        self._turn = asyncio.Lock()
        self.waiting = 0
        self.waiting_bytes = 0

    def passes(self, size_bytes: int) -> bool:
        """Take a message's share if nothing waits before it and there is some left; tell whether it was taken."""
        return not self.waiting and self._take(size_bytes) <= 0

    async def wait(self, size_bytes: int) -> None:
        """Wait for a message's turn.

        Raises:
            QuotaError: Too much waits already.
        """
        self.enter(size_bytes)
        await self.stand(size_bytes)

    def enter(self, size_bytes: int) -> None:
        """Get in line; `stand` must follow.

        Raises:
            QuotaError: Too much waits already.
        """
        if why := self.refusal():
            raise QuotaError(why)
        self.waiting += 1
        self.waiting_bytes += size_bytes

    def refusal(self, messages: int = 0, size_bytes: int = 0) -> str:
        """Say why nothing more of the gateway is taken; "" while it is.

        Args:
            messages: What waits of it before it comes to this gate.
            size_bytes: All of those together.
        """
        settings, messages, size_bytes = self._settings, self.waiting + messages, self.waiting_bytes + size_bytes
        if messages < settings.waiting_messages_max and size_bytes < settings.waiting_bytes_max:
            return ""
        return f"{messages} messages of {size_bytes} bytes wait for their turn"

    async def stand(self, size_bytes: int) -> None:
        """Stand in line until it is one's turn."""
        try:
            async with self._turn:
                pause_s = self._take(size_bytes)
                if pause_s > 0:  # nobody else takes from the buckets while this one has its turn
                    await asyncio.sleep(pause_s)
                    self._take(size_bytes, owing=True)
        finally:
            self.waiting -= 1
            self.waiting_bytes -= size_bytes

    def _take(self, size_bytes: int, *, owing: bool = False) -> float:
        """Take a message's share and give 0; or give how long to wait where there is none, s.

        A large message may leave a debt of bytes; one that has waited takes its share in any case.
        """
        settings, now_s = self._settings, self._clock_s()
        passed_s, self._at_s = now_s - self._at_s, now_s
        self._messages = min(settings.burst_messages, self._messages + passed_s * settings.messages_per_s)
        self._bytes = min(settings.burst_bytes, self._bytes + passed_s * settings.bytes_per_s)
        pause_s = max((1 - self._messages) / settings.messages_per_s, -self._bytes / settings.bytes_per_s)
        if pause_s > 0 and not owing:
            return pause_s
        self._messages -= 1
        self._bytes -= size_bytes
        return 0.0


class Gates:
    """The gates of all gateways; as many as the authority has named, since a certificate stands behind each.

    Args:
        settings: Each one's share.
    """

    def __init__(self, settings: QuotaSettings) -> None:
        self._settings = settings
        self._gates: dict[str, Gate] = {}

    def of(self, gateway: str) -> Gate:
        """Give a gateway's gate."""
        gate = self._gates.get(gateway)
        if gate is None:
            gate = self._gates[gateway] = Gate(self._settings)
        return gate
