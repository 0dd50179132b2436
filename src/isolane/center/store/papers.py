"""This file keeps papers until they are filed; it guards that one is filed once, and not before it is durable.

A batch's papers are committed with its books and acknowledged. Each kind has one filing cabinet, which takes the papers
of its kind in the order in which they came, and in one transaction writes what they say and marks them as filed.
"""

from collections.abc import Sequence

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from isolane.center.store.paper_tables import PaperRow
from isolane.center.store.port import PaperArrival

Number = tuple[str, int, int, int]


def keep(session: Session, arrivals: Sequence[PaperArrival]) -> None:
    """Keep papers; those that are here already, or twice among these, are passed over."""
    found: dict[Number, PaperArrival] = {}
    for arrival in arrivals:
        key = arrival.paper.key
        found.setdefault((arrival.origin.gateway, key.epoch, key.stream, key.sequence), arrival)
    if not found:
        return
    columns = (PaperRow.gateway, PaperRow.epoch, PaperRow.stream, PaperRow.sequence)
    here = select(*columns).where(tuple_(*columns).in_(list(found)))
    known = {(row.gateway, row.epoch, row.stream, row.sequence) for row in session.execute(here)}
    for number, arrival in found.items():
        if number not in known:
            session.add(
                PaperRow(
                    site=arrival.origin.site,
                    gateway=number[0],
                    epoch=number[1],
                    stream=number[2],
                    sequence=number[3],
                    at_ms=arrival.paper.at_ms,
                    received_ms=arrival.origin.received_ms,
                    kind=arrival.paper.kind,
                    body=arrival.paper.body,
                    filed=False,
                )
            )


def to_file(session: Session, kinds: Sequence[str], limit: int) -> list[PaperRow]:
    """Give the oldest papers of these kinds that are not filed yet.

    Args:
        session: In whose transaction they will be filed.
        kinds: Which.
        limit: At most so many.
    """
    query = select(PaperRow).where(~PaperRow.filed, PaperRow.kind.in_(kinds)).order_by(PaperRow.number).limit(limit)
    return list(session.scalars(query))


def file_away(session: Session, papers: Sequence[PaperRow]) -> None:
    """Mark papers as filed, and let their bodies go."""
    numbers = [paper.number for paper in papers]
    if numbers:
        session.execute(update(PaperRow).where(PaperRow.number.in_(numbers)).values(filed=True, body=b""))
