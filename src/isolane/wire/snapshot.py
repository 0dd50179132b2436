"""This file defines the index card of a snapshot; it guards that one or two kilobytes tell what happened.

A card is JSON. It is there as soon as a snapshot is begun, and is written anew when that has ended.
docs/reference/blackbox.md.
"""

import msgspec

VERSION = 1
OPEN, WHOLE, CUT = "open", "whole", "cut"


class CardTrigger(msgspec.Struct, frozen=True):
    """What happened: kind, level 1 to 4, UTC ms, what it was seen by, and what was seen."""

    kind: str
    level: int
    t_ms: int
    what: str = ""
    value: str = ""


class Standout(msgspec.Struct, frozen=True):
    """A signal that was not as before: its key and charger, unit, what it was before and last, and how far off, sd."""

    charger: str
    key: str
    unit: str
    usual: float
    last: float
    off_sd: float


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The index card of a snapshot.

    Attributes:
        version: 1.
        id: Of the snapshot, 32 hex digits; begins with the time.
        charger: Whose; "" the gateway's and all chargers'.
        state: OPEN while it is written; then WHOLE, or CUT where power or disk ended it.
        level: The highest of its triggers.
        begun_ms: When it was triggered, UTC ms.
        from_ms: UTC ms of what is first in it.
        to_ms: UTC ms until when it goes on, or went.
        triggers: At most the first eight.
        triggers_more: How many more there are.
        standouts: The signals that were least as before, the worst first.
        firmware: The charger's vendor, model and firmware, as far as known.
        size: Bytes of the file, once it has ended.
        sha256: Of the file, hex.
        signed_by: Name of the key that has signed its manifest; "" not signed.
    """

    version: int = VERSION
    id: str
    charger: str
    state: str
    level: int
    begun_ms: int
    from_ms: int
    to_ms: int
    triggers: tuple[CardTrigger, ...]
    triggers_more: int = 0
    standouts: tuple[Standout, ...] = ()
    firmware: str = ""
    size: int = 0
    sha256: str = ""
    signed_by: str = ""
