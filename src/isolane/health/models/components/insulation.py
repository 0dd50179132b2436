"""This file judges insulation to earth; it guards that damp weather is not taken for a damaged cable."""

import math
from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.held import Held
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Insulation", "InsulationParameters"]

_OHM, _HUMIDITY = "GroundIsolationProtection/Impedance", "HumiditySensor/Humidity"
_AIR, _PILOT, _ACTIVE = "ExternalTemperatureSensor/Temperature", "CPPWMController/State", "PowerContactor/Active"
_DAY_S = 86_400
_KELVIN, _MIDDLE_RH, _MIDDLE_K = 273.15, 50.0, 293.15
_ROWS_MIN, _INTERVALS_MIN = 60, 3
_LOW_ROWS, _OVER_ROWS, _WARN_INTERVALS = 5, 60, 3
_NOISE, _SLOPE_SD, _WARM_SD = 0.1, 0.02, 1000.0
_STUCK_SPAN_RH, _STUCK_INTERVALS = 20.0, 24
_NORMAL = 1.4826


class InsulationParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How insulation to earth is judged."""

    fault_ohm: Annotated[float, msgspec.Meta(description="Fault limit, Ohm; IEC 61851-23:2023", gt=0, le=1e9)] = (
        100_000.0
    )
    warn_ohm_per_v: Annotated[
        float,
        msgspec.Meta(description="Warning below so many Ohm per V of the highest voltage; our choice", ge=0, le=1e6),
    ] = 500.0
    learn_days: Annotated[
        int, msgspec.Meta(description="Days in which the weather's part is learnt, 1 to 60; our choice", ge=1, le=60)
    ] = 7
    learn_intervals: Annotated[
        int, msgspec.Meta(description="Resting ten minutes in them at least, 10 to 5000; our choice", ge=10, le=5000)
    ] = 300
    per_rh: Annotated[
        float,
        msgspec.Meta(description="Expected fall of ln R per percent of humidity, 0 to 0.2; our choice", ge=0, le=0.2),
    ] = 0.035
    dry_rh: Annotated[
        float, msgspec.Meta(description="Dry is below this humidity, percent; our choice", ge=0, le=100)
    ] = 60.0
    wet_rh: Annotated[
        float, msgspec.Meta(description="Wet is above this humidity, percent; our choice", ge=0, le=100)
    ] = 75.0


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        since_s: UTC second of the first interval that taught.
        normal: Sums of products of the regressors, 3 x 3 by rows.
        moment: Sums of regressors times ln R.
        count: Intervals in them.
        weather: ln R at 50 % and 20 Celsius, and its change with humidity and 1/T; empty while they are learnt.
        day: Of UTC that `rows` belong to.
        rows: Humidity, 1/T less 1/293.15 K, ln R of each resting interval of the day.
        warned: Intervals in a row below the warning (positive) or not (negative), and whether it is told.
        is_warned: Whether the warning is told.
        stuck: Whether it is told that the monitor does not move.
        held: Of the fault limit.
    """

    since_s: int = 0
    normal: list[float] = msgspec.field(default_factory=lambda: [0.0] * 9)
    moment: list[float] = msgspec.field(default_factory=lambda: [0.0] * 3)
    count: int = 0
    weather: list[float] = msgspec.field(default_factory=list)
    day: int = 0
    rows: list[tuple[float, float, float]] = msgspec.field(default_factory=list)
    warned: int = 0
    is_warned: bool = False
    stuck: bool = False
    held: list[int] = msgspec.field(default_factory=lambda: [0, 0])


