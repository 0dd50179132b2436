"""This file reads commands from their tables; it guards that what is shown is what stands there."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from isolane.center.store.command_compose import arguments
from isolane.center.store.command_tables import (
    CommandCheckpointRow,
    CommandReceiptRow,
    CommandRow,
    CommandSignatureRow,
    CommandStatementRow,
)
from isolane.center.store.command_views import (
    CommandHistory,
    CommandPage,
    CommandQuery,
    CommandState,
    GatewayStatement,
    NoSuchCommandError,
    ProposedCommand,
    ReceiptLine,
    SignatureLine,
)


def found_command(session: Session, jti: str) -> CommandRow:
    """Find a command, to change it.

    Raises:
        NoSuchCommandError: See there.
    """
    row = session.scalars(select(CommandRow).filter_by(jti=jti).with_for_update()).one_or_none()
    if row is None:
        raise NoSuchCommandError(jti[:64])
    return row


def page(session: Session, query: CommandQuery) -> CommandPage:
    """Give commands that match, the newest first."""
    chosen = select(CommandRow)
    if query.sites is not None:
        chosen = chosen.where(CommandRow.site.in_(sorted(query.sites)))
    if query.gateway is not None:
        chosen = chosen.where(CommandRow.gateway == query.gateway)
    if query.states is not None:
        chosen = chosen.where(CommandRow.state.in_(sorted(query.states)))
    if query.before is not None:
        chosen = chosen.where(CommandRow.number < query.before)
    rows = list(session.scalars(chosen.order_by(CommandRow.number.desc()).limit(query.limit + 1)))
    here = rows[: query.limit]
    people = _people(session, [row.jti for row in here])
    is_more = len(rows) > query.limit
    return CommandPage([shown(row, people[row.jti]) for row in here], here[-1].number if is_more else None)


def history(session: Session, jti: str) -> CommandHistory | None:
    """Give a command with all that became of it."""
    row = session.scalars(select(CommandRow).filter_by(jti=jti)).one_or_none()
    if row is None:
        return None
    signatures = list(session.scalars(select(CommandSignatureRow).filter_by(jti=jti)))
    signatures.sort(key=lambda each: (each.at_ms, each.person))
    receipts = session.scalars(select(CommandReceiptRow).filter_by(jti=jti).order_by(CommandReceiptRow.number))
    return CommandHistory(
        shown(row, [each.person for each in signatures]),
        [SignatureLine(each.person, each.role, each.kid, each.signature, each.at_ms) for each in signatures],
        row.envelope,
        row.sent_ms,
        [ReceiptLine(each.state, each.reason, each.said_ms, each.received_ms, each.data) for each in receipts],
    )


def latest_statement(session: Session, gateway: str) -> GatewayStatement | None:
    """Give a gateway's latest statement."""
    row = session.get(CommandStatementRow, gateway)
    return None if row is None else _statement(session, row)


def statements(session: Session, sites: frozenset[str] | None) -> list[GatewayStatement]:
    """Give the latest statement of every gateway of some sites, by gateway."""
    query = select(CommandStatementRow)
    if sites is not None:
        query = query.where(CommandStatementRow.site.in_(sorted(sites)))
    found = [_statement(session, row) for row in session.scalars(query)]
    return sorted(found, key=lambda each: each.gateway)


def shown(row: CommandRow, people: Sequence[str]) -> ProposedCommand:
    """Give a command as it stands, with who has signed it."""
    args, pre = arguments(row.payload)
    return ProposedCommand(
        row.number,
        row.jti,
        row.digest,
        row.tenant,
        row.site,
        row.gateway,
        row.verb,
        row.kind,
        row.need,
        args,
        pre,
        row.sub,
        row.role,
        row.ticket,
        row.reason,
        row.proposed_by,
        row.proposed_ms,
        row.exp_ms,
        row.keys_ver,
        row.payload,
        CommandState(row.state),
        row.why,
        row.changed_ms,
        tuple(people),
    )


def newest_checkpoint(session: Session, gateway: str) -> CommandCheckpointRow | None:
    """Give the newest checkpoint of a gateway's audit that the center has co-signed."""
    query = select(CommandCheckpointRow).filter_by(gateway=gateway).order_by(CommandCheckpointRow.size.desc()).limit(1)
    return session.scalars(query).one_or_none()


def _statement(session: Session, row: CommandStatementRow) -> GatewayStatement:
    point = newest_checkpoint(session, row.gateway)
    return GatewayStatement(
        row.gateway,
        row.site,
        row.way,
        row.boot,
        row.chal,
        row.said_ms,
        row.clock,
        row.keys_ver,
        row.frozen,
        row.received_ms,
        row.data,
        "" if point is None else point.note,
    )


def _people(session: Session, names: list[str]) -> dict[str, list[str]]:
    query = select(CommandSignatureRow).where(CommandSignatureRow.jti.in_(names))
    found = defaultdict(list)
    for row in session.scalars(query.order_by(CommandSignatureRow.at_ms, CommandSignatureRow.person)):
        found[row.jti].append(row.person)
    return found
