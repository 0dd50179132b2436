"""This file defines the tables of parts and their health; it guards that a part stands once, with its newest score."""

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, Table

PART_CHARS_MAX = 100
_COUNTS_UP = BigInteger().with_variant(Integer, "sqlite")


class HealthPartRow(Table):
    """A part as a model sees it: newest score and newest change of level, each as the JSON that came."""

    __tablename__ = "health_parts"
    __table_args__ = (
        UniqueConstraint("gateway", "charger", "place", "model", "measure"),
        Index("health_parts_by_charger", "site", "charger"),
        Index("health_parts_by_level", "level", "value"),
    )
    number: Mapped[int] = mapped_column(_COUNTS_UP, primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    charger: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    place: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    model: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    measure: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    component: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    level: Mapped[int] = mapped_column(SmallInteger)
    value: Mapped[float | None] = mapped_column(Float)
    """State of health, 0 to 100."""
    at_ms: Mapped[int]
    """UTC of the newest thing said of it."""
    since_ms: Mapped[int]
    """UTC since which it has its level."""
    score: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of a `ScoreNote`; empty for a finding."""
    change: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of a `LevelNote`; empty before the first."""


class HealthFeatureRow(Table):
    """One feature of a part: what its score rests on."""

    __tablename__ = "health_features"
    __table_args__ = (UniqueConstraint("part", "at_ms"),)
    number: Mapped[int] = mapped_column(_COUNTS_UP, primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, ForeignKey("health_parts.number"))
    at_ms: Mapped[int]
    value: Mapped[float | None] = mapped_column(Float)
    sd: Mapped[float | None] = mapped_column(Float)
    n: Mapped[int]
    evidence: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of numbers by name; empty without any."""


class HealthChangeRow(Table):
    """A change of a part's level."""

    __tablename__ = "health_changes"
    __table_args__ = (Index("health_changes_by_part", "part", "at_ms"),)
    number: Mapped[int] = mapped_column(_COUNTS_UP, primary_key=True)
    part: Mapped[int] = mapped_column(BigInteger, ForeignKey("health_parts.number"))
    at_ms: Mapped[int]
    before: Mapped[int] = mapped_column(SmallInteger)
    level: Mapped[int] = mapped_column(SmallInteger)
    note: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of the `LevelNote`."""
