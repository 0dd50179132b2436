"""This file defines the tables of snapshots; it guards that one stands once, with what is here of it."""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.health_tables import PART_CHARS_MAX
from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX, Table

ID_CHARS = 32


class SnapshotRow(Table):
    """A snapshot: the newest card as JSON, and of its file which parts are here."""

    __tablename__ = "snapshot"
    __table_args__ = (
        Index("snapshot_by_charger", "site", "charger", "begun_ms"),
        Index("snapshot_by_gateway", "gateway", "level", "begun_ms"),
    )
    # An INTEGER key counts up by itself in SQLite; a BIGINT does not.
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARS), unique=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    charger: Mapped[str] = mapped_column(String(PART_CHARS_MAX))
    """"" for a gateway's, and while there is no card."""
    level: Mapped[int] = mapped_column(SmallInteger)
    """0 while there is no card."""
    state: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    """As the card says; "" while there is none."""
    begun_ms: Mapped[int]
    to_ms: Mapped[int]
    card: Mapped[bytes] = mapped_column(LargeBinary)
    told_ms: Mapped[int]
    """UTC at which the gateway wrote the card."""
    received_ms: Mapped[int]
    file: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    """What became of its file; snapshot_views.py has the words."""
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    parts: Mapped[int]
    bitmap: Mapped[bytes] = mapped_column(LargeBinary)
    """One bit for each part that is here, the lowest bit of the first byte for part 0."""
    held: Mapped[int]
    """Bytes of the disk that are its: its size from its first part on, 0 once they are gone."""


class SnapshotKindRow(Table):
    """A kind of trigger that a snapshot's newest card names."""

    __tablename__ = "snapshot_kind"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True, index=True)


class SnapshotHoldRow(Table):
    """That a snapshot stays, whatever needs room: who says so, why and since when."""

    __tablename__ = "snapshot_hold"
    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    who: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    why: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    at_ms: Mapped[int]
