"""This file names the states of a command and what may follow what; it guards that none is done twice.

    received -> refused
    received -> accepted -> running -> done | failed
                accepted -> expired | refused
                accepted | running -> unknown-after-restart

Whatever was accepted or running when the process ended is unknown for ever: nothing is begun again, idempotent or not.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a command is."""

    RECEIVED = "received"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown-after-restart"


NEXT: Final[dict[State, frozenset[State]]] = {
    State.RECEIVED: frozenset({State.REFUSED, State.ACCEPTED}),
    State.ACCEPTED: frozenset({State.RUNNING, State.EXPIRED, State.REFUSED, State.UNKNOWN}),
    State.RUNNING: frozenset({State.DONE, State.FAILED, State.UNKNOWN}),
    State.REFUSED: frozenset(),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.EXPIRED: frozenset(),
    State.UNKNOWN: frozenset(),
}
OPEN: Final = (State.ACCEPTED, State.RUNNING)
"""What a restart finds undone."""
