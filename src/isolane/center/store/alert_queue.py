"""This file queues what is told of alerts; it guards that a message leaves its queue only by being settled.

All of it runs inside a transaction of its caller. A way's messages are handed out in the order of their decision, one
at a time: what is put off holds back what comes after it on the same way, so that no way says "resolved" before
"opened", and no other way is held back.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from isolane.center.store.alert_port import NoSuchAlertError, WayOut
from isolane.center.store.alert_read import alert_of, message_of
from isolane.center.store.alert_tables import AlertDeliveryRow, AlertEventRow, AlertRow
from isolane.center.store.alert_views import AlertEvent, AlertMessage
from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX

LONG_CHARS_MAX = 4000
"""Of what was seen, why and what to do, and of a comment."""


def kept(text: str, chars_max: int) -> str:
    """Cut a text of anybody's choosing to what every database takes: no NUL, nothing that is no UTF-8, not too long."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()[:chars_max]


def note(session: Session, row: AlertRow, event: AlertEvent) -> None:
    """Add a line to an alert's history."""
    _note(session, row.number, event)


def _note(session: Session, alert: int, event: AlertEvent) -> None:
    who, text = kept(event.who, NAME_CHARS_MAX), kept(event.text, LONG_CHARS_MAX)
    session.add(AlertEventRow(alert=alert, at_ms=event.at_ms, kind=event.kind, who=who, text=text))


def tell(session: Session, row: AlertRow, event: str, ways: Sequence[WayOut], now_ms: int) -> None:
    """Queue a message for every way that is told this event at this level."""
    for way in ways:
        if row.level >= way.level_min and event in way.events:
            _queue(session, row, event, way.name, now_ms)


def tell_end(session: Session, row: AlertRow, now_ms: int) -> None:
    """Queue that an alert has ended for every way that was told that it began."""
    query = select(AlertDeliveryRow.way).where(AlertDeliveryRow.alert == row.number).distinct()
    for way in session.scalars(query).all():
        _queue(session, row, "resolved", way, now_ms)


def _queue(session: Session, row: AlertRow, event: str, way: str, now_ms: int) -> None:
    session.add(
        AlertDeliveryRow(
            way=way,
            alert=row.number,
            event=event,
            at_ms=now_ms,
            attempts=0,
            next_ms=now_ms,
            outcome="",
            message=message_of(alert_of(row)),
        )
    )


def due(session: Session, way: str, now_ms: int) -> AlertMessage | None:
    """See `Alerts.due`."""
    query = select(AlertDeliveryRow).where(AlertDeliveryRow.way == way, AlertDeliveryRow.done_ms.is_(None))
    row = session.scalars(query.order_by(AlertDeliveryRow.number).limit(1)).first()
    if row is None or row.next_ms > now_ms:
        return None
    return AlertMessage(row.number, row.event, row.at_ms, row.attempts, alert_of(row.message))


def put_off(session: Session, number: int, until_ms: int, why: str) -> None:
    """See `Alerts.put_off`."""
    row = _delivery(session, number)
    row.attempts += 1
    row.next_ms = until_ms
    row.outcome = kept(why, TEXT_CHARS_MAX)


def settle(session: Session, number: int, outcome: str, *, delivered: bool, now_ms: int) -> None:
    """See `Alerts.settle`."""
    row = _delivery(session, number)
    if row.done_ms is not None:
        return
    row.attempts += 1
    row.done_ms = now_ms
    row.outcome = kept(outcome, TEXT_CHARS_MAX)
    kind = "delivered" if delivered else "undeliverable"
    text = f"{row.event} by {row.way}: {outcome}"
    _note(session, row.alert, AlertEvent(now_ms, kind, "", text))


def waiting(session: Session) -> dict[str, int]:
    """See `Alerts.waiting`."""
    query = select(AlertDeliveryRow.way, func.count()).where(AlertDeliveryRow.done_ms.is_(None))
    return {row[0]: row[1] for row in session.execute(query.group_by(AlertDeliveryRow.way))}


def _delivery(session: Session, number: int) -> AlertDeliveryRow:
    row = session.get(AlertDeliveryRow, number)
    if row is None:
        raise NoSuchAlertError(f"there is no delivery {number}")
    return row
