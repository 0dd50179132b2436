"""This file judges the housing: moisture, door, water, blows; it guards that damp weather is no leaking seal."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from isolane.health.models.components.daily import Daily, Notes, middle, middle_of_day
from isolane.health.models.components.held import Held
from isolane.health.models.components.moisture import corrosion_rate, dew_point_c
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Environment", "EnvironmentParameters"]

_HUMIDITY, _INSIDE = "HumiditySensor/Humidity", "TemperatureSensor[Enclosure]/Temperature"
_OUTSIDE, _TILT = "ExternalTemperatureSensor/Temperature", "TiltSensor/Angle"
_DOOR, _FLOOD, _SHOCK = "CaseAccessSensor/Active", "FloodSensor/Percent", "ShockSensor/Force"
_CABLE = "CableBreakawaySensor/Tripped"
_ROWS_MIN, _HOUR_S = 60, 3600
_DAMP_K = 2.0
_HALF_HOUR, _DAY = 3, 144
_DAY_MIN = 72
_STUCK_RH, _STIRRED_K, _SATURATED_RH = 0.2, 2.0, 99.0
_YES = 0.5


class EnvironmentParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the housing is judged."""

    humidity_at: Annotated[
        Literal["wall", "inside"],
        msgspec.Meta(description="Whose temperature the humidity is relative to: the cold wall's, or the air's inside"),
    ] = "wall"
    excess_k: Annotated[
        float,
        msgspec.Meta(description="Dew point beyond its usual that is planned for, K; our choice", ge=1, le=20),
    ] = 4.0
    corrosion_h: Annotated[
        float, msgspec.Meta(description="Life at 85 Celsius and 85 %, h; assumed", ge=10, le=1e6)
    ] = 1000.0
    left_open_s: Annotated[
        int, msgspec.Meta(description="After which an open door was left so, s; our choice", ge=60, le=86_400)
    ] = 3600
    flood_percent: Annotated[
        float, msgspec.Meta(description="Water in the housing that is told, percent; our choice", gt=0, le=100)
    ] = 10.0
    tilt_deg: Annotated[
        float, msgspec.Meta(description="Change of the tilt that needs a visit now, Deg; our choice", ge=0.5, le=45)
    ] = 3.0
    shock_n: Annotated[
        float, msgspec.Meta(description="Blow after which to look for damage, N; our choice", gt=0, le=1e6)
    ] = 500.0


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        days: Ten-minute numbers of the day.
        hours: Likewise of the hour.
        corrosion_h: Hours of the test that the housing has gone through.
        upright: Tilts from which the mounting position is learnt.
        upright_deg: Mounting position; None while it is learnt.
        stuck: Whether the humidity is told as stuck.
        held: Of each condition.
    """

    days: Notes = msgspec.field(default_factory=Notes)
    hours: Notes = msgspec.field(default_factory=Notes)
    corrosion_h: float = 0.0
    upright: list[float] = msgspec.field(default_factory=list)
    upright_deg: float | None = None
    stuck: bool = False
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Alarm:
    """A signal that is held against a border by the second."""

    key: str
    border: float
    unit: str
    rise: int
    fall: int
    level: Level
    remedy: Remedy


class Environment:
    """Housing of one charger.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "environment/1"
    required: ClassVar[tuple[str, ...]] = (_HUMIDITY, _INSIDE, _OUTSIDE)
    used: ClassVar[tuple[str, ...]] = (_DOOR, _FLOOD, _TILT, _SHOCK, _CABLE)

    def __init__(self, parameters: EnvironmentParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating  # a housing is a housing
        self._parameters = parameters
        self._alarms = {name: alarm for name, alarm in _alarms(parameters).items() if alarm.key in keys}
        self._tilts = _TILT in keys
        self._held = {name: Held(alarm.rise, alarm.fall) for name, alarm in self._alarms.items()}
        self._held |= {name: Held(_HALF_HOUR, _DAY) for name in ("damp", "condensation")}
        self._days, self._hours = Daily(), Daily(_HOUR_S)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Moisture beyond the weather's, corrosion, tilt."""
        parameters = self._parameters
        moisture = Measure(
            "dew_excess", "HumiditySensor", "K", Per.DAY, Basis.MEASURED, _SEAL,
            spreads=5.0, plan=2.0, dispatch=math.inf, urged=Level.PLAN, scatter=parameters.excess_k / 2,
        )  # fmt: skip
        tilt = Measure(
            "tilt", "TiltSensor", "Deg", Per.HOUR, Basis.MEASURED, _LEANS,
            limit=2 * parameters.tilt_deg, start=0.0, plan=parameters.tilt_deg / 2, dispatch=parameters.tilt_deg,
            scatter=0.1,
        )  # fmt: skip
        return [moisture, _CORROSION, tilt] if self._tilts else [moisture, _CORROSION]

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell doors, water, blows and torn cables."""
        for name, alarm in self._alarms.items():
            held, values = self._held[name], window[alarm.key]
            if not (held.held or held.count) and not np.fmax.reduce(values) >= alarm.border:
                continue
            for row, on in held.feed(values >= alarm.border, values < alarm.border):
                level, at_s = alarm.level if on else Level.NONE, window.start_s + row
                own = alarm.key.partition("/")[0]
                value = float(values[row])
                yield Finding(name, own, at_s, level, alarm.remedy, value, alarm.border, alarm.unit)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Follow moisture and tilt by ten minutes; tell days and hours when they are over."""
        day, hour = self._days.over(window.end_s), self._hours.over(window.end_s)
        if day is not None:
            yield from self._day(*day)
        if hour is not None and "tilt" in hour[1]:
            yield from self._tilt(hour[0], hour[1]["tilt"])
        outside_c, inside_c = middle(window[_OUTSIDE], _ROWS_MIN), middle(window[_INSIDE], _ROWS_MIN)
        humidity = middle(window[_HUMIDITY], _ROWS_MIN)
        if self._tilts and math.isfinite(angle := middle(window[_TILT], _ROWS_MIN)):
            self._hours.add("tilt", angle)
        if not (math.isfinite(outside_c) and math.isfinite(inside_c) and humidity > 0):
            return
        humidity = min(humidity, 100.0)
        wall = self._parameters.humidity_at == "wall"
        dew_c = dew_point_c(outside_c if wall else inside_c, humidity)
        for name, value in (("dew", dew_c), ("outside", outside_c), ("humidity", humidity)):
            self._days.add(name, value)
        self._memory.corrosion_h += window.rows / 3600 * corrosion_rate(inside_c, humidity)
        margin_k = round((outside_c if wall else min(outside_c, inside_c)) - dew_c, 3)
        for name, limit_k, level in (("damp", _DAMP_K, Level.INFO), ("condensation", 0.0, Level.PLAN)):
            for _, on in self._held[name].feed(np.array([margin_k < limit_k])):
                told = level if on else Level.NONE
                yield Finding(name, "HumiditySensor", window.end_s, told, _HEATER, margin_k, limit_k, "K")

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: a housing is there without sessions too."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        memory = self._memory
        memory.days, memory.hours = self._days.note(), self._hours.note()
        memory.held = {name: held.note() for name, held in self._held.items()}
        remembered: State = msgspec.to_builtins(memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        self._memory = found
        self._days.recall(found.days)
        self._hours.recall(found.hours)
        for name, held in self._held.items():
            held.recall(found.held.get(name))

    def renew(self) -> None:
        """Forget corrosion and mounting position: the housing was replaced or set upright."""
        self._memory.corrosion_h = 0.0
        self._memory.upright, self._memory.upright_deg = [], None

    def _day(self, at_s: int, values: dict[str, list[float]]) -> Iterator[Feature | Finding]:
        memory = self._memory
        yield Feature("corrosion", at_s, 100 * memory.corrosion_h / self._parameters.corrosion_h)
        humidity = np.array(values.get("humidity", ()))
        if len(humidity) < _DAY_MIN:
            return
        stirred = np.ptp(values["outside"]) > _STIRRED_K
        stuck = bool(stirred and np.ptp(humidity) < _STUCK_RH and humidity.max() < _SATURATED_RH)
        if stuck != memory.stuck:
            memory.stuck = stuck
            level = Level.WATCH if stuck else Level.NONE
            yield Finding("humidity_stuck", "HumiditySensor", at_s, level, _SENSOR, float(humidity[-1]), unit="RH")
        if stuck:
            return
        # The upper quartile: on a cold night air holds no more than the night lets it, whatever leaks in.
        dew_c, least_c = float(np.quantile(values["dew"], 0.75)), float(np.quantile(values["outside"], 0.05))
        evidence = {"dew_point_c": dew_c, "night_c": least_c, "median_rh": float(np.median(humidity))}
        yield Feature("dew_excess", at_s, dew_c - least_c, 0.0, len(humidity), evidence)

    def _tilt(self, at_s: int, angles: list[float]) -> Iterator[Feature]:
        memory, (angle, sd) = self._memory, middle_of_day(angles)
        if memory.upright_deg is None:
            memory.upright = [*memory.upright, angle]
            if len(memory.upright) >= _DAY_MIN:
                memory.upright_deg, memory.upright = float(np.median(memory.upright)), []
            return
        yield Feature("tilt", at_s, abs(angle - memory.upright_deg), sd, len(angles), {"angle_deg": angle})


_SEAL = Remedy(
    "More moisture inside than the weather brings: look at door seal, cable glands and drain.",
    "door seal",
    "",
    "WaterIngressDetected",
)
_HEATER = Remedy("Moisture precipitates, or is about to: check heater, seal and ventilation.", "heater")
_LEANS = Remedy("The housing leans otherwise than when it was mounted: look at its foot.", "", "", "TiltDetected")
_SENSOR = Remedy("Check the humidity sensor: it shows the same all day.", "humidity sensor")
_OPEN = Remedy(
    "The door is open. Without a work order this is a matter of security: send somebody.", "", "", "EnclosureOpen"
)
_WATER = Remedy(
    "Water stands in the housing: switch off and dry it, find where it came in.", "", "", "WaterIngressDetected"
)
_BLOW = Remedy("The housing was hit: look for damage to housing, connector and cable.")
_TORN = Remedy(
    "The cable was pulled off: block the outlet and change the cable.", "vehicle connector with cable", "CX026"
)
_CORROSION = Measure(
    "corrosion", "HumiditySensor", "Percent", Per.DAY, Basis.MODELLED,
    Remedy("Electronics have gone through much damp warmth: look for corrosion at boards and terminals."),
    limit=100.0, start=0.0, plan=80.0, dispatch=200.0, scatter=1.0,
)  # fmt: skip


def _alarms(parameters: EnvironmentParameters) -> dict[str, _Alarm]:
    force, day = parameters.shock_n, 86_400
    return {
        "door_open": _Alarm(_DOOR, _YES, "", 5, 60, Level.WATCH, _OPEN),
        "door_left_open": _Alarm(_DOOR, _YES, "", parameters.left_open_s, 60, Level.PLAN, _OPEN),
        "water": _Alarm(_FLOOD, parameters.flood_percent, "Percent", 300, 600, Level.DISPATCH, _WATER),
        "shock": _Alarm(_SHOCK, force / 2, "N", 1, day, Level.WATCH, _BLOW),
        "hard_shock": _Alarm(_SHOCK, force, "N", 1, day, Level.PLAN, _BLOW),
        "cable_torn": _Alarm(_CABLE, _YES, "", 2, 60, Level.DISPATCH, _TORN),
    }
