"""This file makes the table of papers; it guards that it equals store.paper_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "papers"
down_revision = "inbox"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "papers",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("gateway", "epoch", "stream", "sequence"),
    )
    op.create_index("papers_to_file", "papers", ["filed", "number"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("papers")
