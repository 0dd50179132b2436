"""This file words commands for the API; it guards that the bytes to sign go out as they are kept."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from isolane.center.store.command_views import (
    CheckpointLine,
    CommandHistory,
    CommandSuspicion,
    GatewayStatement,
    ProposedCommand,
)
from isolane.wire.command_proof import CHECKPOINTS_MAX, CommandProof, ProofPoint
from isolane.wire.errand import decode_stated
from isolane.wire.verbs.declaration import Declaration


@dataclass(frozen=True, slots=True)
class CommandBody:
    """A command. `payload` is what is signed, in base64url; who signs it reads that and nothing else.

    `statement` is the gateway's newest, an envelope in base64url, "" for none.
    """

    number: int
    jti: str
    digest: str
    site: str
    gateway: str
    verb: str
    kind: str
    need: int
    args: dict[str, Any]
    pre: list[str]
    person: str
    role: str
    ticket: str
    reason: str
    proposed_by: str
    proposed_ms: int
    exp_ms: int
    keys_ver: int
    state: str
    why: str
    changed_ms: int
    people: list[str]
    payload: str
    statement: str


@dataclass(frozen=True, slots=True)
class CommandsBody:
    """Commands, the newest first; `before` asks for those that follow, null at the end."""

    commands: list[CommandBody]
    before: int | None


@dataclass(frozen=True, slots=True)
class SignedBody:
    """Who signed a command, as what, with which key, when."""

    person: str
    role: str
    kid: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReceiptBody:
    """What the gateway has signed of a command; `envelope` is the receipt itself."""

    state: str
    reason: str
    said_ms: int
    received_ms: int
    envelope: str


@dataclass(frozen=True, slots=True)
class HistoryBody:
    """A command with all that became of it; `payload` and `statement` as in `command`."""

    command: CommandBody
    signatures: list[SignedBody]
    sent_ms: int
    receipts: list[ReceiptBody]
    payload: str
    statement: str


@dataclass(frozen=True, slots=True)
class StatementBody:
    """What a gateway says of itself, its signature checked."""

    gateway: str
    site: str
    way: str
    boot: str
    said_ms: int
    clock: str
    keys_ver: int
    is_frozen: bool
    received_ms: int
    envelope: str


@dataclass(frozen=True, slots=True)
class CheckpointBody:
    """A checkpoint of a gateway's audit; `note` carries the signatures."""

    size: int
    root: str
    note: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SuspicionBody:
    """What no honest gateway would do."""

    gateway: str
    kind: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class AuditBody:
    """A gateway's audit, as the center can vouch for it: newest checkpoint first, and what is wrong."""

    gateway: str
    site: str
    statement: StatementBody
    checkpoints: list[CheckpointBody]
    suspicions: list[SuspicionBody]


@dataclass(frozen=True, slots=True)
class ManifestBody:
    """A key manifest, signed by root holders."""

    version: int
    expires_ms: int
    envelope: str


@dataclass(frozen=True, slots=True)
class VerbBody:
    """What a gateway can be told to do; `arguments` is a JSON schema."""

    name: str
    kind: str
    need: int
    words: str
    result: str
    arguments: dict[str, Any]


def text_of(data: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def envelope_of(statement: GatewayStatement | None) -> bytes:
    """Give the envelope of a statement as it came; b"" where there is none."""
    if statement is None:
        return b""
    try:
        return decode_stated(statement.data).statement.encode()
    except ValueError:
        return statement.data


def command_body(command: ProposedCommand, statement: GatewayStatement | None) -> CommandBody:
    """Word a command."""
    return CommandBody(
        number=command.number,
        jti=command.jti,
        digest=command.digest,
        site=command.site,
        gateway=command.gateway,
        verb=command.verb,
        kind=command.kind,
        need=command.need,
        args=command.args,
        pre=list(command.pre),
        person=command.person,
        role=command.role,
        ticket=command.ticket,
        reason=command.reason,
        proposed_by=command.proposed_by,
        proposed_ms=command.proposed_ms,
        exp_ms=command.exp_ms,
        keys_ver=command.keys_ver,
        state=str(command.state),
        why=command.why,
        changed_ms=command.changed_ms,
        people=list(command.people),
        payload=text_of(command.payload),
        statement=text_of(envelope_of(statement)),
    )


def history_body(history: CommandHistory, statement: GatewayStatement | None) -> HistoryBody:
    """Word a command's history."""
    command = command_body(history.command, statement)
    return HistoryBody(
        command=command,
        signatures=[SignedBody(each.person, each.role, each.kid, each.at_ms) for each in history.signatures],
        sent_ms=history.sent_ms,
        receipts=[
            ReceiptBody(each.state, each.reason, each.said_ms, each.received_ms, each.data.decode())
            for each in history.receipts
        ],
        payload=command.payload,
        statement=command.statement,
    )


def statement_body(statement: GatewayStatement) -> StatementBody:
    """Word a statement."""
    return StatementBody(
        statement.gateway,
        statement.site,
        statement.way,
        statement.boot,
        statement.said_ms,
        statement.clock,
        statement.keys_ver,
        statement.is_frozen,
        statement.received_ms,
        envelope_of(statement).decode(),
    )


def audit_body(
    statement: GatewayStatement, points: list[CheckpointLine], suspicions: list[CommandSuspicion]
) -> AuditBody:
    """Word a gateway's audit."""
    return AuditBody(
        statement.gateway,
        statement.site,
        statement_body(statement),
        [CheckpointBody(each.size, each.root, each.note, each.at_ms) for each in points],
        [
            SuspicionBody(each.gateway, each.kind, each.detail, each.count, each.first_ms, each.last_ms)
            for each in suspicions
            if each.gateway == statement.gateway
        ],
    )


def verb_body(verb: Declaration) -> VerbBody:
    """Word a verb."""
    schema = msgspec.json.schema(verb.arguments)
    return VerbBody(verb.name, verb.kind, verb.need, verb.words, verb.result, schema)


def proof_of(history: CommandHistory, points: list[CheckpointLine], keys: bytes) -> CommandProof:
    """Put the proof of a command together.

    Args:
        history: The command with its receipts.
        points: Checkpoints of its gateway's audit, the newest first.
        keys: Manifest in force, an envelope; b"" for none.
    """
    command = history.command
    return CommandProof(
        v=1,
        gateway=command.gateway,
        jti=command.jti,
        payload=text_of(command.payload),
        command=history.envelope.decode(),
        receipts=tuple(each.data.decode() for each in history.receipts),
        checkpoints=tuple(_points(points)),
        keys=keys.decode(),
    )


def _points(points: list[CheckpointLine]) -> Iterator[ProofPoint]:
    for each in reversed(points[:CHECKPOINTS_MAX]):
        yield ProofPoint(note=each.note, old=each.old, path=each.path)
