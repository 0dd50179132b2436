"""This file finds what a charger is at a time; it guards that the newest entry counts, not the last in some order."""

from collections.abc import Iterable

from isolane.center.store.kpi_views import NameplateEntry


def plate_at(plates: Iterable[NameplateEntry], site: str, charger: str, before_ms: int) -> NameplateEntry | None:
    """Give the entry that holds at the end of a period; None when nobody has entered one.

    Args:
        plates: Of any chargers.
        site: Site name.
        charger: Identity.
        before_ms: First instant after the period. Of several from the same time the one entered last holds.
    """
    own = [one for one in plates if (one.site, one.charger) == (site, charger) and one.from_ms < before_ms]
    return max(own, key=lambda one: (one.from_ms, one.number), default=None)
