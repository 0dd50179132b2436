"""This file keeps the books of each (epoch, stream); it guards produced = acknowledged + queued + thinned + dropped.

Every change moves samples from one account to another in one statement; the table's CHECK refuses anything else.
Callers are inside the transaction that moves the block itself. Books of epochs long settled are folded into epoch 0,
which is never stated; so the sums over all books never go back.
"""

import sqlite3

from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.missed import missed_by
from isolane.health.outbox.records import Tally
from isolane.wire.uplink import LedgerEntry

FOLDED = 0
_SETTLED_KEPT = 8
"""So many settled books are stated again at each session's start: a center that was away learns how they ended."""


class Books:
    """The ledger in one open file."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def newest_epoch(self) -> int:
        """Give the greatest epoch ever used, 0 if none."""
        return int(self._file.execute("SELECT coalesce(max(epoch), 0) FROM books").fetchone()[0])

    def begin(self, epoch: int, stream: int) -> None:
        """Open the books of a new epoch and fold old settled ones."""
        self.have(epoch, stream)
        self._fold(epoch)

    def have(self, epoch: int, stream: int) -> int:
        """Open the books of an epoch unless they are open; give how many that were."""
        return self._file.execute("INSERT OR IGNORE INTO books (epoch, stream) VALUES (?, ?)", (epoch, stream)).rowcount

    def last_sequence(self, epoch: int, stream: int) -> int:
        """Give the number of the newest block, 0 if none."""
        row = self._file.execute(
            "SELECT last_sequence FROM books WHERE epoch = ? AND stream = ?", (epoch, stream)
        ).fetchone()
        return int(row[0]) if row else 0

    def produce(self, epoch: int, stream: int, sequence: int, samples: int, thinned: int) -> None:
        """A new block is queued; `thinned` samples beside its own are told by it within a bound."""
        self._file.execute(
            "UPDATE books SET produced = produced + ?, queued = queued + ?, thinned = thinned + ?, last_sequence = ?"
            " WHERE epoch = ? AND stream = ?",
            (samples + thinned, samples, thinned, sequence, epoch, stream),
        )

    def produce_lost(self, epoch: int, stream: int, sequence: int, samples: int, reason: str) -> None:
        """New blocks up to `sequence` were given up before they could be stored."""
        self._file.execute(
            "UPDATE books SET produced = produced + ?, dropped = dropped + ?, last_sequence = ?"
            " WHERE epoch = ? AND stream = ?",
            (samples, samples, sequence, epoch, stream),
        )
        self._reason(epoch, stream, samples, reason)

    def restore(self, book: tuple[int, int], entry: LedgerEntry) -> None:
        """Open the books of an epoch as another file had them."""
        self._file.execute(
            "INSERT INTO books (epoch, stream, last_sequence, produced, acknowledged, queued, thinned, dropped)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *book,
                entry.last_sequence,
                entry.produced,
                entry.acknowledged,
                entry.queued,
                entry.thinned,
                sum(entry.dropped.values()),
            ),
        )
        for reason, samples in entry.dropped.items():
            self._reason(*book, samples, reason)

    def acknowledge(self, epoch: int, stream: int, samples: int) -> None:
        """The center has committed a queued block."""
        self._file.execute(
            "UPDATE books SET acknowledged = acknowledged + ?, queued = queued - ? WHERE epoch = ? AND stream = ?",
            (samples, samples, epoch, stream),
        )

    def drop(self, epoch: int, stream: int, samples: int, thinned: int, reason: str) -> None:
        """A queued block is given up, and with it those samples that only it told."""
        self._file.execute(
            "UPDATE books SET dropped = dropped + ?, queued = queued - ?, thinned = thinned - ?"
            " WHERE epoch = ? AND stream = ?",
            (samples + thinned, samples, thinned, epoch, stream),
        )
        self._reason(epoch, stream, samples + thinned, reason)

    def entries(self, but: int = FOLDED) -> list[LedgerEntry]:
        """Give the books of every epoch that is not folded (or not `but`), the newest first."""
        reasons: dict[tuple[int, int], dict[str, int]] = {}
        for epoch, stream, reason, samples in self._file.execute("SELECT epoch, stream, reason, samples FROM reasons"):
            reasons.setdefault((epoch, stream), {})[reason] = samples
        rows = self._file.execute(
            "SELECT epoch, stream, last_sequence, produced, acknowledged, queued, thinned FROM books"
            " WHERE epoch <> ? ORDER BY epoch DESC, stream",
            (but,),
        )
        return [
            LedgerEntry(epoch, stream, last, produced, acknowledged, queued, thinned, reasons.get((epoch, stream), {}))
            for epoch, stream, last, produced, acknowledged, queued, thinned in rows
        ]

    def tally(self) -> Tally:
        """Give the sums over all books, the folded ones included."""
        row = self._file.execute(
            "SELECT total(produced), total(acknowledged), total(queued), total(thinned) FROM books"
        ).fetchone()
        dropped = dict(self._file.execute("SELECT reason, sum(samples) FROM reasons GROUP BY reason").fetchall())
        lanes = self._file.execute("SELECT lane, blocks, bytes FROM occupancy ORDER BY lane").fetchall()
        blocks, sizes = sum(row[1] for row in lanes), {Lane(row[0]): row[2] for row in lanes}
        gaps = self._file.execute("SELECT count(*) FROM gaps").fetchone()[0]
        produced, acknowledged, queued, thinned = map(int, row)
        return Tally(produced, acknowledged, queued, thinned, dropped, blocks, sizes, gaps, missed_by(self._file))

    def _reason(self, epoch: int, stream: int, samples: int, reason: str) -> None:
        self._file.execute(
            "INSERT INTO reasons VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET samples = samples + excluded.samples",
            (epoch, stream, reason, samples),
        )

    def _fold(self, newest: int) -> None:
        settled = self._file.execute(
            "SELECT epoch, stream, produced, acknowledged, thinned, dropped FROM books WHERE queued = 0"
            " AND epoch NOT IN (?, ?) AND NOT EXISTS"
            " (SELECT 1 FROM gaps WHERE gaps.epoch = books.epoch AND gaps.stream = books.stream)"
            " ORDER BY epoch DESC",
            (FOLDED, newest),
        ).fetchall()
        empty = [row for row in settled if not row[2]]
        used = [row for row in settled if row[2]]
        for epoch, stream, produced, acknowledged, thinned, dropped in empty + used[_SETTLED_KEPT:]:
            self._file.execute("DELETE FROM books WHERE epoch = ? AND stream = ?", (epoch, stream))
            self._file.execute(
                "INSERT INTO books (epoch, stream, produced, acknowledged, thinned, dropped) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET produced = produced + excluded.produced,"
                " acknowledged = acknowledged + excluded.acknowledged, thinned = thinned + excluded.thinned,"
                " dropped = dropped + excluded.dropped",
                (FOLDED, stream, produced, acknowledged, thinned, dropped),
            )
            self._file.execute(
                "INSERT INTO reasons SELECT ?, stream, reason, samples FROM reasons WHERE epoch = ? AND stream = ?"
                " ON CONFLICT DO UPDATE SET samples = samples + excluded.samples",
                (FOLDED, epoch, stream),
            )
            self._file.execute("DELETE FROM reasons WHERE epoch = ? AND stream = ?", (epoch, stream))
