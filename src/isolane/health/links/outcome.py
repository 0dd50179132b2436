"""This file names what may become of a message at a target; it guards that each answer falls into exactly one."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What became of a message."""

    TAKEN = "taken"
    REFUSED = "refused"
    """This message will not be taken as it is; the next one may be."""
    FAILED = "failed"
    """No message would be taken now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Attributes:
        verdict: See `Verdict`.
        why: For the log, where it was not taken.
        size: Bytes of payload handed to the network.
        retry_after_s: What the target asked for, 0 if nothing.
        is_garbage: Whether the answer was not the target's own.
        is_about_this: Whether the failure may be this message's own fault.
    """

    verdict: Verdict
    why: str = ""
    size: int = 0
    retry_after_s: float = 0.0
    is_garbage: bool = False
    is_about_this: bool = False


TAKEN = Outcome(Verdict.TAKEN)
"""Taken without a byte on the wire."""
