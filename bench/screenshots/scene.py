"""This file serves a center in which one of everything has happened; it guards that all of it stops in order."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.screenshots.alarms import open_alarms
from bench.screenshots.chargers import CHARGING, FAULTED, PREPARING, SUSPENDED, UNAVAILABLE, Charger
from bench.screenshots.commands import send_commands
from bench.screenshots.entries import enter
from bench.screenshots.fleet import Gateway, Stretch, send, sent_long_ago
from bench.screenshots.health import tell_health
from bench.screenshots.snapshots import send_snapshots
from starlette.routing import BaseRoute

from isolane.center.app import _Center
from isolane.center.ingest.intake import Intake
from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.people.settings import AccessSettings
from isolane.center.settings import CenterSettings
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.people_port import Desk, NewPerson
from isolane.center.store.people_views import EVERYWHERE, Caller, Role, Visit, set_caller
from isolane.config.values import Address
from isolane.core.samples import Reason
from isolane.wire.uplink import Up

SITE, GATEWAY, CHARGER = "hafen-depot", "gw-hafen-1", "DE-ISO-HAF-01"
"""What a page about one of them is shown for."""
HOSTILE = "<img src=x onerror=alert(1)>"
USER, PASSWORD = "mona", "correct horse battery"
_HOUR_S = 3600
_TROUBLE = (
    Stretch(20 * _HOUR_S, 19 * _HOUR_S + 1200, "lost"),
    Stretch(17 * _HOUR_S, 16 * _HOUR_S + 1800, "absent"),
    Stretch(14 * _HOUR_S, 12 * _HOUR_S, "minute"),
    Stretch(9 * _HOUR_S, 8 * _HOUR_S, "bounded"),
    Stretch(3000, 2400, "bounded"),
    Stretch(1920, 1560, "deadband"),
    Stretch(1260, 960, "minute"),
    Stretch(720, 540, "bad", "TemperatureSensor[Contact"),
    Stretch(420, 300, "lost"),
)


def gateways(*, hours: float = 26, hostile: bool = False) -> list[Gateway]:
    """Make the gateways of the scene, the first with a past of some hours.

    Args:
        hours: How far the past of the first one reaches.
        hostile: Whether texts that devices choose try to be markup.
    """
    first = HOSTILE if hostile else CHARGER
    depot = (
        Charger(first, 150),
        Charger("DE-ISO-HAF-02", 150, state=CHARGING, heat=2.05, offset_s=1300),
        Charger("DE-ISO-HAF-03", 300, state=FAULTED, bad=(("[Contact", Reason.DISCONNECTED),), offset_s=2500),
        Charger("DE-ISO-HAF-04", 300, offset_s=3700),
    )
    motorway = (
        Charger("DE-ISO-A9-01", 300, offset_s=900),
        Charger("DE-ISO-A9-02", 300, state=SUSPENDED, stale=("DCVoltage", "FanSpeed"), offset_s=300),
        Charger("DE-ISO-A9-03", 22, is_dc=False, state=PREPARING),
        Charger("DE-ISO-A9-04", 22, is_dc=False, state=UNAVAILABLE, bad=(("ACVoltage", Reason.REFUSED),)),
        Charger("DE-ISO-A9-05", 22, is_dc=False, offset_s=2000),
    )
    garage = (Charger("DE-ISO-GAR-01", 22, is_dc=False), Charger("DE-ISO-GAR-02", 22, is_dc=False, offset_s=600))
    reason = "<b>lost</b>" if hostile else "outbox-full"
    return [
        Gateway(SITE, GATEWAY, depot, seconds=int(hours * _HOUR_S), stretches=_TROUBLE, reason=reason),
        Gateway("rasthof-a9", "gw-a9-1", motorway, stretches=(Stretch(2400, 2280, "hole"),)),
        Gateway("stadtgarage", "gw-garage-1", garage, seconds=4 * _HOUR_S, ended_s=3 * _HOUR_S),
        Gateway("neubau-west", "gw-west-1", (), seconds=300),
    ]


@dataclass(frozen=True)
class Scene:
    """A center that is served.

    Attributes:
        url: Address of its console.
        routes: The application's own table.
        user: Who can log in, with PASSWORD; "" while there are no users and everybody may look.
    """

    url: str
    routes: list[BaseRoute]
    user: str = ""


@asynccontextmanager
async def served(folder: Path, made: list[Gateway]) -> AsyncIterator[Scene]:
    """Serve a center that has what some gateways sent and goes on receiving from those that still send.

    Args:
        folder: For its data; empty.
        made: The gateways, none for an empty center that has no users either.
    """
    settings = CenterSettings(
        data=folder,
        console=Address("127.0.0.1", 0),
        access=AccessSettings(requests_per_s=1e5, burst_requests=100_000),
    )
    async with AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_catalogue(settings.store, settings.data))
        closing.push_async_callback(catalogue.close)
        telemetry = EmbeddedTelemetry(settings.data / "telemetry", settings.store)
        closing.push_async_callback(telemetry.close)
        center = _Center(settings, catalogue, telemetry)
        closing.callback(center.office.close)
        if made:
            await asyncio.create_task(_add_user(center.office.desk))
        # The scene's alerts are not those that rules would have after a few seconds.
        running: list[asyncio.Future[None]] = [
            asyncio.ensure_future(task()) for name, task in center.tasks.items() if name != "alerts"
        ]
        serving = asyncio.create_task(center.console.run())
        try:
            intake = center.ways_in.intake
            await _fill(intake, catalogue, telemetry, made)
            if made:
                # The past is read from the lake and from hot blocks, as on a center that has run for a day.
                await telemetry.roll(int(time.time() * 1000) + settings.store.hot_minutes * 60_000)
                await open_alarms(SqlAlerts(catalogue), SITE, made[0].chargers[0])
                await tell_health(catalogue, made[0])
                await send_commands(catalogue, made[0], USER)
                await send_snapshots(catalogue, settings.data, made[0])
                await enter(catalogue, KpiKeeper(catalogue, telemetry, KpiBook(catalogue)), made[0])
            running.append(asyncio.create_task(_go_on(intake, [gateway for gateway in made if not gateway.ended_s])))
            yield Scene(center.url, list(center.routes), USER if made else "")
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await center.live.close()
            center.console.stop()
            await serving


async def _fill(intake: Intake, catalogue: SqlCatalogue, telemetry: EmbeddedTelemetry, made: list[Gateway]) -> None:
    for gateway in made:
        if gateway.ended_s:
            await sent_long_ago(catalogue, telemetry, gateway)
        else:
            await send(intake, gateway, gateway.history())
    if made:
        await intake.receive(SITE, GATEWAY, Up.BLOCK, b"ISB" + bytes(60))


async def _add_user(desk: Desk) -> None:
    """Add an administrator; in a task of its own, whose caller nobody else is."""
    set_caller(Caller("terminal", Role.ADMIN, None, None), Visit("terminal"))
    await desk.add_person(NewPerson(USER, Role.ADMIN, [EVERYWHERE], PASSWORD))


async def _go_on(intake: Intake, made: list[Gateway]) -> None:
    """Send a block a second from each gateway, for ever."""
    while made:
        for gateway in made:
            await send(intake, gateway, [*gateway.due(), gateway.statement()])
        await asyncio.sleep(1)
