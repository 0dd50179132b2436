"""This file states the port through which alerts are kept; it guards that a decision and its messages are one step.

The engine calls `decide` once a pass; people's calls may come at any time. Each call is one transaction: either all of
it is durable when it returns, or nothing has changed. All of them can be repeated after a crash: an opening of what is
open opens nothing, a delivery that is done is not handed out again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from isolane.center.store.alert_views import (
    Alert,
    AlertCounts,
    AlertHistory,
    AlertMessage,
    AlertPage,
    AlertQuery,
    Silence,
)

Key = tuple[str, str]
"""Rule and subject."""


class NoSuchAlertError(Exception):
    """There is no alert, or no silence, of that number."""


class ClosedAlertError(Exception):
    """The alert is closed: nothing can be done to it but comment."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert to open; see `Alert` for the fields."""

    rule: str
    subject: str
    site: str
    device: str
    signal: str
    level: int
    title: str
    seen: str
    why: str
    action: str
    part: str


@dataclass(frozen=True, slots=True)
class WayOut:
    """A way out by name: from which level on, and which events it is told."""

    name: str
    level_min: int
    events: frozenset[str]


@dataclass(slots=True)
class Decisions:
    """What a pass of the engine has decided.

    Attributes:
        openings: Alerts to open.
        closings: Alerts to close, by number, with the sentence that says why.
        flapping: Numbers of alerts that came too often.
        released: Numbers of closed alerts that may open again, because their condition has ended.
        escalations: Numbers of alerts to tell again, if still nobody has them.
        grouped: Subjects that an alert explains, by its number; only of those that changed.
        memories: What is to be remembered by rule and subject; None forgets.
    """

    openings: list[Opening] = field(default_factory=list)
    closings: dict[int, str] = field(default_factory=dict)
    flapping: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    escalations: list[int] = field(default_factory=list)
    grouped: dict[int, list[str]] = field(default_factory=dict)
    memories: dict[Key, Mapping[str, Any] | None] = field(default_factory=dict)


class Standing(Protocol):
    """What the engine needs: what stands, and a place for its decisions."""

    async def standing(self) -> list[Alert]:
        """Every alert that is not closed or is held, by number."""
        ...

    async def decide(self, decisions: Decisions, ways: tuple[WayOut, ...], now_ms: int) -> None:
        """Make a pass's decisions durable, wake what is no longer silenced, and queue what is to be told.

        Raises:
            UnavailableError: The store cannot write now; nothing has changed.
        """
        ...

    async def openings(self, since_ms: int) -> dict[Key, int]:
        """How often each rule opened for each subject since then."""
        ...

    async def memories(self) -> dict[Key, dict[str, Any]]:
        """What was to be remembered."""
        ...

    async def forget(self, before_ms: int, limit: int) -> int:
        """Remove alerts that were closed before then, with their history; gives how many, at most `limit`."""
        ...


class Alerts(Standing, Protocol):
    """Alerts, their history, silences, and what is to be told."""

    async def page(self, query: AlertQuery) -> AlertPage:
        """Alerts that match, newest first."""
        ...

    async def history(self, number: int) -> AlertHistory:
        """One alert and what happened to it.

        Raises:
            NoSuchAlertError: See there.
        """
        ...

    async def counts(self, sites: frozenset[str] | None = None) -> AlertCounts:
        """How many stand at each level, of some sites or of all."""
        ...

    async def acknowledge(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """Note that somebody has seen it; a second time changes nothing.

        Raises:
            NoSuchAlertError: See there.
            ClosedAlertError: See there.
        """
        ...

    async def comment(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """Add a comment, also to a closed alert.

        Raises:
            NoSuchAlertError: See there.
        """
        ...

    async def assign(self, number: int, who: str, assignee: str, now_ms: int) -> Alert:
        """Give it to somebody; "" takes it back.

        Raises:
            NoSuchAlertError: See there.
            ClosedAlertError: See there.
        """
        ...

    async def close_by_hand(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """Close it; it stays closed until its condition has ended once.

        Raises:
            NoSuchAlertError: See there.
            ClosedAlertError: See there.
        """
        ...

    async def silence(self, silence: Silence) -> Silence:
        """Keep a silence; alerts that it takes are silenced from now on. Gives it with its number."""
        ...

    async def end_silence(self, number: int, who: str, now_ms: int) -> Silence:
        """End a silence now.

        Raises:
            NoSuchAlertError: See there.
        """
        ...

    async def silences(self, now_ms: int) -> list[Silence]:
        """Those that have not ended, newest first."""
        ...

    async def due(self, way: str, now_ms: int) -> AlertMessage | None:
        """Give the oldest message of a way; None when there is none or it must wait."""
        ...

    async def put_off(self, number: int, until_ms: int, why: str) -> None:
        """Note a failed attempt."""
        ...

    async def settle(self, number: int, outcome: str, *, delivered: bool, now_ms: int) -> None:
        """Take a message from its queue and note in the alert's history how it ended."""
        ...

    async def waiting(self) -> dict[str, int]:
        """How many messages each way has yet to deliver."""
        ...

    async def changed(self, seen: int) -> int:
        """Wait until anything has changed since a version that this call gave before; 0 is given at once."""
        ...
