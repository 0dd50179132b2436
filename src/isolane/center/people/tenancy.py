"""This file knows to whom each site belongs; it guards that a site of nobody is shown to nobody but who sees all."""

from collections.abc import Callable
from time import monotonic

from isolane.center.store.people_records import PeopleRecords
from isolane.center.store.people_views import EVERYWHERE

_FRESH_S = 3.0


class Tenancy:
    """Sites by tenant, read again every few seconds.

    Args:
        records: Where it is kept.
        clock: A monotonic clock, s.
    """

    def __init__(self, records: PeopleRecords, clock: Callable[[], float] = monotonic) -> None:
        self._records = records
        self._clock = clock
        self._sites: dict[str, frozenset[str]] = {}
        self._read_s = float("-inf")

    async def sites_of(self, tenants: frozenset[str] | None) -> frozenset[str] | None:
        """Give the sites of some tenants; None, all, for None."""
        if tenants is None:
            return None
        if self._clock() - self._read_s > _FRESH_S:
            await self.read()
        return frozenset().union(*(self._sites.get(tenant, frozenset()) for tenant in tenants))

    async def read(self) -> None:
        """Read now, since something has changed."""
        read_s = self._clock()
        self._sites = {entry.name: frozenset(entry.sites) for entry in await self._records.tenants()}
        self._read_s = read_s


def tenants_of(words: str) -> frozenset[str] | None:
    """Read the tenants of a person or token as they are kept: None for all."""
    names = words.split()
    return None if EVERYWHERE in names else frozenset(names)
