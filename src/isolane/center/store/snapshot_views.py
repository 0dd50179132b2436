"""This file defines what is seen of snapshots; it guards that who shows them knows neither tables nor folders.

All times are UTC in ms. Texts come from gateways: whoever shows them escapes them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

NEAR_MS: Final = 600_000
"""An alarm and a snapshot of one device belong together when no more than this lies between them."""
GATEWAY_PREFIX: Final = "gateway:"


class FileState(StrEnum):
    """What became of a snapshot's file at the center."""

    AWAITED = "awaited"
    """No part of it has come."""
    PARTS = "parts"
    """Some parts are here."""
    WHOLE = "whole"
    """All of it is here, and its sum is what the gateway said."""
    WRONG = "wrong"
    """All parts came, and the sum is another: set aside."""
    NO_ROOM = "no-room"
    """Refused: what is here already is of a higher level, or named by an open alarm."""
    REMOVED = "removed"
    """Was here, and made room for others."""
    LOST = "lost"
    """Was here, and is not on the disk: restored from a backup without files."""
    DELETED = "deleted"
    """Somebody has deleted it: nobody sees it any more, and what still comes of it is refused."""


@dataclass(frozen=True, slots=True)
class SnapshotTrigger:
    """What happened: kind, level, when, what it was seen by and what was seen."""

    kind: str
    level: int
    t_ms: int
    what: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotStandout:
    """A signal that was not as before: what it was before and last, and how far off, in standard deviations."""

    charger: str
    key: str
    unit: str
    usual: float
    last: float
    off_sd: float


@dataclass(frozen=True, slots=True)
class SnapshotCard:
    """The index card, as its gateway wrote it; docs/reference/blackbox.md."""

    from_ms: int
    to_ms: int
    triggers: list[SnapshotTrigger]
    triggers_more: int = 0
    standouts: list[SnapshotStandout] = field(default_factory=list)
    firmware: str = ""
    size: int = 0
    sha256: str = ""
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotHold:
    """That a snapshot stays, whatever needs room: who says so, why and since when."""

    who: str
    why: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot.

    Attributes:
        number: Counts up as they become known.
        id: 32 hex digits.
        site: Where.
        gateway: Which made it.
        charger: Whose; "" for the gateway's.
        level: 1 to 4; 0 without a card.
        state: "open", "whole" or "cut"; "" without a card.
        begun_ms: When it was triggered.
        received_ms: When the center first knew of it.
        file: As `FileState`.
        size: Bytes of the file, 0 while that is not known.
        parts: How many parts it has.
        parts_here: How many of them are here.
        card: None when only parts have come.
        hold: None when it may go for want of room.
    """

    number: int
    id: str
    site: str
    gateway: str
    charger: str
    level: int
    state: str
    begun_ms: int
    received_ms: int
    file: str
    size: int
    parts: int
    parts_here: int
    card: SnapshotCard | None
    hold: SnapshotHold | None = None

    @property
    def device(self) -> str:
        """Give the charger's identity, or ``gateway:<name>``."""
        return self.charger or f"{GATEWAY_PREFIX}{self.gateway}"


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Some snapshots, the last known first; `before` asks for the next page, None at the end."""

    snapshots: list[Snapshot]
    before: int | None


@dataclass(frozen=True, slots=True)
class SnapshotQuery:
    """Which snapshots; None takes all.

    Attributes:
        sites: Only of these sites.
        site: Only of this site.
        device: Only of this charger or ``gateway:<name>``.
        level_min: Only of this level or above.
        from_ms: Only begun then or later.
        to_ms: Only begun before.
        before: Only with a number below.
        limit: At most so many.
        kind: Only with a trigger of this kind.
        state: Only in this state: "open", "whole" or "cut".
        file: Only with a file in this state.
    """

    sites: frozenset[str] | None = None
    site: str | None = None
    device: str | None = None
    level_min: int = 0
    from_ms: int | None = None
    to_ms: int | None = None
    before: int | None = None
    limit: int = 50
    kind: str | None = None
    state: str | None = None
    file: FileState | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of an erasure: how many went, stay because somebody holds them, and could not be read to the end."""

    erased: int
    held: int
    unread: int
