"""This file is the durable outbox, without threads or waiting.

It guards the ledger under kill -9, full disks and damaged files.

Operation: a block, its number and its books are committed in one transaction. While the disk is full the outbox does
not grow: the oldest of the lowest lane makes room. What the disk refuses even so is counted in memory as produced and
dropped with its numbers, and written down with the next block that gets through. After an I/O error nobody knows
whether the last commit is on the disk, so the file is opened and written out anew, and what it says holds. A damaged
file is set aside and an empty one begun, in a new epoch.

An outbox has its own clock, the time it has been open; age and lane follow it, so a set UTC clock expires nothing.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from isolane.core.clock import NS_PER_MS, Clock
from isolane.health.outbox.anchors import Anchors
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.losses import REASON, Losses
from isolane.health.outbox.records import Draft, Key, Outgoing, Sheet, Tally, Troubles
from isolane.health.outbox.reserve import Reserve
from isolane.health.outbox.salvage import is_whole, salvage
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.shelf import ROW_BYTES, Shelf
from isolane.health.outbox.tables import is_full, open_file, quarantine, refusal, transaction, write_out
from isolane.security.event_lines import EventLines, Kind
from isolane.wire.block import BlockKey, encode
from isolane.wire.paper import encode_paper, is_paper
from isolane.wire.schema import Schema
from isolane.wire.uplink import VERSION, Gap, LedgerEntry, Up
from isolane.wire.uplink import encode as encode_message

_LOG = logging.getLogger(__name__)
_SITE = 0
"""The site's own rhythm is this stream."""

Result = TypeVar("Result")


