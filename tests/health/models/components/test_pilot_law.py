"""This file holds what a pilot's voltage and duty cycle mean."""

import math

import pytest

from isolane.health.models.components.pilot_law import current_a, state_of


@pytest.mark.parametrize(
    ("volts", "state"),
    [
        (12, 0),
        (11.0, 0),
        (9.8, 1),
        (6.0, 2),
        (3.2, 3),
        (0.0, 4),
        (-12.0, 5),
        (10.5, None),
        (7.5, None),
        (math.nan, None),
    ],
)
def test_states(volts: float, state: int | None) -> None:
    assert state_of(volts) == state


@pytest.mark.parametrize(
    ("duty", "amperes"),
    [(10, 6), (16, 9.6), (50, 30), (85, 51), (90, 65), (96, 80), (97, 80), (9, 6), (100, 0), (0, 0)],
)
def test_currents(duty: float, amperes: float) -> None:
    assert current_a(duty) == pytest.approx(amperes)


def test_five_percent_is_a_call_for_words() -> None:
    assert math.isnan(current_a(5.0))
