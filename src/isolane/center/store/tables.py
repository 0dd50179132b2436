"""This file defines the catalogue's tables; it guards that a book's key is (gateway, epoch, stream) everywhere.

Times are UTC in ms. A change here needs a migration in ``migrations/versions``; a test compares the two.
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAME_CHARS_MAX = 64
CHARGER_CHARS_MAX = 48
TEXT_CHARS_MAX = 512


def kept_text(text: str) -> str:
    """Cut a text of anybody's choosing to what every database takes: no NUL, nothing that is no UTF-8, not too long."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()[:TEXT_CHARS_MAX]


class Table(DeclarativeBase):
    """What all tables share."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, dict[str, int]: JSON}


class SiteRow(Table):
    """A site, known since a gateway first spoke for it."""

    __tablename__ = "site"
    name: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    first_seen_ms: Mapped[int]


class GatewayRow(Table):
    """A gateway, bound to its site at first contact."""

    __tablename__ = "gateway"
    name: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("site.name"))
    first_seen_ms: Mapped[int]
    last_seen_ms: Mapped[int]


class SchemaRow(Table):
    """A schema, by its content hash."""

    __tablename__ = "schema"
    id: Mapped[bytes] = mapped_column(LargeBinary(8), primary_key=True)
    json: Mapped[bytes] = mapped_column(LargeBinary)
    first_seen_ms: Mapped[int]


class SchemaUseRow(Table):
    """Which gateway uses which schema."""

    __tablename__ = "schema_use"
    gateway: Mapped[str] = mapped_column(ForeignKey("gateway.name"), primary_key=True)
    schema: Mapped[bytes] = mapped_column(ForeignKey("schema.id"), primary_key=True)
    first_seen_ms: Mapped[int]


class ChargerRow(Table):
    """A charger that a gateway's schema has named; `gateway` is the last one that did."""

    __tablename__ = "charger"
    site: Mapped[str] = mapped_column(ForeignKey("site.name"), primary_key=True)
    identity: Mapped[str] = mapped_column(String(CHARGER_CHARS_MAX), primary_key=True)
    gateway: Mapped[str] = mapped_column(ForeignKey("gateway.name"))
    first_seen_ms: Mapped[int]


class BookRow(Table):
    """What the center has counted of one stream, beside what the gateway has stated last."""

    __tablename__ = "book"
    gateway: Mapped[str] = mapped_column(ForeignKey("gateway.name"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[int] = mapped_column(primary_key=True)
    blocks: Mapped[int] = mapped_column(default=0)
    samples: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(default=0)
    stated_at_ms: Mapped[int | None]
    last_sequence: Mapped[int] = mapped_column(default=0)
    produced: Mapped[int] = mapped_column(default=0)
    acknowledged: Mapped[int] = mapped_column(default=0)
    queued: Mapped[int] = mapped_column(default=0)
    thinned: Mapped[int] = mapped_column(default=0)
    dropped: Mapped[dict[str, int]] = mapped_column(default=dict)


class StretchRow(Table):
    """Blocks that are here, first to last without a hole."""

    __tablename__ = "stretch"
    gateway: Mapped[str] = mapped_column(ForeignKey("gateway.name"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class GapRow(Table):
    """Blocks that will never come, by the gateway's own record."""

    __tablename__ = "gap"
    gateway: Mapped[str] = mapped_column(ForeignKey("gateway.name"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    stream: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
    samples: Mapped[int]
    reason: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    received_ms: Mapped[int]


class QuarantineRow(Table):
    """Something that could not be read, with its first bytes."""

    __tablename__ = "quarantine"
    # An INTEGER key counts up by itself in SQLite; a BIGINT does not.
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    received_ms: Mapped[int]
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    key: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    reason: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    size_bytes: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)
