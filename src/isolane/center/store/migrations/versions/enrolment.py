"""This file makes the tables of enrolment; it guards that they equal store.enrolment_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "enrolment"
down_revision = "snapshot_kinds"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "enrolment_code",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("legs", sa.String(length=512), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_enrolment_code_gateway", "enrolment_code", ["gateway"])
    op.create_table(
        "gateway_certificate",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("leg", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code", sa.LargeBinary(length=32), nullable=True),
        sa.Column("pem", sa.LargeBinary(), nullable=False),
        sa.Column("issued_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["code"], ["enrolment_code.id"]),
        sa.PrimaryKeyConstraint("serial"),
        sa.UniqueConstraint("code", "leg"),
    )
    op.create_index("ix_gateway_certificate_gateway", "gateway_certificate", ["gateway"])


def downgrade() -> None:
    """Remove them."""
    op.drop_table("gateway_certificate")
    op.drop_table("enrolment_code")
