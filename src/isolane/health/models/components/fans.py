"""This file knows how fans turn and how long they live; it guards that a fan is held against its own map alone.

    L10(T) = L10(T_0) F^((T_0 - T) / 10)          hours after which a tenth of the fans has failed

The map from PWM to speed is learnt from the first sessions, in steps of 10 % PWM, and never adapts afterwards.

Source: docs/reference/models/cooling.md.
"""

import msgspec
import numpy as np

from isolane.health.models.window import Floats

_STEP_PERCENT = 10.0
_STEPS = 10
_ROWS_MIN = 60
_BEYOND_PERCENT = 1.0
PWM_MIN_PERCENT = 20.0
"""Below, speed follows PWM in no useful way."""


def life_h(celsius: float, known_h: float, known_c: float, factor: float) -> float:
    """Give the L10 life at a temperature, h.

    Args:
        celsius: Air at the fan.
        known_h: L10 life that the maker gives, h.
        known_c: Temperature for which he gives it.
        factor: By which it falls with each 10 K more, above 1.
    """
    return float(known_h * factor ** ((known_c - celsius) / 10.0))


class SpeedMap(msgspec.Struct, kw_only=True):
    """What speed a fan has at which PWM.

    Attributes:
        sessions: From how many it is learnt.
        percents: Sum over sessions of the PWM in each step.
        speeds: Sum over sessions of the speed there, RPM.
        counts: Sessions in each step.
    """

    sessions: int = 0
    percents: list[float] = msgspec.field(default_factory=lambda: [0.0] * _STEPS)
    speeds: list[float] = msgspec.field(default_factory=lambda: [0.0] * _STEPS)
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * _STEPS)

    def learn(self, pwm: Floats, speed: Floats) -> None:
        """Take a session's rows, both shape (n,), PWM in percent, speed in RPM, no gaps."""
        steps = np.minimum(pwm / _STEP_PERCENT, _STEPS - 1).astype(np.intp)
        useful = False
        for step in range(_STEPS):
            rows = steps == step
            if rows.sum() >= _ROWS_MIN and np.median(speed[rows]) > 0:  # one that stands teaches nothing
                self.percents[step] += float(np.median(pwm[rows]))
                self.speeds[step] += float(np.median(speed[rows]))
                self.counts[step] += 1
                useful = True
        self.sessions += useful

    def ratio(self, pwm: Floats, speed: Floats) -> Floats:
        """Give speed over learnt speed, shape (m,), for rows whose PWM was learnt."""
        known = [step for step in range(_STEPS) if self.counts[step]]
        if not known:
            return np.empty(0)
        x = np.array([self.percents[step] / self.counts[step] for step in known])
        y = np.array([self.speeds[step] / self.counts[step] for step in known])
        order = np.argsort(x)
        near = (pwm >= x.min() - _BEYOND_PERCENT) & (pwm <= x.max() + _BEYOND_PERCENT)
        return np.asarray(speed[near] / np.interp(pwm[near], x[order], y[order]))

    @property
    def whole(self) -> bool:
        """Whether what was read back fits."""
        return len(self.percents) == len(self.speeds) == len(self.counts) == _STEPS


def running(pwm: Floats, speed: Floats) -> tuple[Floats, Floats]:
    """Give the rows in which the fan is told to turn and both are known."""
    rows = np.isfinite(pwm) & np.isfinite(speed) & (pwm >= PWM_MIN_PERCENT)
    return pwm[rows], speed[rows]
