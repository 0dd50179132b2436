"""This file counts what each link never got; it guards that a count and what it counts are committed together.

A block leaves the outbox when every required link has brought it, or when it is given up. A link that has not brought
it by then has missed it, for that reason. One that has it under way is waited for: it may yet bring it; what is under
way when the process dies is counted neither way. The counts are in the file, so they run over its life, as the books'.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from isolane.health.outbox.records import Key

BROUGHT = "brought"
"""Reason of what every required link had brought away."""
TABLE = """
CREATE TABLE IF NOT EXISTS missed (
    link TEXT NOT NULL, reason TEXT NOT NULL, blocks INTEGER NOT NULL, samples INTEGER NOT NULL,
    PRIMARY KEY (link, reason)
) WITHOUT ROWID;
"""
"""Added at each opening and of no version: a release that does not know it leaves it as it is."""


class Missed:
    """What links have missed, in one open file; every function is inside the caller's transaction.

    Args:
        file: The outbox's.
        held: What each link has in flight, by the names of all; may change.
    """

    def __init__(self, file: sqlite3.Connection, held: Mapping[str, frozenset[Key]]) -> None:
        self._file = file
        self._held = held
        self._under_way: dict[tuple[str, Key], tuple[int, str]] = {}
        """Samples and reason of what left while a link had it in flight."""

    def leaves(self, number: int, key: Key | None, samples: int, reason: str, bringer: str = "") -> None:
        """A block is about to leave.

        Args:
            number: Its row.
            key: Its key; None if nothing can be in flight.
            samples: What of it counts.
            reason: Why it leaves.
            bringer: The link that brings it now.
        """
        others = self._held.keys() - {bringer}
        if not others:
            return
        rows = self._file.execute("SELECT link FROM receipts WHERE what = 'block' AND id = ?", (number,))
        for link in others - {row[0] for row in rows}:
            if key is not None and key in self._held[link]:
                self._under_way[link, key] = samples, reason
            else:
                self._add([link], 1, samples, reason)

    def brought(self, link: str, key: Key) -> bool:
        """A link has brought a block; tell whether it had left meanwhile and was waited for."""
        return self._under_way.pop((link, key), None) is not None

    def resolve(self) -> None:
        """Count what left under way and is so no more."""
        over = [(link, key) for link, key in self._under_way if key not in self._held[link]]
        for link, key in over:
            self._add([link], 1, *self._under_way.pop((link, key)))

    def lost(self, blocks: int, samples: int, reason: str) -> None:
        """Blocks were given up before they could be stored."""
        self._add(self._held, blocks, samples, reason)

    def _add(self, links: Iterable[str], blocks: int, samples: int, reason: str) -> None:
        self._file.executemany(
            "INSERT INTO missed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " blocks = blocks + excluded.blocks, samples = samples + excluded.samples",
            [(link, reason, blocks, samples) for link in links],
        )


def missed_by(file: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, int]]:
    """Give the counts: blocks and samples by link and reason."""
    rows = file.execute("SELECT link, reason, blocks, samples FROM missed")
    return {(link, reason): (blocks, samples) for link, reason, blocks, samples in rows}
