"""This file judges a soak by what gateway and center wrote down; it guards that every epoch is judged to the sample.

For each epoch: every number up to the last is a block at the center or stands in a gap record; samples at the center
plus those in gap records, less what is in both, plus thinned ones, are those produced; the center's own verdict is
"balanced"; and each row holds what the page served under one number, in the order it was served.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench.chaos_health.page import COLUMNS, key_of, values_of
from numpy.typing import NDArray

from isolane.core.samples import Quality
from isolane.wire.block import Block, decode
from isolane.wire.schema import decode_schema

Line = Mapping[str, Any]
Book = tuple[int, int]
"""Epoch and stream."""
Blocks = Mapping[Book, Mapping[int, Block]]
_QUALITY = 3


@dataclass
class Verdict:
    """What was found.

    Attributes:
        passed: Checks that held.
        failed: A sentence for each that did not.
        figures: Sizes of what was judged, by name.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    def check(self, sentence: str, *, holds: bool) -> None:
        """Count a check; `sentence` says how it failed."""
        if holds:
            self.passed += 1
        else:
            self.failed.append(sentence)


@dataclass(frozen=True)
class GatewayBooks:
    """What the gateway's file says, sums over all epochs included.

    Attributes:
        epochs: By (epoch, stream): last number, produced, acknowledged, queued, thinned, dropped.
        waiting: Blocks and gap records not yet at the center.
    """

    epochs: dict[Book, tuple[int, int, int, int, int, int]]
    waiting: int

    @property
    def produced(self) -> int:
        """Samples of all epochs."""
        return sum(book[1] for book in self.epochs.values())


def gateway_books(path: Path) -> GatewayBooks:
    """Read the outbox of a gateway that has ended."""
    file = sqlite3.connect(path)
    rows = file.execute(
        "SELECT epoch, stream, last_sequence, produced, acknowledged, queued, thinned, dropped FROM books"
    ).fetchall()
    (waiting,) = file.execute("SELECT (SELECT count(*) FROM blocks) + (SELECT count(*) FROM gaps)").fetchone()
    file.close()
    return GatewayBooks({row[:2]: row[2:] for row in rows}, waiting)


def center_blocks(path: Path) -> Blocks:
    """Read every block of a center that has ended, by book and number, its columns in the page's order."""
    file = sqlite3.connect(path)
    (json,) = file.execute("SELECT json FROM schema").fetchone()
    columns = {column.key: place for place, column in enumerate(decode_schema(json).columns)}
    order = [columns[key_of(index)] for index in range(COLUMNS)]
    found: defaultdict[Book, dict[int, Block]] = defaultdict(dict)
    for epoch, stream, sequence, data in file.execute("SELECT epoch, stream, sequence, data FROM block"):
        block = decode(data)
        found[epoch, stream][sequence] = replace(block, values=block.values[order], codes=block.codes[order])
    file.close()
    return dict(found)


def judge(books: GatewayBooks, blocks: Blocks, lines: Iterable[Line], served: int) -> Verdict:
    """Set what was produced against what arrived.

    Args:
        books: The gateway's.
        blocks: The center's, from `center_blocks`.
        lines: The center's books, from its API.
        served: Greatest number the page has served.
    """
    verdict = Verdict()
    known = total = overlaps = rows = 0
    told = {(line["epoch"], line["stream"]): line for line in lines}
    verdict.check(f"{books.waiting} blocks and gap records still wait at the gateway", holds=not books.waiting)
    strangers = set(blocks) - set(told)
    verdict.check(f"the center has blocks without books: {sorted(strangers)}", holds=not strangers)
    for name, line in sorted(told.items()):
        here = blocks.get(name, {})
        sequence_fault, both = _numbers(line, here)
        verdict.check(f"book {name}: {sequence_fault}", holds=not sequence_fault)
        samples = sum(block.samples for block in here.values())
        lost = sum(gap["samples"] for gap in line["gaps"])
        arrived = samples + lost - both + line["thinned"]
        verdict.check(f"book {name}: {arrived} accounted for of {line['produced']}", holds=arrived == line["produced"])
        verdict.check(
            f"book {name}: the center says {line['verdict']}: {_short(line)}", holds=line["verdict"] == "balanced"
        )
        book = books.epochs.get(name)
        if book is not None:
            stated = tuple(line[part] for part in ("last_sequence", "produced", "acknowledged", "queued", "thinned"))
            verdict.check(f"book {name}: gateway {book}, center {stated}", holds=stated == book[:5])
        value_fault, count = _values(here, served)
        verdict.check(f"book {name}: {value_fault}", holds=not value_fault)
        known, total, overlaps, rows = known + samples, total + arrived, overlaps + both, rows + count
    verdict.check(
        f"the gateway has produced {books.produced} samples in all, {total} are accounted for",
        holds=books.produced == total and total > 0,
    )
    for name, book in sorted(books.epochs.items()):
        verdict.check(f"book {name}: the gateway's own books do not balance", holds=book[1] == sum(book[2:]))
    dropped: defaultdict[str, int] = defaultdict(int)
    for line in told.values():
        for gap in line["gaps"]:
            dropped[f"samples dropped: {gap['reason']}"] += gap["samples"]
    verdict.figures |= {
        "books": len(told),
        "samples produced": books.produced,
        "samples at the center": known,
        "rows compared with what was served": rows,
        **dropped,
        "of them at the center all the same": overlaps,
        "blocks delivered more than once": sum(line["duplicates"] for line in told.values()),
    }
    return verdict


def _short(line: Line) -> dict[str, Any]:
    names = ("last_sequence", "produced", "acknowledged", "queued", "dropped", "samples", "holes", "stated_at_ms")
    return {name: line[name] for name in names}


def _numbers(line: Line, here: Mapping[int, Block]) -> tuple[str, int]:
    """Say which numbers are nowhere, "" if none; and how many samples are both at the center and in a gap record."""
    gone: set[int] = set()
    for gap in line["gaps"]:
        gone.update(range(gap["first"], gap["last"] + 1))
    last = max([line["last_sequence"], *here, *gone], default=0)
    nowhere = sorted(set(range(1, last + 1)) - gone - set(here))
    beyond = "" if last == line["last_sequence"] else f"number {last} beyond the last one stated"
    both = sum(here[number].samples for number in gone & set(here))
    return (f"numbers {nowhere[:9]} are nowhere" if nowhere else beyond), both


def _values(here: Mapping[int, Block], served: int) -> tuple[str, int]:
    """Say which row is not as it was served, "" if none; and how many were compared."""
    count, last_t, last_number = 0, 0, 0
    for sequence, block in sorted(here.items()):
        good = (block.codes & _QUALITY) != Quality.BAD
        whole = good.all(axis=0)
        if (good.any(axis=0) != whole).any():
            return f"block {sequence}: a row is neither served nor missing", count
        numbers: NDArray[np.int64] = block.values[0, whole]
        if (block.values[:, whole] != values_of(numbers)).any():
            return f"block {sequence}: values that nobody served", count
        if block.t0_ms <= last_t:
            return f"block {sequence}: a time that was given before", count
        if numbers.size and (numbers[0] < last_number or (np.diff(numbers) < 0).any() or numbers[-1] > served):
            return f"block {sequence}: out of order", count
        last_t = block.t0_ms + block.step_ms * (block.codes.shape[1] - 1)
        last_number = int(numbers[-1]) if numbers.size else last_number
        count += int(whole.sum())
    return "", count
