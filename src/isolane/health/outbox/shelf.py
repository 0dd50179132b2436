"""This file moves blocks in one open file.

It guards that a block never leaves without its books, and its gap if it is lost.

Every function here runs inside the caller's transaction, except `pick`, which only reads.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isolane.health.outbox.books import Books
from isolane.health.outbox.gaps import Gaps
from isolane.health.outbox.lanes import URGENT, Lane
from isolane.health.outbox.missed import BROUGHT, Missed
from isolane.health.outbox.records import Draft, Key, Sheet
from isolane.health.outbox.room import LANE_FULL, LOST, Bounds, Row, beyond, plan
from isolane.wire.anchor import BEGINS as ANCHOR_BEGINS
from isolane.wire.anchor import read_schema_id
from isolane.wire.block import BlockKey
from isolane.wire.uplink import VERSION, Gap

ROW_BYTES = 256
"""What a block costs in the file beside its bytes: two rows, three index entries, part of a page."""
_EXPIRED_AT_ONCE = 500
"""So many blocks expire in one transaction; a long one would keep a link waiting."""
_FORGET_SHARE = 8
"""Of 256: unused anchors are forgotten with about every 32nd new one, since it means looking at every block."""

_OLDEST_KEPT = "CASE lane " + "".join(f"WHEN {lane:d} THEN ? " for lane in Lane) + "END"
"""Takes a moment for each lane, in their order."""
_OLDEST_FIRST = (
    "SELECT id, epoch, stream, sequence, schema FROM blocks WHERE lane = ? AND born_ms >= KEPT AND NOT EXISTS"
    " (SELECT 1 FROM receipts WHERE what = 'block' AND receipts.id = blocks.id AND link = ?) ORDER BY id LIMIT ?"
).replace("KEPT", _OLDEST_KEPT)
_IN_ORDER = _OLDEST_FIRST.replace("lane = ?", "lane >= ?")
_NEWEST_FIRST = _OLDEST_FIRST.replace("ORDER BY id", "ORDER BY id DESC")


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands beside a block's bytes; `schema` is what opens it, a schema or an anchor."""

    lane: int
    key: Key
    samples: int
    thinned: int
    born_ms: int
    from_ms: int
    to_ms: int
    schema: bytes


