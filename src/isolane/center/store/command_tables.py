"""This file defines the tables of commands; it guards that what people sign and what gateways answer is kept as it was.

``payload``, ``envelope`` and every ``data`` are the very bytes that were signed. None of these tables holds a key that
signs.
"""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX, Table

TOKEN_CHARS = 22
DIGEST_CHARS = 64
PERSON_CHARS_MAX = 128
PATH_CHARS_MAX = 128 * DIGEST_CHARS


class CommandRow(Table):
    """A command from its proposal on; `state` has the words of command_views.py."""

    __tablename__ = "command"
    __table_args__ = (
        Index("command_by_gateway", "gateway", "number"),
        Index("command_by_state", "state", "exp_ms"),
    )
    # An INTEGER key counts up by itself in SQLite; a BIGINT does not.
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    jti: Mapped[str] = mapped_column(String(TOKEN_CHARS), unique=True)
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    """SHA-256 of the payload, hex."""
    tenant: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    seq: Mapped[int]
    verb: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    kind: Mapped[str] = mapped_column(String(2))
    """Its class."""
    need: Mapped[int]
    sub: Mapped[str] = mapped_column(String(PERSON_CHARS_MAX))
    role: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    ticket: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    reason: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    proposed_by: Mapped[str] = mapped_column(String(PERSON_CHARS_MAX))
    proposed_ms: Mapped[int]
    exp_ms: Mapped[int]
    keys_ver: Mapped[int]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """Empty until all have signed."""
    state: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    why: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    changed_ms: Mapped[int]
    sent_ms: Mapped[int]
    """When it was handed to a link last; 0 never."""


class CommandSignatureRow(Table):
    """A signature of a command, one of each person."""

    __tablename__ = "command_signature"
    jti: Mapped[str] = mapped_column(ForeignKey("command.jti"), primary_key=True)
    person: Mapped[str] = mapped_column(String(PERSON_CHARS_MAX), primary_key=True)
    kid: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    role: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    signature: Mapped[str] = mapped_column(String(128))
    """As it stands in the envelope."""
    at_ms: Mapped[int]


class CommandReceiptRow(Table):
    """A receipt that its gateway has signed, once."""

    __tablename__ = "command_receipt"
    __table_args__ = (Index("command_receipt_by_jti", "jti", "number"),)
    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    jti: Mapped[str] = mapped_column(String(TOKEN_CHARS))
    digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    state: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    reason: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    said_ms: Mapped[int]
    """The gateway's own UTC, a label."""
    received_ms: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(DIGEST_CHARS), unique=True)
    """Of `data`."""
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CommandArrivalRow(Table):
    """The newest statement of a gateway as it came, until it is looked at."""

    __tablename__ = "command_arrival"
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    way: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    """How it came: "mqtt" or "https"."""
    received_ms: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CommandStatementRow(Table):
    """The latest statement of a gateway that its key has signed."""

    __tablename__ = "command_statement"
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    site: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    way: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    boot: Mapped[str] = mapped_column(String(TOKEN_CHARS))
    chal: Mapped[str] = mapped_column(String(TOKEN_CHARS))
    said_ms: Mapped[int]
    clock: Mapped[str] = mapped_column(String(NAME_CHARS_MAX))
    keys_ver: Mapped[int]
    frozen: Mapped[bool]
    received_ms: Mapped[int]
    keys_sent_ms: Mapped[int]
    """When the next key manifest was handed to a link last; 0 never."""
    note_sent_size: Mapped[int]
    """Entries of the co-signed checkpoint that was handed to a link last; 0 none."""
    note_sent_ms: Mapped[int]
    unproved: Mapped[bool]
    """Whether its audit has grown without a proof that it goes on from the co-signed checkpoint."""
    proved_ms: Mapped[int]
    """When it was last proved that its audit only grew."""
    number: Mapped[int]
    """Counts the statements of this boot."""
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CommandCheckpointRow(Table):
    """A checkpoint of a gateway's audit that goes on from all before it, co-signed by the center."""

    __tablename__ = "command_checkpoint"
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True)
    root: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    note: Mapped[str] = mapped_column(String(4096))
    old: Mapped[int]
    """Entries of the one that it was proved to go on from; 0 for the first."""
    path: Mapped[str] = mapped_column(String(PATH_CHARS_MAX))
    """That proof: hashes in hex, one after another."""
    at_ms: Mapped[int]


class CommandManifestRow(Table):
    """A key manifest; the one with the greatest version is in force."""

    __tablename__ = "command_manifest"
    version: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column("by_whom", String(PERSON_CHARS_MAX))
    at_ms: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CommandGatewayRow(Table):
    """The public key with which a gateway signs what it says of commands."""

    __tablename__ = "command_gateway"
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    kid: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    key: Mapped[bytes] = mapped_column("public_key", LargeBinary)
    """SubjectPublicKeyInfo in DER."""
    by: Mapped[str] = mapped_column("by_whom", String(PERSON_CHARS_MAX))
    at_ms: Mapped[int]


class CommandSuspicionRow(Table):
    """What no honest gateway would do, by gateway and kind."""

    __tablename__ = "command_suspicion"
    gateway: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    kind: Mapped[str] = mapped_column(String(NAME_CHARS_MAX), primary_key=True)
    detail: Mapped[str] = mapped_column(String(TEXT_CHARS_MAX))
    count: Mapped[int]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
