"""This file says whom to tell of a vulnerability, as RFC 9116 has it; it guards that no old address is given.

Nothing is said where no contact is set, and no more after the day that the owner has set for looking at it again.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from isolane.center.people.settings import AccessSettings
from isolane.core.failures import IsolaneError

PATH: Final = "/.well-known/security.txt"
_SCHEMES: Final = {"https", "mailto", "tel"}


class SecurityTxt:
    """The file.

    Args:
        settings: Contact, day and origin.
        now_ms: UTC clock, ms.

    Raises:
        IsolaneError: One of contact and day is missing, or is not what the standard takes.
    """

    def __init__(self, settings: AccessSettings, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        contacts, expires = settings.security_contact, settings.security_expires
        if bool(contacts) != (expires is not None):
            raise IsolaneError(
                "whom to tell of a vulnerability needs `security_contact` and `security_expires`",
                "give both or neither",
            )
        self._expires = None if expires is None else _moment(expires)
        for contact in contacts:
            parts = urlsplit(contact)
            if parts.scheme not in _SCHEMES or not (parts.netloc or parts.path) or not contact.isprintable():
                raise IsolaneError(
                    f"{contact!r} is no contact", "write https://..., mailto:somebody@example.org or tel:+49..."
                )
        self._lines = [f"Contact: {contact}" for contact in contacts]
        if self._expires is not None:
            self._lines.append(f"Expires: {self._expires.strftime('%Y-%m-%dT%H:%M:%SZ')}")
        if contacts and settings.origin is not None:
            self._lines.append(f"Canonical: {settings.origin}{PATH}")

    def text(self) -> str | None:
        """Give the file, None where there is none, or none any more."""
        if self._expires is None or self._now_ms() >= self._expires.timestamp() * 1000:
            return None
        return "".join(f"{line}\n" for line in self._lines)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = dt.datetime.min  # noqa: DTZ901 - has no zone, so it is refused below
    if moment.tzinfo is None:
        raise IsolaneError(f"security_expires = {text!r} is no moment", "write it as 2030-01-01T00:00:00Z")
    return moment.astimezone(dt.UTC)
