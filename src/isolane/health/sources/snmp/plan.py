"""This file turns presets and settings into objects to ask for; it guards that both name each signal once.

Source: RFC 1628 (UPS-MIB), RFC 2863 (IF-MIB), RFC 3418 (sysUpTime).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.sources.points import signals_of
from isolane.health.sources.snmp.settings import ObjectSettings, SnmpSettings

UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
"""How long the agent has been running, in hundredths of a second: a counter that restarted is told by it."""

_UPS = "1.3.6.1.2.1.33.1"
_INTERFACE = "1.3.6.1.2.1.2.2.1"
_INTERFACE_X = "1.3.6.1.2.1.31.1.1.1"
Oid = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point, its signal, and where it is."""

    point: ObjectSettings
    signal: Signal
    oid: Oid


def plan_points(settings: SnmpSettings) -> tuple[PlannedPoint, ...]:
    """Give presets and points in their order.

    Raises:
        IsolaneError: There is nothing to read, no way to be let in, or a key or unit that cannot be.
    """
    if (settings.community is None) == (settings.user is None):
        raise IsolaneError(
            f"source {settings.name!r} needs one way to be let in", "give `community` (v2c) or a table `user` (v3)"
        )
    if ("if-mib" in settings.presets) != bool(settings.interfaces):
        raise IsolaneError(
            f"source {settings.name!r}: the preset if-mib and `interfaces` belong together", "give both or neither"
        )
    tag = f"[{settings.instance}]" if settings.instance else ""
    points = [*settings.points]
    if "ups-mib" in settings.presets:
        points += _ups(tag)
    for number in settings.interfaces:
        points += _interface(number, f"[{settings.instance}.{number}]" if settings.instance else f"[{number}]")
    if not points:
        raise IsolaneError(f"source {settings.name!r} has nothing to read", "name `presets` or `points`")
    return tuple(
        PlannedPoint(point, signal, tuple(int(part) for part in point.oid.strip(".").split(".")))
        for point, signal in zip(points, signals_of(settings.name, points), strict=True)
    )


def _ups(tag: str) -> Iterator[ObjectSettings]:
    def point(variable: str, tail: str, unit: str = "", step: float = 1.0, scale: float = 1.0) -> ObjectSettings:
        key = f"0.0/xUps{tag}/{variable}"
        return ObjectSettings(key=key, oid=f"{_UPS}.{tail}", unit=unit, resolution=step, scale=scale)

    yield point("xBatteryStatus", "2.1.0")
    yield point("xOnBattery", "2.2.0", "s")
    yield point("xTimeRemaining", "2.3.0", "s", 60, 60)
    yield point("xChargeRemaining", "2.4.0", "Percent")
    yield point("DCVoltage", "2.5.0", "V", 0.1, 0.1)
    yield point("DCCurrent", "2.6.0", "A", 0.1, 0.1)
    yield point("Temperature", "2.7.0", "Celsius")
    yield point("ACVoltage[Input]", "3.3.1.3.1", "V")
    yield point("xOutputSource", "4.1.0")
    yield point("ACVoltage[Output]", "4.4.1.2.1", "V")
    yield point("xLoad", "4.4.1.5.1", "Percent")
    yield point("xAlarms", "6.1.0")


def _interface(number: int, tag: str) -> Iterator[ObjectSettings]:
    def point(variable: str, table: str, *, rate: bool = True, scale: float = 1.0) -> ObjectSettings:
        return ObjectSettings(
            key=f"0.0/DataLink{tag}/{variable}",
            oid=f"{table}.{number}",
            rate=rate,
            scale=scale,
            resolution=0.01 if rate else 1,
        )

    yield point("xOperStatus", f"{_INTERFACE}.8", rate=False)
    yield point("xInBitRate", f"{_INTERFACE_X}.6", scale=8)
    yield point("xOutBitRate", f"{_INTERFACE_X}.10", scale=8)
    yield point("xInErrorRate", f"{_INTERFACE}.14")
    yield point("xOutErrorRate", f"{_INTERFACE}.20")
