"""This file knows the control pilot of IEC 61851-1; it guards that a duty cycle means the same current everywhere.

    state by its positive half: A 12 V, B 9, C 6, D 3, E 0; F is -12 V throughout
    current: 10 to 85 % is 0.6 A a percent, to 96 % (D - 64) 2.5 A, to 97 % 80 A; about 5 % is digital communication

Source: docs/reference/models/pilot.md.
"""

import math

NOMINAL_V = (12.0, 9.0, 6.0, 3.0, 0.0, -12.0)
"""Positive half of states A to F."""
_BAND_V = 1.1


def state_of(volts: float) -> int | None:
    """Give the state that a voltage of the positive half belongs to, 0 A to 5 F; None between the bands of 1.1 V."""
    for state, nominal in enumerate(NOMINAL_V):
        if abs(volts - nominal) <= _BAND_V:
            return state
    return None


def current_a(duty_percent: float) -> float:
    """Give the current that a duty cycle offers, A.

    Args:
        duty_percent: 0 to 100.

    Returns:
        0 where none is offered; NaN for digital communication, where the duty cycle says none.
    """
    if 3 <= duty_percent <= 7:  # noqa: PLR2004 - the band about 5 %
        return math.nan
    if duty_percent < 8 or duty_percent > 97:  # noqa: PLR2004 - neither offers a current
        return 0.0
    if duty_percent <= 85:  # noqa: PLR2004 - the first slope
        return 0.6 * max(duty_percent, 10.0)
    return min((duty_percent - 64) * 2.5, 80.0)
