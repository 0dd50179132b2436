"""This file defines the tables of enrolment; it guards that no code is kept, only what tells one.

Times are UTC in ms. A code gives each leg one certificate: (code, leg) is unique, and so is a serial number.
"""

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX, Table


class EnrolmentCodeRow(Table):
    """A code that was given out; `id` is its hash, `legs` are words parted by spaces."""

    __tablename__ = "enrolment_code"
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    legs: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    made_ms: Mapped[int]
    made_by: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    expires_ms: Mapped[int]
    ended_ms: Mapped[int | None]


class CertificateRow(Table):
    """A certificate that the center has issued; `serial` is hex, `key` the SHA-256 of its public key's DER."""

    __tablename__ = "gateway_certificate"
    __table_args__ = (UniqueConstraint("code", "leg"),)
    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    leg: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
    code: Mapped[bytes | None] = mapped_column(ForeignKey("enrolment_code.id"))
    pem: Mapped[bytes] = mapped_column(LargeBinary)
    issued_ms: Mapped[int]
    not_after_ms: Mapped[int]
    revoked_ms: Mapped[int | None]
