"""This file asks what is to be done; it guards that the worst stands first, and another tenant's not at all."""

import time
from collections.abc import Callable

from isolane.center.console.tasks import tasks_of
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_views import Caller, Role, Visit, set_caller

NOW_MS = time.time_ns() // 1_000_000


def _opening(site: str, device: str, level: int, action: str) -> Opening:
    subject = f"charger/{site}/{device}"
    return Opening(f"rule-{level}", subject, site, device, "", level, f"L {level}", "seen", "why", action, "")


async def test_what_is_to_be_done_stands_by_site_the_worst_first(open_catalogue: Callable[[], SqlCatalogue]) -> None:
    alerts = SqlAlerts(open_catalogue())
    openings = [
        _opening("harbour", "C", 2, "Tighten it"), _opening("depot", "A", 4, "Close it"),
        _opening("depot", "B", 1, "Watch it"), _opening("harbour", "D", 3, "Clean it"),
        _opening("", "", 3, "Look at the broker"),
    ]  # fmt: skip
    await alerts.decide(Decisions(openings=openings), (), NOW_MS)

    async def told(who: Caller) -> list[tuple[str, list[str]]]:
        set_caller(who, Visit())
        tasks = await tasks_of(alerts)
        assert not tasks.is_more
        return [(site, [row.alert.action for row in rows]) for site, rows in tasks.sites]

    found = await told(Caller("Ada", Role.VIEWER, None, None))
    assert dict(found) == {
        "depot": ["Close it"],
        "": ["Look at the broker"],
        "harbour": ["Clean it", "Tighten it"],
    }
    assert found[0][0] == "depot"
    own = await told(Caller("Sue", Role.VIEWER, frozenset({"south"}), frozenset({"harbour"})))
    assert own == [("harbour", ["Clean it", "Tighten it"])]
