"""This file defines what is told of commands; it guards that a state means the same wherever it is shown."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class CommandState(StrEnum):
    """Where a command is; the first five are the center's words, the last six a gateway has signed."""

    PROPOSED = "proposed"
    READY = "ready"
    """All have signed; it goes out as soon as its gateway is there."""
    SENT = "sent"
    """Handed to a link; no receipt yet."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """Never sent and good no longer, or accepted by the gateway and not begun in time."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown-after-restart"


SENDABLE: Final = (CommandState.READY, CommandState.SENT)
"""What may be handed to a link."""
WAITING: Final = (CommandState.PROPOSED, CommandState.READY)
"""What can be withdrawn, and expires here."""
ENDED: Final = frozenset(
    {CommandState.REFUSED, CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED, CommandState.UNKNOWN}
)
"""What a gateway has said last; nothing follows."""


class CommandError(Exception):
    """A proposal, signature or manifest that is not taken.

    Args:
        reason: A word: "gateway", "statement", "keys", "verb", "person", "state", "signature", "rights", "manifest".
        detail: A sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class NoSuchCommandError(Exception):
    """There is no command of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants a gateway to do.

    Attributes:
        gateway: Which.
        verb: As in `wire.verbs.catalogue`.
        args: Its arguments.
        person: Who asks, as the key manifest names them; they sign too.
        ticket: What it is for.
        reason: Why.
        proposed_by: Who is logged in at the center.
        tenant: Theirs; "" for none.
        life_s: How long it is good, s, 1 to 300, signatures included.
    """

    gateway: str
    verb: str
    args: dict[str, object]
    person: str
    ticket: str
    reason: str
    proposed_by: str
    tenant: str = ""
    life_s: int = 300


@dataclass(frozen=True, slots=True)
class ProposedCommand:
    """A command, from its proposal on.

    Attributes:
        number: Ascending; the newest has the greatest.
        jti: Its name.
        digest: SHA-256 of the payload, hex.
        tenant: Of who proposed it.
        site: Of the gateway.
        gateway: Which.
        verb: What.
        kind: Class, "R0" to "R4".
        need: How many people sign at least.
        args: Its arguments.
        pre: Its interlocks.
        person: Who asks, and in which role.
        role: See there.
        ticket: What it is for.
        reason: Why.
        proposed_by: Who was logged in.
        proposed_ms: When.
        exp_ms: Until when it is good.
        keys_ver: Version of the key manifest that it quotes.
        payload: The bytes to sign.
        state: See `CommandState`.
        why: A sentence where the state needs one.
        changed_ms: When it came to that state.
        people: Who has signed, in the order in which they did.
    """

    number: int
    jti: str
    digest: str
    tenant: str
    site: str
    gateway: str
    verb: str
    kind: str
    need: int
    args: dict[str, object]
    pre: tuple[str, ...]
    person: str
    role: str
    ticket: str
    reason: str
    proposed_by: str
    proposed_ms: int
    exp_ms: int
    keys_ver: int
    payload: bytes
    state: CommandState
    why: str
    changed_ms: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """Who signed a command, with which key in which role, and when."""

    person: str
    role: str
    kid: str
    signature: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """What a gateway has signed about a command; `data` is the envelope, `said_ms` its own UTC."""

    state: str
    reason: str
    said_ms: int
    received_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CommandHistory:
    """A command with all that became of it.

    Attributes:
        command: The command.
        signatures: In the order in which they came.
        envelope: What goes to the gateway, b"" until all have signed.
        sent_ms: When it was handed to a link last, 0 never.
        receipts: In the order in which they came.
    """

    command: ProposedCommand
    signatures: list[SignatureLine]
    envelope: bytes
    sent_ms: int
    receipts: list[ReceiptLine]


@dataclass(frozen=True, slots=True)
class GatewayStatement:
    """The latest statement of a gateway, its signature checked.

    Attributes:
        gateway: Which.
        site: Its site.
        way: How it came: "mqtt" or "https".
        boot: To be quoted.
        chal: To be quoted.
        said_ms: The gateway's UTC, a label.
        clock: "synced" or "unsynced".
        keys_ver: Version of the key manifest that it follows.
        is_frozen: Whether it refuses all but reading.
        received_ms: When it came.
        data: Its envelope.
        checkpoint: The newest checkpoint of its audit that the center has co-signed, "" for none.
    """

    gateway: str
    site: str
    way: str
    boot: str
    chal: str
    said_ms: int
    clock: str
    keys_ver: int
    is_frozen: bool
    received_ms: int
    data: bytes
    checkpoint: str


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    """A checkpoint of a gateway's audit that the center has found to go on from all before, and co-signed."""

    size: int
    root: str
    note: str
    at_ms: int
    old: int = 0
    """Entries of the one that it was proved to go on from; 0 for the first."""
    path: tuple[str, ...] = ()
    """That proof, hashes in hex."""


@dataclass(frozen=True, slots=True)
class CommandSuspicion:
    """What no honest gateway would do: kind is "fork", "rollback", "foreign-receipt", "receipt" or "statement"."""

    gateway: str
    site: str
    kind: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandQuery:
    """Which commands; None for all of each kind."""

    sites: frozenset[str] | None = None
    gateway: str | None = None
    states: frozenset[CommandState] | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class CommandPage:
    """Commands, the newest first; `next_before` asks for those that follow, None at the end."""

    commands: list[ProposedCommand] = field(default_factory=list)
    next_before: int | None = None