class Insulation:
    """Insulation of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "insulation/1"
    required: ClassVar[tuple[str, ...]] = (_OHM,)
    used: ClassVar[tuple[str, ...]] = (_HUMIDITY, _AIR, _PILOT, _ACTIVE)

    def __init__(self, parameters: InsulationParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        self._warn_ohm = parameters.warn_ohm_per_v * rating.voltage_v
        self._humid = _HUMIDITY in keys
        self._low = Held(_LOW_ROWS, _OVER_ROWS)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Insulation at rest on all days, on dry and on wet ones, and with a vehicle."""
        names = ["insulation", "insulation_charging"]
        names += ["insulation_dry", "insulation_wet"] if self._humid else []
        return [self._measure(name) for name in names]

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell insulation below the fault limit."""
        ohm, limit = window[_OHM], self._parameters.fault_ohm
        if np.fmin.reduce(ohm) >= limit and not (self._low.held or self._low.count):
            return
        for row, on in self._low.feed(ohm < limit, ohm >= limit):
            level = Level.SAFETY if on else Level.NONE
            at_s = window.start_s + row
            yield Finding(
                "insulation_fault", "GroundIsolationProtection", at_s, level, _FAULT, float(ohm[row]), limit, "Ohm"
            )

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Take a resting interval; tell the day's insulation when a day is over."""
        memory = self._memory
        day = (window.end_s - 1) // _DAY_S
        if memory.day and day > memory.day:
            yield from self._day(memory.day * _DAY_S + _DAY_S)
            memory.rows = []
        memory.day = max(day, memory.day)
        ohm = window[_OHM]
        ohm = ohm[np.isfinite(ohm) & (ohm > 0)]
        if len(ohm) < _ROWS_MIN:
            return
        middle = float(np.median(ohm))
        yield from self._warn(window.end_s, middle)
        weather = self._weather(window)
        if weather is not None and _rests(window):
            memory.rows.append((*weather, math.log(middle)))
            if not memory.weather:
                self._learn(window.end_s, *memory.rows[-1])

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Tell insulation with a vehicle, at 50 % humidity and 20 Celsius."""
        window, weather = stretch.window, self._weather(stretch.window)
        ohm = window[_OHM]
        ohm = ohm[np.isfinite(ohm) & (ohm > 0)]
        if weather is None or not self._memory.weather or len(ohm) < _ROWS_MIN:
            return
        value = math.log(float(np.median(ohm))) - self._expected(*weather) + self._memory.weather[0]
        yield Feature("insulation_charging", window.end_s, math.exp(value), 0.0, len(ohm), {"humidity_rh": weather[0]})

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = self._low.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        if (len(found.normal), len(found.moment)) == (9, 3) and len(found.weather) in {0, 3}:
            self._memory = found
            self._low.recall(found.held)

    def renew(self) -> None:
        """Learn the weather's part anew."""
        self._memory = Memory()

    def _measure(self, name: str) -> Measure:
        charging = name == "insulation_charging"
        per = Per.SESSION if charging else Per.DAY
        return Measure(
            name, "GroundIsolationProtection", "Ohm", per, Basis.MEASURED, _REMEDIES[name],
            limit=self._parameters.fault_ohm, plan=self._warn_ohm, scatter=0.4 if charging else 0.1, walk=0.02,
            log=True, rises=False,
        )  # fmt: skip

    def _weather(self, window: Window) -> tuple[float, float] | None:
        """Give humidity and 1/T less 1/293.15 K; the middle where there is no such sensor, None where it is silent."""
        humidity = _middle(window, _HUMIDITY) if self._humid else _MIDDLE_RH
        celsius = _middle(window, _AIR) if _AIR in window else _MIDDLE_K - _KELVIN
        if math.isnan(humidity) or math.isnan(celsius):
            return None
        return humidity, 1 / (celsius + _KELVIN) - 1 / _MIDDLE_K

    def _learn(self, at_s: int, humidity: float, inverse: float, logarithm: float) -> None:
        """Add an interval; when there are enough, solve for the weather's part.

        What humidity and warmth do is expected about `per_rh` and 0, with standard deviations of 0.02 and 1000 K: a dry
        week says little of a wet one.
        """
        memory = self._memory
        x = np.array([1.0, humidity - _MIDDLE_RH, inverse])
        memory.normal = (np.array(memory.normal) + np.outer(x, x).ravel()).tolist()
        memory.moment = (np.array(memory.moment) + x * logarithm).tolist()
        memory.count += 1
        memory.since_s = memory.since_s or at_s
        parameters = self._parameters
        if memory.count < parameters.learn_intervals or at_s - memory.since_s < parameters.learn_days * _DAY_S:
            return
        prior = np.array([0.0, (_NOISE / _SLOPE_SD) ** 2, (_NOISE / _WARM_SD) ** 2])
        normal = np.array(memory.normal).reshape(3, 3) + np.diag(prior)
        moment = np.array(memory.moment) + prior * np.array([0.0, -parameters.per_rh, 0.0])
        scale = np.sqrt(np.diag(normal))
        memory.weather = (np.linalg.solve(normal / np.outer(scale, scale), moment / scale) / scale).tolist()

    def _expected(self, humidity: float, inverse: float) -> float:
        level, per_rh, per_inverse = self._memory.weather
        return level + per_rh * (humidity - _MIDDLE_RH) + per_inverse * inverse

    def _day(self, at_s: int) -> Iterator[Feature | Finding]:
        """Tell a day's insulation at 50 % and 20 Celsius: of all, dry and wet intervals."""
        rows, memory = np.array(self._memory.rows).reshape(-1, 3), self._memory
        stuck = len(rows) >= _STUCK_INTERVALS and np.ptp(rows[:, 0]) > _STUCK_SPAN_RH and np.ptp(rows[:, 2]) == 0
        if len(rows) and stuck != memory.stuck:
            memory.stuck = bool(stuck)
            level = Level.WATCH if stuck else Level.NONE
            yield Finding("insulation_monitor", "GroundIsolationProtection", at_s, level, _MONITOR)
        if not memory.weather or stuck:
            return
        for name, chosen in (
            ("insulation", np.ones(len(rows), np.bool_)),
            ("insulation_dry", self._humid & (rows[:, 0] < self._parameters.dry_rh)),
            ("insulation_wet", self._humid & (rows[:, 0] > self._parameters.wet_rh)),
        ):
            if chosen.sum() >= _INTERVALS_MIN:
                yield self._of_day(name, at_s, rows[chosen])

    def _of_day(self, name: str, at_s: int, rows: NDArray[np.float64]) -> Feature:
        away = np.array([logarithm - self._expected(humidity, inverse) for humidity, inverse, logarithm in rows])
        middle = float(np.median(away))
        spread = _NORMAL * float(np.median(np.abs(away - middle)))
        value = math.exp(self._memory.weather[0] + middle)
        evidence = {"humidity_rh": float(np.median(rows[:, 0])), "measured_ohm": math.exp(float(np.median(rows[:, 2])))}
        return Feature(name, at_s, value, value * spread / len(away) ** 0.5, len(away), evidence)

    def _warn(self, at_s: int, ohm: float) -> Iterator[Finding]:
        """Tell insulation that has been below the warning for half an hour, or no more."""
        memory = self._memory
        below = ohm < self._warn_ohm
        memory.warned = max(memory.warned, 0) + 1 if below else min(memory.warned, 0) - 1
        if below != memory.is_warned and abs(memory.warned) >= _WARN_INTERVALS:
            memory.is_warned = below
            level = Level.PLAN if below else Level.NONE
            yield Finding("insulation_low", "GroundIsolationProtection", at_s, level, _LOW, ohm, self._warn_ohm, "Ohm")


