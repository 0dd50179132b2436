"""This file makes what wanders and what sensors show; it guards that every random number comes from a seed."""

import math
import random


class Wander:
    """An Ornstein-Uhlenbeck process around 0, exact for any step.

    Args:
        sd: Standard deviation in the long run.
        tau_s: Time constant, s, over 0.
        rng: Where its numbers come from.
    """

    def __init__(self, sd: float, tau_s: float, rng: random.Random) -> None:
        self.value = 0.0
        self._sd = sd
        self._tau_s = tau_s
        self._rng = rng

    def step(self, dt_s: float) -> float:
        """Move on by `dt_s` seconds and give the new value."""
        keep = math.exp(-dt_s / self._tau_s)
        self.value = self.value * keep + self._sd * math.sqrt(1 - keep * keep) * self._rng.gauss(0.0, 1.0)
        return self.value


class Lag:
    """A first-order lag, exact for a target that is constant over a step.

    Args:
        value: Where it begins.
        tau_s: Time constant, s, over 0.
    """

    def __init__(self, value: float, tau_s: float) -> None:
        self.value = value
        self._tau_s = tau_s

    def step(self, target: float, dt_s: float) -> float:
        """Move towards the target for `dt_s` seconds and give the new value."""
        self.value = target + (self.value - target) * math.exp(-dt_s / self._tau_s)
        return self.value


class Sensors:
    """What instruments make of true values: PT sensors in steps of 0.5 K with 0.2 K of noise, meters with 0.05 %.

    Args:
        rng: Where its numbers come from.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def pt(self, celsius: float) -> float:
        """Give what a PT1000 input reads, Celsius."""
        return round((celsius + self._rng.gauss(0.0, 0.2)) * 2) / 2

    def meter(self, value: float) -> float:
        """Give what an electrical instrument reads; exactly 0 at 0."""
        return value * (1 + self._rng.gauss(0.0, 0.0005))
