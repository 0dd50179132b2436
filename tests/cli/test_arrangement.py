"""This file says of arrangements that were measured whether they hold."""

import os

import pytest

from isolane.cli import arrangement
from isolane.cli.arrangement import Standing, verdict

OTHER, FIFO, IDLE = os.SCHED_OTHER, os.SCHED_FIFO, os.SCHED_IDLE


@pytest.mark.parametrize(
    ("relay", "health", "by_session", "holds", "what"),
    [
        (Standing(OTHER, 0, 1, "/a", 10_000), Standing(OTHER, 19, 2, "/b", 0), True, True, "10000 to idle"),
        (Standing(OTHER, 0, 1, "/a", 100), Standing(OTHER, 19, 2, "/b", 100), True, False, "100 to 100"),
        (Standing(FIFO, 0, 1, "", None), Standing(OTHER, 0, 2, "", None), True, True, "real-time"),
        (Standing(OTHER, 0, 1, "/", None), Standing(OTHER, 19, 1, "/", None), True, True, "one session"),
        (Standing(OTHER, 0, 1, "/", None), Standing(OTHER, 19, 2, "/", None), True, False, "across sessions"),
        (Standing(OTHER, 0, 1, "/", None), Standing(IDLE, 0, 2, "/", None), True, False, "across sessions"),
        (Standing(OTHER, 0, 1, "/", None), Standing(IDLE, 0, 2, "/", None), False, True, "nice"),
        (Standing(OTHER, 0, 1, "/", None), Standing(OTHER, 5, 1, "/", None), True, False, "no lower priority"),
        (None, Standing(OTHER, 5, 1, "/", None), True, True, "do not both run"),
    ],
)
def test_what_was_measured_decides(
    relay: Standing | None, health: Standing | None, *, by_session: bool, holds: bool, what: str
) -> None:
    fine, said = verdict(relay, health, by_session=by_session)
    assert fine is holds
    assert what in said


def test_this_machine_can_be_looked_at() -> None:
    assert arrangement.here()[1]
