"""This file defines the tables of people and machines; it guards that no secret stands in them, only what checks one.

A cookie or token is kept as its SHA-256 (it is 256 random bits, so that nothing is gained by guessing), a password as
argon2id. People are disabled, never deleted: the audit goes on naming somebody.
"""

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX, Table

_COUNTS_UP = BigInteger().with_variant(Integer, "sqlite")
"""An INTEGER key counts up by itself in SQLite; a BIGINT does not."""


class TenantRow(Table):
    """A tenant: whose sites these are."""

    __tablename__ = "tenant"
    name: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    created_ms: Mapped[int]


class SiteTenantRow(Table):
    """To whom a site belongs. A site without a row belongs to no tenant; it may be assigned before it first sends."""

    __tablename__ = "site_tenant"
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    tenant: Mapped[str] = mapped_column(ForeignKey("tenant.name"))


class PersonRow(Table):
    """Somebody who may log in; `tenants` are names parted by spaces, ``*`` for all."""

    __tablename__ = "person"
    name: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    role: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    tenants: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    password: Mapped[str | None] = mapped_column(String(TEXT_CHARS_MAX))
    subject: Mapped[str | None] = mapped_column(String(TEXT_CHARS_MAX), unique=True)
    disabled: Mapped[bool]
    created_ms: Mapped[int]


class SessionRow(Table):
    """A log-in. Ended ones stay for a while: `device` says which browser a person has used before."""

    __tablename__ = "session"
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.name"), index=True)
    device: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_ms: Mapped[int]
    seen_ms: Mapped[int]
    ended_ms: Mapped[int | None]
    address: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    agent: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))


class MachineTokenRow(Table):
    """What a program shows instead of a person's log-in; `scopes` and `tenants` are words parted by spaces."""

    __tablename__ = "machine_token"
    number: Mapped[int] = mapped_column(_COUNTS_UP, primary_key=True)
    id: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    scopes: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    tenants: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    created_ms: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    expires_ms: Mapped[int]
    revoked_ms: Mapped[int | None]


class AuditRow(Table):
    """Who did what, to what, when, from where."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(_COUNTS_UP, primary_key=True)
    at_ms: Mapped[int]
    who: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    what: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    subject: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    address: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
