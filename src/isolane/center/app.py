"""This file puts the center together and runs it; it guards that the store opens first and closes last."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry

from isolane.center.alerts.desk import AlertDesk
from isolane.center.api.alert_routes import alert_router
from isolane.center.api.application import create_app, routes_of
from isolane.center.api.command_routes import command_router
from isolane.center.api.fleet_routes import fleet_router
from isolane.center.api.guard import Guard
from isolane.center.api.health_routes import health_router
from isolane.center.api.kpi_routes import kpi_router
from isolane.center.api.live import LiveStreams
from isolane.center.api.people_routes import people_router
from isolane.center.api.problems import problem
from isolane.center.api.response_routes import response_router
from isolane.center.api.snapshot_routes import snapshot_router
from isolane.center.console import STATIC
from isolane.center.console.alarms import alarm_pages
from isolane.center.console.changes import change_pages
from isolane.center.console.command_pages import command_pages
from isolane.center.console.health_pages import health_pages
from isolane.center.console.kpi_entries import kpi_entry_pages
from isolane.center.console.kpi_pages import kpi_pages
from isolane.center.console.pages import console_router
from isolane.center.console.people_pages import bounce_page, people_pages, refused_page
from isolane.center.console.sibling_pages import sibling_pages
from isolane.center.console.snapshot_pages import snapshot_pages
from isolane.center.fleet.desk import FleetDesk
from isolane.center.ingest.counters import IngestCounters
from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.kpis.reports import Reports
from isolane.center.kpis.response import ResponseTimes
from isolane.center.people.office import Office, check_access
from isolane.center.restores import tell_of_restores
from isolane.center.serve import WebServer
from isolane.center.settings import CenterSettings
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.command_book import SqlCommands
from isolane.center.store.command_desk import CommandDesk
from isolane.center.store.command_seed import CommandSeed
from isolane.center.store.command_settings import CommandSettings
from isolane.center.store.command_witness import Witness
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.gauges import StoreGauges
from isolane.center.store.health_book import HealthBook
from isolane.center.store.health_gauges import PartGauges
from isolane.center.store.inbox import InboxTaker
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.kpi_marks import MarkedTelemetry
from isolane.center.store.revocations import RevocationLog, revocations_file
from isolane.center.store.snapshot_book import FOLDER, SnapshotBook
from isolane.center.store.snapshot_films import SnapshotFilms
from isolane.center.store.victoria_telemetry import open_telemetry
from isolane.center.task_restarts import TaskRestarts
from isolane.center.watch import LedgerWatch
from isolane.center.ways_in import WaysIn
from isolane.core.supervisor import Restarts, supervise
from isolane.security.signing import Signer
from isolane.security.tls import server_context
from isolane.wire.exposition import serve_metrics

_log = logging.getLogger(__name__)


async def run(settings: CenterSettings) -> None:
    """Run the center until SIGTERM or SIGINT.

    Raises:
        IsolaneError: An address, file or folder cannot be used.
    """
    check_access(settings.console, settings.access)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
        closing.push_async_callback(catalogue.close)
        telemetry = open_telemetry(settings.data / "telemetry", settings.store)
        closing.push_async_callback(telemetry.close)
        center = _Center(settings, catalogue, telemetry)
        closing.callback(center.office.close)
        closing.push_async_callback(center.alerts.close)
        await center.office.require_people()
        if settings.metrics is not None:
            page = await serve_metrics(center.registry, settings.metrics.host, settings.metrics.port)
            closing.callback(page.close)
        running = [
            asyncio.create_task(supervise(name, task, center.restarts), name=name)
            for name, task in center.tasks.items()
        ]
        serving = [asyncio.create_task(server.run()) for server in center.servers]
        _log.info("ready console=%s ingest=%s", center.url, center.ways_in)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *serving}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        _log.info("stopping")
        await center.live.close()
        center.ways_in.relay.end()
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
        counters, watch = IngestCounters(), LedgerWatch(catalogue)
        self.registry = CollectorRegistry()
        self.restarts = Restarts()
        book = KpiBook(catalogue)
        keeper, figures = KpiKeeper(catalogue, telemetry, book), Reports(book, telemetry)
        marked = MarkedTelemetry(telemetry, book)
        for collector in (counters, watch, StoreGauges(telemetry), TaskRestarts(self.restarts), keeper):
            self.registry.register(collector)
        self.ways_in = WaysIn(settings, catalogue, marked, counters)
        self.tasks: dict[str, Callable[[], Awaitable[None]]] = {
            **self.ways_in.tasks,
            "roll": telemetry.keep,
            "ledger": watch.run,
            "kpis": keeper.run,
        }
        if settings.store.catalogue is not None:
            self._take_inbox(catalogue, marked)
        self.commands = self._file_commands(settings.commands, catalogue)
        health = self._file_health(settings, catalogue)
        fleet = FleetDesk(health, figures)
        kept = SqlAlerts(catalogue)
        responses = ResponseTimes(book, kept)
        self.alerts = AlertDesk(
            settings.alerts,
            kept,
            catalogue,
            telemetry,
            watched_certificates(settings),
            parts=health,
            suspicious=self.commands,
        )
        self.registry.register(self.alerts.gauges)
        self.tasks.update(self.alerts.tasks)
        self.live = LiveStreams(telemetry, streams_max=settings.access.streams_max)
        revocations = RevocationLog(revocations_file(settings.store, settings.data))
        tell_of_restores(revocations)
        snapshots = self._collect_snapshots(settings, catalogue, revocations)
        films = SnapshotFilms(snapshots, settings.snapshots)
        self.office = Office(catalogue, settings.access, revocations=revocations)
        door, desk = self.office.door, self.office.desk
        routers = (
            people_router(door, desk), kpi_router(figures), response_router(responses), alert_router(kept, self.live),
            health_router(health), command_router(self.commands), fleet_router(fleet),
            snapshot_router(snapshots, films),
        )  # fmt: skip
        app = create_app(catalogue, telemetry, self.live, routers, session_cookie=self.office.session_cookie)
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
        for pages in (
            people_pages(door, desk, self.office.security_txt), alarm_pages(kept), kpi_pages(figures, responses),
            kpi_entry_pages(figures, catalogue), change_pages(catalogue, telemetry, kept, figures, book),
            sibling_pages(telemetry, figures), health_pages(health, telemetry, fleet),
            snapshot_pages(kept, snapshots, films), command_pages(self.commands, kept),
            console_router(catalogue, telemetry),
        ):  # fmt: skip
            app.include_router(pages)
        self.app, self.routes = app, app.routes
        gate = self.office.gate(app, routes_of(app), problem=problem, page=refused_page, bounce=bounce_page)
        self.console = _console_server(settings, Guard(gate, self.office.hosts(), is_tls=settings.access.is_public))
        self.url = f"{'http' if settings.access.certificate is None else 'https'}://{self.console.address}"
        self.servers = [self.console, *self.ways_in.servers]

    def _file_commands(self, settings: CommandSettings, catalogue: SqlCatalogue) -> SqlCommands:
        """File what gateways say of commands; only here, so that one process co-signs."""
        witness = None if settings.witness is None else Witness(settings.name, Signer(settings.witness))
        commands, desk = SqlCommands(catalogue, settings.name), CommandDesk(catalogue, witness)
        self.registry.register(desk)
        self.tasks["commands"] = desk.run
        self.tasks["command keys"] = CommandSeed(settings, commands).run
        return commands

    def _take_inbox(self, catalogue: SqlCatalogue, marked: MarkedTelemetry) -> None:
        """Take what other workers have put into the database."""
        taker = InboxTaker(catalogue.engine, marked)
        self.registry.register(taker)
        self.tasks["inbox"] = taker.run

    def _collect_snapshots(
        self, settings: CenterSettings, catalogue: SqlCatalogue, revocations: RevocationLog
    ) -> SnapshotBook:
        """Collect the cards and files of snapshots; only here, so that one process writes their folder."""
        book = SnapshotBook(catalogue, settings.data / FOLDER, settings.snapshots, revocations)
        self.tasks["snapshots"] = book.run
        return book

    def _file_health(self, settings: CenterSettings, catalogue: SqlCatalogue) -> HealthBook:
        """File what gateways say of parts, and tell scores as metrics where that is wanted."""
        health = HealthBook(catalogue)
        self.tasks["health"] = health.run
        if settings.store.part_gauges:
            gauges = PartGauges(health)
            self.registry.register(gauges)
            self.tasks["part gauges"] = gauges.run
        return health


def _console_server(settings: CenterSettings, app: Guard) -> WebServer:
    access = settings.access
    tls = None
    if access.certificate is not None and access.key is not None:
        tls = server_context(access.certificate, access.key)
    return WebServer("[center] console", app, settings.console, tls=tls)


def watched_certificates(settings: CenterSettings) -> list[Path]:
    """Give the files of certificates that the center itself uses or issues with: their ends are told as alerts."""
    files: list[Path | None] = [settings.access.certificate]
    if settings.mqtt is not None:
        files += [settings.mqtt.certificate, settings.mqtt.ca]
    if settings.https is not None:
        files += [settings.https.certificate, settings.https.client_ca]
    if settings.enrolment is not None:
        files += [settings.enrolment.issuer / "ca.pem", settings.enrolment.server_ca]
    return [file for file in files if file is not None]
