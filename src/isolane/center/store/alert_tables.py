"""This file defines the tables of alerts; it guards that a rule has at most one alert per subject that is not closed.

Times are UTC in ms. `open_key` is what a rule and a subject are told apart by, and null once the alert is closed: a
unique column, of which any number may be null, holds that line on every database.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX, Table

SUBJECT_CHARS_MAX = 256
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""An INTEGER key counts up by itself in SQLite; a BIGINT does not."""


class AlertRow(Table):
    """An alert, from opening to closing."""

    __tablename__ = "alert"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    open_key: Mapped[str | None] = mapped_column(String(NAME_CHARS_MAX), unique=True)
    rule: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    subject: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX), index=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    device: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX))
    signal: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX))
    level: Mapped[int] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    opened_ms: Mapped[int]
    closed_ms: Mapped[int | None] = mapped_column(index=True)
    closed_by: Mapped[str | None] = mapped_column(String(NAME_CHARS_MAX))
    held: Mapped[bool]
    acknowledged_ms: Mapped[int | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(NAME_CHARS_MAX))
    assignee: Mapped[str | None] = mapped_column(String(NAME_CHARS_MAX))
    escalated_ms: Mapped[int | None]
    flapping: Mapped[bool]
    told: Mapped[bool]
    grouped: Mapped[list[str]] = mapped_column(JSON)
    title: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    seen: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    part: Mapped[str] = mapped_column(Text)


class AlertEventRow(Table):
    """One line of an alert's history."""

    __tablename__ = "alert_event"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    alert: Mapped[int] = mapped_column(ForeignKey("alert.number", ondelete="CASCADE"), index=True)
    at_ms: Mapped[int]
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    who: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    text: Mapped[str] = mapped_column(Text)


class AlertMemoryRow(Table):
    """What a rule must not forget about a subject while the center is down."""

    __tablename__ = "alert_memory"
    rule: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    subject: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX), primary_key=True)
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class SilenceRow(Table):
    """A silence; an empty matcher takes everything."""

    __tablename__ = "alert_silence"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    rule: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    device: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX))
    subject: Mapped[str] = mapped_column(String(SUBJECT_CHARS_MAX))
    reason: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    who: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    from_ms: Mapped[int]
    until_ms: Mapped[int] = mapped_column(index=True)


class AlertDeliveryRow(Table):
    """One message to one way out. Done when `done_ms` is set; `outcome` says how."""

    __tablename__ = "alert_delivery"
    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    way: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), index=True)
    alert: Mapped[int] = mapped_column(ForeignKey("alert.number", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    at_ms: Mapped[int]
    attempts: Mapped[int]
    next_ms: Mapped[int]
    done_ms: Mapped[int | None] = mapped_column(index=True)
    outcome: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
