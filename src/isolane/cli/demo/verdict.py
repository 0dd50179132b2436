"""This file judges a finished demo.

It guards that exit code 0 means: bills exact, books balanced, nobody's data passed.

A judgement that could not be made is a failed one: no bills, no samples or no tap events prove nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bills:
    """Transactions by how the CSMS's bill compares with what the charger metered."""

    matched: int
    differing: int
    missing: int
    open: int
    billed_wh: int


@dataclass(frozen=True, slots=True)
class Books:
    """The gateway's ledger, summed over its epochs and streams, and the center's own count, in samples."""

    produced: int
    acknowledged: int
    queued: int
    dropped: int
    at_center: int
    holes: int


@dataclass(frozen=True, slots=True)
class Privacy:
    """How many tap events were looked through, and which personal texts were found where."""

    events: int
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of the summary."""

    good: bool
    sentence: str


def judge_bills(bills: Bills) -> Judgement:
    """Every transaction is billed, to the watt-hour, and there was at least one."""
    good = bills.matched > 0 and not (bills.differing or bills.missing or bills.open)
    wrong = f", {bills.differing} differ, {bills.missing} missing, {bills.open} still open" if not good else ""
    return Judgement(
        good,
        f"{bills.matched} transactions billed to the watt-hour ({bills.billed_wh:,} Wh){wrong}",
    )


def judge_books(books: Books) -> Judgement:
    """Nothing is unaccounted for, at the gateway and at the center."""
    balanced = books.produced == books.acknowledged + books.queued + books.dropped
    arrived = books.at_center >= books.acknowledged and not books.holes
    good = books.produced > 0 and balanced and arrived
    sign = "=" if balanced else "≠"
    return Judgement(
        good,
        f"{books.produced:,} samples produced {sign} {books.acknowledged:,} acknowledged + {books.queued:,} queued + "
        f"{books.dropped:,} dropped; the center has {books.at_center:,}"
        + (f" and misses {books.holes} blocks" if books.holes else ""),
    )


def judge_privacy(privacy: Privacy) -> Judgement:
    """No personal text that the chargers sent is in anything that left the tap."""
    if privacy.found:
        return Judgement(good=False, sentence=f"personal data left the tap: {', '.join(privacy.found)}")
    return Judgement(privacy.events > 0, f"no personal data in {privacy.events:,} events that left the tap")
