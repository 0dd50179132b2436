"""This file makes the table of the workers' inbox; it guards that it equals store.inbox_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "inbox"
down_revision = "kpis"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "inbox",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("inbox")
