"""This file runs one of several ingest workers; it guards that a worker keeps nothing that another would miss.

It has no folder and no console. What it takes in goes into the inbox in the catalogue's database, from where the center
with the telemetry store takes it; the books are in that database too.
"""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from isolane.center.ingest.counters import IngestCounters
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.inbox import Inbox
from isolane.center.task_restarts import TaskRestarts
from isolane.center.ways_in import WaysIn
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name
from isolane.core.supervisor import Restarts, supervise
from isolane.wire.exposition import serve_metrics

_log = logging.getLogger(__name__)


async def run_worker(settings: CenterSettings, name: str) -> None:
    """Take telemetry until SIGTERM or SIGINT.

    Args:
        settings: Of the center; of the store only the catalogue.
        name: Among the workers.

    Raises:
        IsolaneError: The set-up has no room for several workers, or an address or file cannot be used.
    """
    check_worker(settings, name)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    counters, registry, restarts = IngestCounters(), CollectorRegistry(), Restarts()
    for collector in (counters, TaskRestarts(restarts)):
        registry.register(collector)
    async with AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
        closing.push_async_callback(catalogue.close)
        ways_in = WaysIn(settings, catalogue, Inbox(catalogue), counters, worker=name)
        if settings.metrics is not None:
            page = await serve_metrics(registry, settings.metrics.host, settings.metrics.port)
            closing.callback(page.close)
        running = [
            asyncio.create_task(supervise(part, task, restarts), name=part) for part, task in ways_in.tasks.items()
        ]
        serving = [asyncio.create_task(server.run()) for server in ways_in.servers]
        _log.info("ready worker=%s ingest=%s", name, ways_in)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        _log.info("stopping")
        for server in ways_in.servers:
            server.stop()
        await asyncio.gather(*serving)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    _log.info("stopped")


def check_worker(settings: CenterSettings, name: str) -> None:
    """Refuse a set-up in which several processes cannot share what they write.

    Raises:
        IsolaneError: It is one.
    """
    check_name("worker", name)
    if settings.store.catalogue is None:
        raise IsolaneError(
            "several workers cannot share the embedded catalogue, which is a file of one process",
            'set [center.store] catalogue = "postgresql://..." for them and for the center, or run the center alone',
        )
    if settings.mqtt is None and settings.https is None:
        raise IsolaneError("the worker has no way in", "set [center.mqtt] or [center.https]")
