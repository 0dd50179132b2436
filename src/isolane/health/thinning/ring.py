"""This file keeps a folder of blocks at full rate within its bounds; it guards that others have the disk before it has.

Constraints: what is kept is a copy of what was produced and is counted elsewhere, so anything here may be given up at
any moment, and what goes wrong here is nobody else's trouble. Never more than `bytes_max`, whole pages counted. Never
so much that less than a margin is left on the disk. Each byte is written once.

Operation: blocks are gathered in memory and appended to the newest file, 64 KiB or five minutes of them at a time. A
full file, a new run or a refused write begins a new one; the oldest are removed whole. What was gathered and not yet
written is lost with the process: it was sent thinned. Age follows the time this has been running, so a set clock
expires nothing; names of files tell it, so it is as exact as a file is long.
"""

import contextlib
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.durable import append
from isolane.health.thinning.segment import FILES, block_record, first_ms, schema_record
from isolane.health.thinning.settings import KeptSettings
from isolane.wire.block import Block, encode
from isolane.wire.schema import Schema

_LOG = logging.getLogger(__name__)
_BATCH_BYTES = 1 << 16
_BATCH_MS = 300_000
_SEGMENT_BYTES = 1 << 20
_SEGMENTS = 16
"""Into so many files at least the bound is shared out, so that little goes at once."""
_MARGIN_BYTES = 16 << 20
"""So much is left free for others: four times what the outbox holds in hand for a full disk."""
_DISK_SHARE = 4
"""Of a small disk a quarter is left."""
_GIVEN_UP_BYTES = 8 << 20
"""So much is given up at once when somebody finds the disk full."""
_PATIENCE_S = 1.0
"""So long somebody who finds the disk full waits for a write that is under way here."""
_PAGE_BYTES = 4096

Gathered = tuple[Schema, Block, bytes]
"""A block, and itself encoded."""


@dataclass(slots=True)
class KeptCounts:
    """What became of blocks at full rate since the process started, and what there is now."""

    bytes_now: int = 0
    oldest_ms: int | None = None
    """UTC of the first row of the oldest file; None if there is none."""
    written_bytes: int = 0
    blocks: int = 0
    blocks_behind: int = 0
    """Not taken because the disk did not keep up."""
    blocks_refused: int = 0
    """Not written because there was no room, or the disk refused."""
    full_bytes: int = 0
    """Removed for the bound in bytes."""
    expired_bytes: int = 0
    yielded_bytes: int = 0
    """Removed because others need the disk."""
    damaged_bytes: int = 0
    """Passed over when they were to be read."""


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int
    until_ms: int
    """When it was last written to, or the next was begun, on the ring's own clock."""
    from_ms: int | None

    @property
    def weight(self) -> int:
        return _pages(self.size)


