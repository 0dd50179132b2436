"""This file defines what all books say together; it guards that a hole comes with its line."""

from collections import Counter
from dataclasses import dataclass

from isolane.center.store.views import LedgerLine


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What all books say.

    Attributes:
        counts: Books by verdict.
        holes: The lines of those with a hole.
    """

    counts: Counter[str]
    holes: list[LedgerLine]
