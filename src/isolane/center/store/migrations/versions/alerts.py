"""This file makes the tables of alerts; it guards that they equal store.alert_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "alerts"
down_revision = "people"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME, _SUBJECT, _TEXT = sa.String(length=64), sa.String(length=256), sa.String(length=512)

_INDEXES = {
    "alert": ("rule", "subject", "site", "level", "state", "closed_ms"),
    "alert_event": ("alert",),
    "alert_silence": ("until_ms",),
    "alert_delivery": ("way", "alert", "done_ms"),
}


def upgrade() -> None:
    """Make them."""
    _alert()
    op.create_table(
        "alert_event",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("alert", _COUNTS_UP, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("who", _NAME, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "alert_memory",
        sa.Column("rule", _NAME, nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject"),
    )
    _silence()
    _delivery()
    for table, columns in _INDEXES.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])


def _alert() -> None:
    op.create_table(
        "alert",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("open_key", _NAME, nullable=True),
        sa.Column("rule", _NAME, nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _SUBJECT, nullable=False),
        sa.Column("signal", _SUBJECT, nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", _NAME, nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", _NAME, nullable=True),
        sa.Column("assignee", _NAME, nullable=True),
        sa.Column("escalated_ms", sa.BigInteger(), nullable=True),
        sa.Column("flapping", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("grouped", sa.JSON(), nullable=False),
        sa.Column("title", _TEXT, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("seen", "why", "action", "part")),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("open_key"),
    )


def _silence() -> None:
    op.create_table(
        "alert_silence",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("rule", _NAME, nullable=False),
        sa.Column("site", _NAME, nullable=False),
        sa.Column("device", _SUBJECT, nullable=False),
        sa.Column("subject", _SUBJECT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("who", _NAME, nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def _delivery() -> None:
    op.create_table(
        "alert_delivery",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("way", _NAME, nullable=False),
        sa.Column("alert", _COUNTS_UP, nullable=False),
        sa.Column("event", _NAME, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("alert_delivery", "alert_silence", "alert_memory", "alert_event", "alert"):
        op.drop_table(name)
