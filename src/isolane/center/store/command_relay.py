"""This file says what is to be brought to which gateway now; it guards that only what people have signed goes out.

A command goes when all have signed, to a gateway that has stated itself, over the way by which it did, until it ends.
Without a receipt it goes again after a while, and when the gateway states itself anew; a gateway does a command once,
however often it comes. A key manifest goes when the gateway follows an older one, a note when it has not seen it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from isolane.center.store.command_keys import next_manifest
from isolane.center.store.command_read import newest_checkpoint
from isolane.center.store.command_tables import (
    CommandCheckpointRow,
    CommandManifestRow,
    CommandRow,
    CommandStatementRow,
)
from isolane.center.store.command_views import SENDABLE, CommandState
from isolane.wire.errand import COMMANDS_MAX, Down

AGAIN_MS: Final = 20_000
RESTATED_MS: Final = 2_000
"""A gateway that has stated itself after it was sent a command, and has not answered, did not get it."""
_LEFT_MS: Final = 1000
_KEYS_AGAIN_MS: Final = 30_000
_LIFE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to bring.

    Attributes:
        site: Of the gateway.
        gateway: To whom.
        kind: What.
        data: The bytes, as they were signed.
        life_s: How long it is worth bringing, s.
    """

    site: str
    gateway: str
    kind: Down
    data: bytes
    life_s: float


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be reached now: gateways that are asking, and, with `mqtt`, all that state themselves by a broker."""

    asking: frozenset[str]
    mqtt: bool

    def where(self) -> ColumnElement[bool]:
        """Give the condition on a statement."""
        ways = [and_(CommandStatementRow.way == "https", CommandStatementRow.gateway.in_(sorted(self.asking)))]
        if self.mqtt:
            ways.append(CommandStatementRow.way == "mqtt")
        return or_(*ways)


def is_due(session: Session, reach: Reach, now_ms: int) -> bool:
    """Tell whether there is anything to bring; only reads."""
    if session.execute(_commands(reach, now_ms).limit(1)).first() is not None:
        return True
    return (
        session.scalar(_statements(reach, now_ms).with_only_columns(CommandStatementRow.gateway).limit(1)) is not None
    )


def take_due(session: Session, reach: Reach, now_ms: int) -> list[Outgoing]:
    """Give what is to be brought, and note that it was handed out."""
    found = list(_errands(session, reach, now_ms))
    number: Counter[str] = Counter()
    query = _commands(reach, now_ms).with_for_update(skip_locked=True, of=CommandRow)
    for command, site in list(session.execute(query)):
        number[command.gateway] += 1
        if number[command.gateway] > COMMANDS_MAX:
            continue
        if command.state == CommandState.READY:
            command.state, command.changed_ms = CommandState.SENT, now_ms
        command.sent_ms = now_ms
        life_s = (command.exp_ms - now_ms) / 1000
        found.append(Outgoing(site, command.gateway, Down.COMMAND, command.envelope, life_s))
    return found


def _commands(reach: Reach, now_ms: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a query of two columns
    is_new = CommandRow.sent_ms < now_ms - AGAIN_MS
    is_restated = and_(CommandStatementRow.received_ms > CommandRow.sent_ms, CommandRow.sent_ms < now_ms - RESTATED_MS)
    query = select(CommandRow, CommandStatementRow.site)
    query = query.join(CommandStatementRow, CommandStatementRow.gateway == CommandRow.gateway)
    query = query.where(CommandRow.state.in_(SENDABLE), CommandRow.exp_ms > now_ms + _LEFT_MS)
    return query.where(reach.where(), or_(is_new, is_restated)).order_by(CommandRow.number)


def _statements(reach: Reach, now_ms: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a query
    """Choose the statements of gateways that lag behind in keys, or have not seen the newest note."""
    newest = select(func.max(CommandManifestRow.version)).scalar_subquery()
    held = select(func.max(CommandCheckpointRow.size)).where(
        CommandCheckpointRow.gateway == CommandStatementRow.gateway
    )
    lags = and_(CommandStatementRow.keys_ver < newest, CommandStatementRow.keys_sent_ms < now_ms - _KEYS_AGAIN_MS)
    unseen = CommandStatementRow.note_sent_size < held.scalar_subquery()
    unproved = and_(CommandStatementRow.unproved, CommandStatementRow.note_sent_ms < now_ms - _KEYS_AGAIN_MS)
    return select(CommandStatementRow).where(reach.where(), or_(lags, unseen, unproved))


def _errands(session: Session, reach: Reach, now_ms: int) -> Iterator[Outgoing]:
    for row in list(session.scalars(_statements(reach, now_ms).with_for_update(skip_locked=True))):
        manifest = next_manifest(session, row.keys_ver)
        if manifest is not None and row.keys_sent_ms < now_ms - _KEYS_AGAIN_MS:
            row.keys_sent_ms = now_ms
            yield Outgoing(row.site, row.gateway, Down.KEYS, manifest, _LIFE_S)
        point = newest_checkpoint(session, row.gateway)
        is_old = row.unproved and row.note_sent_ms < now_ms - _KEYS_AGAIN_MS
        if point is not None and (row.note_sent_size < point.size or is_old):
            row.note_sent_size, row.note_sent_ms = point.size, now_ms
            yield Outgoing(row.site, row.gateway, Down.NOTE, point.note.encode(), _LIFE_S)
