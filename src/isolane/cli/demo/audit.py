"""This file collects the evidence for the verdict after all has ended; it guards that each piece comes from its owner.

Bills come from the CSMS's ledger and the chargers' own journals, books from the center's API, privacy from the tap's
journal and from every file that Channel B has written.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from isolane.cli.demo.site import DemoSite
from isolane.cli.demo.verdict import Bills, Books, Privacy
from isolane.sim.billing import compare, metered
from isolane.sim.chargers.journal import JournalLine
from isolane.sim.csms.ledger import Ledger
from isolane.sim.records import read_records
from isolane.sim.site import TOKENS


def bills(site: DemoSite) -> Bills:
    """Compare what the chargers metered with what the CSMS billed."""
    transactions = metered(read_records(site.world / "metered.jsonl", JournalLine))
    ledger = Ledger(site.world / "bills.jsonl")
    found = compare(transactions, ledger)
    ledger.close()
    return Bills(
        matched=len(found.matched),
        differing=len(found.differing) + len(found.surplus),
        missing=len(found.missing),
        open=len(found.open),
        billed_wh=found.billed_wh,
    )


def books(answer: list[dict[str, Any]] | None) -> Books:
    """Sum the center's ledger up.

    Args:
        answer: Of ``/api/v1/ledger``; None or empty if the center did not answer, which is a failed audit.
    """
    lines = answer or []
    return Books(
        produced=sum(line["produced"] for line in lines),
        acknowledged=sum(line["acknowledged"] for line in lines),
        queued=sum(line["queued"] for line in lines),
        dropped=sum(sum(line["dropped"].values()) + line["thinned"] for line in lines),
        at_center=sum(line["samples"] for line in lines),
        holes=sum(hole["last"] - hole["first"] + 1 for line in lines for hole in line["holes"]),
    )


def privacy(site: DemoSite) -> Privacy:
    """Look for the drivers' tokens in the tap's journal and in all that Channel B has written."""
    events = 0
    if site.tap_journal.exists():
        for line in site.tap_journal.read_text(encoding="utf-8").splitlines():
            events += len(json.loads(line)["events"])
    files = [site.tap_journal, *_files(site.folder / name for name in ("health", "center", "logs"))]
    found = [f"{path.name}: a driver's token" for path in files if path.exists() and _holds_token(path)]
    return Privacy(events, tuple(found))


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        # The simulator's own logs are the outside world's and may name its drivers.
        yield from (
            path for path in sorted(folder.rglob("*")) if path.is_file() and path.stem not in {"csms", "chargers"}
        )


def _holds_token(path: Path) -> bool:
    content = path.read_bytes()
    return any(token.encode() in content for token in TOKENS)
