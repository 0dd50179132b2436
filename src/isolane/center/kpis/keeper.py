"""This file computes days when they are over; it guards that each due day is computed from the store as it is now.

Each pass asks the book which site-days are due, reads them charger by charger, and stores a site's day in one
transaction together with the facts of the days beside it, which see across midnight.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.kpis.day import PortDay, Samples, read_day
from isolane.center.kpis.facts import facts_of, kept_runs, port_day, write
from isolane.center.kpis.plates import plate_at
from isolane.center.kpis.spans import length_ms
from isolane.center.kpis.timeline import DAY_MS
from isolane.center.store.kpi_book import DayEntry, KpiBook
from isolane.center.store.kpi_views import NameplateEntry
from isolane.center.store.port import Catalogue, UnavailableError

_log = logging.getLogger(__name__)

_PASS_EVERY_S: Final = 600.0
_SETTLE_MS: Final = 900_000
"""How long a day waits after its end for the gateways' last blocks; what comes later has it computed again."""
_BACK_DAYS: Final = 400
"""How far back a center that begins to compute looks: a year and a month."""


class KpiKeeper(Collector):
    """Keeps the days of the figures; register it with a registry.

    Args:
        catalogue: Who the chargers are.
        samples: Their samples.
        book: Where days go.
    """

    def __init__(self, catalogue: Catalogue, samples: Samples, book: KpiBook) -> None:
        self._catalogue = catalogue
        self._samples = samples
        self._book = book
        self._computed = 0
        self._failures = 0
        self._due = 0

    async def run(self) -> None:
        """Compute what is due, for ever; cancel it to stop."""
        while True:
            try:
                await self.compute(time.time_ns() // 1_000_000)
            except (OSError, UnavailableError) as error:
                self._failures += 1
                _log.error("kpi-days-failed error=%s", error)
            await asyncio.sleep(_PASS_EVERY_S)

    async def compute(self, now_ms: int) -> int:
        """Compute every day that is due as of a time.

        Returns:
            How many site-days were computed.

        Raises:
            OSError: The store cannot be read.
            UnavailableError: The book cannot be written.
        """
        today = (now_ms - _SETTLE_MS) // DAY_MS
        sites: dict[str, dict[str, int]] = {}
        for entry in await self._catalogue.chargers():
            # The day of the first contact is not whole.
            first = max(entry.first_seen_ms // DAY_MS + 1, today - _BACK_DAYS)
            sites.setdefault(entry.site, {})[entry.charger] = first
        due = await self._book.due({site: min(firsts.values()) for site, firsts in sites.items()}, today)
        plates = await self._book.nameplates() if due else []
        for left, (site, day) in enumerate(due):
            self._due = len(due) - left
            chargers = [charger for charger, first in sites[site].items() if first <= day]
            await self._site_day(site, day, chargers, plates, now_ms)
            self._computed += 1
        self._due = 0
        if due:
            _log.info("kpi-days-computed site_days=%d", len(due))
        return len(due)

    async def _site_day(
        self, site: str, day: int, chargers: list[str], plates: list[NameplateEntry], now_ms: int
    ) -> None:
        entries: list[DayEntry] = []
        for charger in chargers:
            plate = plate_at(plates, site, charger, (day + 1) * DAY_MS)
            rated_w = plate.rated_w if plate else 0
            fresh = await read_day(self._samples, site, charger, day * DAY_MS, rated_w)
            stored = await self._book.days(day - 2, day + 2, site=site, charger=charger)
            entries += await asyncio.to_thread(_entries, (site, charger), day, fresh, stored)
        await self._book.put(site, day, entries, now_ms)

    def collect(self) -> Iterator[Metric]:
        """Give the counts as they stand now."""
        yield CounterMetricFamily(
            "isolane_center_kpi_site_days_computed", "Days of sites whose figures were computed.", value=self._computed
        )
        yield CounterMetricFamily(
            "isolane_center_kpi_failures", "Passes that could not read or write the store.", value=self._failures
        )
        yield GaugeMetricFamily(
            "isolane_center_kpi_site_days_due", "Days of sites that the pass under way still has to do.", self._due
        )


def _entries(who: tuple[str, str], day: int, fresh: list[PortDay], stored: list[DayEntry]) -> list[DayEntry]:
    """Make the entries of a charger's day, and those of the day before and after, which see a part of it.

    Args:
        who: Site and charger.
        day: Which.
        fresh: The day as it was just read.
        stored: What is stored of two days before to two days after.
    """
    runs: dict[tuple[int, int], bytes] = {(one.port[2], one.day): one.runs for one in stored if one.day != day}
    around: dict[int, dict[int, PortDay]] = {}
    for (port, at), text in runs.items():
        around.setdefault(port, {})[at] = port_day(port, at, text)
    for one in fresh:
        around.setdefault(one.port, {})[day] = one
        runs[one.port, day] = write(kept_runs(one))
    out = []
    for at in (day - 1, day, day + 1):
        for port, facts in facts_of(at, around).items():
            down, offline, unknown = (length_ms(spans) for spans in (facts.down, facts.offline, facts.unknown))
            out.append(DayEntry((*who, port), at, down, offline, unknown, runs[port, at], write(facts)))
    return out
