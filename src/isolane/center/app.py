"""This file puts the center together and runs it; it guards that the store opens first and closes last."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry

from isolane.center.api.application import create_app
from isolane.center.api.guard import Guard
from isolane.center.api.live import LiveStreams
from isolane.center.console import STATIC
from isolane.center.console.pages import console_router
from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.https import IngestApp
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.mqtt import MqttSubscriber
from isolane.center.ingest.peer import PeerProtocol
from isolane.center.ingest.quota import Gates
from isolane.center.ingest.settings import HttpsIngest
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.serve import WebServer
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.gauges import StoreGauges
from isolane.center.task_restarts import TaskRestarts
from isolane.center.watch import LedgerWatch
from isolane.core.supervisor import Restarts, supervise
from isolane.security.event_lines import EventLines
from isolane.security.tls import server_context
from isolane.wire.exposition import serve_metrics

_log = logging.getLogger(__name__)

_GATEWAY_RESTS_S = 300
"""A gateway that sends once a minute keeps its connection; a new TLS handshake would cost more than its block."""


async def run(settings: CenterSettings) -> None:
    """Run the center until SIGTERM or SIGINT.

    Raises:
        IsolaneError: An address, file or folder cannot be used.
    """
    settings.require_loopback()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
        closing.push_async_callback(catalogue.close)
        telemetry = EmbeddedTelemetry(settings.data / "telemetry", settings.store)
        closing.push_async_callback(telemetry.close)
        center = _Center(settings, catalogue, telemetry)
        if settings.metrics is not None:
            page = await serve_metrics(center.registry, settings.metrics.host, settings.metrics.port)
            closing.callback(page.close)
        running = [
            asyncio.create_task(supervise(name, task, center.restarts), name=name)
            for name, task in center.tasks.items()
        ]
        serving = [asyncio.create_task(server.run()) for server in center.servers]
        _log.info("ready console=http://%s ingest=%s", center.console.address, center.ways_in() or "none")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        _log.info("stopping")
        await center.live.close()
        for server in center.servers:
            server.stop()
        await asyncio.gather(*serving)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    _log.info("stopped")


class _Center:
    """Everything between the store and the network, put together but not running.

    Args:
        settings: See there.
        catalogue: Open.
        telemetry: Open.

    Raises:
        IsolaneError: An address or a file of a certificate cannot be used.
    """

    def __init__(self, settings: CenterSettings, catalogue: SqlCatalogue, telemetry: EmbeddedTelemetry) -> None:
        self._settings = settings
        counters, watch = IngestCounters(), LedgerWatch(catalogue)
        self.registry = CollectorRegistry()
        self.restarts = Restarts()
        for collector in (counters, watch, StoreGauges(telemetry), TaskRestarts(self.restarts)):
            self.registry.register(collector)
        intake = Intake(catalogue, telemetry, settings.commit, counters)
        gates, suspicions = Gates(settings.quota), Suspicions(EventLines())
        self.tasks: dict[str, Callable[[], Awaitable[None]]] = {
            "commit": intake.run,
            "roll": telemetry.keep,
            "ledger": watch.run,
        }
        if settings.mqtt is not None:
            self.tasks["mqtt"] = MqttSubscriber(settings.mqtt, intake, counters, gates, suspicions).run
        self.live = LiveStreams(telemetry)
        app = create_app(catalogue, telemetry, self.live)
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
        app.include_router(console_router(catalogue, telemetry))
        self.console = WebServer("[center] console", Guard(app), settings.console)
        self.servers = [self.console]
        if settings.https is not None:
            self.servers.append(_https_server(settings.https, IngestApp(intake, gates, suspicions)))

    def ways_in(self) -> str:
        """Name the ways in with their addresses."""
        ways = [f"https://{server.address}" for server in self.servers[1:]]
        if self._settings.mqtt is not None:
            ways.append(f"mqtts://{self._settings.mqtt.host}:{self._settings.mqtt.port}")
        return ",".join(ways)


def _https_server(settings: HttpsIngest, app: IngestApp) -> WebServer:
    return WebServer(
        "[center.https] address",
        app,
        settings.address,
        tls=server_context(settings.certificate, settings.key, settings.client_ca, settings.crl),
        protocol=PeerProtocol,
        requests_max=settings.connections_max,
        keep_alive_s=_GATEWAY_RESTS_S,
    )
