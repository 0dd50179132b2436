"""This file judges one energy register as a charger tells it; it guards that late or retold values are no alarm.

Pure. A charger that was offline tells old values after new ones, and its clock may be set to and fro. So a value is
judged only where its place is certain: it came later, it says that it is later, and still it is lower. A value that
says it is older is passed over, unless it is higher: then the clock was set back, and it is the newest.

Energy above what the connector can deliver is judged over the longer of the two times that are known, the charger's
and the relay's, and an hour. Where the two differ, values were queued or a clock was set, and neither is the time that
passed: a day is added then, which only a register that was made up exceeds.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from isolane.wire import tap_event as ev

ENERGY: Final = "Energy.Active.Import.Register"
TOLERANCE_WH: Final = 10.0
"""Values come as whole Wh and as kWh with two digits; less is no theft."""

_UNITS = {"Wh": 1.0, "kWh": 1e3}
_ALLOWANCE_H = 1.0
_UNCERTAIN_H = 24.0
_AGREE_MS = 600_000
_MS_PER_H = 3.6e6
_NS_PER_MS = 1e6


class Sample(NamedTuple):
    """One value of a register.

    Attributes:
        key: Location and unit as told: values are compared with their like alone.
        energy_wh: The value.
        utc_ms: When, as the charger says; None where it does not.
        order: The transaction message's own number (OCPP 2.x), None where there is none.
        mono_ns: When the relay read it.
    """

    key: str
    energy_wh: float
    utc_ms: int | None
    order: int | None
    mono_ns: int


def samples(events: Iterable[ev.AnyEvent], order: int | None = None) -> list[Sample]:
    """Give the values of energy registers (the sum of the phases) in the facts of one message."""
    found = []
    for event in events:
        if type(event) is ev.Metered:
            for value in event.values:
                if value.measurand == ENERGY and not value.phase and value.unit in _UNITS:
                    key = f"{value.location or 'Outlet'} {value.unit}"
                    energy_wh = value.value * _UNITS[value.unit]
                    found.append(Sample(key, energy_wh, event.sampled_utc_ms, order, event.mono_ns))
    return found


def change(before: Sample, after: Sample, power_w_max: float) -> str:
    """Judge two values of which the second is certainly the later one: "back", "jump", or "" for possible."""
    gained_wh = after.energy_wh - before.energy_wh
    if gained_wh < -TOLERANCE_WH:
        return "back"
    told_ms = (after.utc_ms or 0) - (before.utc_ms or 0) if after.utc_ms and before.utc_ms else 0
    seen_ms = (after.mono_ns - before.mono_ns) / _NS_PER_MS
    passed_h = max(told_ms, seen_ms, 0) / _MS_PER_H + _ALLOWANCE_H
    if abs(told_ms - seen_ms) > _AGREE_MS:
        passed_h += _UNCERTAIN_H
    return "jump" if gained_wh > power_w_max * passed_h else ""


class RegisterSeries:
    """The newest value of each register of one transaction or one EVSE.

    Args:
        power_w_max: What the connector can deliver, W.
    """

    __slots__ = ("_newest", "_power_w_max")

    def __init__(self, power_w_max: float) -> None:
        self._power_w_max = power_w_max
        self._newest: dict[str, Sample] = {}  # its keys are of closed sets: a few dozen at most

    def take(self, after: Sample) -> str:
        """Take a value and judge it: "back", "jump", or "" for possible."""
        before = self._newest.get(after.key)
        if before is None:
            self._newest[after.key] = after
            return ""
        if _is_later(before, after):
            self._newest[after.key] = after
            return change(before, after, self._power_w_max)
        if after.energy_wh >= before.energy_wh:
            self._newest[after.key] = after
        return ""


def _is_later(before: Sample, after: Sample) -> bool:
    if before.order is not None and after.order is not None and before.order != after.order:
        return after.order > before.order
    return before.utc_ms is not None and after.utc_ms is not None and after.utc_ms >= before.utc_ms
