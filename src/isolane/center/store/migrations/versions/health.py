"""This file makes the tables of health; it guards that they equal store.health_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "health"
down_revision = "papers"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "health_parts",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        *(
            sa.Column(name, sa.String(length=100), nullable=False)
            for name in ("charger", "place", "model", "measure", "component")
        ),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.LargeBinary(), nullable=False),
        sa.Column("change", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("gateway", "charger", "place", "model", "measure"),
    )
    op.create_index("health_parts_by_charger", "health_parts", ["site", "charger"])
    op.create_index("health_parts_by_level", "health_parts", ["level", "value"])
    op.create_table(
        "health_features",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("sd", sa.Float(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.ForeignKeyConstraint(["part"], ["health_parts.number"]),
        sa.UniqueConstraint("part", "at_ms"),
    )
    op.create_table(
        "health_changes",
        sa.Column("number", _COUNTS_UP, nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.SmallInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.ForeignKeyConstraint(["part"], ["health_parts.number"]),
    )
    op.create_index("health_changes_by_part", "health_changes", ["part", "at_ms"])


def downgrade() -> None:
    """Remove them."""
    for table in ("health_changes", "health_features", "health_parts"):
        op.drop_table(table)
