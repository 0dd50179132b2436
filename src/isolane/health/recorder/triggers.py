"""This file says what triggers there are and which are heeded; it guards that a flapping signal makes one snapshot."""

from dataclasses import dataclass, field

from isolane.core.clock import NS_PER_S
from isolane.wire.snapshot import Trigger

FAULT = "fault"
HEALTH = "health"
CONTACTOR = "contactor-under-load"
RESIDUAL = "residual"
DOOR, TILT, SHOCK = "door", "tilt", "shock"
STOP = "unexpected-stop"
LINK = "link-loss"
COMMAND = "command"
LEVELS = {
    FAULT: 3,
    HEALTH: 3,
    CONTACTOR: 4,
    RESIDUAL: 2,
    DOOR: 2,
    TILT: 3,
    SHOCK: 3,
    STOP: 3,
    LINK: 2,
    COMMAND: 1,
}
"""Every kind, and its level where who tells it does not say another: 1 note to 4 safety."""
SAFETY = 4


@dataclass
class HoldOff:
    """Heeds a kind of trigger of a charger once in a while; a higher level than was heeded always.

    Attributes:
        hold_off_s: How long, s.
        off: Kinds that are never heeded.
        suppressed: Triggers that were not heeded, by kind.
    """

    hold_off_s: float
    off: frozenset[str] = frozenset()
    suppressed: dict[str, int] = field(default_factory=dict)
    _heeded: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def heed(self, trigger: Trigger, now_ns: int) -> bool:
        """Tell whether a trigger is heeded, at a moment of the monotonic clock; a command always is."""
        if trigger.kind == COMMAND:
            return True
        key = trigger.charger, trigger.kind
        since_ns, level = self._heeded.get(key, (-(1 << 62), 0))
        is_over = now_ns - since_ns >= self.hold_off_s * NS_PER_S
        if trigger.kind in self.off or not (is_over or trigger.level > level):
            self.suppressed[trigger.kind] = self.suppressed.get(trigger.kind, 0) + 1
            return False
        self._heeded[key] = now_ns, trigger.level
        return True
