"""This file keeps the last minutes in a folder of files; it guards the bounds in bytes and age, and others' room.

Constraints: what is here is a copy and may be given up at any moment. Never more than `bytes_max`, whole pages counted;
never so much that less than a margin is left on the disk. Each byte is written once, and is on the disk when `append`
returns. Age follows the time this has been running, so a set clock expires nothing.

Operation: records are appended to the newest file; a full or old one, a new run or a refused write begins a new one,
and the oldest are removed whole.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.durable import append
from isolane.health.recorder.segments import FILES, Kind
from isolane.health.recorder.settings import RingSettings
from isolane.wire.records import Record

_LOG = logging.getLogger(__name__)
_SEGMENTS = 16
"""Into so many files at least each bound is shared out, so that little goes at once."""
_MARGIN_BYTES = 16 << 20
_DISK_SHARE = 4
"""Of a small disk a quarter is left."""
_PAGE_BYTES = 4096
_MS_PER_MIN = 60_000


@dataclass(slots=True)
class RingCounts:
    """What became of records since the process started, and what there is now."""

    bytes_now: int = 0
    written_bytes: int = 0
    flushes: int = 0
    refused: int = 0
    """Records not written because there was no room, or the disk refused."""
    full_bytes: int = 0
    """Removed for the bound in bytes."""
    yielded_bytes: int = 0
    """Removed because others need the disk."""


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int
    born_ms: int

    @property
    def weight(self) -> int:
        return _pages(self.size)


class Ring:
    """The last minutes of everything; one thread at a time.

    Args:
        settings: The table.
        folder: Where; made when there is something to keep.
        clock: For age.
    """

    def __init__(self, settings: RingSettings, folder: Path, clock: Clock) -> None:
        self.counts = RingCounts()
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._segments: dict[int, _Segment] = {}
        self._number = 0
        self._known: set[bytes] | None = None
        """Bodies of the schemas in the newest file; None when the next write begins a new one."""
        self._origin_ms = -(clock.mono_ns() // NS_PER_MS)

    def open(self) -> None:
        """Take over what earlier runs have left, as far as the bounds allow.

        Raises:
            OSError: The folder cannot be read.
        """
        found = FILES.files(self._folder)
        for number, born_ms, path in found:
            self._segments[number] = _Segment(path, path.stat().st_size, born_ms)
        self._number = max(self._segments, default=0)
        self._origin_ms += max((born_ms for _, born_ms, _ in found), default=0)
        self._count()
        self._make_room(0)

    def append(self, schemas: Sequence[Record], found: Sequence[Record]) -> bool:
        """Write records, and before them the schemas that the file does not have; tell whether they are on the disk."""
        try:
            self._append(schemas, found)
        except OSError as error:
            self._known = None
            self.counts.refused += len(found)
            _LOG.warning("ring-refused folder=%s records=%d error=%s", self._folder, len(found), error.strerror)
            return False
        return True

    def read(self, from_ms: int, to_ms: int = (1 << 63) - 1) -> Iterator[Record]:
        """Give the records of a time, UTC ms, and all schemas, in the order they were written."""
        for number in sorted(self._segments):
            try:
                data = self._segments[number].path.read_bytes()
            except OSError as error:
                _LOG.warning("ring-unreadable file=%s error=%s", self._segments[number].path, error.strerror)
                continue
            for record in FILES.read(data):
                if record.kind == Kind.SCHEMA or (record.from_ms < to_ms and record.to_ms > from_ms):
                    yield record

    def _append(self, schemas: Sequence[Record], found: Sequence[Record]) -> None:
        now_ms, newest = self._now_ms(), self._segments.get(self._number)
        if self._known is None or newest is None or self._is_full(newest, now_ms):
            self._known, newest = set(), None
        data = b"".join(FILES.encode(each) for each in found)
        heads = [each for each in schemas if each.body not in self._known]
        data = b"".join(FILES.encode(each) for each in heads) + data
        self._make_room(len(data))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if newest is None:
            self._number += 1
            newest = _Segment(self._folder / FILES.name(self._number, now_ms), 0, now_ms)
        newest.size = append(newest.path, data)
        self._segments[self._number] = newest
        self._known.update(each.body for each in heads)
        self.counts.written_bytes += len(data)
        self.counts.flushes += 1
        self._count()

    def _is_full(self, newest: _Segment, now_ms: int) -> bool:
        span_ms = self._settings.minutes * _MS_PER_MIN // _SEGMENTS
        return newest.size >= self._settings.bytes_max // _SEGMENTS or now_ms - newest.born_ms >= span_ms

    def _make_room(self, more: int) -> None:
        """Remove what is too old, and the oldest until there is room.

        Raises:
            OSError: There is none.
        """
        before_ms = self._now_ms() - self._settings.minutes * _MS_PER_MIN
        while (old := self._oldest()) is not None and self._ended_ms(old) < before_ms:
            self._remove(old)
        # One page for each of two files, of which the last may be partly filled.
        allowed = self._settings.bytes_max - (_pages(more) + 2 * _PAGE_BYTES if more else 0)
        if allowed < 0:
            raise OSError(0, "one write would be more than the bound")
        while (old := self._oldest()) is not None and self.counts.bytes_now > allowed:
            self.counts.full_bytes += self._remove(old)
        while (old := self._oldest()) is not None and self._is_in_the_way(more):
            self.counts.yielded_bytes += self._remove(old)
        if self.counts.bytes_now > allowed or (more and self._is_in_the_way(more)):
            raise OSError(0, "no room beside what others need")

    def _oldest(self) -> int | None:
        """Give the oldest file that is not being written to."""
        return min((number for number in self._segments if number != self._number or self._known is None), default=None)

    def _ended_ms(self, number: int) -> int:
        later = [each.born_ms for other, each in self._segments.items() if other > number]
        return min(later, default=self._segments[number].born_ms + self._settings.minutes * _MS_PER_MIN)

    def _is_in_the_way(self, more: int) -> bool:
        try:
            disk = os.statvfs(self._folder if self._folder.exists() else self._folder.parent)
        except OSError:
            return False
        margin = min(_MARGIN_BYTES, disk.f_blocks * disk.f_frsize // _DISK_SHARE)
        return disk.f_bavail * disk.f_frsize < margin + more

    def _remove(self, number: int) -> int:
        gone = self._segments.pop(number)
        with contextlib.suppress(OSError):
            gone.path.unlink(missing_ok=True)
        self._count()
        return gone.weight

    def _count(self) -> None:
        self.counts.bytes_now = sum(each.weight for each in self._segments.values())

    def _now_ms(self) -> int:
        return self._origin_ms + self._clock.mono_ns() // NS_PER_MS


def _pages(size: int) -> int:
    return -(-size // _PAGE_BYTES) * _PAGE_BYTES
