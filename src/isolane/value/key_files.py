"""This file reads keys, certificates, lists and secrets again while the relay runs.

It guards that one bad file costs only what depends on it: the rest is renewed, the old one stays in use, and somebody
is told.
"""

import asyncio
import logging
from typing import Protocol

from isolane.core.failures import IsolaneError
from isolane.value.security_events import Kind, SecurityEvents

_log = logging.getLogger(__name__)


class Reloadable(Protocol):
    """Something that was read from files."""

    def reload(self) -> None:
        """Read the files again, in any thread.

        Raises:
            IsolaneError: One cannot be used, and nothing has changed.
        """


class KeyFiles:
    """Everything that can be read again.

    Args:
        events: Who is told of what cannot.

    Attributes:
        events: The same.
    """

    def __init__(self, events: SecurityEvents) -> None:
        self.events = events
        self._parts: dict[str, Reloadable] = {}

    def add(self, name: str, part: Reloadable) -> None:
        """Take a part in.

        Args:
            name: What it is, in logs.
            part: Read already.
        """
        self._parts[name] = part

    async def reload(self) -> bool:
        """Read everything again; connections live on. Tell whether all of it could be used."""
        good = True
        for name, part in self._parts.items():
            try:
                await asyncio.to_thread(part.reload)
            except IsolaneError as error:
                good = False
                self.events.report(Kind.RELOAD, detail=f"{name}: the old one stays")
                _log.error("reload-failed part=%s reason=%s", name, error)
        _log.info("reloaded parts=%d good=%s", len(self._parts), str(good).lower())
        return good
