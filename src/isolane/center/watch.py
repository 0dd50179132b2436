"""This file looks at the ledgers from time to time; it guards that no hole appears in silence."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.store.ledger import BALANCED, HOLE, PENDING, UNSTATED
from isolane.center.store.port import Catalogue

_log = logging.getLogger(__name__)

_INTERVAL_S = 15.0


class LedgerWatch(Collector):
    """Counts verdicts and tells of new holes; register it with a registry.

    Args:
        catalogue: Port of the store.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._verdicts: Counter[str] = Counter()
        self._holes: set[tuple[str, int, int]] = set()

    async def run(self) -> None:
        """Look for ever; cancel it to stop."""
        while True:
            try:
                await self.look()
            except OSError as error:
                _log.warning("ledger-unread error=%s", error)
            await asyncio.sleep(_INTERVAL_S)

    async def look(self) -> None:
        """Read all ledgers once.

        Raises:
            OSError: The database is away.
        """
        verdicts = await self._catalogue.verdicts()
        self._verdicts = verdicts.counts
        holes = {(line.gateway, line.epoch, line.stream) for line in verdicts.holes}
        for gateway, epoch, stream in sorted(holes - self._holes):
            _log.warning("ledger-hole gateway=%s epoch=%d stream=%d", gateway, epoch, stream)
        self._holes = holes

    def collect(self) -> Iterator[Metric]:
        """Give the verdicts to Prometheus."""
        family = GaugeMetricFamily(
            "isolane_center_ledger_streams", "Streams of all gateways by the verdict on their books", labels=["verdict"]
        )
        for verdict in (BALANCED, PENDING, HOLE, UNSTATED):
            family.add_metric([verdict], self._verdicts[verdict])
        yield family