class Ring:
    """The newest blocks at full rate; one thread at a time, but for `give_up`.

    Args:
        settings: The table; with 0 bytes nothing is kept, and what an earlier run has kept is removed.
        folder: Where; made when there is something to keep.
        tag: From `wire.block.gateway_tag`.
        clock: For age and batches.
    """

    def __init__(self, settings: KeptSettings, folder: Path, tag: bytes, clock: Clock) -> None:
        self.counts = KeptCounts()
        self._settings = settings
        self._folder = folder
        self._tag = tag
        self._clock = clock
        self._lock = threading.Lock()
        self._segments: dict[int, _Segment] = {}
        self._number = 0
        self._is_open = False
        self._known: set[bytes] = set()
        """Schemas in the newest file; empty when the next write begins a new one."""
        self._batch: list[Gathered] = []
        self._batch_bytes = self._batch_ms = 0
        self._origin_ms = -(clock.mono_ns() // NS_PER_MS)

    def open(self) -> None:
        """Take over what earlier runs have kept, as far as the bounds allow."""
        try:
            with self._lock:
                self._take_over()
        except OSError as error:
            _LOG.warning("kept-unreadable folder=%s error=%s", self._folder, error)
        self.tend()

    def keep(self, schema: Schema, block: Block) -> None:
        """Gather a block, and write when enough are gathered."""
        data = encode(block, self._tag)
        if not self._batch:
            self._batch_ms = self._now_ms()
        self._batch.append((schema, block, data))
        self._batch_bytes += len(data)
        if self._batch_bytes >= _BATCH_BYTES:
            self.flush()

    def tend(self) -> None:
        """Write what has waited for long, remove what is too old or in others' way; to be called every few seconds."""
        if self._batch and self._now_ms() - self._batch_ms >= _BATCH_MS:
            self.flush()
        before_ms = self._now_ms() - 1000 * self._settings.age_max_s
        with self._lock:
            while self._segments and self._segments[min(self._segments)].until_ms < before_ms:
                self.counts.expired_bytes += self._remove_oldest()
            self._make_room(0)

    def flush(self) -> None:
        """Write what is gathered. Whatever happens, nothing is gathered afterwards."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch:
            return
        try:
            with self._lock:
                self._append(batch)
        except OSError as error:
            self._known = set()
            self.counts.blocks_refused += len(batch)
            _LOG.warning("kept-refused folder=%s blocks=%d error=%s", self._folder, len(batch), error)

    def give_up(self, folder: Path) -> bool:
        """Remove some of the oldest because somebody finds the disk of a folder full; any thread.

        Returns:
            Whether there was any, on that disk.
        """
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return False
        given = 0
        try:
            if self._folder.stat().st_dev != folder.stat().st_dev:
                return False
            self._take_over()
            while self._segments and given < _GIVEN_UP_BYTES:
                given += self._remove_oldest()
            self.counts.yielded_bytes += given
        except OSError:
            return False
        finally:
            self._lock.release()
        if given:
            _LOG.warning("kept-given-up bytes=%d reason=disk-full", given)
        return given > 0

    def _take_over(self) -> None:
        """Find what earlier runs have kept, once; inside the lock.

        Raises:
            OSError: The folder cannot be read.
        """
        if self._is_open:
            return
        found = FILES.files(self._folder)
        untils = [born_ms for _, born_ms, _ in [*found[1:], *found[-1:]]]
        for (number, _, path), until_ms in zip(found, untils, strict=True):
            self._segments[number] = _Segment(path, path.stat().st_size, until_ms, _first_ms(path))
        self._number = max(self._segments, default=0)
        self._origin_ms += max(untils, default=0)
        self._is_open = True
        self._count()

    def _append(self, batch: list[Gathered]) -> None:
        """Write to the newest file, or to a new one; inside the lock.

        Raises:
            OSError: There is no room, or the disk refuses.
        """
        self._take_over()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        newest = self._segments.get(self._number) if self._known else None
        if newest is not None and newest.size >= min(_SEGMENT_BYTES, self._settings.bytes_max // _SEGMENTS):
            newest = None
        data, known = _packed(batch, self._known if newest else set())
        fits = self._make_room(len(data))
        if newest is not None and self._number not in self._segments:  # it had to make room itself
            newest, (data, known) = None, _packed(batch, set())
            fits = self._make_room(len(data))
        if not fits:
            raise OSError("no room for it")
        if newest is None:
            self._number += 1
            newest = _Segment(self._folder / FILES.name(self._number, self._now_ms()), 0, 0, batch[0][1].t0_ms)
        newest.size = append(newest.path, data)
        newest.until_ms = self._now_ms()
        self._segments[self._number], self._known = newest, known
        self.counts.written_bytes += len(data)
        self.counts.blocks += len(batch)
        self._count()

    def _make_room(self, more: int) -> bool:
        """Remove the oldest until there is room for `more` bytes, inside the lock; tell whether there is."""
        allowed = self._settings.bytes_max - (_pages(more) + _PAGE_BYTES if more else 0)
        if allowed < 0:
            return False
        while self._segments and self.counts.bytes_now > allowed:
            self.counts.full_bytes += self._remove_oldest()
        while self._segments and self._is_in_the_way(more):
            self.counts.yielded_bytes += self._remove_oldest()
        return self.counts.bytes_now <= allowed and not (more and self._is_in_the_way(more))

    def _is_in_the_way(self, more: int) -> bool:
        """Tell whether others would have less than the margin of the disk beside `more` bytes."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return False
        margin = min(_MARGIN_BYTES, disk.f_blocks * disk.f_frsize // _DISK_SHARE)
        return disk.f_bavail * disk.f_frsize < margin + more

    def _remove_oldest(self) -> int:
        """Remove a file, inside the lock; give how much that was."""
        gone = self._segments.pop(min(self._segments))
        with contextlib.suppress(OSError):
            gone.path.unlink(missing_ok=True)
        self._count()
        return gone.weight

    def _count(self) -> None:
        self.counts.bytes_now = sum(each.weight for each in self._segments.values())
        self.counts.oldest_ms = self._segments[min(self._segments)].from_ms if self._segments else None

    def _now_ms(self) -> int:
        return self._origin_ms + self._clock.mono_ns() // NS_PER_MS


def _packed(batch: list[Gathered], known: set[bytes]) -> tuple[bytes, set[bytes]]:
    """Give the records of blocks and of the schemas that a file does not know yet; and those it knows then."""
    parts, known = [], set(known)
    for schema, block, data in batch:
        if schema.id not in known:
            known.add(schema.id)
            parts.append(schema_record(schema))
        parts.append(block_record(data, block.t0_ms, block.t0_ms + block.step_ms * int(block.values.shape[1])))
    return b"".join(parts), known


def _first_ms(path: Path) -> int | None:
    try:
        return first_ms(path)
    except OSError:
        return None


def _pages(size: int) -> int:
    return -(-size // _PAGE_BYTES) * _PAGE_BYTES
