"""This file judges the control pilot and the talk over it; it guards that one car is not taken for the cable."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.daily import Daily, Notes, middle, middle_of_day
from isolane.health.models.components.failing import Failing, begun
from isolane.health.models.components.held import Held
from isolane.health.models.components.pilot_law import NOMINAL_V, current_a, state_of
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Pilot", "PilotParameters"]

_STATE, _POSITIVE = "CPPWMController/State", "CPPWMController/DCVoltage"
_NEGATIVE, _DUTY = "CPPWMController/DCVoltage[Negative]", "CPPWMController/Percentage"
_STAGE, _DAMPING = "ISO15118Ctrlr/xStage", "ISO15118Ctrlr/xSlacAttenuation"
_AMPERE = "ElectricalFeed/ACCurrent["
_A, _B, _C, _D = 0, 1, 2, 3
_SLAC = 1
_ROWS_MIN, _INTERVALS_MIN = 60, 3
_NEGATIVE_V, _DIODE_V, _DIGITAL = -12.0, -11.0, 5.0
_USUAL_EDGES = 2
_FALL = 3
_BEYOND, _BEYOND_A = 1.1, 1.0
_STUCK_BEYOND = 2.5
_IDLE_V = 8.0


class PilotParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How control pilot and talk are judged."""

    watch_v: Annotated[
        float, msgspec.Meta(description="Drift from the state's voltage that is watched, V; our choice", gt=0, le=3)
    ] = 0.3
    plan_v: Annotated[
        float,
        msgspec.Meta(
            description="Drift that is planned for, V: half of the tolerance; IEC 61851-1, assumed", gt=0, le=3
        ),
    ] = 0.5
    duty_percent: Annotated[
        float, msgspec.Meta(description="Duty cycle away from 5 % that is planned for; our choice", gt=0, le=5)
    ] = 0.5
    damping_db: Annotated[
        float, msgspec.Meta(description="SLAC attenuation beyond its usual that is planned for, dB; our choice", ge=1)
    ] = 3.0
    failures: Annotated[
        float,
        msgspec.Meta(description="Share of sessions that may end at SLAC; half is a plan; our choice", gt=0, le=1),
    ] = 0.3
    sessions: Annotated[
        int, msgspec.Meta(description="Sessions from which that share is told; our choice", ge=1, le=400)
    ] = 20
    failures_usual: Annotated[
        float, msgspec.Meta(description="Share of sessions that ends at SLAC in good health; assumed", ge=0, le=1)
    ] = 0.01


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        days: Ten-minute numbers of the day.
        plugged: Whether a vehicle was there last; None before the first row.
        furthest: Stage that the present session has reached.
        failing: The share of sessions that ended at SLAC.
        untold: Sessions since the share was told.
        held: Of each condition.
    """

    days: Notes = msgspec.field(default_factory=Notes)
    plugged: bool | None = None
    furthest: int = 0
    failing: Failing | None = None
    untold: int = 0
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Pilot:
    """Control pilot of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "pilot/2"
    required: ClassVar[tuple[str, ...]] = (_POSITIVE,)
    used: ClassVar[tuple[str, ...]] = (_STATE, _NEGATIVE, _DUTY, _STAGE, _DAMPING, f"{_AMPERE}*]")

    def __init__(self, parameters: PilotParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        self._keys = frozenset(keys)
        self._digital = rating.direct and _DUTY in keys
        self._phases = sorted(key for key in keys if key.startswith(_AMPERE)) if not rating.direct else []
        self._held = {name: Held(1, _FALL) for name in ("pilot_diode", "over_drawn")}
        self._days = Daily()
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Drift of each half, bounces; duty cycle and talk where they are told."""
        parameters = self._parameters
        drift = Measure(
            "pilot_drift", "CPPWMController", "V", Per.DAY, Basis.MEASURED, _BOARD,
            limit=2 * parameters.plan_v, start=0.0, plan=parameters.plan_v, watch=parameters.watch_v, scatter=0.1,
        )  # fmt: skip
        found = [replace(drift, name="pilot_drift[Positive]"), _BOUNCES]
        found += [replace(drift, name="pilot_drift[Negative]")] if _NEGATIVE in self._keys else []
        if self._digital:
            duty = parameters.duty_percent
            found.append(replace(drift, name="duty_error", unit="Percent", limit=2 * duty, plan=duty, watch=duty / 2))
        if _STAGE in self._keys:
            share = parameters.failures
            found.append(
                Measure(
                    "slac_failures", "ISO15118Ctrlr", "", Per.SESSION, Basis.COUNTED, _TALK,
                    limit=share, start=0.0, plan=share / 2, scatter=0.02, foretold=False,
                )
            )  # fmt: skip
        if _DAMPING in self._keys:
            found.append(
                Measure(
                    "slac_attenuation", "ISO15118Ctrlr", "dB", Per.SESSION, Basis.MEASURED, _CABLE,
                    beyond=2 * parameters.damping_db, plan=parameters.damping_db, dispatch=math.inf, urged=Level.PLAN,
                    scatter=1.5, walk=0.1,
                )
            )  # fmt: skip
        return found

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Follow how far each session gets, also those in which nothing flows."""
        if _STAGE not in self._keys:
            return ()
        memory, state, stage = self._memory, self._states(window), window[_STAGE]
        known = (state >= _A) & (state <= _D)
        there = state[known] > _A
        if not len(there):
            return ()
        if memory.plugged is not None and (there == memory.plugged).all():
            if memory.plugged:
                memory.furthest = max(memory.furthest, _highest(stage[known]))
            return ()
        for plugged, reached in zip(there.tolist(), stage[known].tolist(), strict=True):
            if plugged and not memory.plugged:
                memory.furthest = 0
            if plugged and math.isfinite(reached):
                memory.furthest = max(memory.furthest, int(reached))
            if memory.plugged and not plugged and memory.furthest:
                self._failing().take(failed=memory.furthest <= _SLAC)
                memory.untold += 1
            memory.plugged = plugged
        return ()

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Hold voltages and duty cycle against their states; tell days and sessions that are over."""
        memory, day = self._memory, self._days.over(window.end_s)
        if day is not None:
            for name, values in sorted(day[1].items()):
                if len(values) >= _INTERVALS_MIN:
                    median, sd = middle_of_day(values)
                    yield Feature(name, day[0], abs(median), sd, len(values), {"signed": median})
        failing = self._failing()
        if memory.untold and failing.sessions >= self._parameters.sessions:
            evidence = {"sessions": float(memory.untold)}
            yield Feature("slac_failures", window.end_s, *failing.told(), failing.sessions, evidence)
        memory.untold = 0
        yield from self._voltages(window)

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Count bounces between B and C; take the session's attenuation."""
        window, at_s = stretch.window, stretch.window.end_s
        state = self._states(window)
        state = state[(state == _B) | (state == _C)]
        edges = int((np.diff(state) != 0).sum())
        yield Feature("pilot_bounces", at_s, float(max(0, edges - _USUAL_EDGES)), 0.0, max(len(state), 1))
        damping_db = middle(window[_DAMPING], _ROWS_MIN)
        if stretch.begins and math.isfinite(damping_db):
            yield Feature("slac_attenuation", at_s, damping_db)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.days = self._days.note()
        self._memory.held = {name: held.note() for name, held in self._held.items()}
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        self._days.recall(self._memory.days)
        for name, held in self._held.items():
            held.recall(self._memory.held.get(name))

    def renew(self) -> None:
        """Forget the sessions: cable or board were changed."""
        self._memory.failing, self._memory.untold = None, 0

    def _failing(self) -> Failing:
        if self._memory.failing is None:
            self._memory.failing = begun(self._parameters.failures_usual)
        return self._memory.failing

    def _voltages(self, window: Window) -> Iterator[Finding]:
        state = self._states(window)
        whole = np.where((state >= _A) & (state <= _D), state, np.nan)
        nominal_v = np.interp(whole, range(len(NOMINAL_V)), NOMINAL_V)
        talks = (whole >= _B) & (whole <= _D)
        self._add("pilot_drift[Positive]", window[_POSITIVE] - nominal_v)
        if self._digital:
            self._add("duty_error", np.where(talks, window[_DUTY], np.nan) - _DIGITAL)
        if self._phases and _DUTY in self._keys:
            drawn = np.fmax.reduce([window[key] for key in self._phases])
            yield from self._told("over_drawn", window, middle(drawn, _ROWS_MIN), self._offered(window, talks))
        if _NEGATIVE in self._keys:
            negative_v = np.where(talks & (window[_NEGATIVE] < _IDLE_V), window[_NEGATIVE], np.nan)
            self._add("pilot_drift[Negative]", negative_v - _NEGATIVE_V)
            yield from self._told("pilot_diode", window, middle(negative_v, _ROWS_MIN), _DIODE_V)

    def _offered(self, window: Window, talks: NDArray[np.bool_]) -> float:
        """Give the current that the duty cycle lets a car draw, A, with what a car may be beyond it."""
        duty = middle(np.where(talks, window[_DUTY], np.nan), _ROWS_MIN)
        return _BEYOND * current_a(duty) + _BEYOND_A if math.isfinite(duty) else math.nan

    def _told(self, name: str, window: Window, value: float, limit: float) -> Iterator[Finding]:
        if not (math.isfinite(value) and math.isfinite(limit)):
            return
        unit, remedy = _FINDINGS[name]
        for _, on in self._held[name].feed(np.array([value > limit])):
            level = Level.PLAN if on else Level.NONE
            yield Finding(name, "CPPWMController", window.end_s, level, remedy, value, limit, unit)

    def _states(self, window: Window) -> Floats:
        """Give the pilot's state, 0 A to 5 F; of its voltage where the charger does not tell it."""
        if _STATE in self._keys:
            return window[_STATE]
        states = [state_of(volt) for volt in window[_POSITIVE].tolist()]
        return np.array([np.nan if state is None else state for state in states], np.float64)

    def _add(self, name: str, values: Floats) -> None:
        value = middle(values, _ROWS_MIN)
        if abs(value) < _STUCK_BEYOND:  # further off is a signal that stands at another state's value
            self._days.add(name, value)


def _highest(stage: Floats) -> int:
    highest = np.fmax.reduce(stage)
    return int(highest) if math.isfinite(highest) else 0


_BOARD = Remedy("The pilot's voltage or duty cycle has drifted: check its board and supply.", "pilot board", "CX014")
_CAR = Remedy(
    "The pilot's negative half is weak: if it is so with every car it is the board, else that car's diode.",
    "pilot board",
    "CX014",
)
_CABLE = Remedy(
    "Car and charger hear each other worse than they did: look at the pilot's and the earth's contacts and the cable.",
    "vehicle connector with cable",
    "CX014",
)
_TALK = Remedy(
    "Many sessions end at SLAC: look at pilot contact, cable and modem; compare makes of cars first.", "modem"
)
_BOUNCES = Measure(
    "pilot_bounces", "CPPWMController", "", Per.SESSION, Basis.MEASURED,
    Remedy("The pilot goes to and fro between B and C: look at its contact.", "vehicle connector with cable", "CX014"),
    limit=10.0, start=0.0, plan=5.0, dispatch=math.inf, urged=Level.PLAN, scatter=1.0,
)  # fmt: skip
_DRAWS = Remedy("The car draws more than the pilot offers: stop it, and tell its maker.", "", "CX004")
_FINDINGS = {"pilot_diode": ("V", _CAR), "over_drawn": ("A", _DRAWS)}