class Store:
    """The outbox of one gateway; one thread at a time.

    Args:
        settings: Where it is and its bounds.
        tag: From `wire.block.gateway_tag`.
        clock: Both clocks.
        schema: Of the rows that will come.
        required: Names of the links that must all have brought a block to the center before it leaves.
        spare: Gives up what others keep on the disk when it is full; tells whether there was any.
    """

    def __init__(
        self,
        settings: OutboxSettings,
        tag: bytes,
        clock: Clock,
        schema: Schema,
        required: frozenset[str],
        *,
        spare: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._tag = tag
        self._clock = clock
        self._schemas = {schema.id: schema.json}
        self._required = required
        self._shelf: Shelf | None = None
        self._origin_ms = 0
        self._sequences = {_SITE: 0}
        self._epoch_due = True
        self._losses = Losses()
        self._anchors = Anchors()
        self._reserve = Reserve(settings)
        self._spare = spare
        self._is_full = self._is_doubted = False
        self._aside: Path | None = None
        self.held: dict[str, frozenset[Key]] = {}
        self._stored = Tally()
        self._events = EventLines()
        self.epoch = 0
        self.troubles = Troubles()

    def open(self) -> None:
        """Open the file and begin an epoch.

        Raises:
            IsolaneError: The file cannot be opened for a reason a person must put right.
        """
        for make_room in (self._spare, lambda: self._reserve.give_up(0), None):
            try:
                shelf = self._open()
                self._begin(shelf)
                with transaction(shelf.file):
                    shelf.settle_left(self._required)
                break
            except sqlite3.OperationalError as error:
                self.close()
                if make_room is None or not is_full(error):
                    raise refusal(self._settings.path, error) from error
                make_room()
        self._refresh()
        self._reserve.take(self._stored.bytes_queued)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        if self._shelf is not None:
            self._shelf.file.close()
            self._shelf = None

    @property
    def tally(self) -> Tally:
        """The books of all epochs together, as of the last operation, what the disk has refused included."""
        return self._losses.add_to(self._stored)

    def learn(self, schema: Schema, stream: int = _SITE) -> None:
        """Blocks of this schema may come too, in that stream."""
        self._schemas[schema.id] = schema.json
        self._have(stream)

    def _have(self, stream: int) -> None:
        if stream not in self._sequences:
            self._sequences[stream] = 0
            if not self._epoch_due:
                self._commit(lambda shelf: shelf.books.have(self.epoch, stream))

    def put(self, draft: Draft | Sheet, lane: Lane = Lane.LIVE) -> BlockKey:
        """Number a block or paper and commit it; whatever happens, its samples are in the books. Give its key."""
        self._have(draft.stream)
        files, self._is_full = self.troubles.quarantined, False
        stored = self._put(draft, lane, grows=True)
        if self._is_full and self._spare():
            self._is_full = False
            stored = self._put(draft, lane, grows=True)
        if not stored and (self.troubles.quarantined > files or self._is_full):
            stored = self._put(draft, lane, grows=not self._is_full or self._make_do())
        if stored:
            self._losses.clear()
        else:
            self._losses.add(self._gap(draft, REASON))
        self._sequences[draft.stream] += 1
        self._refresh()
        return BlockKey(self.epoch, draft.stream, self._sequences[draft.stream])

    def _put(self, draft: Draft | Sheet, lane: Lane, *, grows: bool) -> bool:
        if self._epoch_due and not self._attempt(self._begin, otherwise=False):
            return False
        return self._attempt(lambda shelf: self._insert(shelf, draft, lane, grows=grows), otherwise=False)

    def _make_do(self) -> bool:
        """Use what is in hand on a full disk: the reserve, and the log's own room; tell whether there was a reserve."""
        had = self._reserve.give_up(self._stored.bytes_queued)
        self._attempt(lambda shelf: shelf.file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone(), otherwise=None)
        return had

    def begin_epoch(self) -> None:
        """Number blocks from 1 again under a greater epoch; asked for when the UTC clock was set back."""
        self._epoch_due = True
        self._attempt(self._begin, otherwise=False)
        self._refresh()

    def pick(
        self,
        link: str,
        in_flight: frozenset[Key],
        aside: frozenset[Key],
        limit: int,
        *,
        newest_first: bool,
        in_order: bool = False,
        urgent_only: bool = False,
    ) -> list[Outgoing]:
        """Give what a link shall send next, gaps first, without what it has in flight or set aside.

        Where only the urgent is to go, gaps wait too, and a link in order, which lets nothing overtake, gets nothing.
        Blocks that no longer fit their checksum are dropped here, with a gap record.
        """
        if urgent_only and in_order:
            return []
        taken = in_flight | aside
        oldest, gaps_max = self._oldest_kept(), 0 if urgent_only else limit
        gaps: list[Gap] = self._attempt(lambda shelf: shelf.gaps.pick(link, taken, gaps_max), otherwise=[])
        out = [Outgoing(Up.GAP, encode_message(gap), (gap.epoch, gap.stream, gap.first)) for gap in gaps]
        room = limit - len(out)
        blocks: list[tuple[Key, bytes, bytes]] = self._attempt(
            lambda shelf: shelf.pick(
                link, taken, room, oldest, newest_first=newest_first, in_order=in_order, urgent_only=urgent_only
            ),
            otherwise=[],
        )
        corrupt = [key for key, _, data in blocks if not is_whole(data, key, self._tag)]
        if corrupt:
            self.troubles.corrupt_blocks += self._commit(lambda shelf: shelf.drop_corrupt(corrupt)) or 0
            self._refresh()
        whole = [each for each in blocks if each[0] not in corrupt]
        out += [Outgoing(Up.PAPER if is_paper(data) else Up.BLOCK, data, key, schema) for key, schema, data in whole]
        self.held[link] = in_flight | {each.key for each in out}
        return out

    def settle(self, link: str, blocks: Sequence[Key], gaps: Sequence[Key]) -> int | None:
        """Take out what the center has, or note that this link has brought it.

        Returns:
            How many of them were here; None if the disk refused, so that all are as before.
        """

        def work(shelf: Shelf) -> int:
            found = sum(shelf.settle_block(key, link, self._required) for key in blocks)
            return found + sum(shelf.settle_gap(key, link, self._required) for key in gaps)

        found = self._commit(work)
        if found is None:
            return None
        self.troubles.unknown_acks += len(blocks) + len(gaps) - found
        self._refresh()
        return found

    def tend(self) -> None:
        """Expire what is too old and let undelivered blocks yield to live ones; to be called every few seconds."""
        oldest, live = self._oldest_kept(), self._now_ms() - self._settings.backfill_after_s * 1000
        by_lane, held = self._reserve.by_lane, self._in_flight()
        self._commit(lambda shelf: shelf.expire(oldest, held) + shelf.yield_to_live(live) + shelf.trim(by_lane, held))
        self._reserve.take(self._stored.bytes_queued)
        self._refresh()

    def forget(self, link: str) -> None:
        """A link's session ended: nothing of it is in flight."""
        self.held[link] = frozenset()

    def entries(self) -> list[LedgerEntry]:
        """Give the books of each epoch, the newest first, as they are on the disk.

        What the disk has refused is not in them: killed now, it was never produced, and nobody could take it back.
        """
        entries: list[LedgerEntry] = self._attempt(lambda shelf: shelf.books.entries(), otherwise=[])
        return entries

    def holding(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Give those of some keys that wait here; all of them while the disk refuses to tell."""
        return self._attempt(lambda shelf: shelf.holding(keys), otherwise=keys)

    def schema(self, identity: bytes) -> bytes | None:
        """Give the JSON of a schema that a block here has, or one to come."""
        if identity in self._schemas:
            return self._schemas[identity]
        return self._attempt(lambda shelf: shelf.schema(identity), otherwise=None)

    def _now_ms(self) -> int:
        return self._origin_ms + self._clock.mono_ns() // NS_PER_MS

    def _oldest_kept(self) -> list[int]:
        """Give for each lane the moment before which its blocks are too old."""
        now = self._now_ms()
        return [now - self._settings.age_max_ms(lane) for lane in Lane]

    def _in_flight(self) -> frozenset[Key]:
        return frozenset[Key]().union(*self.held.values())

    def _open(self) -> Shelf:
        """Open the file; set a damaged one aside and begin an empty one."""
        try:
            file = open_file(self._settings.path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            file = open_file(self._settings.path)
        if self._is_doubted:
            write_out(file)
            self._is_doubted = False
        self._shelf = Shelf.over(file, self.held)
        if self._aside is not None:
            self._salvage(self._shelf, self._aside)
        self._losses.forget_known(self._shelf.books.last_sequence)
        self._origin_ms = self._shelf.newest_born_ms() - self._clock.mono_ns() // NS_PER_MS
        self._epoch_due |= self._shelf.books.newest_epoch() != self.epoch
        return self._shelf

    def _salvage(self, shelf: Shelf, aside: Path) -> None:
        """Put back what is whole of a file that was set aside; a disk that refuses that is none the worse for it."""
        self._aside = None
        try:
            with transaction(shelf.file):
                blocks = salvage(aside, shelf, self._tag, self._schemas)
        except sqlite3.Error as error:
            _LOG.warning("outbox-not-salvaged aside=%s error=%s", aside, error)
            return
        self.troubles.salvaged_blocks += blocks
        _LOG.warning("outbox-salvaged aside=%s blocks=%d", aside, blocks)

    def _begin(self, shelf: Shelf) -> bool:
        """Write down what was lost, then open the books of a new epoch."""
        epoch = max(self._clock.utc_ns() // NS_PER_MS, shelf.books.newest_epoch() + 1, self.epoch + 1)
        with transaction(shelf.file):
            for gap in self._losses.gaps:
                shelf.lose(gap)
            for stream in self._sequences:
                shelf.books.begin(epoch, stream)
            shelf.forget_schemas()
        self._losses.clear()
        self.epoch, self._sequences, self._epoch_due = epoch, dict.fromkeys(self._sequences, 0), False
        return True

    def _insert(self, shelf: Shelf, draft: Draft | Sheet, lane: Lane, *, grows: bool) -> bool:
        key = BlockKey(self.epoch, draft.stream, self._sequences[draft.stream] + 1)
        anchor = self._anchors.take(draft) if isinstance(draft, Draft) else None
        if isinstance(draft, Draft):
            data = encode(draft.block(key), self._tag, anchor)
        else:
            data = encode_paper(draft.paper(key), self._tag)
        bounds = self._reserve.bounds(lane, grows=grows)
        with transaction(shelf.file):
            for gap in self._losses.gaps:
                shelf.lose(gap)
            if refusal := shelf.make_room(lane, len(data) + ROW_BYTES, bounds, self._in_flight()):
                shelf.lose(self._gap(draft, refusal))
                return True
            if draft.schema:
                shelf.have_schema(draft.schema, self._schemas[draft.schema])
            if anchor is not None:
                shelf.have_anchor(anchor.id, anchor.json)
                draft = replace(draft, schema=anchor.id)
            shelf.add(lane, key, draft, data, self._now_ms())
        return True

    def _gap(self, draft: Draft | Sheet, reason: str) -> Gap:
        stream, number = draft.stream, self._sequences[draft.stream] + 1
        return Gap(VERSION, self.epoch, stream, number, number, draft.produced, reason, draft.t0_ms, draft.end_ms)

    def _attempt(self, work: Callable[[Shelf], Result], *, otherwise: Result) -> Result:
        """Do something; if the disk or the file refuses, count it and give `otherwise`."""
        try:
            return work(self._shelf or self._open())
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.OperationalError as error:
            self.troubles.write_failures += 1
            self._events.report(Kind.STORAGE, detail=f"{self._settings.path.name}: {error}")
            _LOG.warning("outbox-refused path=%s error=%s", self._settings.path, error)
            self._is_full = is_full(error)
            if not self._is_full:
                self._is_doubted = True
                self.close()
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
        return otherwise

    def _commit(self, work: Callable[[Shelf], int]) -> int | None:
        """Do something in one transaction; if the disk or the file refuses, count it and give None."""

        def whole(shelf: Shelf) -> int | None:
            with transaction(shelf.file):
                return work(shelf)

        return self._attempt(whole, otherwise=None)

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Rename the damaged file; its books may be gone, so what follows belongs to an epoch of its own."""
        self.close()
        aside = self._aside = quarantine(self._settings.path)
        self.troubles.quarantined += 1
        self.epoch, self._sequences, self._epoch_due = self.epoch + 1, dict.fromkeys(self._sequences, 0), True
        _LOG.error("outbox-quarantined path=%s aside=%s error=%s", self._settings.path, aside, error)

    def _refresh(self) -> None:
        self._stored = self._attempt(lambda shelf: shelf.books.tally(), otherwise=self._stored)
