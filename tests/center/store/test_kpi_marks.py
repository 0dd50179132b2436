"""This file tests the marks at ingest; it guards that late samples are marked before they are committed."""

from collections.abc import Callable

import numpy as np
import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import MARK_EVERY_MS, KpiBook
from isolane.center.store.kpi_marks import MarkedTelemetry
from isolane.center.store.port import Batch, BlockArrival, Committed, UnavailableError
from support.gateways import FakeGateway

OpenCatalogue = Callable[[], SqlCatalogue]
OpenTelemetry = Callable[..., EmbeddedTelemetry]
DAY_MS = 86_400_000
TODAY = 20_000
NOW_MS = TODAY * DAY_MS + 3_600_000


class CountingBook(KpiBook):
    """Counts marks; says no when told to."""

    def __init__(self, catalogue: SqlCatalogue) -> None:
        super().__init__(catalogue)
        self.marks: list[list[tuple[str, int]]] = []
        self.away = False

    async def mark(self, days: object, now_ms: int) -> None:
        if self.away:
            raise UnavailableError("away")
        self.marks.append(sorted(days))  # type: ignore[call-overload]
        await super().mark(self.marks[-1], now_ms)


def block(gateway: FakeGateway, t0_ms: int, rows: int = 10, received_ms: int = NOW_MS) -> BlockArrival:
    schema = gateway.schema().schema
    return gateway.block(schema, np.ones((2, rows)), t0_ms=t0_ms, received_ms=received_ms)


async def test_only_past_days_are_marked_and_not_at_once_again(
    open_catalogue: OpenCatalogue, open_telemetry: OpenTelemetry, gateway: FakeGateway
) -> None:
    book = CountingBook(open_catalogue())
    marked = MarkedTelemetry(open_telemetry(), book)
    yesterday = ("depot", TODAY - 1)
    steps: list[tuple[BlockArrival, list[tuple[str, int]] | None]] = [
        (block(gateway, NOW_MS - 20_000), None),
        (block(gateway, TODAY * DAY_MS - 5000), [yesterday]),
        (block(gateway, TODAY * DAY_MS - 15_000, received_ms=NOW_MS + MARK_EVERY_MS - 1), None),
        (block(gateway, TODAY * DAY_MS - 25_000, received_ms=NOW_MS + MARK_EVERY_MS), [yesterday]),
        (block(gateway, (TODAY - 1) * DAY_MS - 5000), [("depot", TODAY - 2)]),
        (block(gateway, NOW_MS + 40 * DAY_MS), None),
    ]
    for arrival, expected in steps:
        before = len(book.marks)
        committed = await marked.commit(Batch((arrival,)))
        assert committed == Committed(1, 0, 20, arrival.size_bytes)
        assert book.marks[before:] == ([] if expected is None else [expected])


async def test_nothing_is_committed_without_its_mark(
    open_catalogue: OpenCatalogue, open_telemetry: OpenTelemetry, gateway: FakeGateway
) -> None:
    book = CountingBook(open_catalogue())
    telemetry = open_telemetry()
    marked = MarkedTelemetry(telemetry, book)
    late = Batch((block(gateway, NOW_MS - DAY_MS),), (gateway.schema(),))
    book.away = True
    with pytest.raises(UnavailableError):
        await marked.commit(late)
    assert await telemetry.signals("depot", "CP-1") == []
    book.away = False
    assert (await marked.commit(late)).blocks == 1
    assert len(await telemetry.signals("depot", "CP-1")) == 2
