"""This file joins what the budget consists of; it guards that all links share one of each."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from isolane.core.clock import Clock
from isolane.core.rungs import Rung
from isolane.health.budget.hearing import Hearing
from isolane.health.budget.ladder import Ladder, Need
from isolane.health.budget.month import Month
from isolane.health.budget.rate import Rate
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.store import Store
from isolane.health.budget.turnstile import Turnstile
from isolane.health.budget.way_out import WayOut

_LOG = logging.getLogger(__name__)
_LOOK_S = 1.0
_NS_PER_S = 1e9


class Budget:
    """What Channel B may use of the uplink.

    Args:
        settings: The table.
        path: Where the month's books are kept.
        clock: Both clocks.
        links: Names of the links there are.

    Raises:
        IsolaneError: The table names a link that is not there.
    """

    def __init__(self, settings: BudgetSettings, path: Path, clock: Clock, links: Iterable[str]) -> None:
        settings.check(links)
        self.settings = settings
        self.turnstile = Turnstile(settings)
        self.hearing = Hearing(self.turnstile)
        self.way = WayOut(settings, self.turnstile, self._spend)
        self.store = Store(path, settings.limit_bytes)
        self.month = Month(self.store.load(), settings.month_day)
        self.ladder = Ladder(settings.rungs, settings.dwell_s, clock.mono_ns() / _NS_PER_S)
        self.turnstile.is_spent = lambda: self.is_spent
        self.rate = Rate(clock.mono_ns())
        self._clock = clock
        self._backlog: Callable[[], int | None] = lambda: None

    @property
    def rung(self) -> Rung:
        """How much is to be thinned now."""
        return self.ladder.rung

    @property
    def is_spent(self) -> bool:
        """Whether nothing but the reserve is left of this month."""
        limit = self.settings.limit_bytes
        return limit is not None and self.month.used >= limit * (1 - self.settings.reserve)

    def spares(self, link: str) -> bool:
        """Tell whether a link is to send alarms and receipts alone, since what is left of the month is for those."""
        return self.is_spent and link not in self.settings.first

    def watch(self, backlog: Callable[[], int | None]) -> None:
        """Look at what waits from now on: bytes, None while no link stands."""
        self._backlog = backlog

    def need(self) -> Need:
        """Give what is needed and what there is, as things stand."""
        settings, now_ns = self.settings, self._clock.mono_ns()
        allowed = None
        if settings.limit_bytes is not None:
            left = max(0.0, settings.limit_bytes * (1 - settings.reserve) - self.month.used)
            allowed = left / self.month.left_s(self._clock.utc_ns())
        waits_s = (self._backlog() or 0) / settings.ceiling_bytes_s
        return Need(self.rate.bytes_s(now_ns), allowed, self.is_spent, waits_s / settings.backlog_s_max)

    def projected_bytes(self) -> float:
        """Give what the month will have used when it ends at the present rate."""
        rate = self.rate.bytes_s(self._clock.mono_ns())
        return self.month.used + rate * self.month.left_s(self._clock.utc_ns())

    async def run(self) -> None:
        """Count, keep the books and decide, every second until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.way.read()
            self._spend(0)
            if self.store.is_due(self.month.books):
                await asyncio.to_thread(self.store.save, self.month.books)
            before = self.rung
            if self.ladder.decide(self.need(), self._clock.mono_ns() / _NS_PER_S) is not before:
                self.rate.begin(self._clock.mono_ns())
                _LOG.warning("rung-changed from=%s to=%s", before.name, self.rung.name)

    async def close(self) -> None:
        """Let ended connections come to their end, cut the rest, and write the books as they are."""
        await self.way.close()
        await asyncio.to_thread(self.store.save, self.month.books, is_last=True)

    def _spend(self, size: int) -> None:
        now_ns = self._clock.mono_ns()
        self.month.book(size, self._clock.utc_ns(), now_ns)
        self.rate.add(size, now_ns)
