"""This file states the port through which health is read; it guards that who shows or alarms knows no tables."""

from collections.abc import Sequence
from typing import Protocol

from isolane.center.store.health_views import (
    ChangePage,
    ChangeQuery,
    FeaturePoint,
    PartChange,
    PartHealth,
    PartLife,
    PartPage,
    PartQuery,
)


class StandingParts(Protocol):
    """What alerts need to know of parts."""

    async def standing(self, level_min: int) -> list[PartHealth]:
        """Give the parts with this level or a higher one, the worst first.

        Raises:
            UnavailableError: The store cannot be read now.
        """
        ...

    async def scored(self, site: str, charger: str) -> frozenset[str]:
        """Name the components of a charger that have a score of their own, each as ``<place>/<component>``.

        Raises:
            UnavailableError: The store cannot be read now.
        """
        ...


class Health(StandingParts, Protocol):
    """Parts, their features and their changes. All calls raise `UnavailableError` when the store is away."""

    async def page(self, query: PartQuery) -> PartPage:
        """Give parts that match, the newest number first."""
        ...

    async def parts(self, sites: Sequence[str] | None = None, charger: str | None = None) -> list[PartHealth]:
        """Give parts of some sites or of all, the worst first."""
        ...

    async def part(self, number: int) -> PartHealth | None:
        """Give one part."""
        ...

    async def features(self, part: int, limit: int = 2000) -> list[FeaturePoint]:
        """Give the newest features of a part, oldest first."""
        ...

    async def changes(self, site: str, charger: str, limit: int = 200) -> list[PartChange]:
        """Give a charger's changes of level, newest first."""
        ...

    async def lives(self) -> list[PartLife]:
        """Give when each part that has a score was first told of, and first at L3 or above."""
        ...

    async def change_page(self, query: ChangeQuery) -> ChangePage:
        """Give changes of level that match, newest first."""
        ...
