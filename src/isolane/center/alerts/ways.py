"""This file states what a way out is; it guards that a way says whether a failure is worth another attempt."""

from collections.abc import Sequence
from typing import Protocol

from isolane.center.store.alert_views import Alert, AlertMessage


class AgainError(Exception):
    """Not delivered; worth another attempt later."""


class HopelessError(Exception):
    """Not delivered, and never will be as it is: the other side refuses this message."""


class Way(Protocol):
    """One way out. Calls come one at a time."""

    @property
    def repeat_s(self) -> float | None:
        """How often what is open must be told again, s; None if once is enough."""
        ...

    async def deliver(self, message: AlertMessage) -> str:
        """Deliver a message; gives what the other side said. The same message may come again after a crash.

        Raises:
            AgainError: See there.
            HopelessError: See there.
        """
        ...

    async def repeat(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Tell what is open.

        Raises:
            AgainError: See there.
            HopelessError: See there.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def link(console_url: str, number: int) -> str:
    """Give where a person finds an alert, "" where the settings do not say."""
    return f"{console_url.rstrip('/')}/alarms/{number}" if console_url else ""
