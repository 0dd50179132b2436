"""This file makes the tables of figures; it guards that they equal store.kpi_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "kpis"
down_revision = "alerts"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _days()
    op.create_table(
        "kpi_exclusion",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("charger", sa.String(length=48), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.String(length=512), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_kpi_exclusion_site", "kpi_exclusion", ["site"])
    op.create_table(
        "kpi_nameplate",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("charger", sa.String(length=48), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("firmware", sa.String(length=64), nullable=False),
        sa.Column("rated_w", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_kpi_nameplate_site", "kpi_nameplate", ["site"])


def _days() -> None:
    op.create_table(
        "kpi_day",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("charger", sa.String(length=48), nullable=False),
        sa.Column("port", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("down_ms", sa.BigInteger(), nullable=False),
        sa.Column("offline_ms", sa.BigInteger(), nullable=False),
        sa.Column("unknown_ms", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("site", "charger", "port", "day"),
    )
    op.create_index("ix_kpi_day_day", "kpi_day", ["day"])
    op.create_table(
        "kpi_site_day",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("touched_ms", sa.BigInteger(), nullable=False),
        sa.Column("computed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "day"),
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("kpi_nameplate", "kpi_exclusion", "kpi_site_day", "kpi_day"):
        op.drop_table(name)
