"""This file judges a gateway's books; it guards that "balanced" means every sample is here or in a gap record.

The center's count and the gateway's statement are of slightly different moments: blocks that the statement does not
know yet are no contradiction, and a gap record can name a block that came after all (its acknowledgement was lost).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from isolane.center.store.stretches import Range, Stretches

HOLES_MAX = 1000
"""Holes that a line lists; the verdict counts all."""

BALANCED, PENDING, HOLE, UNSTATED = "balanced", "pending", "hole", "unstated"


@dataclass(frozen=True, slots=True)
class Statement:
    """The gateway's side of one (epoch, stream), in samples."""

    last_sequence: int
    produced: int
    acknowledged: int
    queued: int
    thinned: int
    dropped: int


@dataclass(frozen=True, slots=True)
class GapClaim:
    """Blocks of a gap record and the samples it says they held."""

    first: int
    last: int
    samples: int


def supersedes(new: Statement, old: Statement, *, is_later: bool) -> bool:
    """Tell whether a statement is newer than another, or the same.

    What has been produced, acknowledged and dropped only grows, so the books tell by themselves; the gateway's clock,
    which may be set back at any time, is asked only where they contradict each other.

    Args:
        new: The one that came.
        old: The one that is known.
        is_later: Whether the gateway's clock says so.
    """
    grown = (
        new.last_sequence - old.last_sequence,
        new.produced - old.produced,
        new.acknowledged - old.acknowledged,
        new.dropped - old.dropped,
    )
    if min(grown) < 0 < max(grown):
        return is_later
    return min(grown) >= 0


def judge(
    statement: Statement | None, here: Stretches, samples: int, gaps: Sequence[GapClaim]
) -> tuple[str, list[Range]]:
    """Compare both sides.

    Args:
        statement: The newest one.
        here: Blocks that the center has.
        samples: Samples in them.
        gaps: Gap records.

    Returns:
        The verdict and the blocks that are neither here nor in a gap record.
    """
    covered = Stretches(here)
    overlaps = False
    for gap in gaps:
        overlaps = overlaps or len(here.within(gap.first, gap.last)) > 0
        covered.add(gap.first, gap.last)
    holes = covered.missing(max(covered.last, statement.last_sequence if statement else 0))
    if statement is None:
        return UNSTATED, holes[:HOLES_MAX]
    lost = sum(gap.samples for gap in gaps)
    counts = _adds_up(statement, samples, lost, overlaps=overlaps, newer=covered.last > statement.last_sequence)
    if not holes and counts:
        return BALANCED, []
    return (PENDING if statement.queued > 0 else HOLE), holes[:HOLES_MAX]


def _adds_up(statement: Statement, samples: int, lost: int, *, overlaps: bool, newer: bool) -> bool:
    """Tell whether samples here, lost and thinned are those produced, as exactly as both sides can know."""
    books = statement.acknowledged + statement.queued + statement.thinned + statement.dropped
    if statement.produced != books:
        return False
    known = samples + lost + statement.thinned
    if overlaps or newer:
        return known >= statement.produced
    return known == statement.produced
