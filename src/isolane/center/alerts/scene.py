"""This file reads who is there and when each was last heard; it guards that a pass sees one picture of it."""

from dataclasses import dataclass, field

from isolane.center.alerts.subjects import GATEWAY_PREFIX
from isolane.center.store.port import Catalogue, Telemetry
from isolane.center.store.views import LedgerLine

Device = tuple[str, str]
"""Site and charger identity, or site and ``gateway:<name>``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the store knew at one moment.

    Attributes:
        now_ms: That moment.
        gateways: Newest contact by (site, gateway).
        chargers: (gateway, newest block) by (site, identity).
        mute: Chargers none of whose signals has a value in its newest block.
        holes: The lines of books with a hole.
    """

    now_ms: int
    gateways: dict[tuple[str, str], int]
    chargers: dict[Device, tuple[str, int]]
    mute: frozenset[Device] = frozenset()
    holes: list[LedgerLine] = field(default_factory=list)

    @property
    def sites(self) -> dict[str, list[str]]:
        """Gateways by site."""
        out: dict[str, list[str]] = {}
        for site, gateway in self.gateways:
            out.setdefault(site, []).append(gateway)
        return out

    def devices(self) -> dict[Device, tuple[str, int]]:
        """Give the gateway and the newest contact of everything that has signals."""
        own = {(site, f"{GATEWAY_PREFIX}{name}"): (name, seen) for (site, name), seen in self.gateways.items()}
        return {**self.chargers, **own}


async def read_scene(catalogue: Catalogue, telemetry: Telemetry, now_ms: int, *, with_books: bool) -> Scene:
    """Ask the store.

    Raises:
        UnavailableError: It cannot be read now.
    """
    sites = await catalogue.sites()
    fleet = await telemetry.fleet()
    return Scene(
        now_ms,
        {(site.site, gateway.gateway): gateway.last_seen_ms for site in sites for gateway in site.gateways},
        {(one.site, one.charger): (one.gateway, one.last_seen_ms) for one in fleet},
        frozenset((one.site, one.charger) for one in fleet if one.bad_signals >= one.signals),
        (await catalogue.verdicts()).holes if with_books else [],
    )
