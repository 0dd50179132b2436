"""This file states how figures are asked for; it guards that API and console show the same ones.

`center.kpis` implements it over the book; nobody else computes a figure.
"""

from typing import Protocol

from isolane.center.store.kpi_views import (
    ExclusionEntry,
    ExclusionReason,
    Grouping,
    KpiEvidence,
    KpiReport,
    NameplateEntry,
)

Sites = frozenset[str] | None
"""Sites that the asker may know of; None for all."""


class Figures(Protocol):
    """Figures of months, and what people enter for them."""

    async def report(self, month: str, by: Grouping, sites: Sites = None) -> KpiReport:
        """Give a month's figures; a month without any has no lines.

        Args:
            month: As "2026-10".
            by: What a line stands for.
            sites: Only these.

        Raises:
            ValueError: That is no month.
            OSError: The store cannot be read.
        """
        ...

    async def evidence(self, month: str, site: str, charger: str, port: int) -> KpiEvidence | None:
        """Give what a port's figures come from; None when there is no such port in that month.

        Raises:
            ValueError: That is no month.
            OSError: The store cannot be read.
        """
        ...

    async def exclusions(self, sites: Sites = None) -> list[ExclusionEntry]:
        """Give every exclusion, newest first, withdrawn ones too."""
        ...

    async def exclude(
        self, where: tuple[str, str, int], span: tuple[int, int], why: tuple[ExclusionReason, str], who: str
    ) -> ExclusionEntry:
        """Exclude a time from uptime.

        Args:
            where: Site; charger, or "" for all of the site; number of the port, or 0 for all of the charger.
            span: From, and first instant after; UTC ms.
            why: The reason and its evidence in words.
            who: Who enters it.

        Raises:
            UnavailableError: The store cannot write now.
        """
        ...

    async def withdraw(self, number: int, who: str) -> ExclusionEntry | None:
        """Let an exclusion count no more; None when there is none of that number, or it is withdrawn already.

        Raises:
            UnavailableError: The store cannot write now.
        """
        ...

    async def nameplates(self, sites: Sites = None) -> list[NameplateEntry]:
        """Give what chargers are, newest first."""
        ...

    async def name(
        self, site: str, charger: str, from_ms: int, plate: tuple[str, str, int], who: str
    ) -> NameplateEntry:
        """Say what a charger is from a time on.

        Args:
            site: Site name.
            charger: Identity.
            from_ms: Since when, UTC ms.
            plate: Model, firmware, and rated power in W (0 when not known).
            who: Who enters it.

        Raises:
            UnavailableError: The store cannot write now.
        """
        ...
