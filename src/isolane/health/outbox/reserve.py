"""This file keeps room on the disk for the day it is full; it guards that the outbox can still drop, and take alarms.

SQLite needs room even to delete. A file beside the outbox holds some: given up when the disk is full, taken again as
soon as there is room for it. Meanwhile the outbox does not grow, but for alarms and receipts.
"""

import contextlib
import logging
import os
from pathlib import Path

from isolane.health.outbox.lanes import DROPPED_FIRST, Lane
from isolane.health.outbox.losses import REASON
from isolane.health.outbox.room import Bounds
from isolane.health.outbox.settings import OutboxSettings

_LOG = logging.getLogger(__name__)

RESERVE_BYTES = 4 << 20
"""As much as the write-ahead log holds before SQLite moves it into the file; less on a small disk."""
PAGE_BYTES = 4096
_DISK_SHARE = 4
"""Of a small disk a quarter is kept: the tables alone take another."""


def reserve_bytes(folder: Path) -> int:
    """Give how much room is kept on a folder's disk, bytes: whole pages."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return RESERVE_BYTES
    return min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _DISK_SHARE // PAGE_BYTES * PAGE_BYTES)


class Reserve:
    """How large one outbox may be, by its settings and by its disk.

    Args:
        settings: Of the outbox; the reserve lies beside its file.
    """

    def __init__(self, settings: OutboxSettings) -> None:
        self.held = False
        """Whether there is room in hand; without it the disk counts as full."""
        self.by_lane = settings.lanes.bytes_max
        """Bounds of single lanes, bytes; they hold on any disk."""
        self._path = settings.path.with_name(f"{settings.path.name}.reserve")
        self._size_bytes = reserve_bytes(settings.path.parent)
        self._bytes_max = settings.bytes_max
        self._ordinary_max = settings.ordinary_bytes_max
        self._room_bytes = 0

    def bounds(self, lane: Lane, *, grows: bool) -> Bounds:
        """Give how large the outbox may be with a block of a lane, and why no larger.

        Args:
            lane: Of the block to come; alarms and receipts may use what others may not.
            grows: Whether the disk may have room for it at all.
        """
        is_ordinary = lane in DROPPED_FIRST
        bytes_max = self._ordinary_max if is_ordinary else self._bytes_max
        if (grows and (self.held or not is_ordinary)) or self._room_bytes > bytes_max:
            return Bounds(bytes_max, "outbox-full", self.by_lane)
        return Bounds(self._room_bytes, REASON, self.by_lane)

    def take(self, queued_bytes: int) -> None:
        """Take room unless it is in hand; what an earlier run has taken is taken over.

        Args:
            queued_bytes: How large the outbox is: it stays so where there is no room.
        """
        if self.held:
            return
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            finally:
                os.close(descriptor)
        except OSError:
            self._room_bytes = max(self._room_bytes, queued_bytes)
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return
        self.held, self._room_bytes = True, 0
        _LOG.info("outbox-reserve-taken bytes=%d", self._size_bytes)

    def give_up(self, queued_bytes: int) -> bool:
        """Let the outbox have the room; tell whether there was any.

        Args:
            queued_bytes: How large the outbox is: no larger from now on.
        """
        self.held, self._room_bytes = False, queued_bytes
        try:
            self._path.unlink()
        except OSError:
            return False
        _LOG.warning("outbox-reserve-given-up bytes=%d reason=disk-full", self._size_bytes)
        return True
