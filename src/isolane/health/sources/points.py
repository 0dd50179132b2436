"""This file says what a settings table may call a signal; it guards that what a peer sends is a number or a reason.

It is what sources without device templates share: MQTT, HTTP, SNMP and CAN name each signal in their own table.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.core.signals import Signal, is_signal_key
from isolane.devices.point import UNITS

_TEXT_LENGTH_MAX = 64
"""Of a number or a state written as text; a longer one is neither."""


class PointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value that becomes a signal."""

    key: Annotated[
        str, msgspec.Meta(description="Signal, for example 0.0/TemperatureSensor[Cabinet]/Temperature; see signals.md")
    ]
    charger: Annotated[
        str, msgspec.Meta(description="Identity of the charger it belongs to; empty for the gateway", max_length=48)
    ] = ""
    unit: Annotated[str, msgspec.Meta(description="OCPP unit after scaling; empty for a count or a state")] = ""
    resolution: Annotated[
        float,
        msgspec.Meta(
            description="Smallest step that the device really makes, in `unit`; 0 if it is not known: values are then "
            "kept and sent as 64-bit floats, which costs several times as much",
            ge=0,
        ),
    ] = 1.0
    scale: Annotated[float, msgspec.Meta(description="Value = what is sent x scale + offset")] = 1.0
    offset: Annotated[float, msgspec.Meta(description="See `scale`, in `unit`")] = 0.0
    range: Annotated[
        tuple[float, float] | None, msgspec.Meta(description="Lowest and highest believable value, in `unit`")
    ] = None
    map: Annotated[
        dict[str, float], msgspec.Meta(description="What is sent to our number, for states; others are out of range")
    ] = {}


def signals_of(source: str, points: Iterable[PointSettings]) -> tuple[Signal, ...]:
    """Give the signals of a table, in its order.

    Raises:
        IsolaneError: A key, unit or range cannot be, or a signal stands there twice.
    """
    signals: dict[tuple[str, str], Signal] = {}
    for point in points:
        where = f"source {source!r}: {point.key!r}"
        if not is_signal_key(point.key):
            raise IsolaneError(
                f"{where} is no signal key",
                "write <evse>.<connector>/<Component>/<Variable>, for example 0.0/Controller/Temperature",
            )
        if point.unit not in UNITS:
            raise IsolaneError(f"{where}: unknown unit {point.unit!r}", f"one of {', '.join(sorted(UNITS - {''}))}")
        if not math.isfinite(point.resolution) or not math.isfinite(point.scale) or not point.scale:
            raise IsolaneError(f"{where}: scale and resolution must be finite, and the scale not 0", "correct them")
        if point.range is not None and not point.range[0] < point.range[1]:
            raise IsolaneError(f"{where}: the range does not rise", "give the lowest value first")
        if (point.charger, point.key) in signals:
            raise IsolaneError(f"{where} stands twice for charger {point.charger!r}", "remove one of them")
        signals[point.charger, point.key] = Signal(point.charger, point.key, point.unit, point.resolution)
    return tuple(signals.values())


def value_of(point: PointSettings, sent: object) -> float | Reason:
    """Give a point's value in its unit, or why there is none.

    Args:
        point: What it means.
        sent: What the device sent: a number, a boolean, a number as text, a state as text; None for nothing.
    """
    if sent is None:
        return Reason.NOT_IMPLEMENTED
    if point.map:
        return _mapped(point.map, sent)
    number = _number(sent)
    if number is None:
        return Reason.MALFORMED
    try:
        value = number * point.scale + point.offset
    except OverflowError:  # an integer beyond what a float holds
        return Reason.OUT_OF_RANGE
    low, high = point.range or (-math.inf, math.inf)
    return value if math.isfinite(value) and low <= value <= high else Reason.OUT_OF_RANGE


def _number(sent: object) -> float | None:
    if isinstance(sent, str) and len(sent) <= _TEXT_LENGTH_MAX:
        try:
            return float(sent)
        except ValueError:
            return None
    return sent if isinstance(sent, bool | int | float) else None


def _mapped(states: Mapping[str, float], sent: object) -> float | Reason:
    if isinstance(sent, bool):
        sent = "true" if sent else "false"
    elif isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    elif not isinstance(sent, str | int | float):
        return Reason.MALFORMED
    return states.get(str(sent), Reason.OUT_OF_RANGE)
