"""This file stands before the telemetry store at ingest; it guards that a past day whose samples come late is marked.

The mark is made before the commit, so that no crash leaves samples without one. A day that goes on needs none: it is
computed when it is over.
"""

from typing import Final

from isolane.center.store.inbox_port import TakesBatches
from isolane.center.store.kpi_book import MARK_EVERY_MS, KpiBook, SiteDay
from isolane.center.store.port import Batch, BlockArrival, Committed

_DAY_MS: Final = 86_400_000
_MARKS_MAX: Final = 100_000
_DAYS_MAX: Final = 31
"""Of one block: what its sender says of time is anybody's choosing."""


class MarkedTelemetry:
    """The way into a telemetry store that marks late days; implements `store.inbox_port.TakesBatches`.

    Args:
        telemetry: The store behind.
        book: Where marks go.
    """

    def __init__(self, telemetry: TakesBatches, book: KpiBook) -> None:
        self._telemetry = telemetry
        self._book = book
        self._marked_ms: dict[SiteDay, int] = {}

    async def commit(self, batch: Batch) -> Committed:
        """See `TakesBatches.commit`.

        Raises:
            UnavailableError: Also when the mark cannot be written; nothing is committed then.
        """
        now_ms = max((block.origin.received_ms for block in batch.blocks), default=0)
        late = {day for block in batch.blocks for day in _past_days(block)}
        due = [day for day in late if now_ms - self._marked_ms.get(day, -MARK_EVERY_MS) >= MARK_EVERY_MS]
        if due:
            await self._book.mark(due, now_ms)
            if len(self._marked_ms) > _MARKS_MAX:
                self._marked_ms.clear()
            self._marked_ms.update(dict.fromkeys(due, now_ms))
        return await self._telemetry.commit(batch)


def _past_days(arrival: BlockArrival) -> list[SiteDay]:
    block = arrival.block
    last_ms = block.t0_ms + block.step_ms * (block.values.shape[1] - 1)
    today = arrival.origin.received_ms // _DAY_MS
    first, last = block.t0_ms // _DAY_MS, min(last_ms // _DAY_MS, today - 1)
    return [(arrival.origin.site, day) for day in range(max(first, last - _DAYS_MAX), last + 1)]
