"""This file keeps gap records; it guards that a record changes no more once a link may have told it.

A loss beside an earlier one of the same reason becomes one record with it, as long as that one was not handed out in
this run. An acknowledgement names a gap by its first number only, so a record that was told must stay as it was told.
"""

import sqlite3

from isolane.health.outbox.losses import joined
from isolane.health.outbox.records import Key
from isolane.wire.uplink import VERSION, Gap


class Gaps:
    """The gap records of one open file."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        self._untold: set[int] = set()

    def record(self, gap: Gap) -> None:
        """Write down a loss, together with those beside it; inside the caller's transaction."""
        beside = self._file.execute(
            "SELECT id, epoch, stream, first, last, samples, reason, from_ms, to_ms FROM gaps"
            " WHERE epoch = ? AND stream = ? AND reason = ? AND (last = ? OR first = ?)",
            (gap.epoch, gap.stream, gap.reason, gap.first - 1, gap.last + 1),
        ).fetchall()
        for number, *row in beside:
            if number in self._untold:
                gap = joined(gap, Gap(VERSION, *row))
                self._file.execute("DELETE FROM gaps WHERE id = ?", (number,))
        added = self._file.execute(
            "INSERT INTO gaps (epoch, stream, first, last, samples, reason, from_ms, to_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (gap.epoch, gap.stream, gap.first, gap.last, gap.samples, gap.reason, gap.from_ms, gap.to_ms),
        )
        self._untold.add(int(added.lastrowid or 0))

    def restore(self, gap: Gap) -> None:
        """Write down a record of another file, which a link may have told."""
        self._file.execute(
            "INSERT INTO gaps (epoch, stream, first, last, samples, reason, from_ms, to_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (gap.epoch, gap.stream, gap.first, gap.last, gap.samples, gap.reason, gap.from_ms, gap.to_ms),
        )

    def pick(self, link: str, taken: frozenset[Key], limit: int) -> list[Gap]:
        """Give gaps that a link has not settled, oldest first, without those it has in flight; from now on they stay.

        Args:
            link: Name of the link.
            taken: Keys it has in flight.
            limit: How many at most.
        """
        rows = self._file.execute(
            "SELECT id, epoch, stream, first, last, samples, reason, from_ms, to_ms FROM gaps WHERE NOT EXISTS"
            " (SELECT 1 FROM receipts WHERE what = 'gap' AND receipts.id = gaps.id AND link = ?) ORDER BY id LIMIT ?",
            (link, limit + len(taken)),
        )
        free = [row for row in rows.fetchall() if row[1:4] not in taken][:limit]
        self._untold.difference_update(row[0] for row in free)
        return [Gap(VERSION, *row[1:]) for row in free]

    def told(self, key: Key) -> int | None:
        """Give the number of the record with that key if it may have been told, else None."""
        row = self._file.execute("SELECT id FROM gaps WHERE epoch = ? AND stream = ? AND first = ?", key).fetchone()
        return int(row[0]) if row and row[0] not in self._untold else None

    def remove(self, number: int) -> None:
        """Forget a record that every required link has settled."""
        self._file.execute("DELETE FROM gaps WHERE id = ?", (number,))
