"""This file judges all books again and again; it guards that only a book that has changed is judged anew.

Ten thousand gateways' books are looked at every few seconds, and most of them, those of past epochs, never change. So
each look reads the numbers of all books and judges those whose numbers, or whose gap records, are others than at the
last look. Whatever writes a book changes one of its numbers; a gap record changes the count and the sum of its book's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from isolane.center.store.books import BookKey, ledger_lines
from isolane.center.store.ledger import HOLE, GapClaim, Statement, judge
from isolane.center.store.stretches import Range, Stretches
from isolane.center.store.tables import BookRow, GapRow, StretchRow
from isolane.center.store.verdict_views import Verdicts

_GATEWAYS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A book as it stands, as far as a verdict depends on it; `dropped` is JSON."""

    blocks: int
    samples: int
    stated_at_ms: int | None
    last_sequence: int
    produced: int
    acknowledged: int
    queued: int
    thinned: int
    dropped: str

    @property
    def statement(self) -> Statement | None:
        """The gateway's side, None if it has not stated it."""
        if self.stated_at_ms is None:
            return None
        given_up = sum(msgspec.json.decode(self.dropped, type=dict[str, int]).values())
        return Statement(self.last_sequence, self.produced, self.acknowledged, self.queued, self.thinned, given_up)


class Judgement:
    """Remembers what each book said, and at which numbers; on the catalogue's reading thread."""

    def __init__(self) -> None:
        self._known: dict[BookKey, tuple[int, str]] = {}

    def look(self, session: Session) -> Verdicts:
        """Judge what has changed."""
        gaps = {(row[0], row[1], row[2]): tuple(row[3:]) for row in session.execute(_GAPS)}
        changed: dict[BookKey, _Numbers] = {}
        marks: dict[BookKey, int] = {}
        for row in session.execute(_BOOKS):
            key = (row[0], row[1], row[2])
            numbers: tuple[Any, ...] = tuple(row[3:])
            marks[key] = hash((numbers, gaps.get(key)))
            if key not in self._known or self._known[key][0] != marks[key]:
                changed[key] = _Numbers(*numbers)
        verdicts = dict(_judged(session, changed))
        self._known = {key: (mark, verdicts.get(key) or self._known[key][1]) for key, mark in marks.items()}
        holed = {key[0] for key, (_, verdict) in self._known.items() if verdict == HOLE}
        lines = [line for part in _parts(holed) for line in ledger_lines(session, None, part) if line.verdict == HOLE]
        return Verdicts(Counter(verdict for _, verdict in self._known.values()), lines)


_BOOKS = select(
    BookRow.gateway,
    BookRow.epoch,
    BookRow.stream,
    BookRow.blocks,
    BookRow.samples,
    BookRow.stated_at_ms,
    BookRow.last_sequence,
    BookRow.produced,
    BookRow.acknowledged,
    BookRow.queued,
    BookRow.thinned,
    cast(BookRow.dropped, Text),
)
_BOOK_OF_GAP = (GapRow.gateway, GapRow.epoch, GapRow.stream)
_GAPS = select(
    *_BOOK_OF_GAP, func.count(), func.sum(GapRow.samples), func.sum(GapRow.last), func.max(GapRow.received_ms)
).group_by(*_BOOK_OF_GAP)


def _judged(session: Session, books: dict[BookKey, _Numbers]) -> Iterator[tuple[BookKey, str]]:
    gateways = {key[0] for key in books}
    here: dict[BookKey, list[Range]] = {}
    gaps: dict[BookKey, list[GapClaim]] = {}
    for part in _parts(gateways):
        ranges = select(StretchRow.gateway, StretchRow.epoch, StretchRow.stream, StretchRow.first, StretchRow.last)
        for row in session.execute(ranges.where(StretchRow.gateway.in_(part))):
            here.setdefault((row[0], row[1], row[2]), []).append((row[3], row[4]))
        claims = select(*_BOOK_OF_GAP, GapRow.first, GapRow.last, GapRow.samples).where(GapRow.gateway.in_(part))
        for claim in session.execute(claims.order_by(GapRow.first)):
            gaps.setdefault((claim[0], claim[1], claim[2]), []).append(GapClaim(claim[3], claim[4], claim[5]))
    for book, numbers in books.items():
        ranges_here, claimed = Stretches(here.get(book, [])), gaps.get(book, [])
        yield book, judge(numbers.statement, ranges_here, numbers.samples, claimed)[0]


def _parts(gateways: Iterable[str]) -> Iterator[Collection[str]]:
    names = sorted(gateways)
    for at in range(0, len(names), _GATEWAYS_AT_ONCE):
        yield names[at : at + _GATEWAYS_AT_ONCE]