@dataclass(frozen=True, slots=True)
class Shelf:
    """One open file with its books and gaps, and what links have missed."""

    file: sqlite3.Connection
    books: Books
    gaps: Gaps
    missed: Missed

    @classmethod
    def over(cls, file: sqlite3.Connection, held: Mapping[str, frozenset[Key]]) -> "Shelf":
        """Make the views of one file; `held` is what each link has in flight, and may change."""
        return cls(file, Books(file), Gaps(file), Missed(file, held))

    def newest_born_ms(self) -> int:
        """Give when the newest block came, on the outbox's own clock; 0 if there is none."""
        return int(self.file.execute("SELECT coalesce(max(born_ms), 0) FROM blocks").fetchone()[0])

    def forget_schemas(self) -> None:
        """Forget the schemas that no block here has, and anchors likewise."""
        self._forget_anchors()
        used = {row[0] for row in self.file.execute("SELECT DISTINCT schema FROM blocks")}
        left = self.file.execute("SELECT id, json FROM schemas").fetchall()
        used |= {read_schema_id(json) for _, json in left}
        self.file.executemany("DELETE FROM schemas WHERE id = ?", [(one,) for one, _ in left if one not in used])

    def have_schema(self, identity: bytes, json: bytes) -> None:
        """Keep the schema of a block."""
        self.file.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (identity, json))

    def have_anchor(self, identity: bytes, json: bytes) -> None:
        """Keep the anchor of a block; now and then forget those no block here has."""
        added = self.file.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (identity, json)).rowcount
        if added and identity[0] < _FORGET_SHARE:
            self._forget_anchors()
            self.file.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (identity, json))

    def _forget_anchors(self) -> None:
        self.file.execute(
            "DELETE FROM schemas WHERE substr(json, 1, ?) = ? AND id NOT IN (SELECT schema FROM blocks)",
            (len(ANCHOR_BEGINS), ANCHOR_BEGINS),
        )

    def schema(self, identity: bytes) -> bytes | None:
        """Give the JSON of a schema."""
        row = self.file.execute("SELECT json FROM schemas WHERE id = ?", (identity,)).fetchone()
        return row[0] if row else None

    def holding(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Give those of some keys whose block or paper is here."""
        asked = "SELECT 1 FROM blocks WHERE epoch = ? AND stream = ? AND sequence = ?"
        return frozenset(key for key in keys if self.file.execute(asked, key).fetchone() is not None)

    def add(self, lane: Lane, key: BlockKey, draft: Draft | Sheet, data: bytes, born_ms: int) -> None:
        """Store a new block, opened by the draft's schema or anchor, or a paper, and put it into the books."""
        name = (key.epoch, key.stream, key.sequence)
        self.insert(
            Entry(lane, name, draft.samples, draft.thinned, born_ms, draft.t0_ms, draft.end_ms, draft.schema), data
        )
        self.books.produce(key.epoch, key.stream, key.sequence, draft.samples, draft.thinned)

    def insert(self, entry: Entry, data: bytes) -> None:
        """Store a block; its books are the caller's."""
        added = self.file.execute(
            "INSERT INTO blocks (lane, epoch, stream, sequence, samples, thinned, born_ms, from_ms, to_ms, schema,"
            " size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.lane,
                *entry.key,
                entry.samples,
                entry.thinned,
                entry.born_ms,
                entry.from_ms,
                entry.to_ms,
                entry.schema,
                len(data) + ROW_BYTES,
            ),
        )
        self.file.execute("INSERT INTO bodies VALUES (?, ?)", (added.lastrowid, data))

    def lose(self, gap: Gap) -> None:
        """Put blocks into the books that could not be stored, unless the file has them after all."""
        if gap.first > self.books.last_sequence(gap.epoch, gap.stream):
            self.books.have(gap.epoch, gap.stream)
            self.books.produce_lost(gap.epoch, gap.stream, gap.last, gap.samples, gap.reason)
            self.gaps.record(gap)
            self.missed.lost(gap.last - gap.first + 1, gap.samples, gap.reason)

    def make_room(self, lane: Lane, size: int, bounds: Bounds, held: frozenset[Key]) -> str:
        """Drop the oldest of the block's own lane, then of the lowest lanes, until there is room; those in flight last.

        Args:
            lane: Of the block to come.
            size: Its bytes.
            bounds: Of the whole and of its lane.
            held: Keys of blocks in flight: the center may have them already.

        Returns:
            Why there is no room even so, and nothing was dropped; empty if there is.
        """
        found = plan(self.file, lane, size, bounds, held)
        for row, reason in found.victims:
            self._drop([row], reason)
        return found.refusal

    def trim(self, by_lane: Mapping[Lane, int], held: frozenset[Key]) -> int:
        """Drop the oldest of lanes that have more than their own bound; give how many."""
        return self._drop(beyond(self.file, by_lane, held), LANE_FULL)

    def expire(self, before_ms: Sequence[int], held: frozenset[Key]) -> int:
        """Drop blocks born before the moment of their lane, without those in flight; give how many."""
        self.missed.resolve()
        rows = self.file.execute(
            LOST + " WHERE born_ms < " + _OLDEST_KEPT + " ORDER BY id LIMIT ?",
            (*before_ms, _EXPIRED_AT_ONCE + len(held)),
        ).fetchall()
        return self._drop([row for row in rows if row[1:4] not in held], "expired")

    def drop_corrupt(self, keys: Iterable[Key]) -> int:
        """Drop blocks that no longer fit their checksum; give how many."""
        where = LOST + " WHERE epoch = ? AND stream = ? AND sequence = ?"
        rows = [self.file.execute(where, key).fetchone() for key in keys]
        return self._drop([row for row in rows if row], "corrupt")

    def yield_to_live(self, before_ms: int) -> int:
        """Move live blocks born before a moment to the backfill lane; give how many."""
        moved = self.file.execute(
            "UPDATE blocks SET lane = ? WHERE lane = ? AND born_ms < ?", (Lane.BACKFILL, Lane.LIVE, before_ms)
        )
        return moved.rowcount

    def pick(
        self,
        link: str,
        taken: frozenset[Key],
        limit: int,
        not_before_ms: Sequence[int],
        *,
        newest_first: bool,
        in_order: bool = False,
        urgent_only: bool = False,
    ) -> list[tuple[Key, bytes, bytes]]:
        """Give (key, schema, bytes) of the blocks a link shall send next.

        Args:
            link: Its name; what it has settled already is left out.
            taken: What it has in flight; left out too.
            limit: How many at most.
            not_before_ms: For each lane: blocks born earlier are about to expire and are not sent any more.
            newest_first: The order within the backfill lane.
            in_order: Whether the oldest goes first, whatever its lane.
            urgent_only: Whether alarms and receipts alone go; not for a link in order.
        """
        found: list[tuple[Key, bytes, bytes]] = []
        for lane in (Lane.ALARM,) if in_order else URGENT if urgent_only else Lane:
            newest = lane is Lane.LIVE or (lane is Lane.BACKFILL and newest_first)
            query = _NEWEST_FIRST if newest else _OLDEST_FIRST
            rows = self.file.execute(
                _IN_ORDER if in_order else query, (lane, *not_before_ms, link, limit + len(taken))
            ).fetchall()
            for number, epoch, stream, sequence, schema in rows:
                if len(found) == limit:
                    return found
                if (epoch, stream, sequence) not in taken:
                    body = self.file.execute("SELECT data FROM bodies WHERE id = ?", (number,)).fetchone()
                    found.append(((epoch, stream, sequence), schema, body[0] if body else b""))
        return found

    def settle_block(self, key: Key, link: str, required: frozenset[str]) -> bool:
        """A link brought a block to its center; give whether it was here."""
        row = self.file.execute(
            "SELECT id, samples FROM blocks WHERE epoch = ? AND stream = ? AND sequence = ?", key
        ).fetchone()
        self.missed.resolve()
        was_late = self.missed.brought(link, key)
        if row is None:
            return was_late
        if self._settled("block", row[0], link, required):
            self.books.acknowledge(key[0], key[1], row[1])
            self.missed.leaves(row[0], key, row[1], BROUGHT, link)
            self.file.execute("DELETE FROM blocks WHERE id = ?", (row[0],))
        return True

    def settle_gap(self, key: Key, link: str, required: frozenset[str]) -> bool:
        """A link brought a gap record to its center; give whether it was here and had been told."""
        number = self.gaps.told(key)
        if number is None:
            return False
        if self._settled("gap", number, link, required):
            self.gaps.remove(number)
        return True

    def settle_left(self, required: frozenset[str]) -> None:
        """Let go what waited only for a link that is not required any more."""
        left = self.file.execute("SELECT DISTINCT what, id FROM receipts").fetchall()
        done = [(what, number) for what, number in left if required and required <= self._receipts(what, number)]
        for what, number in done:
            if what == "gap":
                self.gaps.remove(number)
                continue
            row = self.file.execute("SELECT epoch, stream, samples FROM blocks WHERE id = ?", (number,)).fetchone()
            self.books.acknowledge(*row)
            self.missed.leaves(number, None, row[2], BROUGHT)
            self.file.execute("DELETE FROM blocks WHERE id = ?", (number,))

    def _receipts(self, what: str, number: int) -> set[str]:
        rows = self.file.execute("SELECT link FROM receipts WHERE what = ? AND id = ?", (what, number))
        return {row[0] for row in rows}

    def _settled(self, what: str, number: int, link: str, required: frozenset[str]) -> bool:
        """Note a link's receipt; tell whether every required link has one now."""
        if required and required <= self._receipts(what, number) | {link}:
            return True
        self.file.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)", (what, number, link))
        return False

    def _drop(self, rows: list[Row], reason: str) -> int:
        for number, epoch, stream, sequence, samples, thinned, from_ms, to_ms, _ in rows:
            self.books.drop(epoch, stream, samples, thinned, reason)
            gone = samples + thinned
            self.gaps.record(Gap(VERSION, epoch, stream, sequence, sequence, gone, reason, from_ms, to_ms))
            self.missed.leaves(number, (epoch, stream, sequence), gone, reason)
            self.file.execute("DELETE FROM blocks WHERE id = ?", (number,))
        return len(rows)
