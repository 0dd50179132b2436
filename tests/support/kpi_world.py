"""This file is a center for tests of figures; it guards that samples come in through the store's own port alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.kpis.reports import Reports
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.inbox_port import TakesBatches
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.port import Batch
from isolane.core.signals import Signal
from support.gateways import FakeGateway

DAY_MS = 86_400_000
FIRST_DAY = 20_696
"""2026-08-31: what follows is September, all of it in the past."""
NAN = float("nan")

LINK = "0.0/DataLink/Active"
STATE = "1.0/Connector/AvailabilityState"
TRANSACTION = "1.0/EVSE/xTransactionActive"
POWER = "1.0/EVSE/Power"
REQUESTED = "1.0/EVSE/xPowerRequested"
UNITS = {POWER: "W", REQUESTED: "W"}

BAD, STALE = 2 << 2 | 2, 1


@dataclass
class World:
    """A center's store and what computes figures from it."""

    catalogue: SqlCatalogue
    telemetry: EmbeddedTelemetry
    book: KpiBook
    marked: TakesBatches
    keeper: KpiKeeper
    reports: Reports
    gateway: FakeGateway = field(default_factory=FakeGateway)

    async def lay(
        self,
        charger: str,
        t0_ms: int,
        tracks: Mapping[str, Sequence[float] | NDArray[np.float64]],
        *,
        step_ms: int = 1000,
        received_ms: int | None = None,
        codes: Mapping[str, Sequence[int] | NDArray[np.uint8]] | None = None,
        rows_max: int = 7200,
    ) -> None:
        """Commit rows from a time on: arrays of one length by signal key, NaN for a sample without a value."""
        learnt = self.gateway.schema(
            *(Signal(charger, key, UNITS.get(key, ""), 1) for key in tracks), received_ms=t0_ms
        )
        values = np.array([np.asarray(track, float) for track in tracks.values()])
        marks = np.where(np.isnan(values), BAD, 0).astype(np.uint8)
        for at, key in enumerate(tracks):
            if codes and key in codes:
                marks[at] = codes[key]
        blocks = tuple(
            self.gateway.block(
                learnt.schema,
                np.nan_to_num(values[:, at : at + rows_max]).round(),
                marks[:, at : at + rows_max],
                t0_ms=t0_ms + at * step_ms,
                step_ms=step_ms,
                received_ms=t0_ms + min(at + rows_max, values.shape[1]) * step_ms
                if received_ms is None
                else received_ms,
            )
            for at in range(0, values.shape[1], rows_max)
        )
        batch = Batch(blocks, (learnt,))
        await self.catalogue.admit(learnt.origin)
        await self.marked.commit(batch)
        await self.catalogue.record(batch)
