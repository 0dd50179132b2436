"""This file makes parts fall ill; it guards that a fault is a plain function of simulated time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "conn_gain",
    "clog",
    "fan_fail",
    "fan_wear",
    "riso_scale",
    "phase_loss",
    "meter_gain",
    "eff_drift",
    "ingress",
    "door_open",
]

HEALTHY: dict[FaultKind, float] = {
    "conn_gain": 1.0,
    "clog": 0.0,
    "fan_fail": 0.0,
    "fan_wear": 0.0,
    "riso_scale": 1.0,
    "phase_loss": 0.0,
    "meter_gain": 1.0,
    "eff_drift": 1.0,
    "ingress": 0.0,
    "door_open": 0.0,
}
"""What each is in good health.

conn_gain: factor on the contact's heating (AC: L1, DC: DC+), to 2.5. clog: share of the air that the filter holds
back, to 0.7. fan_fail: over 0.5 the fans stand. fan_wear: share of speed lost at the same PWM. riso_scale: factor on
the insulation. phase_loss: number 1 to 3 of the phase that is away. meter_gain: factor on the billing meter.
eff_drift: factor on converter loss. ingress: 0 dry to 1 wet. door_open: over 0.5 the door is open.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: healthy until `start_s`, then a ramp (or a step) to `level`, held until `end_s`.

    Attributes:
        kind: What is wrong; see HEALTHY.
        level: Where it ends up, in the kind's own measure.
        start_s: Simulated seconds after the charger's start.
        ramp_s: Simulated seconds from healthy to level; 0 is a step.
        end_s: Simulated seconds at which it is repaired; None is never.
    """

    kind: FaultKind
    level: float
    start_s: float = 0.0
    ramp_s: float = 0.0
    end_s: float | None = None

    def at(self, now_s: float) -> float:
        """Give its value at a simulated time."""
        healthy = HEALTHY[self.kind]
        if now_s < self.start_s or (self.end_s is not None and now_s >= self.end_s):
            return healthy
        share = 1.0 if self.ramp_s <= 0 else min((now_s - self.start_s) / self.ramp_s, 1.0)
        return healthy + (self.level - healthy) * share


class Faults:
    """All faults of one charger.

    Args:
        plan: They may overlap; of two of one kind the later in the plan that is not healthy counts.
    """

    def __init__(self, plan: Sequence[Fault] = ()) -> None:
        self._plan = tuple(plan)
        self._now: dict[FaultKind, float] = dict(HEALTHY)
        self.move_to(0.0)

    def move_to(self, now_s: float) -> None:
        """Set every fault to its value at a simulated time."""
        self._now = dict(HEALTHY)
        for fault in self._plan:
            value = fault.at(now_s)
            if value != HEALTHY[fault.kind]:
                self._now[fault.kind] = value

    def __getitem__(self, kind: FaultKind) -> float:
        """Give the present value of a kind."""
        return self._now[kind]
