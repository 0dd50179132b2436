"""This file is the three-phase supply; it guards that load pulls down the voltage of its own phase and of no other."""

import math
import random
from collections.abc import Sequence

from isolane.sim.physics.noise import Wander

NOMINAL_V = 230.0
GHOST_V = 18.0
"""Voltage that a lost phase still shows through the windings and capacitors behind it."""


class Supply:
    """Voltage and frequency: 230 V with a slow wander of 2 V (600 s) less Z times current; 50 Hz with 0.02 Hz (60 s).

    Args:
        impedance_ohm: Of the feed, per phase; 0.20 for an AC site, 0.02 for a DC site.
        rng: Where its numbers come from.
    """

    def __init__(self, impedance_ohm: float, rng: random.Random) -> None:
        self._impedance_ohm = impedance_ohm
        self._wanders = [Wander(2.0, 600.0, rng) for _ in range(3)]
        self._pace = Wander(0.02, 60.0, rng)
        self._distortion = Wander(0.3, 900.0, rng)
        self.lost = 0
        """Number 1 to 3 of the phase that is away; 0 is none."""

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds."""
        for wander in (*self._wanders, self._pace, self._distortion):
            wander.step(dt_s)

    def voltage_v(self, phase: int, current_a: float) -> float:
        """Give a phase's voltage to neutral.

        Args:
            phase: 0 to 2.
            current_a: What is drawn from it.
        """
        if phase + 1 == self.lost:
            return GHOST_V
        return NOMINAL_V + self._wanders[phase].value - self._impedance_ohm * current_a

    @property
    def frequency_hz(self) -> float:
        """Give the frequency, Hz."""
        return 50.0 + self._pace.value

    @property
    def distortion_percent(self) -> float:
        """Give the total harmonic distortion of the voltage, percent."""
        return max(1.0, 2.5 + self._distortion.value)


def voltage_imbalance_percent(phases_v: Sequence[float]) -> float:
    """Give negative over positive sequence from three voltages to neutral taken 120 degrees apart, percent.

    Source: the line-to-line form of IEC 61000-4-30 §5.7, applied to the voltages between the phases.
    """
    a, b, c = phases_v
    squares = [x * x + y * y + x * y for x, y in ((a, b), (b, c), (c, a))]
    total = sum(squares)
    if total <= 0:
        return 0.0
    beta = sum(square * square for square in squares) / (total * total)
    root = math.sqrt(max(0.0, 3 - 6 * beta))
    return 100 * math.sqrt(max(0.0, (1 - root) / (1 + root)))


def current_imbalance_percent(phases_a: Sequence[float]) -> float:
    """Give the greatest deviation from the mean, of the mean, percent; 0 without current."""
    mean = sum(phases_a) / len(phases_a)
    return 100 * max(abs(current - mean) for current in phases_a) / mean if mean > 0 else 0.0
