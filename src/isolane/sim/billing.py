"""This file compares what chargers metered with what the CSMS billed; it guards that no watt-hour goes unseen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from isolane.sim.chargers.journal import JournalLine
from isolane.sim.csms.ledger import Bill


class Metered(msgspec.Struct):
    """One transaction as the charger metered it.

    Attributes:
        charger: Identity.
        ref: The charger's own reference.
        start_wh: Register at the start.
        stop_wh: Register at the end; None while it runs.
        transaction: The id that its bill carries; None while it is not known.
    """

    charger: str
    ref: str
    start_wh: int
    stop_wh: int | None = None
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A bill that does not say what was metered."""

    metered: Metered
    bill: Bill


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found; every transaction stands in exactly one of the lists.

    Attributes:
        matched: Ended, and billed with the same two registers.
        differing: Ended and billed, with another register at the start or at the end.
        missing: Ended, and not billed, or its bill was never closed.
        open: Still running.
        surplus: Bills for which nothing was metered.
    """

    matched: tuple[Metered, ...]
    differing: tuple[Difference, ...]
    missing: tuple[Metered, ...]
    open: tuple[Metered, ...]
    surplus: tuple[Bill, ...]

    @property
    def exact(self) -> bool:
        """Whether all that ended was billed to the Wh, and nothing else was."""
        return not (self.differing or self.missing or self.surplus)

    @property
    def metered_wh(self) -> int:
        """Energy of all that ended."""
        ended = (*self.matched, *self.missing, *(pair.metered for pair in self.differing))
        return sum((one.stop_wh or one.start_wh) - one.start_wh for one in ended)

    @property
    def billed_wh(self) -> int:
        """Energy on all closed bills."""
        matched = sum((one.stop_wh or one.start_wh) - one.start_wh for one in self.matched)
        others = (*(pair.bill for pair in self.differing), *self.surplus)
        return matched + sum(bill.billed_wh or 0 for bill in others)


def metered(lines: Iterable[JournalLine]) -> list[Metered]:
    """Put journal lines together to transactions, oldest first.

    Raises:
        ValueError: A line belongs to a transaction that never started.
    """
    found: dict[str, Metered] = {}
    for line in lines:
        if line.event == "started":
            found[line.ref] = Metered(line.charger, line.ref, line.wh or 0, transaction=line.transaction)
        elif line.event in {"numbered", "stopped"}:
            one = found.get(line.ref)
            if one is None:
                raise ValueError(f"{line.charger}: {line.event} {line.ref} without a start")
            one.transaction = line.transaction or one.transaction
            one.stop_wh = line.wh if line.event == "stopped" else one.stop_wh
    return list(found.values())


def compare(transactions: Sequence[Metered], bills: Iterable[Bill]) -> Comparison:
    """Compare, to the Wh.

    Args:
        transactions: What was metered.
        bills: What was billed.
    """
    left = {(bill.charger, bill.transaction): bill for bill in bills}
    matched: list[Metered] = []
    differing: list[Difference] = []
    missing: list[Metered] = []
    running: list[Metered] = []
    for one in transactions:
        bill = left.pop((one.charger, one.transaction or ""), None)
        if one.stop_wh is None:
            running.append(one)
        elif bill is None or bill.stop_wh is None:
            missing.append(one)
        elif (bill.start_wh, bill.stop_wh) == (one.start_wh, one.stop_wh):
            matched.append(one)
        else:
            differing.append(Difference(one, bill))
    return Comparison(tuple(matched), tuple(differing), tuple(missing), tuple(running), tuple(left.values()))
