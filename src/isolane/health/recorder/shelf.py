"""This file keeps the folder of snapshots; it guards the bounds in bytes, per day and in age, with safety kept longest.

Beside each ``<id>.mcap`` stands an ``<id>.json``: its index card, and how far it is on its way to the center, replaced
as a whole. What the center has goes first; of that, and then of the rest, the oldest below level 4, then the oldest.
One that is being written never goes.
"""

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.durable import replace_file
from isolane.health.recorder.settings import RecorderSettings
from isolane.health.recorder.triggers import SAFETY
from isolane.health.recorder.upload import Upload
from isolane.wire.snapshot import OPEN, Card, Trigger

_LOG = logging.getLogger(__name__)
_DAY_MS = 86_400_000
_MARGIN_BYTES = 16 << 20
_DISK_SHARE = 4


class Entry(msgspec.Struct, kw_only=True):
    """What stands beside a snapshot.

    Attributes:
        card: What it is about.
        upload: What of it the center has.
    """

    card: Card
    upload: Upload = msgspec.field(default_factory=Upload)


@dataclass(slots=True)
class ShelfCounts:
    """What became of snapshots since the process started, and what there is now."""

    snapshots: int = 0
    bytes_now: int = 0
    made: int = 0
    cut: int = 0
    """Completed after a restart, or ended by a full disk."""
    refused_day: int = 0
    """Triggers without a snapshot for the bound of the day."""
    refused_room: int = 0
    removed_full: int = 0
    """Removed for want of room."""
    removed_old: int = 0


class Shelf:
    """The snapshots of one gateway; one thread at a time.

    Args:
        settings: The table.
        folder: Where.
        clock: For ages and days.
    """

    def __init__(self, settings: RecorderSettings, folder: Path, clock: Clock) -> None:
        self.counts = ShelfCounts()
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self._settings = settings
        self._clock = clock
        self._today: dict[str, int] = {}
        """Begun by id, monotonic ms."""

    def open(self) -> list[str]:
        """Find what there is; give the ids of what has no end.

        Raises:
            OSError: The folder cannot be made or read.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self.folder.glob("*.json.new"):
            path.unlink(missing_ok=True)
        for path in sorted(self.folder.glob("*.json")):
            try:
                entry = msgspec.json.decode(path.read_bytes(), type=Entry)
            except ValueError as error:
                _LOG.warning("snapshot-card-unreadable file=%s error=%s", path.name, error)
                continue
            if self.file(entry.card.id).exists():
                self.entries[entry.card.id] = entry
            else:
                path.unlink(missing_ok=True)
        now_utc, now_mono = self._clock.utc_ns() // NS_PER_MS, self._now_ms()
        for each in self.entries.values():
            age_ms = now_utc - each.card.begun_ms
            if 0 <= age_ms < _DAY_MS:
                self._today[each.card.id] = now_mono - age_ms
        self._count()
        return [ident for ident, entry in self.entries.items() if entry.card.state == OPEN]

    def file(self, ident: str) -> Path:
        """Give where a snapshot is."""
        return self.folder / f"{ident}.mcap"

    def admits(self, trigger: Trigger) -> bool:
        """Tell whether there may be another snapshot today."""
        now = self._now_ms()
        self._today = {ident: begun for ident, begun in self._today.items() if now - begun < _DAY_MS}
        spent = sum(self._size(ident) for ident in self._today)
        allowed = self._settings.day_bytes_max * (2 if trigger.level >= SAFETY else 1)
        if spent < allowed:
            return True
        self.counts.refused_day += 1
        return False

    def begin(self, entry: Entry) -> None:
        """Take a new snapshot in.

        Raises:
            OSError: The disk refuses.
        """
        self.save(entry)
        self.entries[entry.card.id] = entry
        self._today[entry.card.id] = self._now_ms()
        self._count()

    def save(self, entry: Entry) -> None:
        """Write down what a snapshot is about.

        Raises:
            OSError: The disk refuses; what was written down before is still there.
        """
        replace_file(self.folder / f"{entry.card.id}.json", msgspec.json.encode(entry))

    def again(self, ident: str) -> Card | None:
        """Have a snapshot brought to the center once more; None where there is none, or it has no end.

        Raises:
            OSError: The disk refuses.
        """
        entry = self.entries.get(ident)
        if entry is None or entry.card.state == OPEN:
            return None
        entry.upload = Upload(waiting=entry.upload.waiting)
        self.save(entry)
        return entry.card

    def make_room(self, more: int) -> bool:
        """Remove what is too old, and what has to go for `more` bytes; tell whether there is room."""
        before_ms = self._clock.utc_ns() // NS_PER_MS - self._settings.age_max_days * _DAY_MS
        for entry in [each for each in self._closed() if each.card.begun_ms < before_ms]:
            self.counts.removed_old += 1
            self._remove(entry)
        while self._lacks(more):
            victims = sorted(self._closed(), key=_keep_longer)
            if not victims:
                self.counts.refused_room += bool(more)
                return False
            self.counts.removed_full += 1
            self._remove(victims[0])
        return True

    def _lacks(self, more: int) -> bool:
        self._count()
        if self.counts.bytes_now + more > self._settings.bytes_max:
            return True
        try:
            disk = os.statvfs(self.folder)
        except OSError:
            return True
        margin = min(_MARGIN_BYTES, disk.f_blocks * disk.f_frsize // _DISK_SHARE)
        return disk.f_bavail * disk.f_frsize < margin + more

    def _closed(self) -> list[Entry]:
        return [each for each in self.entries.values() if each.card.state != OPEN]

    def _remove(self, entry: Entry) -> None:
        ident = entry.card.id
        self.entries.pop(ident)
        for path in (self.file(ident), self.folder / f"{ident}.json"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        _LOG.info("snapshot-removed id=%s", ident)

    def _count(self) -> None:
        self.counts.snapshots = len(self.entries)
        self.counts.bytes_now = sum(map(self._size, self.entries))

    def _size(self, ident: str) -> int:
        try:
            return self.file(ident).stat().st_size
        except OSError:
            return 0

    def _now_ms(self) -> int:
        return self._clock.mono_ns() // NS_PER_MS


def _keep_longer(entry: Entry) -> tuple[bool, bool, str]:
    """Give what orders snapshots by how long they are kept."""
    return not entry.upload.is_done(entry.card), entry.card.level >= SAFETY, entry.card.id
