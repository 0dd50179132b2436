"""This file tells a charger's state from its last samples; it guards that what no signal says is "unknown" or None.

It reads OCPP 2.x names: `Power` in W of an outlet, `AvailabilityState` (the specification's order: 0 available, 1
occupied, 2 reserved, 3 unavailable, 4 faulted) and `xState` (0 available, 1 preparing, 2 charging, 3 finishing, 4
faulted, 5 unavailable).
"""

from collections.abc import Iterable, Mapping

from isolane.center.store.views import SignalNow
from isolane.wire.schema import Column

_POWER_COMPONENTS = ("EVSE", "Connector", "ChargingStation", "FiscalMetering", "ElectricalFeed")
"""Whose `Power` is the power to the vehicles, the best first."""

_STATES: Mapping[str, tuple[str, ...]] = {
    "xState": ("available", "preparing", "charging", "finishing", "faulted", "unavailable"),
    "AvailabilityState": ("available", "occupied", "reserved", "unavailable", "faulted"),
}
_STATE_COMPONENTS = frozenset({"EVSE", "Connector", "ChargingStation"})
_MOST_TELLING = ("faulted", "charging", "preparing", "finishing", "occupied", "reserved", "available", "unavailable")
"""Of several outlets, the state of the charger is the first of these."""
_IDLE = frozenset({"available", "preparing", "finishing", "reserved", "unavailable", "faulted"})


def power_columns(columns: Mapping[str, Column]) -> list[str]:
    """Choose the keys whose sum is the power to the vehicles; empty when no signal says it."""
    for component in _POWER_COMPONENTS:
        keys = [
            key for key, column in columns.items() if column.unit == "W" and key.split("/")[1:] == [component, "Power"]
        ]
        outlets = [key for key in keys if not key.startswith("0.")]
        if keys:
            return outlets or keys
    return []


def power_w(signals: Mapping[str, SignalNow], keys: Iterable[str]) -> float | None:
    """Add up power signals that have a value; None when none has."""
    values = [signals[key].value for key in keys if key in signals]
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def temperature_max_c(signals: Iterable[SignalNow]) -> float | None:
    """Give the hottest temperature; None when no temperature has a value."""
    return max((s.value for s in signals if s.unit == "Celsius" and s.value is not None), default=None)


def state(signals: Iterable[SignalNow]) -> str:
    """Name the charger's state; "unknown" when no signal says it."""
    seen = set()
    for signal in signals:
        _, component, variable = signal.key.split("/")
        names = _STATES.get(variable, ()) if component in _STATE_COMPONENTS else ()
        if signal.value is not None and signal.value in range(len(names)):
            seen.add(names[int(signal.value)])
    return next((name for name in _MOST_TELLING if name in seen), "unknown")


def session_active(charger_state: str) -> bool | None:
    """Tell whether a vehicle is charging; None when the state does not say (occupied, unknown)."""
    if charger_state == "charging":
        return True
    return False if charger_state in _IDLE else None
