"""This file says what is to be done where, from alarms that stand; it guards that the worst stands first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from isolane.center.console.alarms import AlarmRow, worst_first
from isolane.center.store.alert_port import Alerts
from isolane.center.store.alert_views import Alert, AlertQuery, AlertState, Level
from isolane.center.store.people_views import caller

TASKS_MAX: Final = 200
_STANDING: Final = tuple(str(state) for state in AlertState if state is not AlertState.CLOSED)


@dataclass(frozen=True, slots=True)
class Tasks:
    """What is to be done, by site; `is_more` where only the newest alarms were looked at."""

    sites: list[tuple[str, list[AlarmRow]]]
    is_more: bool


async def tasks_of(alerts: Alerts) -> Tasks:
    """Give what the caller's alarms ask for."""
    query = AlertQuery(sites=caller().sites, level_min=Level.L2, states=_STANDING, limit=TASKS_MAX)
    found = await alerts.page(query)
    return Tasks(by_site(found.alerts), found.before is not None)


def by_site(alerts: Sequence[Alert]) -> list[tuple[str, list[AlarmRow]]]:
    """Group alarms by site, the site with the worst first; what has no site is the center's own."""
    sites: dict[str, list[AlarmRow]] = {}
    for one in sorted(worst_first(list(alerts)), key=lambda one: -one.alert.level):
        sites.setdefault(one.alert.site, []).append(one)
    return list(sites.items())
