"""This file sorts a device's signals into charts; it guards that every number is on an axis of its own unit.

A chart has a left axis and at most one right axis; the first matching rule takes a signal. What no rule takes stands
in the table alone. Limits are those of docs/reference/models: contacts derate at 80 degC and stop at 90 degC.
"""

import re
from dataclasses import dataclass

from isolane.center.console.labels import label, outlets, place
from isolane.center.store.views import SignalNow

LINES_MAX = 6
"""As many as the palette has colours that colour-blind people can tell apart."""
AXES_MAX = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """A line drawn across the chart at a value in `unit`."""

    unit: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Which signals a chart takes, in the order of their lines.

    Attributes:
        name: Stands in the page as the chart's id.
        title: What people read.
        paths: Regular expressions that the key after its outlet matches as a whole, in order.
        limits: Lines to draw.
        soft_range: For the left axis, the range that is always shown; None for what the data needs.
        instead: Like `paths`, for a device that has nothing of these: a meter's values where the charger tells none.
    """

    name: str
    title: str
    paths: tuple[str, ...]
    limits: tuple[Limit, ...] = ()
    soft_range: tuple[float, float] | None = None
    instead: tuple[str, ...] = ()


RULES = (
    Rule(
        "power",
        "Power",
        (r"EVSE/Power", r"EVSE\[Ocpp\]/Power", r"ElectricalFeed/Power"),
        instead=(r"ElectricalFeed\[Meter\]/Power", r"\w+/Power"),
    ),
    Rule(
        "current",
        "Current",
        (r"EVSE/DCCurrent", r"ElectricalFeed/ACCurrent\[L[123]\]", r"(?!RCD)\w+/(AC|DC)?Current(\[[^\]]+\])?"),
        instead=(r"ElectricalFeed\[Meter\]/ACCurrent\[L[123]\]",),
    ),
    Rule(
        "contacts",
        "Contacts",
        (
            r"TemperatureSensor\[ContactDCplus\]/Temperature",
            r"TemperatureSensor\[Contact\w+\]/Temperature",
            r"TemperatureSensor\[Handle\]/Temperature",
            r"LiquidCoolingSystem/Temperature",
            r"ExternalTemperatureSensor/Temperature",
        ),
        limits=(Limit("Celsius", 80, "derate"), Limit("Celsius", 90, "stop")),
        soft_range=(0, 100),
    ),
    Rule(
        "voltage",
        "Voltage",
        (r"ElectricalFeed/ACVoltage\[[^\]]+\]", r"\w+/ACVoltage(\[[^\]]+\])?"),
        instead=(r"ElectricalFeed\[Meter\]/ACVoltage\[L[123]\]",),
    ),
    Rule("output", "DC voltage", (r"EVSE/DCVoltage", r"PowerContactor/xOutputVoltage"), soft_range=(0, 100)),
    Rule(
        "cooling",
        "Cooling and enclosure",
        (
            r"TemperatureSensor\[Heatsink\]/Temperature",
            r"TemperatureSensor\[AirOut\]/Temperature",
            r"TemperatureSensor\[Enclosure\]/Temperature",
            r"TemperatureSensor\[DcLinkCap\]/Temperature",
            r"TemperatureSensor\[(?!Controller)\w+\]/Temperature",
            r"AirCoolingSystem(\[[^\]]+\])?/FanSpeed",
        ),
    ),
    Rule(
        "insulation",
        "Insulation and leakage",
        (r"GroundIsolationProtection/Impedance", r"RCD/xResidualCurrent(\[[^\]]+\])?", r"HumiditySensor/Humidity"),
        limits=(Limit("Ohm", 100_000, "fault"),),
    ),
    Rule("modules", "Power modules", (r"AcDcConverter\[[^\]]+\]/Temperature",)),
    Rule(
        "link",
        "OCPP link",
        (r"DataLink/xRoundTrip", r"DataLink/xLatency\w*(\[[^\]]+\])?", r"DataLink/SignalStrength"),
    ),
    Rule("host", "Gateway load", (r"Controller/x(Cpu|Memory|Disk)", r"TemperatureSensor\[Controller\]/Temperature")),
    Rule("clock", "Gateway clock", (r"RealTimeClock/xOffset", r"RealTimeClock/xErrorMax")),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One signal of a chart. `axis` is 0 (left) or 1 (right); `step` draws a state, which has no values in between."""

    key: str
    label: str
    unit: str
    resolution: float
    axis: int
    step: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: what its rule says and the signals it took, one to LINES_MAX."""

    name: str
    title: str
    limits: tuple[Limit, ...]
    soft_range: tuple[float, float] | None
    lines: tuple[Line, ...]


def charts(signals: list[SignalNow]) -> list[Chart]:
    """Sort a device's signals into charts; charts without a signal are left out.

    A charger with several outlets gets each outlet's chart; the station's own signals join the first.
    """
    count = outlets([signal.key for signal in signals])
    evses = sorted({_evse(signal) for signal in signals} - {0}) or [0]
    found = []
    for evse in evses:
        left = [signal for signal in signals if _evse(signal) == evse or (evse == evses[0] and _evse(signal) == 0)]
        for rule in RULES:
            taken = _taken(rule.paths, left) or _taken(rule.instead, left)
            left = [signal for signal in left if signal not in taken]
            if taken:
                found.append(_chart(rule, taken, evse if count > 1 else 0))
    return found


def _evse(signal: SignalNow) -> int:
    head = signal.key.partition(".")[0]
    return int(head) if head.isdigit() else 0


def _taken(paths: tuple[str, ...], signals: list[SignalNow]) -> list[SignalNow]:
    taken: list[SignalNow] = []
    units: list[str] = []
    for path in paths:
        for signal in signals:
            if len(taken) == LINES_MAX or signal in taken or not re.fullmatch(path, signal.key.partition("/")[2]):
                continue
            if signal.unit not in units:
                if len(units) == AXES_MAX:
                    continue
                units.append(signal.unit)
            taken.append(signal)
    return taken


def _chart(rule: Rule, taken: list[SignalNow], evse: int) -> Chart:
    units = list(dict.fromkeys(signal.unit for signal in taken))
    lines = tuple(Line(s.key, label(s.key), s.unit, s.resolution, units.index(s.unit), step=not s.unit) for s in taken)
    where = place(taken[0].key, 2) if evse else ""
    return Chart(
        f"{rule.name}-{evse}" if evse else rule.name,
        f"{rule.title}, {where.lower()}" if where else rule.title,
        rule.limits,
        rule.soft_range,
        lines,
    )
