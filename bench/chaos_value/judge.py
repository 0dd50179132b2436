"""This file judges a soak by what was written down; it guards that every charger is judged, and by itself."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.chaos_value.frames import Frames, faults, read_frames
from bench.chaos_value.memory import load

from isolane.sim.billing import compare
from isolane.sim.csms.ledger import Bill, Ledger


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        passed: Checks that held, two a charger: its bills and its frames.
        failed: A sentence for each that did not.
        figures: Sizes of what was judged, by name.
    """

    passed: int
    failed: list[str]
    figures: dict[str, int]


def judge(folder: Path, identities: list[str]) -> Verdict:
    """Compare meters with bills, and frames at one end with frames at the other."""
    ledger = Ledger(folder / "ledger.jsonl")
    bills: defaultdict[str, list[Bill]] = defaultdict(list)
    for bill in ledger:
        bills[bill.charger].append(bill)
    ours = read_frames(sorted(folder.glob("chargers-*.frames")))
    theirs = read_frames([folder / "csms.frames"])
    marks: defaultdict[str, list[str]] = defaultdict(list)
    for mark in sorted({*ours, *theirs}):
        marks[mark.rpartition("-")[0]].append(mark)
    failed: list[str] = []
    transactions = 0
    for identity in identities:
        transactions += len(load(folder / f"{identity}.json").transactions)
        failed += filter(None, (_bills(folder, identity, bills[identity]), _frames(marks[identity], ours, theirs)))
    strangers = sorted({*bills, *marks} - set(identities))
    failed += [f"{stranger}: nobody of that name" for stranger in strangers]
    ledger.close()
    figures = {
        "transactions": transactions,
        "bills": sum(map(len, bills.values())),
        "answered twice": ledger.repeats,
        "connections": len(ours),
        "of them ended in order": sum(bool(each["whole"] and not each["cut"]) for each in ours.values()),
        "frames from chargers": sum(len(each["came"]) for each in theirs.values()),
        "sent into a cut": sum(len(each["sent"]) for each in ours.values())
        - sum(len(each["came"]) for each in theirs.values()),
        "frames from the CSMS": sum(len(each["came"]) for each in ours.values()),
    }
    return Verdict(2 * len(identities) - len(failed), failed, figures)


def _bills(folder: Path, identity: str, bills: list[Bill]) -> str:
    """Say how a charger's bills are not what it metered, "" where they are."""
    memory = load(folder / f"{identity}.json")
    found = compare(list(memory.transactions.values()), bills)
    if found.exact and not found.open and not memory.waiting and found.matched:
        return ""
    return (
        f"{identity}: of {len(memory.transactions)} transactions {len(found.matched)} are billed as metered, "
        f"{len(found.differing)} otherwise, {len(found.missing)} not, {len(found.open)} run; {len(found.surplus)} "
        f"bills for nothing, {len(memory.waiting)} messages wait"
    )


def _frames(marks: list[str], ours: Frames, theirs: Frames) -> str:
    """Say which frames of a charger are lost or doubled or altered, "" where none is."""
    return "; ".join(fault for mark in marks for fault in faults(mark, ours, theirs))
