"""This file reads alerts; it guards that every list is bounded and in one order, newest first."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from isolane.center.store.alert_port import NoSuchAlertError
from isolane.center.store.alert_tables import AlertEventRow, AlertRow
from isolane.center.store.alert_views import (
    Alert,
    AlertCounts,
    AlertEvent,
    AlertHistory,
    AlertPage,
    AlertQuery,
    AlertState,
)

EVENTS_MAX = 2000
"""Of one alert's history, the newest."""
_NAMES = tuple(each.name for each in fields(Alert))


def alert_of(row: AlertRow | Mapping[str, Any]) -> Alert:
    """Make the view of a row, or of what `message_of` gave."""
    if isinstance(row, AlertRow):
        return Alert(**{name: getattr(row, name) for name in _NAMES})
    return Alert(**{name: row[name] for name in _NAMES})


def message_of(alert: Alert) -> dict[str, Any]:
    """Give an alert as plain data that outlives its row."""
    return asdict(alert)


def one(session: Session, number: int) -> AlertRow:
    """Find an alert.

    Raises:
        NoSuchAlertError: See there.
    """
    row = session.get(AlertRow, number)
    if row is None:
        raise NoSuchAlertError(f"there is no alert {number}")
    return row


def page(session: Session, query: AlertQuery) -> AlertPage:
    """See `Alerts.page`."""
    chosen = select(AlertRow).order_by(AlertRow.number.desc()).limit(query.limit + 1)
    for column, value in ((AlertRow.site, query.site), (AlertRow.device, query.device), (AlertRow.rule, query.rule)):
        if value is not None:
            chosen = chosen.where(column == value)
    if query.sites is not None:
        chosen = chosen.where(AlertRow.site.in_(sorted(query.sites)))
    if query.level_min:
        chosen = chosen.where(AlertRow.level >= query.level_min)
    if query.states:
        chosen = chosen.where(AlertRow.state.in_(query.states))
    if query.opened_since_ms is not None:
        chosen = chosen.where(AlertRow.opened_ms >= query.opened_since_ms)
    if query.closed_since_ms is not None:
        chosen = chosen.where(AlertRow.closed_ms >= query.closed_since_ms)
    if query.before is not None:
        chosen = chosen.where(AlertRow.number < query.before)
    alerts = [alert_of(row) for row in session.scalars(chosen)]
    more = len(alerts) > query.limit
    alerts = alerts[: query.limit]
    return AlertPage(alerts, alerts[-1].number if more else None)


def history(session: Session, number: int) -> AlertHistory:
    """See `Alerts.history`."""
    alert = alert_of(one(session, number))
    query = select(AlertEventRow).where(AlertEventRow.alert == number).order_by(AlertEventRow.number.desc())
    rows = session.scalars(query.limit(EVENTS_MAX)).all()
    return AlertHistory(alert, [AlertEvent(row.at_ms, row.kind, row.who, row.text) for row in reversed(rows)])


def counts(session: Session, sites: frozenset[str] | None) -> AlertCounts:
    """See `Alerts.counts`."""
    out = AlertCounts()
    query = select(AlertRow.level, AlertRow.state, func.count()).where(AlertRow.closed_ms.is_(None))
    if sites is not None:
        query = query.where(AlertRow.site.in_(sorted(sites)))
    waiting = 0
    for level, state, count in session.execute(query.group_by(AlertRow.level, AlertRow.state)):
        out.by_level[level] += count
        waiting += count if state == AlertState.OPEN else 0
    return AlertCounts(out.by_level, waiting)
