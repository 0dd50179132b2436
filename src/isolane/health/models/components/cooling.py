"""This file judges the cooling air; it guards that fan, filter, heatsink and warm air coming back are told apart."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.airflow import air_per_turn, heat_path, loss_w
from isolane.health.models.components.fans import SpeedMap, life_h, running
from isolane.health.models.components.fit import Fit, fit
from isolane.health.models.components.heating import whole_piece
from isolane.health.models.components.held import Held
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Cooling", "CoolingParameters"]

_AIR, _INLET = "ExternalTemperatureSensor/Temperature", "TemperatureSensor[AirIn]/Temperature"
_OUTLET, _SINK = "TemperatureSensor[AirOut]/Temperature", "TemperatureSensor[Heatsink]/Temperature"
_POWER, _LIMIT = "EVSE/Power", "EVSE/xPowerLimit"
_SPEED, _PWM = "/FanSpeed", "/xPercent"
_MODULE_W = 30_000.0
_ROWS_MIN, _DAY_S = 300, 86_400
_STALL_RPM, _STALL_PWM = 200.0, 30.0
_STALL_ROWS, _OVER_ROWS, _DERATE_ROWS, _MARGIN_ROWS = 15, 30, 60, 600
_MARGIN_K, _NEAR_K, _FULL_PERCENT = 10.0, 2.0, 99.0
_REST_TAUS = 5.0
_STEP_K = 0.15
_Flags = NDArray[np.bool_]


class CoolingParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the cooling air is judged."""

    loss_w: Annotated[
        float, msgspec.Meta(description="Loss of a power module without load, W; our choice for 30 kW", ge=0, le=10_000)
    ] = 90.0
    loss_share: Annotated[
        float,
        msgspec.Meta(description="Loss per W that a module delivers, 0 to 0.2; our choice for 30 kW", ge=0, le=0.2),
    ] = 0.018
    loss_per_w: Annotated[
        float, msgspec.Meta(description="Loss per W squared, 1/W; our choice for 30 kW", ge=0, le=1e-3)
    ] = 6e-7
    load_min: Annotated[
        float,
        msgspec.Meta(description="Share of rated power from which air is judged, 0.05 to 1; our choice", ge=0.05, le=1),
    ] = 0.3
    warmed_k: Annotated[
        float,
        msgspec.Meta(description="Least median warming of the air that is judged, K, 1 to 30; our choice", ge=1, le=30),
    ] = 5.0
    settle_s: Annotated[
        int,
        msgspec.Meta(
            description="After reaching that power, s: three time constants of the air (assumed)", ge=0, le=3600
        ),
    ] = 120
    sink_tau_s: Annotated[
        float, msgspec.Meta(description="Time constant of the heatsink, s, 50 to 5000; our choice", ge=50, le=5000)
    ] = 180.0
    error_max: Annotated[
        float,
        msgspec.Meta(description="Largest relative error of a told flow or resistance; our choice", ge=0.01, le=1),
    ] = 0.10
    residual_k: Annotated[
        float, msgspec.Meta(description="Largest residual of a told fit, K, 0.3 to 10; our choice", ge=0.3, le=10)
    ] = 2.0
    map_sessions: Annotated[
        int, msgspec.Meta(description="Sessions from which a fan's map is learnt, 1 to 200; our choice", ge=1, le=200)
    ] = 20
    derate_c: Annotated[
        float,
        msgspec.Meta(description="Heatsink temperature at which power is reduced, Celsius; our choice", ge=30, le=150),
    ] = 75.0
    life_h: Annotated[
        float, msgspec.Meta(description="L10 life of a fan at `life_c`, h; Sanyo Denki: 60,000", gt=0, le=1e7)
    ] = 60_000.0
    life_c: Annotated[float, msgspec.Meta(description="Temperature for `life_h`, Celsius", ge=0, le=120)] = 60.0
    life_factor: Annotated[
        float,
        msgspec.Meta(description="By which life falls per 10 K more; 2^(10/15) Sanyo Denki, 1.5 Jamicon", gt=1, le=4),
    ] = 1.5874


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        maps: Of each fan.
        used: Share of each fan's L10 life.
        day: Newest day for which that is told.
        held: Of each condition.
    """

    maps: dict[str, SpeedMap] = msgspec.field(default_factory=dict)
    used: dict[str, float] = msgspec.field(default_factory=dict)
    day: int = 0
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Cooling:
    """Fans, filter and heatsink of one outlet's power modules.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "cooling/1"
    required: ClassVar[tuple[str, ...]] = ("AirCoolingSystem[*]/FanSpeed", "AirCoolingSystem[*]/xPercent")
    used: ClassVar[tuple[str, ...]] = (_AIR, _INLET, _OUTLET, _SINK, _POWER, _LIMIT, "AcDcConverter[*]/Power")

    def __init__(self, parameters: CoolingParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        self._rating = rating
        self._fans = sorted(_fan(key) for key in keys if key.startswith("AirCoolingSystem[") and key.endswith(_SPEED))
        self._modules = sorted(key for key in keys if key.startswith("AcDcConverter[") and key.endswith("]/Power"))
        self._count = len(self._modules) or max(1, round(rating.power_w / _MODULE_W))
        self._keys = {key for key in (_AIR, _INLET, _OUTLET, _SINK, _POWER) if key in keys}
        self._inlet = _INLET if _INLET in keys else _AIR
        self._held = {f"fan_stands[{fan}]": Held(_STALL_ROWS, _OVER_ROWS) for fan in self._fans}
        self._held |= {f"fan_failed[{fan}]": Held(_STALL_ROWS, _OVER_ROWS) for fan in self._fans}
        self._held |= {
            "heatsink_derates": Held(_DERATE_ROWS, _MARGIN_ROWS), "heatsink_margin": Held(_MARGIN_ROWS, _MARGIN_ROWS)
        }  # fmt: skip
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Speed and life of each fan; air per turn; heat path; warm air that comes back, with an inlet sensor."""
        found = [replace(_FAN_SPEED, name=f"fan_speed[{fan}]", component=_own(fan)) for fan in self._fans]
        found += [replace(_FAN_LIFE, name=f"fan_life[{fan}]", component=_own(fan)) for fan in self._fans]
        powered = bool(self._modules) or _POWER in self._keys
        if powered and {self._inlet, _OUTLET} <= self._keys:
            found.append(_AIRFLOW)
            found += [_HEAT_PATH] if _SINK in self._keys else []
        return [*found, _RECIRCULATION] if powered and {_INLET, _AIR} <= self._keys else found

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell fans that stand, and a heatsink that is near its limit or derates."""
        sink_c = window[_SINK]
        near_c = self._parameters.derate_c - _MARGIN_K
        near = sink_c > near_c
        for fan in self._fans:
            stands, failed = self._held[f"fan_stands[{fan}]"], self._held[f"fan_failed[{fan}]"]
            speed = window[f"{_own(fan)}{_SPEED}"]
            if np.fmin.reduce(speed) >= _STALL_RPM and not (stands.held or stands.count or failed.held or failed.count):
                continue
            slow, told = speed < _STALL_RPM, window[f"{_own(fan)}{_PWM}"] >= _STALL_PWM
            turns = speed >= _STALL_RPM
            yield from self._turns(f"fan_stands[{fan}]", window, (slow & told, turns), (Level.PLAN, _CHECK), speed)
            yield from self._turns(
                f"fan_failed[{fan}]", window, (slow & told & near, turns), (Level.DISPATCH, _FAN), speed
            )
        hot = self._held["heatsink_margin"], self._held["heatsink_derates"]
        if near.any() or any(each.held or each.count for each in hot):
            cool = sink_c <= near_c
            at_limit = sink_c > self._parameters.derate_c - _NEAR_K
            limited = window[_LIMIT] < _FULL_PERCENT
            yield from self._turns("heatsink_margin", window, (near, cool), (Level.PLAN, _CLEAN), sink_c)
            yield from self._turns(
                "heatsink_derates", window, (at_limit & limited, ~limited), (Level.DISPATCH, _CLEAN), sink_c
            )

    def interval(self, window: Window) -> Iterator[Feature]:
        """Add up what the fans lived through; tell it when a day is over."""
        memory, parameters = self._memory, self._parameters
        for fan in self._fans:
            turns = window[f"{_own(fan)}{_SPEED}"] > _STALL_RPM
            around_c = window[_OUTLET] if _OUTLET in self._keys else window[_AIR]
            celsius = around_c[turns & np.isfinite(around_c)]
            if len(celsius):
                life = life_h(float(np.median(celsius)), parameters.life_h, parameters.life_c, parameters.life_factor)
                memory.used[fan] = memory.used.get(fan, 0.0) + int(turns.sum()) / 3600 / life
        day = window.end_s // _DAY_S
        if memory.day and day > memory.day:
            for fan in self._fans:
                yield Feature(f"fan_life[{fan}]", window.end_s, 100 * memory.used.get(fan, 0.0))
        memory.day = max(day, memory.day)

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Fit fans, air and heat path."""
        window = stretch.window
        for fan in self._fans:
            yield from self._fan_speed(window, fan)
        power_w = self._power(window)
        first, power_w = whole_piece(power_w)
        if len(power_w) < _ROWS_MIN:
            return
        rows = slice(first, first + len(power_w))
        loss = loss_w(power_w, self._count, self._loss)
        steady = self._steady(power_w)
        yield from self._recirculation(window, rows, loss, steady)
        speed = np.mean([window[f"{_own(fan)}{_SPEED}"][rows] for fan in self._fans], axis=0)
        turning = np.isfinite(speed) & (speed > _STALL_RPM)
        use = steady & turning
        if use.sum() < _ROWS_MIN or not {self._inlet, _OUTLET} <= self._keys:
            return
        warmed_k = (window[_OUTLET] - window[self._inlet])[rows]
        found = air_per_turn(loss[use], speed[use], warmed_k[use])
        if found is None or not self._is_sure(found[2]) or not np.nanmedian(warmed_k[use]) > self._parameters.warmed_k:
            return
        kappa, sd, fitted = found
        yield Feature("airflow", window.end_s, kappa, sd, fitted.n, self._evidence(window, fitted, speed[use]))
        yield from self._heat_path(stretch, rows, loss, kappa * speed / 60)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = {name: held.note() for name, held in self._held.items()}
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        if all(each.whole for each in found.maps.values()):
            self._memory = found
            for name, held in self._held.items():
                held.recall(found.held.get(name))

    def renew(self) -> None:
        """Forget maps and life: fans were replaced."""
        self._memory = Memory(day=self._memory.day)

    @property
    def _loss(self) -> tuple[float, float, float]:
        return self._parameters.loss_w, self._parameters.loss_share, self._parameters.loss_per_w

    def _power(self, window: Window) -> Floats:
        """Give the power of all modules, W."""
        if not self._modules:
            return window[_POWER]
        return np.asarray(np.sum([window[key] for key in self._modules], axis=0))

    def _steady(self, power_w: Floats) -> NDArray[np.bool_]:
        """Tell the rows at which there has been load for long enough."""
        loaded = power_w >= self._parameters.load_min * self._rating.power_w
        rows = np.arange(len(power_w))
        since = rows - np.maximum.accumulate(np.where(loaded, -1, rows))
        return np.asarray(loaded & (since > self._parameters.settle_s))

    def _is_sure(self, found: Fit) -> bool:
        value, sd = float(found.values[0]), float(found.sds[0])
        parameters = self._parameters
        return value > 0 and sd <= parameters.error_max * value and found.residual_sd <= parameters.residual_k

    def _turns(
        self, name: str, window: Window, flags: tuple[_Flags, _Flags], told: tuple[Level, Remedy], shown: Floats
    ) -> Iterator[Finding]:
        fan = name.partition("[")[2]
        own = f"AirCoolingSystem[{fan}" if fan else "TemperatureSensor[Heatsink]"
        limit, unit = (_STALL_RPM, "RPM") if fan else (self._parameters.derate_c, "Celsius")
        for row, on in self._held[name].feed(*flags):
            level = told[0] if on else Level.NONE
            yield Finding(name, own, window.start_s + row, level, told[1], float(shown[row]), limit, unit)

    def _fan_speed(self, window: Window, fan: str) -> Iterator[Feature]:
        pwm, speed = running(window[f"{_own(fan)}{_PWM}"], window[f"{_own(fan)}{_SPEED}"])
        turns = speed >= _STALL_RPM  # one that stands is a finding; whether it is the fan, the heat tells
        pwm, speed = pwm[turns], speed[turns]
        if len(pwm) < _ROWS_MIN or np.ptp(speed) == 0:
            return
        known = self._memory.maps.setdefault(fan, SpeedMap())
        if known.sessions < self._parameters.map_sessions:
            known.learn(pwm, speed)
            return
        ratio = known.ratio(pwm, speed)
        if len(ratio) >= _ROWS_MIN:
            value = float(np.median(ratio))
            spread = 1.4826 * float(np.median(np.abs(ratio - value)))
            evidence = {"mean_rpm": float(speed.mean()), "mean_percent": float(pwm.mean())}
            yield Feature(f"fan_speed[{fan}]", window.end_s, value, spread / len(ratio) ** 0.5, len(ratio), evidence)

    def _heat_path(self, stretch: Stretch, rows: slice, loss: Floats, flow: Floats) -> Iterator[Feature]:
        window, tau_s = stretch.window, self._parameters.sink_tau_s
        if _SINK not in self._keys:
            return
        there = np.flatnonzero(np.isfinite(flow) & (flow > 0))
        closed = np.interp(np.arange(len(flow)), there, flow[there])
        known = stretch.begins and rows.start == 0 and stretch.rest_s > _REST_TAUS * tau_s
        found = heat_path(loss, closed, (window[_SINK] - window[self._inlet])[rows], tau_s, known=known)
        if found is not None and self._is_sure(found):
            evidence = self._evidence(window, found, flow[there])
            yield Feature("heat_path", window.end_s, float(found.values[0]), float(found.sds[0]), found.n, evidence)

    def _recirculation(self, window: Window, rows: slice, loss: Floats, steady: NDArray[np.bool_]) -> Iterator[Feature]:
        if not {_INLET, _AIR} <= self._keys or steady.sum() < _ROWS_MIN:
            return
        back_k = (window[_INLET] - window[_AIR])[rows][steady]
        found = fit(np.column_stack((loss[steady], np.ones(len(back_k)))), back_k, _STEP_K)
        rated = float(loss_w(np.array([self._rating.power_w]), self._count, self._loss)[0])
        if found is not None and found.residual_sd <= self._parameters.residual_k and found.sds[0] * rated < 1.0:
            yield Feature(
                "recirculation", window.end_s, float(found.values[0]) * rated, float(found.sds[0]) * rated, found.n
            )

    def _evidence(self, window: Window, found: Fit, shown: Floats) -> dict[str, float]:
        limit = window[_LIMIT]
        derated = (limit < _FULL_PERCENT) & (limit > 1)
        power_w = self._power(window)[derated]
        lost_wh = np.nansum(power_w * (100 / limit[derated] - 1)) / 3600
        return {
            "offset_k": float(found.values[1]), "residual_k": found.residual_sd, "mean": float(np.mean(shown)),
            "lost_wh": float(lost_wh),
        }  # fmt: skip


def _own(fan: str) -> str:
    return f"AirCoolingSystem[{fan}]"


def _fan(key: str) -> str:
    return key.removeprefix("AirCoolingSystem[").removesuffix("]" + _SPEED)


_FAN = Remedy("Change the fan.", "fan", "CX003", "HighTemperature")
_CHECK = Remedy("The fan stands, or its speed signal does: look at the fan first.", "fan", "CX003")
_CLEAN = Remedy("Heatsink near its limit: change the filter, look at fans, free the inlet.", "filter mat", "CX003")
_FAN_SPEED = Measure(
    "fan_speed", "AirCoolingSystem", "", Per.SESSION, Basis.MEASURED, _FAN,
    limit=0.85, start=1.0, plan=0.9, dispatch=0.5, scatter=0.02, walk=0.004, rises=False,
)  # fmt: skip
_FAN_LIFE = Measure(
    "fan_life", "AirCoolingSystem", "Percent", Per.DAY, Basis.MODELLED, _FAN,
    limit=100.0, start=0.0, plan=80.0, dispatch=200.0, scatter=1.0,
)  # fmt: skip
_AIRFLOW = Measure(
    "airflow", "AirCoolingSystem", "m3", Per.SESSION, Basis.MEASURED,
    Remedy("Change the filter mat; look for what blocks the duct.", "filter mat", "CX003"),
    ratio=0.6, plan=0.8, dispatch=0.6, scatter=0.05, walk=0.005, log=True, rises=False,
)  # fmt: skip
_HEAT_PATH = Measure(
    "heat_path", "TemperatureSensor[Heatsink]", "K/W", Per.SESSION, Basis.MEASURED,
    Remedy("Air flows, yet the heatsink is warm: clean it, renew the thermal paste.", "thermal paste", "CX003"),
    ratio=1.5, scatter=0.08, walk=0.005, log=True,
)  # fmt: skip
_RECIRCULATION = Measure(
    "recirculation", "TemperatureSensor[AirIn]", "K", Per.SESSION, Basis.MEASURED,
    Remedy("Warm air comes back: look for what stands before inlet or outlet, and at gaskets.", "", "CX003"),
    limit=15.0, plan=10.0, scatter=1.0, walk=0.1,
)  # fmt: skip