def _middle(window: Window, key: str) -> float:
    there = window[key]
    there = there[np.isfinite(there)]
    return float(np.median(there)) if len(there) else math.nan


def _rests(window: Window) -> bool:
    """Tell whether no vehicle was there all along; by the contactor where there is no control pilot."""
    key = _PILOT if _PILOT in window else _ACTIVE
    return not np.fmax.reduce(window[key]) > 0


_FAULT = Remedy(
    "Insulation below the fault limit: charging must have stopped. Find out by exclusion: cable, vehicle, inside.",
    "connector and cable",
    "CX022",
)
_LOW = Remedy(
    "Measure the insulation of cable and cabinet by exclusion before it trips.", "connector and cable", "CX022"
)
_MONITOR = Remedy("The insulation monitor does not follow the weather: check it; at the end of its range that is fine.")
_REMEDIES = {
    "insulation": _LOW,
    "insulation_dry": Remedy(
        "It falls in dry weather too: cable or connector are damaged.", "connector and cable", "CX022"
    ),
    "insulation_wet": Remedy("It falls in wet weather only: look for where water comes in.", "gaskets", "CX022"),
    "insulation_charging": Remedy(
        "It falls with vehicles of all kinds: measure cable and connector.", "connector and cable", "CX022"
    ),
}
