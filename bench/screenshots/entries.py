"""This file enters what people know of the scene's chargers; it guards that figures have days to be made of."""

import time

from bench.screenshots.fleet import Gateway
from sqlalchemy import update
from sqlalchemy.orm import Session

from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.kpi_views import ExclusionReason
from isolane.center.store.tables import ChargerRow

_DAY_MS = 86_400_000
_KNOWN_DAYS = 2


async def enter(catalogue: SqlCatalogue, keeper: KpiKeeper, gateway: Gateway) -> None:
    """Enter nameplates of a gateway's chargers, one of them twice, and an exclusion; then compute the last days.

    Args:
        catalogue: Of the scene.
        keeper: Computes them.
        gateway: Whose chargers are all of one model.
    """
    book, now_ms = KpiBook(catalogue), time.time_ns() // 1_000_000

    def known(session: Session) -> None:
        """Let the chargers have been known for some days: the day of the first contact has no figures."""
        session.execute(update(ChargerRow).values(first_seen_ms=now_ms - _KNOWN_DAYS * _DAY_MS))

    await catalogue.write(known)
    for charger in gateway.chargers:
        await book.add_nameplate(
            site=gateway.site, charger=charger, from_ms=0, model="HPC 300", firmware="4.1.0", rated_w=300_000,
            made_by="mona",
        )  # fmt: skip
    await book.add_nameplate(
        site=gateway.site, charger=gateway.chargers[0], from_ms=now_ms - _DAY_MS // 2, model="HPC 300",
        firmware="4.2.1", rated_w=300_000, made_by="jens",
    )  # fmt: skip
    await book.add_exclusion(
        site=gateway.site, charger="", port=0, from_ms=now_ms - 2 * _DAY_MS, to_ms=now_ms - 2 * _DAY_MS + 7_200_000,
        reason=str(ExclusionReason.UTILITY), evidence="Letter of the grid operator, 4711", made_by="mona",
    )  # fmt: skip
    await keeper.compute(now_ms)
