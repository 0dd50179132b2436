"""This file keeps and reads the books of every stream; it guards that a block that comes twice counts once."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from isolane.center.store.ledger import UNSTATED, GapClaim, Statement, judge, supersedes
from isolane.center.store.port import Batch, LedgerArrival
from isolane.center.store.stretches import Stretches
from isolane.center.store.tables import BookRow, GapRow, GatewayRow, StretchRow, kept_text
from isolane.center.store.views import GapLine, LedgerLine, SequenceRange

BookKey = tuple[str, int, int]
"""Gateway, epoch, stream."""

_STREAMS_IN_MEMORY_MAX = 100_000


class Counted(NamedTuple):
    """What the books want to know of a block or paper."""

    sequence: int
    samples: int
    size_bytes: int


class Books:
    """Writes the books; on the catalogue's writer thread."""

    def __init__(self) -> None:
        self._here: dict[BookKey, tuple[int, Stretches]] = {}
        """Sequence numbers that are here, with the count of blocks they were read at."""

    def forget(self) -> None:
        """Drop what is in memory, because a transaction failed; it is read again when it is needed."""
        self._here.clear()

    def record(self, session: Session, batch: Batch) -> None:
        """Count a batch's blocks and papers, a paper as one sample; keep its gap records and statements."""
        if len(self._here) > _STREAMS_IN_MEMORY_MAX:
            self.forget()
        grouped: dict[BookKey, list[Counted]] = {}
        for block in batch.blocks:
            key = block.block.key
            counted = Counted(key.sequence, block.block.samples, block.size_bytes)
            grouped.setdefault((block.origin.gateway, key.epoch, key.stream), []).append(counted)
        for paper in batch.papers:
            key = paper.paper.key
            counted = Counted(key.sequence, 1, len(paper.paper.body))
            grouped.setdefault((paper.origin.gateway, key.epoch, key.stream), []).append(counted)
        for book, arrivals in grouped.items():
            self._count(session, book, arrivals)
        for record in batch.gaps:
            gap = record.gap
            session.merge(
                GapRow(
                    gateway=record.origin.gateway,
                    epoch=gap.epoch,
                    stream=gap.stream,
                    first=gap.first,
                    last=gap.last,
                    samples=gap.samples,
                    reason=kept_text(gap.reason),
                    from_ms=gap.from_ms,
                    to_ms=gap.to_ms,
                    received_ms=record.origin.received_ms,
                )
            )
            _book(session, (record.origin.gateway, gap.epoch, gap.stream))
        for statement in batch.ledgers:
            _state(session, statement)

    def _count(self, session: Session, key: BookKey, arrivals: Iterable[Counted]) -> None:
        book = _book(session, key)
        known = self._here.get(key)
        # Each new block counts, so an equal count says that no other worker has added one.
        here = known[1] if known is not None and known[0] == book.blocks else _stretches(session, key)
        fresh: dict[int, Counted] = {}
        for arrival in arrivals:
            if arrival.sequence in here or arrival.sequence in fresh:
                book.duplicates += 1
            else:
                fresh[arrival.sequence] = arrival
        book.blocks += len(fresh)
        book.samples += sum(arrival.samples for arrival in fresh.values())
        book.size_bytes += sum(arrival.size_bytes for arrival in fresh.values())
        for run in Stretches((sequence, sequence) for sequence in fresh):
            replaced, (first, last) = here.add(*run)
            for old, _ in replaced:
                session.execute(delete(StretchRow).where(*_is(key), StretchRow.first == old))
            gateway, epoch, stream = key
            session.add(StretchRow(gateway=gateway, epoch=epoch, stream=stream, first=first, last=last))
            session.flush()
        self._here[key] = book.blocks, here


def _is(key: BookKey) -> tuple[ColumnElement[bool], ...]:
    return StretchRow.gateway == key[0], StretchRow.epoch == key[1], StretchRow.stream == key[2]


def _stretches(session: Session, key: BookKey) -> Stretches:
    return Stretches((row.first, row.last) for row in session.scalars(select(StretchRow).where(*_is(key))))


