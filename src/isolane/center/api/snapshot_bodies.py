"""This file defines the bodies of the API's paths about snapshots; it guards that no number in them is none in JSON."""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from isolane.center.api.texts import TEXT
from isolane.center.store.snapshot_film import Film, Verification, thinned
from isolane.center.store.snapshot_removal import PSEUDONYM
from isolane.center.store.snapshot_views import Snapshot
from isolane.wire.snapshot import CUT, OPEN, WHOLE
from isolane.wire.snapshot_file.standouts import Off


class SnapshotState(StrEnum):
    """What a card says of a snapshot."""

    OPEN = OPEN
    WHOLE = WHOLE
    CUT = CUT


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class HoldBody(_Body):
    """Why a snapshot is to stay."""

    why: Annotated[str, Field(min_length=1, max_length=500, pattern=TEXT)]


class EraseBody(_Body):
    """What is to be erased: a site's snapshots, those that name a transaction, or of both."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [name], "properties": {name: {"minLength": 1}}} for name in ("site", "pseudonym")]
        }
    )

    site: Annotated[str, Field(max_length=64, pattern=TEXT)] = ""
    pseudonym: Annotated[str, Field(pattern=f"^({PSEUDONYM.pattern})?$", description="16 hex digits")] = ""


@dataclass(frozen=True, slots=True)
class SnapshotDetail:
    """A snapshot, its manifest, what became of the check of its file, and how much is in that.

    Attributes:
        snapshot: With its index card.
        verification: See there.
        manifest: As it stands in the file; of a file without one made of what is readable; null without a file.
        signals: How many series it has.
        happenings: How many tap events, states and log lines.
        unread: Messages that could not be read.
    """

    snapshot: Snapshot
    verification: Verification
    manifest: dict[str, Any] | None
    signals: int
    happenings: int
    unread: int


@dataclass(frozen=True, slots=True)
class SnapshotSeries:
    """One signal: times, UTC ms, and values, null where there is none; and how far off it was at the trigger.

    Attributes:
        usual: What it was before; null if nobody can say.
        last: What it was when it was farthest off.
        off_sd: How far off, in standard deviations.
    """

    number: int
    charger: str
    key: str
    unit: str
    step_ms: int
    samples: int
    t_ms: list[int]
    values: list[float | None]
    usual: float | None
    last: float | None
    off_sd: float | None


def detail_of(snapshot: Snapshot, film: Film) -> SnapshotDetail:
    """Make the body about one."""
    manifest = None if film.manifest is None else msgspec.to_builtins(film.manifest)
    return SnapshotDetail(snapshot, film.verification, manifest, len(film.offs), film.count, film.unread)


def series_of(number: int, off: Off, points: int) -> SnapshotSeries:
    """Make the body about one signal."""
    line = off.line
    t_ms, values = thinned(line, points)
    told = [value if isfinite(value) else None for value in (off.usual, off.last, off.off_sd)]
    about = (number, line.charger, line.key, line.unit, line.step_ms, len(line.t_ms))
    return SnapshotSeries(*about, t_ms, values, *told)
