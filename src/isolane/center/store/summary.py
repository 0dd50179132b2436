"""This file tells a charger's state from its last samples; it guards that what no signal says is "unknown" or None.

It reads OCPP 2.x names: `Power` in W of an outlet, `AvailabilityState` and `xState` as `core.states` numbers them, and
`xTransactionActive`.
"""

from collections.abc import Iterable, Mapping, Sequence

from isolane.center.store.views import SignalNow
from isolane.core.states import AVAILABILITY
from isolane.wire.schema import Column

_POWER_COMPONENTS = ("EVSE", "Connector", "ChargingStation", "FiscalMetering", "ElectricalFeed")
"""Whose `Power` is the power to the vehicles, the best first."""

_STATES = tuple("suspended" if name.startswith("Suspended") else name.lower() for name in AVAILABILITY)
_STATE_VARIABLES = frozenset({"AvailabilityState", "xState"})
_STATE_COMPONENTS = frozenset({"EVSE", "Connector", "ChargingStation"})
_TRANSACTION = "xTransactionActive"
_MOST_TELLING = (
    "faulted", "charging", "suspended", "preparing", "finishing", "occupied", "reserved", "available", "unavailable",
)  # fmt: skip
"""Of several outlets, the state of the charger is the first of these."""
_IN_SESSION = frozenset({"charging", "suspended"})
_IDLE = frozenset({"available", "preparing", "finishing", "reserved", "unavailable", "faulted"})


def is_telling(key: str, unit: str) -> bool:
    """Tell whether state, temperature or session of a charger are told by a signal."""
    _, component, variable = key.split("/")
    if unit == "Celsius" or variable == _TRANSACTION:
        return True
    return component in _STATE_COMPONENTS and variable in _STATE_VARIABLES


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


def power_rank(keys: Sequence[str]) -> int:
    """Give how well what `power_columns` chose tells the power to the vehicles; 0 is best, nothing chosen worst."""
    return _POWER_COMPONENTS.index(keys[0].split("/")[1]) if keys else len(_POWER_COMPONENTS)


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
        if component not in _STATE_COMPONENTS or variable not in _STATE_VARIABLES:
            continue
        if signal.value is not None and signal.value in range(len(_STATES)):
            seen.add(_STATES[int(signal.value)])
    return next((name for name in _MOST_TELLING if name in seen), "unknown")


def session_active(signals: Iterable[SignalNow], charger_state: str) -> bool | None:
    """Tell whether a session runs: as a transaction signal says, else as the state does; None when neither says it."""
    told = [s.value for s in signals if s.key.endswith(f"/{_TRANSACTION}") and s.value is not None]
    if told:
        return any(told)
    if charger_state in _IN_SESSION:
        return True
    return False if charger_state in _IDLE else None