def _book(session: Session, key: BookKey) -> BookRow:
    book = session.get(BookRow, key)
    if book is None:
        gateway, epoch, stream = key
        counts = dict.fromkeys(("blocks", "samples", "duplicates", "size_bytes", "last_sequence"), 0)
        stated = dict.fromkeys(("produced", "acknowledged", "queued", "thinned"), 0)
        book = BookRow(gateway=gateway, epoch=epoch, stream=stream, dropped={}, **counts, **stated)
        session.add(book)
    return book


def _state(session: Session, arrival: LedgerArrival) -> None:
    """Keep a statement, unless a newer one is there."""
    for entry in arrival.statement.entries:
        book = _book(session, (arrival.origin.gateway, entry.epoch, entry.stream))
        known, dropped = _statement(book), sum(entry.dropped.values())
        new = Statement(entry.last_sequence, entry.produced, entry.acknowledged, entry.queued, entry.thinned, dropped)
        is_later = book.stated_at_ms is None or book.stated_at_ms <= arrival.statement.at_ms
        if known is None or supersedes(new, known, is_later=is_later):
            book.stated_at_ms = arrival.statement.at_ms
            book.last_sequence = entry.last_sequence
            book.produced = entry.produced
            book.acknowledged = entry.acknowledged
            book.queued = entry.queued
            book.thinned = entry.thinned
            book.dropped = dict(entry.dropped)


def ledger_lines(session: Session, site: str | None, only: Collection[str] | None = None) -> list[LedgerLine]:
    """Read the books of a site's gateways or of all, or only those of some gateways, and judge them."""
    query = select(GatewayRow) if only is None else select(GatewayRow).where(GatewayRow.name.in_(only))
    gateways = {row.name: row.site for row in session.scalars(query) if site in {None, row.site}}
    here: dict[BookKey, list[tuple[int, int]]] = {}
    for stretch in session.scalars(select(StretchRow).where(StretchRow.gateway.in_(gateways))):
        here.setdefault((stretch.gateway, stretch.epoch, stretch.stream), []).append((stretch.first, stretch.last))
    gaps: dict[BookKey, list[GapRow]] = {}
    for gap in session.scalars(select(GapRow).where(GapRow.gateway.in_(gateways)).order_by(GapRow.first)):
        gaps.setdefault((gap.gateway, gap.epoch, gap.stream), []).append(gap)
    lines = []
    for book in session.scalars(select(BookRow).where(BookRow.gateway.in_(gateways))):
        key = (book.gateway, book.epoch, book.stream)
        lines.append(_line(gateways[book.gateway], book, Stretches(here.get(key, ())), gaps.get(key, [])))
    return sorted(lines, key=lambda line: (line.site, line.gateway, -line.epoch, line.stream))


def _statement(book: BookRow) -> Statement | None:
    """Give the gateway's side of a book, None if it has not stated it."""
    if book.stated_at_ms is None:
        return None
    given_up = sum(book.dropped.values())
    return Statement(book.last_sequence, book.produced, book.acknowledged, book.queued, book.thinned, given_up)


def _line(site: str, book: BookRow, here: Stretches, gaps: list[GapRow]) -> LedgerLine:
    statement = _statement(book)
    verdict, holes = judge(statement, here, book.samples, [GapClaim(gap.first, gap.last, gap.samples) for gap in gaps])
    return LedgerLine(
        site=site,
        gateway=book.gateway,
        epoch=book.epoch,
        stream=book.stream,
        verdict=verdict,
        stated_at_ms=book.stated_at_ms,
        last_sequence=here.last if verdict == UNSTATED else book.last_sequence,
        produced=book.produced,
        acknowledged=book.acknowledged,
        queued=book.queued,
        thinned=book.thinned,
        dropped=dict(book.dropped),
        blocks=book.blocks,
        samples=book.samples,
        duplicates=book.duplicates,
        size_bytes=book.size_bytes,
        bytes_per_sample=round(book.size_bytes / book.samples, 3) if book.samples else None,
        gaps=[GapLine(gap.first, gap.last, gap.samples, gap.reason, gap.from_ms, gap.to_ms) for gap in gaps],
        holes=[SequenceRange(first, last) for first, last in holes],
    )
