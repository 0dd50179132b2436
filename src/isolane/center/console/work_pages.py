"""This file answers for the pages of snapshots and commands; it guards that they show facts and promise nothing.

Neither comes from a gateway yet. Both pages say so, say what will stand there, and show what the book of alarms knows
of the same question: which moments are worth a look, and what is to be done where.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Response

from isolane.center.console.alarms import AlarmRow, row, worst_first
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute
from isolane.center.store.alert_port import Alerts
from isolane.center.store.alert_views import Alert, AlertQuery, AlertState, Level
from isolane.center.store.people_views import caller

MOMENTS_MAX: Final = 50
TASKS_MAX: Final = 200
AROUND_MS: Final = 300_000
"""How much a chart shows before and after an alarm was opened."""
_STANDING: Final = tuple(str(state) for state in AlertState if state is not AlertState.CLOSED)


def work_pages(alerts: Alerts) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    @router.get("/snapshots")
    async def snapshots_page() -> Response:
        found = await alerts.page(AlertQuery(sites=caller().sites, level_min=Level.L3, limit=MOMENTS_MAX))
        moments = [(row(one), window(one)) for one in found.alerts if one.device]
        return render("snapshots.html", nav="snapshots", moments=moments)

    @router.get("/commands")
    async def commands_page() -> Response:
        query = AlertQuery(sites=caller().sites, level_min=Level.L2, states=_STANDING, limit=TASKS_MAX)
        found = await alerts.page(query)
        return render("commands.html", nav="commands", sites=by_site(found.alerts), is_more=found.before is not None)

    return router


def window(alert: Alert) -> str:
    """Give the address of the charts around the moment at which an alarm was opened."""
    place = "/".join(quote(part, safe="") for part in (alert.site, alert.device))
    return f"/chargers/{place}#from={alert.opened_ms - AROUND_MS}&to={alert.opened_ms + AROUND_MS}"


def by_site(alerts: Sequence[Alert]) -> list[tuple[str, list[AlarmRow]]]:
    """Group alarms by site, the site with the worst first; what has no site is the center's own."""
    sites: dict[str, list[AlarmRow]] = {}
    for one in sorted(worst_first(list(alerts)), key=lambda one: -one.alert.level):
        sites.setdefault(one.alert.site, []).append(one)
    return list(sites.items())
