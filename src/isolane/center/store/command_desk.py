"""This file files what gateways say of commands, for ever; it guards that what is suspicious is told, not only kept."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_filing import AT_ONCE, Filed, file
from isolane.center.store.command_witness import Witness
from isolane.center.store.port import UnavailableError
from isolane.security.event_lines import EventLines, Kind

_LOG = logging.getLogger(__name__)
PAUSE_S: Final = 0.5


class CommandDesk(Collector):
    """Files statements and receipts; register it with a registry.

    Args:
        catalogue: Whose database they are in.
        witness: Co-signs checkpoints; None: they are checked and kept as they are.
        events: Where security events are told.
    """

    def __init__(
        self, catalogue: SqlCatalogue, witness: Witness | None = None, events: EventLines | None = None
    ) -> None:
        self._catalogue, self._witness, self._events = catalogue, witness, events or EventLines()
        self.statements = 0
        self.receipts: Counter[tuple[str, str]] = Counter()
        """By state and reason."""
        self.suspicions: Counter[str] = Counter()
        self.forgotten: Counter[str] = Counter()
        """What gateways have from this center and it has no more, by kind."""

    async def run(self) -> None:
        """File for ever; cancelled to stop."""
        while True:
            try:
                found = await self.file()
            except UnavailableError as error:
                _LOG.warning("commands-not-filed error=%s", error)
                found = Filed()
            if max(found.statements, found.receipts) < AT_ONCE:
                await asyncio.sleep(PAUSE_S)

    async def file(self) -> Filed:
        """File what waits, some dozen of each kind at most.

        Raises:
            UnavailableError: The database is away; nothing has changed.
        """
        found = await self._catalogue.write(lambda session: file(session, self._witness))
        self.statements += found.statements
        self.receipts.update(found.states)
        for gateway, kind, detail in found.suspicions:
            self.suspicions[kind] += 1
            self._events.report(Kind.COMMAND, gateway=gateway, detail=f"{kind}: {detail}")
        for gateway, kind, detail in found.forgotten:
            self.forgotten[kind] += 1
            self._events.report(Kind.ROLLBACK, gateway=gateway, detail=f"{kind}: {detail}")
        return found

    def collect(self) -> Iterator[Metric]:
        """Give the counts to Prometheus."""
        name = "isolane_center_command"
        yield CounterMetricFamily(f"{name}_statements", "Statements of gateways looked at", self.statements)
        states = CounterMetricFamily(
            f"{name}_receipts", "Commands moved by a receipt, by state and reason", labels=["state", "reason"]
        )
        for labels, count in self.receipts.items():
            states.add_metric(labels, count)
        yield states
        suspicions = CounterMetricFamily(
            f"{name}_suspicions", "What no honest gateway would do, by kind", labels=["kind"]
        )
        for kind, count in self.suspicions.items():
            suspicions.add_metric([kind], count)
        yield suspicions
        forgotten = CounterMetricFamily(
            f"{name}_forgotten", "Statements that show that the center knows less than it did, by kind", labels=["kind"]
        )
        for kind, count in self.forgotten.items():
            forgotten.add_metric([kind], count)
        yield forgotten
