"""This file says of arrangements that were measured whether they hold."""

import os

import pytest

from isolane.cli import arrangement
from isolane.cli.arrangement import Standing, verdict
from isolane.cli.processor_groups import Group

OTHER, FIFO, IDLE = os.SCHED_OTHER, os.SCHED_FIFO, os.SCHED_IDLE
HEAVY, USUAL, LIGHT, SLEEPY = (Group(f"s/{weight}", weight) for weight in (100.0, 1.0, 0.01, 0.0))
SLICE, IDLE_SLICE = Group("s", 1.0), Group("u", 0.0)


@pytest.mark.parametrize(
    ("relay", "health", "by_session", "holds", "what"),
    [
        (Standing(OTHER, 0, 1, (SLICE, HEAVY)), Standing(OTHER, 19, 2, (SLICE, SLEEPY)), True, True, "100 to idle"),
        (Standing(OTHER, 0, 1, (SLICE, USUAL)), Standing(OTHER, 0, 2, (SLICE, LIGHT)), True, True, "1 to 0.01"),
        (Standing(OTHER, 0, 1, (SLICE,)), Standing(OTHER, 19, 2, (Group("u", 1.0),)), True, False, "1 to 1"),
        (Standing(OTHER, 0, 1, (SLEEPY,)), Standing(OTHER, 19, 2, (IDLE_SLICE,)), True, False, "idle to idle"),
        # What counts is where the ways part, not what a group says inside another.
        (Standing(OTHER, 0, 1, (SLICE, HEAVY)), Standing(OTHER, 0, 2, (Group("u", 1.0), LIGHT)), True, False, "1 to 1"),
        (Standing(OTHER, 0, 1, (SLICE, USUAL)), Standing(OTHER, 0, 2, (IDLE_SLICE, HEAVY)), True, True, "1 to idle"),
        # One stands in the other's parent.
        (Standing(OTHER, 0, 1, (HEAVY,)), Standing(OTHER, 19, 2), True, True, "100 to 1"),
        (Standing(OTHER, 0, 1), Standing(OTHER, 19, 2, (USUAL,)), True, False, "1 to 1"),
        (Standing(FIFO, 0, 1), Standing(OTHER, 0, 2), True, True, "real-time"),
        (Standing(OTHER, 0, 1), Standing(OTHER, 19, 1), True, True, "nice 19 to 0 in one session"),
        (Standing(OTHER, 0, 1), Standing(IDLE, 0, 1), True, True, "SCHED_IDLE beside it in one session"),
        (Standing(OTHER, 0, 1), Standing(OTHER, 19, 2), True, False, "across sessions"),
        (Standing(OTHER, 0, 1), Standing(IDLE, 0, 2), True, False, "across sessions"),
        (Standing(OTHER, 0, 1), Standing(IDLE, 0, 2), False, True, "SCHED_IDLE"),
        (Standing(IDLE, 0, 1), Standing(IDLE, 0, 1), False, False, "no lower priority"),
        (Standing(OTHER, 0, 1, (SLICE,)), Standing(OTHER, 19, 2, (SLICE,)), True, True, "in one control group"),
        (Standing(OTHER, 0, 1), Standing(OTHER, 5, 1), True, False, "no lower priority"),
        (None, Standing(OTHER, 5, 1), True, True, "do not both run"),
    ],
)
def test_what_was_measured_decides(
    relay: Standing | None, health: Standing | None, *, by_session: bool, holds: bool, what: str
) -> None:
    fine, said = verdict(relay, health, by_session=by_session)
    assert fine is holds
    assert what in said
    assert fine or "deploy/systemd" in said, "what to do"


def test_this_machine_can_be_looked_at() -> None:
    assert arrangement.here()[1]
