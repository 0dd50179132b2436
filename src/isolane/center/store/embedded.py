"""This file is the embedded telemetry store; it guards that nothing is shown before it is durable.

Threads: the event loop owns everything in memory; one writer thread owns SQLite's only writing connection; a roller
thread writes the lake; two reader threads answer series. The writer gets whole batches, so that one flush to the disk
serves many.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from isolane.center.store.cache import BlockCache
from isolane.center.store.columns import Columns
from isolane.center.store.folder_lock import FolderLock
from isolane.center.store.glance import Glance
from isolane.center.store.hot import HotStore, gateway_id, insert_block, insert_gap, newest_blocks
from isolane.center.store.hot_read import FarReader, SeriesReader
from isolane.center.store.lake import HOUR, MINUTE, RAW, LakeFile, remove_files
from isolane.center.store.lake_read import LakeReader
from isolane.center.store.live import LiveHub
from isolane.center.store.merging import Merge, commit_merge, merges
from isolane.center.store.port import Batch, BlockArrival, Committed, LiveSample, UnavailableError, origins
from isolane.center.store.rolling import Roll, commit_roll, expired, load_rolled, remove_strays, rolls
from isolane.center.store.settings import StoreSettings
from isolane.center.store.stretches import Stretches
from isolane.center.store.views import ChargerSummary, Series, SeriesQuery, SignalNow
from isolane.wire.block import decode
from isolane.wire.schema import Schema, decode_schema

_log = logging.getLogger(__name__)

_WARM_BLOCKS_MAX = 20_000
"""Blocks that are decoded at start, the newest: at most three seconds, and the first charts find them in memory."""
_WARM_MS = 3_600_000
_DAY_MS = 86_400_000


@dataclass(slots=True)
class _Written:
    """What the writer did with a batch: gateway numbers, and each block's number or None for a duplicate."""

    gateways: dict[tuple[str, str], int] = field(default_factory=dict)
    numbers: list[int | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What the store tells about itself."""

    cache_bytes: int
    live_devices: int
    live_dropped: int
    rolled_blocks: int
    roll_failures: int


class EmbeddedTelemetry:
    """Telemetry in one folder: ``hot.sqlite3`` and ``lake/``. Open it with `open`, close it with `close`.

    Args:
        folder: Is made if it does not exist.
        settings: See there.
        far: Where full-rate samples are beside the lake.
        is_visitor: Whether another process owns the folder: then nothing is moved or removed; do not commit.

    Raises:
        IsolaneError: The folder cannot be used, or another center has it.
    """

    def __init__(
        self, folder: Path, settings: StoreSettings, far: FarReader | None = None, *, is_visitor: bool = False
    ) -> None:
        self._settings = settings
        self._is_visitor = is_visitor
        self._lake = folder / "lake"
        self._lock = None if is_visitor else FolderLock(folder)
        try:
            self._hot = HotStore(folder / "hot.sqlite3")
        except BaseException:
            self._release()
            raise
        self._cache = BlockCache(settings.cache_mb << 20)
        self._columns = Columns()
        self._glance = Glance(self._columns, settings.offline_after_s)
        self._duck = LakeReader(self._lake, threads=settings.query_threads, memory_mb=settings.query_memory_mb)
        self._series = SeriesReader(self._hot, self._cache, self._duck, far)
        self._hub = LiveHub()
        self._writer = ThreadPoolExecutor(1, "store-write")
        self._roller = ThreadPoolExecutor(1, "store-roll")
        self._readers = ThreadPoolExecutor(2, "store-read")
        self._rolled: dict[tuple[int, int, int], Stretches] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._replaced: list[str] = []
        self._orphans: list[LakeFile] = []
        """Written, but their transaction failed."""
        self._events = 1
        self._rolled_blocks = 0
        self._roll_failures = 0
        self._load()

    async def close(self) -> None:
        """End listeners, finish what runs, close files."""
        self._hub.close()
        for pool in (self._roller, self._readers, self._writer):
            await asyncio.to_thread(pool.shutdown)
        self._duck.close()
        self._hot.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    # Writing

    async def commit(self, batch: Batch) -> Committed:
        """See `Telemetry.commit`."""
        loop = asyncio.get_running_loop()
        written = await loop.run_in_executor(self._writer, self._write, batch)
        return self._remember(batch, written)

    def _write(self, batch: Batch) -> _Written:
        """Store a batch in one transaction; on the writer's thread."""
        out = _Written()
        fresh = dict(self._ids)
        with self._hot.writing() as connection:
            for origin in origins(batch):
                who = (origin.site, origin.gateway)
                if who not in fresh:
                    fresh[who] = gateway_id(connection, *who)
                out.gateways[who] = fresh[who]
            connection.executemany(
                "INSERT OR IGNORE INTO schema VALUES (?, ?)", [(s.schema.id, s.schema.json) for s in batch.schemas]
            )
            uses = set()
            for block in batch.blocks:
                gateway, key = fresh[block.origin.site, block.origin.gateway], block.block.key
                uses.add((gateway, key.stream, block.block.schema))
                rolled = self._rolled.get((gateway, key.epoch, key.stream), ())
                out.numbers.append(None if key.sequence in rolled else insert_block(connection, gateway, block))
            connection.executemany("INSERT OR IGNORE INTO carrier VALUES (?, ?, ?)", list(uses))
            for gap in batch.gaps:
                insert_gap(connection, fresh[gap.origin.site, gap.origin.gateway], gap)
        self._ids = fresh
        return out

    def _remember(self, batch: Batch, written: _Written) -> Committed:
        """Show what is durable now; on the event loop's thread."""
        for schema in batch.schemas:
            self._columns.add_schema(schema.schema)
        blocks = samples = size_bytes = 0
        for arrival, number in zip(batch.blocks, written.numbers, strict=True):
            if number is None:
                continue
            origin, block = arrival.origin, arrival.block
            gateway = written.gateways[origin.site, origin.gateway]
            self._columns.add_use(gateway, origin.site, origin.gateway, block.key.stream, block.schema)
            self._cache.put(number, block)
            self._show(gateway, arrival)
            blocks += 1
            samples += block.samples
            size_bytes += arrival.size_bytes
        return Committed(blocks, len(batch.blocks) - blocks, samples, size_bytes)

    def _show(self, gateway: int, arrival: BlockArrival) -> None:
        """Take a durable block into memory and hand its rows to whoever listens."""
        block, site = arrival.block, arrival.origin.site
        before_ms = self._glance.add(gateway, block, arrival.origin.received_ms)
        for device in self._hub.devices(site):
            for sample in self._glance.rows(gateway, block, device, before_ms, self._events):
                self._events = sample.number + 1
                self._hub.publish(site, device, sample)

    # Reading

    async def series(self, query: SeriesQuery) -> Series:
        """See `Telemetry.series`.

        Raises:
            OSError: The lake cannot be read.
        """
        wanted = []
        for carrier in self._columns.carriers(query.site, query.device):
            keys = [key for key in query.signals if key in carrier.columns]
            wanted.append((carrier, {key: self._columns.column(carrier.schema, carrier.columns[key]) for key in keys}))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._series.read, query, wanted)

    async def signals(self, site: str, device: str) -> list[SignalNow]:
        """See `Telemetry.signals`."""
        return self._glance.signals(site, device)

    async def fleet(self, site: str | None = None) -> list[ChargerSummary]:
        """See `Telemetry.fleet`."""
        return self._glance.fleet(site, time.time_ns() // 1_000_000)

    def listen(self, site: str, device: str) -> AbstractAsyncContextManager[AsyncIterator[LiveSample]]:
        """See `Telemetry.listen`."""
        return self._hub.listen(site, device)

    def counts(self) -> StoreCounts:
        """Tell about memory, listeners and moves since the start."""
        return StoreCounts(
            self._cache.size_bytes, self._hub.watched, self._hub.dropped, self._rolled_blocks, self._roll_failures
        )

    # Keeping

    def _load(self) -> None:
        """Read what must be in memory; before any thread runs."""
        with self._hot.reading() as connection:
            if not self._is_visitor:
                remove_strays(connection, self._lake)
            self._rolled = load_rolled(connection)
            gateways = {number: (site, name) for number, site, name in connection.execute("SELECT * FROM gateway")}
            self._ids = {who: number for number, who in gateways.items()}
            for (json,) in connection.execute("SELECT json FROM schema"):
                self._columns.add_schema(decode_schema(json))
            for number, stream, schema in connection.execute("SELECT gateway, stream, schema FROM carrier"):
                self._columns.add_use(number, *gateways[number], stream, schema)
            for gateway, received_ms, data in newest_blocks(connection):
                self._glance.add(gateway, decode(data), received_ms)
            rows = connection.execute(
                "SELECT number, gateway, received_ms, data FROM block WHERE received_ms > ?"
                " ORDER BY number DESC LIMIT ?",
                (time.time_ns() // 1_000_000 - _WARM_MS, _WARM_BLOCKS_MAX),
            ).fetchall()
        for number, gateway, received_ms, data in reversed(rows):
            block = decode(data)
            self._cache.put(number, block)
            self._glance.add(gateway, block, received_ms)

    async def keep(self) -> None:
        """Move blocks to the lake and remove what is too old, for ever; cancel it to stop."""
        while True:
            try:
                await self.roll(time.time_ns() // 1_000_000)
            except (OSError, UnavailableError) as error:
                self._roll_failures += 1
                _log.error("store-roll-failed error=%s", error)
            await asyncio.sleep(self._settings.roll_interval_s)

    async def roll(self, now_ms: int) -> int:
        """Move blocks that arrived `hot_minutes` before an instant into the lake and remove expired files.

        Returns:
            How many blocks were moved.

        Raises:
            OSError: The disk does not take a file; what is moved is moved.
            UnavailableError: The book cannot be written.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._remove_orphans)
        schemas = dict(self._columns.schemas)
        passing = self._rolls(schemas, now_ms - self._settings.hot_minutes * 60_000, now_ms)
        moved = 0
        while (roll := await loop.run_in_executor(self._roller, next, passing, None)) is not None:
            await loop.run_in_executor(self._writer, self._commit_roll, roll)
            moved += len(roll.numbers)
            self._rolled_blocks += len(roll.numbers)
            self._cache.drop(roll.numbers)
        paths = await loop.run_in_executor(self._writer, self._expire, now_ms)
        merged = await self._merge(now_ms)
        for path in (*paths, *self._replaced):
            await loop.run_in_executor(self._roller, (self._lake / path).unlink, True)
        self._replaced = merged
        if moved or paths or merged:
            _log.info("store-rolled blocks=%d files_expired=%d files_merged=%d", moved, len(paths), len(merged))
        return moved

    async def _merge(self, now_ms: int) -> list[str]:
        """Put small files of past days together; gives those that are replaced, which readers can still be reading."""
        loop = asyncio.get_running_loop()
        replaced: list[str] = []
        passing = merges(self._hot, self._lake, now_ms)
        while (merge := await loop.run_in_executor(self._roller, next, passing, None)) is not None:
            await loop.run_in_executor(self._writer, self._commit_merge, merge)
            replaced += merge.paths
        return replaced

    def _commit_merge(self, merge: Merge) -> None:
        try:
            with self._hot.writing() as connection:
                commit_merge(connection, merge)
        except UnavailableError:
            self._orphans.append(merge.file)
            raise

    def _rolls(self, schemas: dict[bytes, Schema], before_ms: int, now_ms: int) -> Iterator[Roll]:  # noqa: ARG002 - for stores that ask back
        """Write what arrived before an instant into files; on the roller's thread."""
        return rolls(self._hot, self._lake, schemas, before_ms)

    def _commit_roll(self, roll: Roll) -> None:
        try:
            with self._hot.writing() as connection:
                commit_roll(connection, roll, self._rolled)
        except UnavailableError:
            self._orphans += roll.files
            with self._hot.reading() as connection:
                self._rolled = load_rolled(connection)
            raise

    def _remove_orphans(self) -> None:
        """Make room again once the log has nothing left of a transaction that failed, and that a crash could finish."""
        if self._orphans and self._hot.empty_log():
            remove_files(self._lake, self._orphans)
            self._orphans = []

    def _expire(self, now_ms: int) -> list[str]:
        paths = []
        with self._hot.writing() as connection:
            kept = {RAW: self._settings.raw_days, MINUTE: self._settings.minute_days, HOUR: self._settings.hour_days}
            for kind, days in kept.items():
                if days:
                    paths += expired(connection, kind, now_ms - days * _DAY_MS)
        return paths
