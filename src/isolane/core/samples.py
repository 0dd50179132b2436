"""This file defines a reading and its quality.

It guards that a bad reading is data, never an exception and never a guess.
"""

from dataclasses import dataclass
from enum import IntEnum


class Quality(IntEnum):
    """How far a sample can be believed. The numbers are the block format's; docs/reference/block.md."""

    GOOD = 0
    """Read from the device within the last grid step."""
    STALE = 1
    """The last good value, held: the device answered earlier, not within the last step."""
    BAD = 2
    """No value. The reason says why."""


class Reason(IntEnum):
    """Why a sample is not GOOD. The numbers are the block format's and are never given a second meaning."""

    NONE = 0
    NEVER_READ = 1
    """Nothing has arrived since the start."""
    TIMEOUT = 2
    """The device did not answer in time."""
    DISCONNECTED = 3
    """There is no connection to the device."""
    REFUSED = 4
    """The device answered with an exception (Modbus exception code, HTTP status)."""
    NOT_IMPLEMENTED = 5
    """The device says that it does not have this value (SunSpec not-implemented marker)."""
    OUT_OF_RANGE = 6
    """Outside the template's valid range, or not a finite number."""
    AGED = 7
    """Held longer than the signal's age limit."""
    MALFORMED = 8
    """The answer had the wrong length, unit or form."""
    THINNED = 9
    """Given back from the samples around it, within the bound that its block states; its quality is as it was."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one signal as its source saw it.

    Attributes:
        charger: Charger identity, or "" for the gateway's own signals.
        signal: Key as in `core.signals`.
        value: In the signal's unit; None exactly when quality is BAD.
        source_mono_ns: When the device was read, on the monotonic clock.
        quality: GOOD or BAD; STALE is only ever given by sampling.
        reason: NONE exactly when quality is GOOD.
    """

    charger: str
    signal: str
    value: float | None
    source_mono_ns: int
    quality: Quality = Quality.GOOD
    reason: Reason = Reason.NONE
