"""This file reads a snapshot's file for those who look at it; it guards that what was not checked is never called good.

The file is looked through first, so one that would take more than its share is not opened; what it is then said to be
is why. All texts in it may be of anybody's choosing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from isolane.center.store.snapshot_inspection import OPENED_BYTES_MAX, inspect
from isolane.center.store.snapshot_views import Snapshot
from isolane.wire.snapshot_file.content import Content, Happening, Line, content
from isolane.wire.snapshot_file.manifest import Manifest, Verdict, Verifies, check, compose
from isolane.wire.snapshot_file.report import document
from isolane.wire.snapshot_file.standouts import Off, worst_first

HAPPENINGS_MAX: Final = 2000
"""Kept of a film: those nearest to the trigger."""
POINTS_MAX: Final = 2000
_FAULTS_MAX = 20
_TEXT_CHARS_MAX = 300
_SIGNATURES: Final = {"not checked": "not-known", "other key": "other-key"}


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a check.

    Attributes:
        signature: "good", "bad", "other-key", "unsigned", "not-known" (no key is set for the gateway) or "not-checked"
            (there is no file, or it cannot be opened).
        end: "whole", "cut" or "open"; "" when there is no file that can be opened.
        chunks: Of the file, each of which fits its hash.
        faults: What does not fit, each a sentence.
    """

    signature: str = "not-checked"
    end: str = ""
    chunks: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Film:
    """An opened file.

    Attributes:
        verification: What became of its check.
        manifest: As it stands in the file, or made of what is readable of a file without one; None if it is not here.
        offs: Signals, those that were least as before first.
        happenings: In the order of time.
        count: Of all happenings in the file.
        unread: Messages that could not be read.
    """

    verification: Verification
    manifest: Manifest | None = None
    offs: Sequence[Off] = ()
    happenings: Sequence[Happening] = ()
    count: int = 0
    unread: int = 0

    @property
    def trigger_ms(self) -> int:
        """When it was triggered first, UTC ms; 0 if nobody says."""
        return min((one.t_ms for one in self.manifest.triggers), default=0) if self.manifest is not None else 0


def open_film(data: bytes, snapshot: Snapshot, key: Verifies | None) -> Film:
    """Check a file and read what is in it.

    Args:
        data: The file.
        snapshot: Whose it is said to be.
        key: That the center trusts for the gateway.
    """
    try:
        verdict, told = _read(data, key)
        manifest = verdict.manifest or compose(verdict.anatomy, verdict.end)
    except (ValueError, RecursionError) as error:
        return Film(Verification(faults=[f"it cannot be opened: {str(error)[:_TEXT_CHARS_MAX]}"]))
    faults = [fault[:_TEXT_CHARS_MAX] for fault in verdict.faults[:_FAULTS_MAX]]
    if (manifest.id, manifest.site, manifest.gateway) != (snapshot.id, snapshot.site, snapshot.gateway):
        faults.append("the file is of another snapshot, site or gateway")
    signature = _SIGNATURES.get(verdict.signature, verdict.signature)
    verification = Verification(signature, verdict.end, len(verdict.anatomy.chunks), faults)
    at_ms = min((one.t_ms for one in manifest.triggers), default=snapshot.begun_ms)
    near = sorted(told.happenings, key=lambda one: abs(one.t_ms - at_ms))[:HAPPENINGS_MAX]
    shown = sorted(near, key=lambda one: one.t_ms)
    offs = worst_first(told.lines, at_ms)
    return Film(verification, manifest, offs, shown, len(told.happenings), told.unread)


def write_report(data: bytes, key: Verifies | None) -> str | None:
    """Write the incident report of a file; None if it cannot be opened."""
    try:
        verdict, told = _read(data, key)
        return document(verdict, told)
    except (ValueError, RecursionError):
        return None


def _read(data: bytes, key: Verifies | None) -> tuple[Verdict, Content]:
    inspect(data)
    verdict = check(data, key, OPENED_BYTES_MAX)
    return verdict, content(verdict.anatomy)


def thinned(line: Line, points: int = POINTS_MAX) -> tuple[list[int], list[float | None]]:
    """Give times, UTC ms, and values of a signal, null where there is none.

    Of more than `points` samples the first and last, the least and the greatest, and a gap of each stretch are left.
    """
    chosen = np.arange(len(line.t_ms))
    if len(chosen) > points:
        kept: set[int] = set()
        for part in np.array_split(chosen, max(1, points // 5)):
            own = line.values[part]
            known, missing = np.flatnonzero(np.isfinite(own)), np.flatnonzero(~np.isfinite(own))
            kept |= {int(part[0]), int(part[-1]), *(int(part[at]) for at in missing[:1])}
            if len(known):
                kept |= {int(part[known[np.argmin(own[known])]]), int(part[known[np.argmax(own[known])]])}
        chosen = np.array(sorted(kept))
    values, known = line.values[chosen], np.isfinite(line.values[chosen])
    told = [value if is_known else None for value, is_known in zip(values.tolist(), known.tolist(), strict=True)]
    return line.t_ms[chosen].tolist(), told


def nearest(line: Line, at_ms: int) -> float | None:
    """Give the last value of a signal at a time or before, not older than three of its steps; None if there is none."""
    at = int(np.searchsorted(line.t_ms, at_ms, side="right")) - 1
    if at < 0 or at_ms - int(line.t_ms[at]) > 3 * max(line.step_ms, 1000) or not np.isfinite(line.values[at]):
        return None
    return float(line.values[at])
