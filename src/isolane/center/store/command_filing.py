"""This file files what gateways say of commands; it guards that only what the gateway's own key signed is filed.

Whose gateway it is the transport has proved; with which key it signs was said when it was enrolled. What is of a
gateway that is not enrolled waits until it is. A receipt is for one command of one gateway; anything else is refused,
kept as a suspicion, and told.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from isolane.center.store.command_keys import key_of
from isolane.center.store.command_read import newest_checkpoint
from isolane.center.store.command_tables import (
    CommandArrivalRow,
    CommandCheckpointRow,
    CommandGatewayRow,
    CommandManifestRow,
    CommandReceiptRow,
    CommandRow,
    CommandStatementRow,
    CommandSuspicionRow,
)
from isolane.center.store.command_views import ENDED, CommandState
from isolane.center.store.command_witness import Finding, Witness, judge, open_own
from isolane.center.store.paper_tables import PaperRow
from isolane.center.store.papers import file_away
from isolane.center.store.port import StatementArrival
from isolane.center.store.tables import kept_text
from isolane.security.envelope import RECEIPT, STATEMENT, EnvelopeError, parse, verify
from isolane.security.signing import PublicKey, key_id
from isolane.wire.command import Statement, read
from isolane.wire.errand import Stated, decode_stated
from isolane.wire.receipt import BYTES_MAX, KIND, Receipt

_LOG = logging.getLogger(__name__)
AT_ONCE: Final = 50
CHECKPOINTS_MAX: Final = 2000
"""Kept of a gateway; the oldest go, the newest one vouches for them."""
UNPROVED_MAX_MS: Final = 30 * 60 * 1000


@dataclass(slots=True)
class Filed:
    """What a round of filing has found.

    Attributes:
        statements: That were looked at.
        receipts: That were looked at.
        states: Of commands that receipts have moved, with the reasons.
        suspicions: Gateway, kind and detail of what no honest one would do.
        forgotten: Gateway, kind and detail of what a gateway has from this center, and this center has no more.
    """

    statements: int = 0
    receipts: int = 0
    states: list[tuple[str, str]] = field(default_factory=list)
    suspicions: list[tuple[str, str, str]] = field(default_factory=list)
    forgotten: list[tuple[str, str, str]] = field(default_factory=list)

    def suspect(self, session: Session, gateway: str, kind: str, detail: str, at_ms: int) -> None:
        """Keep what is suspicious, by gateway and kind."""
        row = session.get(CommandSuspicionRow, (gateway, kind))
        if row is None:
            row = CommandSuspicionRow(gateway=gateway, kind=kind, detail="", count=0, first_ms=at_ms, last_ms=at_ms)
            session.add(row)
        row.detail, row.count, row.last_ms = kept_text(detail), row.count + 1, max(row.last_ms, at_ms)
        session.flush()
        self.suspicions.append((gateway, kind, detail))


def arrive(session: Session, arrival: StatementArrival) -> None:
    """Keep a statement until it is looked at; the newest replaces the one before."""
    origin = arrival.origin
    row = session.get(CommandArrivalRow, origin.gateway)
    if row is None:
        row = CommandArrivalRow(gateway=origin.gateway)
        session.add(row)
    row.site, row.way, row.received_ms, row.data = origin.site, arrival.way, origin.received_ms, arrival.data


def file(session: Session, witness: Witness | None) -> Filed:
    """File what waits, some dozen of each kind at most."""
    found = Filed()
    enrolled = select(CommandGatewayRow.gateway)
    arrivals = select(CommandArrivalRow).where(CommandArrivalRow.gateway.in_(enrolled)).limit(AT_ONCE)
    for arrival in list(session.scalars(arrivals)):
        found.statements += 1
        _file_statement(session, arrival, witness, found)
        session.delete(arrival)
    papers = select(PaperRow).where(~PaperRow.filed, PaperRow.kind == KIND, PaperRow.gateway.in_(enrolled))
    waiting = list(session.scalars(papers.order_by(PaperRow.number).limit(AT_ONCE)))
    for paper in waiting:
        found.receipts += 1
        _file_receipt(session, paper, found)
    file_away(session, waiting)
    return found


def _file_statement(session: Session, arrival: CommandArrivalRow, witness: Witness | None, found: Filed) -> None:
    key = key_of(session, arrival.gateway)
    if key is None:
        return
    try:
        stated = decode_stated(arrival.data)
        said = _open_statement(stated, arrival.gateway, key)
        point = open_own(said.checkpoint, arrival.gateway, key)
    except ValueError as error:
        found.suspect(session, arrival.gateway, "statement", str(error), arrival.received_ms)
        return
    row = session.get(CommandStatementRow, arrival.gateway)
    if row is None:
        row = CommandStatementRow(
            gateway=arrival.gateway,
            boot="",
            number=0,
            keys_sent_ms=0,
            note_sent_size=0,
            note_sent_ms=0,
            unproved=False,
            proved_ms=arrival.received_ms,
        )
        session.add(row)
    elif row.boot == said.boot and stated.number < row.number:
        return
    row.site, row.way, row.received_ms, row.data = arrival.site, arrival.way, arrival.received_ms, arrival.data
    row.boot, row.chal, row.said_ms, row.clock, row.number = said.boot, said.chal, said.at, said.clock, stated.number
    row.keys_ver, row.frozen = said.keys_ver, said.frozen
    held = newest_checkpoint(session, arrival.gateway)
    found.forgotten += _forgotten(session, said, stated, 0 if held is None else held.size)
    finding = judge(None if held is None else (held.size, held.root), point, stated)
    row.unproved = finding is Finding.UNPROVED
    if finding in {Finding.ROLLBACK, Finding.FORK}:
        was, now = (0 if held is None else held.size), (0 if point is None else point.size)
        detail = f"its audit had {was} lines that the center vouches for; it states {now}, and not after those"
        found.suspect(session, arrival.gateway, finding.value, detail, arrival.received_ms)
    elif finding is Finding.UNPROVED:
        if arrival.received_ms - row.proved_ms > UNPROVED_MAX_MS:
            detail = "it has not proved for half an hour that its audit goes on from what the center vouches for"
            found.suspect(session, arrival.gateway, Finding.FORK.value, detail, arrival.received_ms)
    else:
        row.proved_ms = arrival.received_ms
    if finding is Finding.NEXT and point is not None:
        note = said.checkpoint if witness is None else witness.sign(said.checkpoint)
        proved = CommandCheckpointRow(gateway=row.gateway, size=point.size, root=point.root.hex(), note=note)
        proved.old, proved.path = (0, "") if held is None else (stated.old, "".join(stated.path))
        proved.at_ms = arrival.received_ms
        session.add(proved)
        session.flush()
        _thin(session, row.gateway)


def _open_statement(stated: Stated, gateway: str, key: PublicKey) -> Statement:
    """Open a statement.

    Raises:
        ValueError: It is none, or none of that gateway.
    """
    envelope = parse(stated.statement.encode(), STATEMENT)
    verify(envelope, {key_id(key): key})
    said = read(envelope.payload, Statement)
    if said.gw != gateway:
        raise ValueError(f"a statement of {said.gw}")
    return said


def _forgotten(session: Session, said: Statement, stated: Stated, size: int) -> list[tuple[str, str, str]]:
    """Find what a gateway follows or was told that is newer than what is here: an older database was put back.

    Nothing follows from it: around the statement are hints, and a person may have brought keys to a gateway first.
    """
    found = []
    newest = session.scalar(select(func.max(CommandManifestRow.version)))
    if newest is not None and said.keys_ver > newest:
        found.append((said.gw, "keys", f"it follows key manifest {said.keys_ver}, here is {newest}"))
    if stated.old > size:
        found.append((said.gw, "checkpoint", f"it was told that {stated.old} lines are vouched for, here are {size}"))
    return found


def _thin(session: Session, gateway: str) -> None:
    sizes = select(CommandCheckpointRow.size).filter_by(gateway=gateway).order_by(CommandCheckpointRow.size.desc())
    last = session.scalar(sizes.offset(CHECKPOINTS_MAX - 1).limit(1))
    if last is not None:
        old = delete(CommandCheckpointRow).filter_by(gateway=gateway)
        session.execute(old.where(CommandCheckpointRow.size < last))


def _file_receipt(session: Session, paper: PaperRow, found: Filed) -> None:
    key = key_of(session, paper.gateway)
    if key is None:
        return
    try:
        envelope = parse(paper.body, RECEIPT, BYTES_MAX)
        verify(envelope, {key_id(key): key})
        receipt = read(envelope.payload, Receipt)
    except (EnvelopeError, ValueError) as error:
        found.suspect(session, paper.gateway, "receipt", str(error), paper.received_ms)
        return
    query = select(CommandRow).filter_by(jti=receipt.jti).with_for_update()
    command = session.scalars(query).one_or_none()
    if command is None:
        detail = f"a receipt of {receipt.verb}, {receipt.state}, which this center has not proposed"
        found.suspect(session, paper.gateway, "unknown-command", detail, paper.received_ms)
        return
    if receipt.gw != paper.gateway or command.gateway != paper.gateway or receipt.digest != command.digest:
        detail = f"a receipt of {receipt.gw} for a command to {command.gateway}, or of other bytes"
        found.suspect(session, paper.gateway, "foreign-receipt", detail, paper.received_ms)
        return
    sha256 = hashlib.sha256(paper.body).hexdigest()
    here = select(CommandReceiptRow.number).filter_by(sha256=sha256)
    if session.scalar(here) is not None:
        return
    ended = select(CommandReceiptRow.number).where(
        CommandReceiptRow.jti == receipt.jti, CommandReceiptRow.state.in_(sorted(ENDED))
    )
    is_ended = session.scalar(ended.limit(1)) is not None
    session.add(
        CommandReceiptRow(
            gateway=paper.gateway,
            jti=receipt.jti,
            digest=receipt.digest,
            state=receipt.state,
            reason=receipt.reason,
            said_ms=receipt.at,
            received_ms=paper.received_ms,
            sha256=sha256,
            data=paper.body,
        )
    )
    session.flush()
    if not is_ended:
        command.state, command.why = CommandState(receipt.state), kept_text(receipt.detail or receipt.reason)
        command.changed_ms = paper.received_ms
        found.states.append((receipt.state, receipt.reason))
