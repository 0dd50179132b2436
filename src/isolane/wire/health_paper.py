"""This file defines what a gateway says of its chargers' health; it guards that a score travels with its evidence.

Two kinds of paper: ``level``, JSON of one `LevelNote`, when a part's level changes; ``health``, zstd of the JSON of a
`HealthNote`, with every score that is new and the features behind them, at intervals. Fields that are not known here
are passed over, so a later release may add some.
"""

from typing import Annotated, TypeVar

import msgspec
import zstandard

VERSION = 1
LEVEL = "level"
HEALTH = "health"
_PLAIN_BYTES_MAX = 8 << 20

Text = Annotated[str, msgspec.Meta(max_length=300)]
Name = Annotated[str, msgspec.Meta(max_length=100)]
Number = float | None
"""None where there is none: JSON has no NaN."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is spoken of.

    Attributes:
        charger: Its identity.
        place: EVSE and connector, as in keys: ``1.1``.
        component: OCPP component with its instance.
        model: Kind and version of the model.
        measure: Name of the measure or finding.
    """

    charger: Name
    place: Name
    component: Name
    model: Name
    measure: Name


class RemedyNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to do, which part to bring, and the codes that others have for it."""

    text: Text
    part: Text = ""
    mrec: Name = ""
    unified: Name = ""


class ScoreNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state of health. Values are in the measure's unit, `value` and `sd` in points of 100.

    Attributes:
        part: Whose.
        unit: Of the measure.
        basis: "measured", "modelled" or "counted".
        trust: "learning", "poor", "good" or "old".
        level: -1 to 4.
        n_obs: Features behind it.
        value: 100 as commissioned, 0 at the published end of life.
        sd: Of that.
        theta: Present estimate.
        theta_sd: Of that.
        theta_0: As commissioned.
        theta_end: End of life.
        at_s: UTC of the newest feature, s.
        fail_30d: Probability; None where nothing may be said.
        fail_90d: Likewise.
        days: Low, median, high: days to the end of life.
        why_none: Why there is no prognosis.
        remedy: What to do when it is due.
    """

    part: Part
    unit: Name
    basis: Name
    trust: Name
    level: int
    n_obs: int
    value: Number
    sd: Number
    theta: Number
    theta_sd: Number
    theta_0: Number
    theta_end: Number
    at_s: int
    fail_30d: Number = None
    fail_90d: Number = None
    days: tuple[Number, Number, Number] | None = None
    why_none: Text = ""
    remedy: RemedyNote | None = None


class FeatureNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feature: UTC of its end, s; value and standard deviation in the measure's unit; samples behind it."""

    part: Part
    at_s: int
    value: Number
    sd: Number = None
    n: int = 1
    evidence: dict[Name, Number] = {}


class LevelNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part's level is another than before.

    Attributes:
        version: 1.
        part: Whose.
        before: Level until now, -1 to 4.
        level: From now on.
        at_s: UTC, s.
        value: What was seen.
        limit: What it was held against; of a score its end of life.
        unit: Of both.
        evidence: What else was seen, by name.
        remedy: What to do.
        score: The score, if it is of one.
    """

    version: int
    part: Part
    before: int
    level: int
    at_s: int
    remedy: RemedyNote
    value: Number = None
    limit: Number = None
    unit: Name = ""
    evidence: dict[Name, Number] = {}
    score: ScoreNote | None = None


class HealthNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new since the note before."""

    version: int
    at_s: int
    scores: tuple[ScoreNote, ...] = ()
    features: tuple[FeatureNote, ...] = ()


Note = TypeVar("Note", LevelNote, HealthNote)


def encode_level(note: LevelNote) -> bytes:
    """Give a level paper's body."""
    return msgspec.json.encode(note)


def decode_level(body: bytes) -> LevelNote:
    """Read a level paper's body.

    Raises:
        ValueError: It is none, or of another release.
    """
    note = _read(body, LevelNote)
    if note.version != VERSION:
        raise ValueError(f"a level note of version {note.version}")
    return note


def encode_health(note: HealthNote) -> bytes:
    """Give a health paper's body."""
    return zstandard.ZstdCompressor(level=6).compress(msgspec.json.encode(note))


def decode_health(body: bytes) -> HealthNote:
    """Read a health paper's body.

    Raises:
        ValueError: It is none, too long, or of another release.
    """
    try:
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            plain = reader.read(_PLAIN_BYTES_MAX + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"no health note: {error}") from error
    if len(plain) > _PLAIN_BYTES_MAX:
        raise ValueError(f"a health note of more than {_PLAIN_BYTES_MAX} bytes")
    note = _read(plain, HealthNote)
    if note.version != VERSION:
        raise ValueError(f"a health note of version {note.version}")
    return note


def _read(body: bytes, kind: type[Note]) -> Note:
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as error:
        raise ValueError("JSON nested too deep") from error
