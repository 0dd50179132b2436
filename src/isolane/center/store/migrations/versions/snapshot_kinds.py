"""This file makes the tables of triggers and holds; it guards that what is here already is found by them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "snapshot_kinds"
down_revision = "commands"
_KIND_CHARS_MAX = 64


def upgrade() -> None:
    """Make them, and note the kinds that the cards name."""
    kinds = op.create_table(
        "snapshot_kind",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", "kind"),
    )
    op.create_index("ix_snapshot_kind_kind", "snapshot_kind", ["kind"])
    op.create_table(
        "snapshot_hold",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=512), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    found = op.get_bind().execute(sa.text("SELECT id, card FROM snapshot")).all()
    rows = {(row[0], kind) for row in found for kind in _kinds(bytes(row[1]))}
    if rows:
        op.bulk_insert(kinds, [{"id": identity, "kind": kind} for identity, kind in sorted(rows)])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("snapshot_hold")
    op.drop_table("snapshot_kind")


def _kinds(card: bytes) -> set[str]:
    try:
        told = json.loads(card)
    except ValueError:
        return set()
    triggers = told.get("triggers", []) if isinstance(told, dict) else []
    return {str(trigger[0] if isinstance(trigger, list) else trigger["kind"])[:_KIND_CHARS_MAX] for trigger in triggers}
