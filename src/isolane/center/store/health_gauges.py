"""This file tells scores as metrics of the center; it guards that they are bounded and a scrape asks no database."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from isolane.center.store.health_book import HealthBook
from isolane.center.store.port import UnavailableError

_LOG = logging.getLogger(__name__)
PARTS_MAX: Final = 20_000
PAUSE_S: Final = 60.0
_LABELS: Final = ("site", "charger", "place", "component", "measure")


class PartGauges(Collector):
    """``isolane_center_part_health``: states of health of parts that have one, the first `PARTS_MAX` of them.

    Args:
        book: Is asked every `PAUSE_S`.
    """

    def __init__(self, book: HealthBook) -> None:
        self._book = book
        self._values: list[tuple[tuple[str, ...], float]] = []

    async def run(self) -> None:
        """Ask for ever; cancelled to stop."""
        while True:
            try:
                await self.look()
            except UnavailableError as error:
                _LOG.warning("part-gauges-not-read error=%s", error)
            await asyncio.sleep(PAUSE_S)

    async def look(self) -> None:
        """Ask once.

        Raises:
            UnavailableError: The database is away; what was known stands.
        """
        self._values = await self._book.values(PARTS_MAX)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give what was read last."""
        family = GaugeMetricFamily(
            "isolane_center_part_health", "State of health: 100 as new, 0 at the end of life.", labels=_LABELS
        )
        for labels, value in self._values:
            family.add_metric(labels, value)
        yield family
