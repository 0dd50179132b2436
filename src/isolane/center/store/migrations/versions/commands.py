"""This file makes the tables of commands; it guards that they equal store.command_tables, as a test tells."""

import sqlalchemy as sa
from alembic import op

revision = "commands"
down_revision = "snapshots"

_COUNTS_UP = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATED = ("command_suspicion", "command_gateway", "command_manifest", "command_checkpoint", "command_statement")


def upgrade() -> None:
    """Make them."""
    _make_commands()
    _make_statements()
    _make_keys()


def downgrade() -> None:
    """Remove them."""
    for name in (*_STATED, "command_arrival", "command_receipt", "command_signature", "command"):
        op.drop_table(name)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _make_commands() -> None:
    op.create_table(
        "command",
        sa.Column("number", _COUNTS_UP, nullable=False),
        _text("jti", 22),
        _text("digest", 64),
        _text("tenant", 64),
        _text("site", 64),
        _text("gateway", 64),
        _number("seq"),
        _text("verb", 64),
        _text("kind", 2),
        _number("need"),
        _text("sub", 128),
        _text("role", 64),
        _text("ticket", 512),
        _text("reason", 512),
        _text("proposed_by", 128),
        _number("proposed_ms"),
        _number("exp_ms"),
        _number("keys_ver"),
        _bytes("payload"),
        _bytes("envelope"),
        _text("state", 64),
        _text("why", 512),
        _number("changed_ms"),
        _number("sent_ms"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("jti"),
    )
    op.create_index("command_by_gateway", "command", ["gateway", "number"])
    op.create_index("command_by_state", "command", ["state", "exp_ms"])
    op.create_table(
        "command_signature",
        _text("jti", 22),
        _text("person", 128),
        _text("kid", 64),
        _text("role", 64),
        _text("signature", 128),
        _number("at_ms"),
        sa.ForeignKeyConstraint(["jti"], ["command.jti"]),
        sa.PrimaryKeyConstraint("jti", "person"),
    )
    op.create_table(
        "command_receipt",
        sa.Column("number", _COUNTS_UP, nullable=False),
        _text("gateway", 64),
        _text("jti", 22),
        _text("digest", 64),
        _text("state", 64),
        _text("reason", 64),
        _number("said_ms"),
        _number("received_ms"),
        _text("sha256", 64),
        _bytes("data"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_index("command_receipt_by_jti", "command_receipt", ["jti", "number"])


def _make_statements() -> None:
    op.create_table(
        "command_arrival",
        _text("gateway", 64),
        _text("site", 64),
        _text("way", 64),
        _number("received_ms"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "command_statement",
        _text("gateway", 64),
        _text("site", 64),
        _text("way", 64),
        _text("boot", 22),
        _text("chal", 22),
        _number("said_ms"),
        _text("clock", 64),
        _number("keys_ver"),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        _number("received_ms"),
        _number("keys_sent_ms"),
        _number("note_sent_size"),
        _number("note_sent_ms"),
        sa.Column("unproved", sa.Boolean(), nullable=False),
        _number("proved_ms"),
        _number("number"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "command_checkpoint",
        _text("gateway", 64),
        _number("size"),
        _text("root", 64),
        _text("note", 4096),
        _number("old"),
        _text("path", 8192),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("gateway", "size"),
    )


def _make_keys() -> None:
    op.create_table(
        "command_manifest",
        _number("version"),
        _text("by_whom", 128),
        _number("at_ms"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "command_gateway",
        _text("gateway", 64),
        _text("kid", 64),
        _bytes("public_key"),
        _text("by_whom", 128),
        _number("at_ms"),
        sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "command_suspicion",
        _text("gateway", 64),
        _text("kind", 64),
        _text("detail", 512),
        _number("count"),
        _number("first_ms"),
        _number("last_ms"),
        sa.PrimaryKeyConstraint("gateway", "kind"),
    )
