"""This file answers for the page of commands; it guards that it shows facts and promises nothing.

None comes from a person yet. The page says so, says what will stand there, and shows what the book of alarms knows of
the same question: what is to be done where.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Response

from isolane.center.console.alarms import AlarmRow, worst_first
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute
from isolane.center.store.alert_port import Alerts
from isolane.center.store.alert_views import Alert, AlertQuery, AlertState, Level
from isolane.center.store.people_views import caller

TASKS_MAX: Final = 200
_STANDING: Final = tuple(str(state) for state in AlertState if state is not AlertState.CLOSED)


def work_pages(alerts: Alerts) -> APIRouter:
    """Give the route of this page; include it before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    @router.get("/commands")
    async def commands_page() -> Response:
        query = AlertQuery(sites=caller().sites, level_min=Level.L2, states=_STANDING, limit=TASKS_MAX)
        found = await alerts.page(query)
        return render("commands.html", nav="commands", sites=by_site(found.alerts), is_more=found.before is not None)

    return router


def by_site(alerts: Sequence[Alert]) -> list[tuple[str, list[AlarmRow]]]:
    """Group alarms by site, the site with the worst first; what has no site is the center's own."""
    sites: dict[str, list[AlarmRow]] = {}
    for one in sorted(worst_first(list(alerts)), key=lambda one: -one.alert.level):
        sites.setdefault(one.alert.site, []).append(one)
    return list(sites.items())
