"""This file judges DC-link capacitors; it guards that a score by ripple is never mixed up with one by the clock."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.daily import Daily, Notes, middle
from isolane.health.models.components.electrolytics import equivalent_c, life_h
from isolane.health.models.components.fit import Fit, fit
from isolane.health.models.measure import Basis, Feature, Finding, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Capacitors", "CapacitorsParameters"]

_CELSIUS, _AIR_OUT = "TemperatureSensor[DcLinkCap]/Temperature", "TemperatureSensor[AirOut]/Temperature"
_HEAD, _POWER, _RIPPLE = "AcDcConverter[", "]/Power", "]/xRippleVoltage"
_ROWS_MIN, _TEN_ROWS, _DAY_S = 120, 60, 86_400
_STEP_SHARE = 0.01


class CapacitorsParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How DC-link capacitors are judged."""

    life_h: Annotated[
        float, msgspec.Meta(description="Life at `life_c`, h; of the part's data sheet, assumed", gt=0, le=1e7)
    ] = 5000.0
    life_c: Annotated[float, msgspec.Meta(description="Temperature for `life_h`, Celsius", ge=40, le=200)] = 105.0
    hot_spot_k: Annotated[
        float,
        msgspec.Meta(description="What the part's core is warmer than the sensor, K; our choice", ge=0, le=50),
    ] = 5.0
    load_min: Annotated[
        float,
        msgspec.Meta(description="Share of rated module power from which ripple is judged; our choice", ge=0.05, le=1),
    ] = 0.2
    error_max: Annotated[
        float, msgspec.Meta(description="Largest relative error of a told ripple; our choice", ge=0.005, le=1)
    ] = 0.05
    residual_share: Annotated[
        float,
        msgspec.Meta(
            description="Largest residual of a told ripple, of its median; beyond, a sensor is doubted; our choice",
            ge=0.01,
            le=1,
        ),
    ] = 0.10


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        days: Temperatures of the day's ten minutes.
        used: Share of life used.
        hours: Over which.
    """

    days: Notes = msgspec.field(default_factory=Notes)
    used: float = 0.0
    hours: float = 0.0


class Capacitors:
    """DC-link capacitors of one outlet's power modules.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "capacitors/1"
    required: ClassVar[tuple[str, ...]] = ("AcDcConverter[*]/Power",)
    used: ClassVar[tuple[str, ...]] = ("AcDcConverter[*]/xRippleVoltage", _CELSIUS, _AIR_OUT)

    def __init__(self, parameters: CapacitorsParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        modules = sorted(key.removeprefix(_HEAD).removesuffix(_POWER) for key in keys if key.endswith(_POWER))
        self._least_w = parameters.load_min * rating.power_w / max(len(modules), 1)
        self._modules = [module for module in modules if f"{_HEAD}{module}{_RIPPLE}" in keys]
        self._warm = next((key for key in (_CELSIUS, _AIR_OUT) if key in keys), "")
        self._days = Daily()
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Ripple of each module where it is told; life by temperature."""
        found = [
            replace(_RIPPLES, name=f"ripple[{module}]", component=f"AcDcConverter[{module}]")
            for module in self._modules
        ]
        return [*found, _LIFE] if self._warm else found

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Nothing: capacitors age over months."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature]:
        """Add up life at the median of ten minutes; tell it when a day is over."""
        memory, parameters = self._memory, self._parameters
        day = self._days.over(window.end_s)
        if day is not None and self._warm and memory.hours:
            mean_c = equivalent_c(memory.hours / memory.used, parameters.life_h, parameters.life_c)
            yield Feature("capacitor_life", day[0], 100 * memory.used, 0.0, 1, {"equivalent_c": mean_c})
        celsius = middle(window[self._warm], _TEN_ROWS) if self._warm else np.nan
        if np.isfinite(celsius):
            hours = window.rows / 3600
            life = life_h(celsius + parameters.hot_spot_k, parameters.life_h, parameters.life_c)
            memory.used += hours / life
            memory.hours += hours

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Fit the ripple of each module against its power."""
        window = stretch.window
        for module in self._modules:
            found = self._ripple(window, module)
            if found is None:
                continue
            value, sd = float(found.values[0]) * 1000, float(found.sds[0]) * 1000
            evidence = {"offset_v": float(found.values[1]), "residual_v": found.residual_sd}
            yield Feature(f"ripple[{module}]", window.end_s, value, sd, found.n, evidence)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.days = self._days.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        self._days.recall(self._memory.days)

    def renew(self) -> None:
        """Forget the life used: the capacitors were replaced."""
        self._memory.used, self._memory.hours = 0.0, 0.0

    def _ripple(self, window: Window, module: str) -> Fit | None:
        """Give how ripple follows power, V/W, where both can be believed.

        What a sensor is off by is the line's offset. A power that moves while the ripple does not leaves no slope.
        """
        power, ripple = window[f"{_HEAD}{module}{_POWER}"], window[f"{_HEAD}{module}{_RIPPLE}"]
        rows = (power >= self._least_w) & np.isfinite(ripple)
        if rows.sum() < _ROWS_MIN:
            return None
        power, ripple = power[rows], ripple[rows]
        middle_v = float(np.median(ripple))
        found = fit(np.column_stack((power, np.ones(len(power)))), ripple, _STEP_SHARE * abs(middle_v))
        if found is None or found.values[0] <= 0 or found.n < _ROWS_MIN:
            return None
        sure = found.sds[0] <= self._parameters.error_max * found.values[0]
        return found if sure and found.residual_sd <= self._parameters.residual_share * middle_v else None


_CHANGE = Remedy("Change the capacitors, or the power module, before it trips under load.", "power module")
_RIPPLES = Measure(
    "ripple", "AcDcConverter", "V/kW", Per.SESSION, Basis.MEASURED, _CHANGE,
    ratio=2.0, plan=1.5, scatter=0.03, walk=0.003, log=True,
)  # fmt: skip
_LIFE = Measure(
    "capacitor_life", "AcDcConverter", "Percent", Per.DAY, Basis.MODELLED, _CHANGE,
    limit=100.0, start=0.0, plan=50.0, dispatch=80.0, scatter=1.0,
)  # fmt: skip
