"""This file keeps what workers take in until the center's telemetry store has it; it guards that nothing is in neither.

The hot store of the telemetry is one process's. Workers are many, and any of them may be killed: so they commit blocks,
schemas and gap records as rows of the catalogue's database, and acknowledge. The process that has the telemetry store
takes the rows in their order, commits them there, and only then removes them. A row that it took before it was killed
it takes again, and finds there already.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, delete, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.inbox_port import TakesBatches
from isolane.center.store.inbox_tables import InboxRow
from isolane.center.store.port import (
    Batch,
    BlockArrival,
    Committed,
    GapArrival,
    Origin,
    SchemaArrival,
    UnavailableError,
)
from isolane.center.store.postgresql import DIALECT as POSTGRESQL
from isolane.wire.block import decode
from isolane.wire.schema import decode_schema
from isolane.wire.uplink import Up, decode_gap, encode

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ROWS_MAX = 500_000
"""Some GB of usual blocks; beyond it nothing is acknowledged until the center has taken some."""
_TAKEN_MAX = 512
_TAKEN_BYTES_MAX = 16 << 20
_PAUSE_S = 0.1
"""From one look into an empty inbox to the next: what a live chart lags behind."""
_AWAY_S = 1.0
_LOCK = 0x69736F6C616E65 + 1
"""A number that only this program uses; migrations use the one before."""


class Inbox:
    """Where a worker commits.

    Args:
        catalogue: Whose database it is in.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue

    async def commit(self, batch: Batch) -> Committed:
        """Make a batch durable; what was in an earlier one is kept again, and counted as new.

        Raises:
            UnavailableError: The database is away, or too much waits to be taken.
        """
        rows = [
            *(_row(one.origin, Up.SCHEMA, one.schema.json) for one in batch.schemas),
            *(_row(one.origin, Up.BLOCK, one.data) for one in batch.blocks),
            *(_row(one.origin, Up.GAP, encode(one.gap)) for one in batch.gaps),
        ]

        def change(session: Session) -> None:
            waiting = session.scalar(select(func.max(InboxRow.number) - func.min(InboxRow.number))) or 0
            if waiting >= ROWS_MAX:
                raise UnavailableError(f"{waiting} messages wait for the center, which does not take them")
            session.execute(insert(InboxRow), rows)

        if rows:
            await self._catalogue.write(change)
        samples = sum(arrival.block.samples for arrival in batch.blocks)
        return Committed(len(batch.blocks), 0, samples, sum(arrival.size_bytes for arrival in batch.blocks))


def _row(origin: Origin, kind: Up, data: bytes) -> dict[str, object]:
    return {
        "site": origin.site,
        "gateway": origin.gateway,
        "received_ms": origin.received_ms,
        "kind": str(kind),
        "data": data,
    }


class InboxTaker(Collector):
    """Brings what workers have taken in to the telemetry store; register it with a registry.

    Of several processes with one database one takes; the others stand by.

    Args:
        engine: Of the catalogue; one of its connections is held.
        telemetry: The store.
    """

    def __init__(self, engine: Engine, telemetry: TakesBatches) -> None:
        self._engine = engine
        self._telemetry = telemetry
        self._connection: Connection | None = None
        self._taken = 0
        self._lag_s = 0.0

    async def run(self) -> None:
        """Take for ever; cancel it to stop."""
        is_away = False
        with ThreadPoolExecutor(1, "inbox") as thread:
            try:
                while True:
                    try:
                        count = await self.take(thread)
                    except (UnavailableError, SQLAlchemyError) as error:
                        if not is_away:
                            _log.warning("inbox-away error=%s", str(error).partition("\n")[0])
                        is_away = True
                        await _on(thread, self._close)
                        await asyncio.sleep(_AWAY_S)
                    else:
                        is_away = False
                        if count < _TAKEN_MAX:
                            await asyncio.sleep(_PAUSE_S)
            finally:
                await _on(thread, self._close)

    async def take(self, thread: ThreadPoolExecutor) -> int:
        """Take what waits, at most so much as one commit should hold; give how many rows.

        Raises:
            UnavailableError: The telemetry store cannot write now, or another process takes.
            SQLAlchemyError: The database is away.
        """
        numbers, batch = await _on(thread, self._read)
        if not numbers:
            self._lag_s = 0.0
            return 0
        await self._telemetry.commit(batch)
        await _on(thread, lambda: self._remove(numbers))
        self._taken += len(numbers)
        oldest = min((block.origin.received_ms for block in batch.blocks), default=0)
        self._lag_s = max(0.0, time.time() - oldest / 1000) if oldest else 0.0
        return len(numbers)

    def collect(self) -> Iterator[Metric]:
        """Give the counts to Prometheus."""
        yield CounterMetricFamily("isolane_center_inbox_taken", "Messages taken from the workers' inbox", self._taken)
        yield GaugeMetricFamily(
            "isolane_center_inbox_lag_seconds", "Age of the oldest message when it was taken last", self._lag_s
        )

    # On the thread

    def _open(self) -> Connection:
        """Give the one connection, which is the only one that takes."""
        if self._connection is None:
            connection = self._engine.connect()
            if self._engine.dialect.name == POSTGRESQL:
                is_mine = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": _LOCK}).scalar()
                connection.commit()
                if not is_mine:
                    connection.close()
                    raise UnavailableError("another process takes from the inbox")
            self._connection = connection
        return self._connection

    def _read(self) -> tuple[list[int], Batch]:
        connection = self._open()
        columns = (InboxRow.number, InboxRow.site, InboxRow.gateway, InboxRow.received_ms, InboxRow.kind, InboxRow.data)
        query = select(*columns).order_by(InboxRow.number).limit(_TAKEN_MAX).execution_options(yield_per=64)
        rows = []
        size_bytes = 0
        with connection.begin(), connection.execute(query) as found:
            for row in found:
                rows.append(row)
                size_bytes += len(row.data)
                if size_bytes >= _TAKEN_BYTES_MAX:
                    break
        return [row.number for row in rows], _batch([(Origin(*row[1:4]), Up(row.kind), row.data) for row in rows])

    def _remove(self, numbers: Sequence[int]) -> None:
        connection = self._open()
        with connection.begin():
            connection.execute(delete(InboxRow).where(InboxRow.number.in_(numbers)))

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Not given back to the pool: the session that has the lock must end.
            connection.invalidate()
            connection.close()


async def _on(thread: ThreadPoolExecutor, work: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def _batch(arrivals: Sequence[tuple[Origin, Up, bytes]]) -> Batch:
    return Batch(
        blocks=tuple(
            BlockArrival(who, decode(data), data, len(data)) for who, kind, data in arrivals if kind is Up.BLOCK
        ),
        schemas=tuple(SchemaArrival(who, decode_schema(data)) for who, kind, data in arrivals if kind is Up.SCHEMA),
        gaps=tuple(GapArrival(who, decode_gap(data)) for who, kind, data in arrivals if kind is Up.GAP),
    )
