"""This file is the one way out of this process; it guards that no link's connection goes around the budget.

A link asks for a connection and gets one end of a socket pair. TLS ends in the library at that end, with the names it
was told: here passes ciphertext alone.
"""

import asyncio
import logging
from collections.abc import Callable

from isolane.health.budget import tcp
from isolane.health.budget.passage import Passage, Traffic
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.turnstile import Turnstile, slowest_bytes_s

_LOG = logging.getLogger(__name__)
_DRAIN_S = 1.0


class WayOut:
    """Opens and keeps the connections of all links.

    Args:
        settings: The budget.
        turnstile: Gives turns.
        spend: Told the bytes of packets as they are counted.
    """

    def __init__(self, settings: BudgetSettings, turnstile: Turnstile, spend: Callable[[int], None]) -> None:
        self._settings = settings
        self._turnstile = turnstile
        self._spend = spend
        self._running: dict[asyncio.Task[None], tuple[str, Passage]] = {}
        self.slowest_bytes_s = slowest_bytes_s(settings)
        self.packet_bytes: dict[str, int] = {}
        """Per link, both directions, headers included."""

    def of(self, link: str) -> "LinkWay":
        """Give a link its way out."""
        self.packet_bytes.setdefault(link, 0)
        return LinkWay(self, link)

    async def open(self, link: str, host: str, port: int, dead_s: int, traffic: Traffic) -> Passage:
        """Open a connection of a link.

        Raises:
            OSError: The far end cannot be reached, or interface or own address cannot be used.
        """
        outer = await tcp.connect(host, port, dead_s, self._settings)
        try:
            is_first = link in self._settings.first
            passage = Passage(
                outer,
                self._turnstile,
                traffic,
                lambda size, queue_s: self._note(link, size, queue_s),
                is_first=is_first,
            )
        except OSError:
            outer.close()
            raise
        task = asyncio.ensure_future(passage.run())
        self._running[task] = link, passage
        task.add_done_callback(self._ended)
        return passage

    def read(self) -> None:
        """Count what all connections have carried."""
        for _, passage in self._running.values():
            passage.read()

    def passages(self, link: str) -> list[Passage]:
        """Give the connections of a link."""
        return [passage for name, passage in self._running.values() if name == link]

    async def close(self) -> None:
        """Let what the links have ended come to its end, shortly; cut the rest."""
        if self._running:
            await asyncio.wait(self._running, timeout=_DRAIN_S)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        link, _ = self._running.pop(task)
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("passage-broke link=%s error=%r", link, task.exception())

    def _note(self, link: str, size: int, queue_s: float) -> None:
        self.packet_bytes[link] += size
        self._spend(size)
        self._turnstile.ease.note_own(max(0.0, queue_s - tcp.ACK_DELAY_S), self._turnstile.now_ns())


class LinkWay:
    """The way out of one link.

    Args:
        way: Of all.
        link: Its name.
    """

    def __init__(self, way: WayOut, link: str) -> None:
        self._way = way
        self._link = link

    async def connect(self, host: str, port: int, dead_s: int, traffic: Traffic) -> Passage:
        """Open a connection; see `WayOut.open`. Whoever gets it closes its `inner`."""
        return await self._way.open(self._link, host, port, dead_s, traffic)

    def patience_s(self, size: int) -> float:
        """Give how long so many bytes may take on a slow day, s."""
        return size / self._way.slowest_bytes_s

    async def sent(self) -> None:
        """Wait until everything that was written on the link's connections is on its way."""
        for passage in self._way.passages(self._link):
            await passage.idle.wait()
