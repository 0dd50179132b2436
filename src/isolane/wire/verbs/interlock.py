"""This file names the interlocks; it guards that signers and the gateway mean the same condition by the same name.

An interlock is ``kind`` or ``kind:charger``. The gateway asks each when the command comes and once more right before
the verb runs, from what it knows at that moment; what it does not know does not hold.
"""

from enum import StrEnum
from typing import Final


class Interlock(StrEnum):
    """What may have to hold."""

    LISTED = "charger-listed"
    IDLE = "charger-idle"
    WINDOW = "in-window"
    PACE = "under-limit"


_WORDS: Final = {
    Interlock.LISTED: "the site's settings list {0} for disruptive commands",
    Interlock.IDLE: "{0} has no transaction, known from messages that were just heard",
    Interlock.WINDOW: "now is a time at which the site's settings allow disruptive commands",
    Interlock.PACE: "the site has had fewer disruptive commands in the last hour than its settings allow",
}
_OF_A_CHARGER: Final = frozenset({Interlock.LISTED, Interlock.IDLE})


def disruptive(charger: str) -> tuple[str, ...]:
    """Name what has to hold before a charger is disturbed."""
    return f"{Interlock.LISTED}:{charger}", f"{Interlock.IDLE}:{charger}", Interlock.WINDOW.value, Interlock.PACE.value


def split(name: str) -> tuple[Interlock, str]:
    """Take a name apart.

    Returns:
        The interlock, and the charger it is about, "" for none.

    Raises:
        ValueError: There is no such interlock.
    """
    kind, _, charger = name.partition(":")
    interlock = Interlock(kind)
    if bool(charger) != (interlock in _OF_A_CHARGER) or (not charger and ":" in name):
        raise ValueError(f"{name!r} is no interlock")
    return interlock, charger


def words(name: str) -> str:
    """Say an interlock in words.

    Raises:
        ValueError: See `split`.
    """
    interlock, charger = split(name)
    return _WORDS[interlock].format(charger)
