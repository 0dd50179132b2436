"""This file adds lines to the audit from the store's own books; it guards that a line and its change are one."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from isolane.center.store.people_tables import AuditRow
from isolane.center.store.people_views import visit
from isolane.center.store.tables import NAME_CHARS_MAX, kept_text


def line_about(who: str, at_ms: int, address: str | None = None) -> Callable[[Session, str, str], None]:
    """Begin a line about the request of the moment; call it before the change leaves for another thread.

    Args:
        who: Who asks.
        at_ms: When.
        address: From where, if it is no request of a person's; None: as that came.

    Returns:
        What adds the line to a session: what was done, and to what.
    """
    came_from = visit().address if address is None else address

    def add(session: Session, what: str, subject: str) -> None:
        session.add(
            AuditRow(
                at_ms=at_ms,
                who=who[:NAME_CHARS_MAX],
                what=what,
                subject=kept_text(subject),
                address=came_from[:NAME_CHARS_MAX],
            )
        )

    return add
