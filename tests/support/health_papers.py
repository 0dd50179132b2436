"""This file sends health papers to a store; it guards that tests of what shows health go through the book itself."""

from dataclasses import replace

import msgspec

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_book import HealthBook
from isolane.center.store.port import Batch, Origin, PaperArrival
from isolane.wire.block import BlockKey
from isolane.wire.health_paper import (
    HEALTH,
    LEVEL,
    VERSION,
    FeatureNote,
    HealthNote,
    LevelNote,
    Part,
    RemedyNote,
    ScoreNote,
    encode_health,
    encode_level,
)
from isolane.wire.paper import PAPERS, Paper

CONTACT = Part("CP-1", "1.1", "TemperatureSensor[ContactDCplus]", "connector/1", "contact_heating[DCplus]")
WELD = Part("CP-1", "1.0", "PowerContactor", "contactor/1", "weld")
CLEAN = RemedyNote("Clean the contact.", "connector with cable", "CX018", "HighTemperature")


def score(part: Part, at_s: int, value: float | None = 80.0, level: int = -1, **changes: object) -> ScoreNote:
    """Give a score of a contact's heating; theta follows the value."""
    theta = None if value is None else 2e-3 - value * 1e-5
    trust = "learning" if value is None else "good"
    sd = None if value is None else 4.0
    plain = ScoreNote(
        part, "K/A2", "measured", trust, level, 60 if value is not None else 3, value, sd, theta, 5e-5,
        None if value is None else 1e-3, 2e-3, at_s, why_none="less than a quarter of the way", remedy=CLEAN,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def change(part: Part, at_s: int, before: int, level: int, own: ScoreNote | None = None) -> LevelNote:
    """Give a change of level: of a score, or 400 V against 60 V."""
    if own is not None:
        return LevelNote(VERSION, part, before, level, at_s, CLEAN, own.theta, own.theta_end, own.unit, {}, own)
    return LevelNote(
        VERSION, part, before, level, at_s, RemedyNote("Replace the set.", "contactor", "CX017"), 400.0, 60.0, "V"
    )


def features(part: Part, count: int, *, t0_s: int, step_s: int = 7200) -> tuple[FeatureNote, ...]:
    """Give features that rise from 1e-3 by a thousandth each."""
    return tuple(
        FeatureNote(part, t0_s + at * step_s, 1e-3 * (1 + at / 1000), 5e-5, 900, {"peak_c": 50.0})
        for at in range(count)
    )


class Teller:
    """A gateway that tells of parts.

    Args:
        catalogue: What takes its papers.
        origin: The gateway.
    """

    def __init__(self, catalogue: SqlCatalogue, origin: Origin) -> None:
        self.catalogue, self.origin = catalogue, origin
        self.book = HealthBook(catalogue)
        self._sequence = 0

    async def tell(
        self,
        *notes: ScoreNote | LevelNote | FeatureNote,
        received_ms: int | None = None,
    ) -> None:
        """Send notes, changes each in its own paper, and have them filed."""
        at_ms = self.origin.received_ms if received_ms is None else received_ms
        origin = replace(self.origin, received_ms=at_ms)
        await self.catalogue.admit(origin)
        scores = tuple(note for note in notes if isinstance(note, ScoreNote))
        seen = tuple(note for note in notes if isinstance(note, FeatureNote))
        bodies = [(HEALTH, encode_health(HealthNote(VERSION, at_ms // 1000, scores, seen)))]
        bodies += [(LEVEL, encode_level(note)) for note in notes if isinstance(note, LevelNote)]
        arrivals = []
        for kind, body in bodies:
            self._sequence += 1
            paper = Paper(BlockKey(1_700_000_000_000, PAPERS, self._sequence), at_ms, kind, body)
            arrivals.append(PaperArrival(origin, paper))
        await self.catalogue.record(Batch(papers=tuple(arrivals)))
        while await self.book.file():
            pass
