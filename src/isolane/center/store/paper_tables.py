"""This file defines the table of papers; it guards that a paper stands in it once, however often it came."""

from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, Table


class PaperRow(Table):
    """A paper as it came; `filed` once what it says stands where it belongs, and its body is then empty."""

    __tablename__ = "papers"
    __table_args__ = (
        UniqueConstraint("gateway", "epoch", "stream", "sequence"),
        Index("papers_to_file", "filed", "number"),
    )
    # An INTEGER key counts up by itself in SQLite; a BIGINT does not.
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    epoch: Mapped[int]
    stream: Mapped[int]
    sequence: Mapped[int]
    at_ms: Mapped[int]
    received_ms: Mapped[int]
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    filed: Mapped[bool] = mapped_column(Boolean)
