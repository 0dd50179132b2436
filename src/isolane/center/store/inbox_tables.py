"""This file defines the table of what workers have taken in; it guards that rows are told apart by a number alone.

The same block may stand in two rows: who takes them knows what is there already.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, Table


class InboxRow(Table):
    """A block, schema or gap record, acknowledged or about to be; `data` is its message, opened by its schema alone."""

    __tablename__ = "inbox"
    # An INTEGER key counts up by itself in SQLite; a BIGINT does not.
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    received_ms: Mapped[int]
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    data: Mapped[bytes] = mapped_column(LargeBinary)
