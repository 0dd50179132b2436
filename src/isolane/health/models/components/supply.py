"""This file judges the supply; it guards that a lost phase, a loose terminal and a neutral adrift are told apart."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.supply_watch import SupplyWatch
from isolane.health.models.components.voltages import (
    between_phases,
    change,
    quiet_changes,
    rms,
    robust_sd,
    steps,
    unbalance_percent,
)
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Supply", "SupplyParameters"]

_VOLT, _AMPERE, _PHASES = "ElectricalFeed/ACVoltage[", "ElectricalFeed/ACCurrent[", ("L1", "L2", "L3")
_FREQUENCY, _THD, _ARRESTER = "ElectricalFeed/Frequency", "ElectricalFeed/xTHD[V]", "SurgeProtection/Problem"
_DAY_S, _DAYS, _ROWS_MIN, _TEN_S = 86_400, 7, 300, 10
_APART, _BESIDE = 15, 3
_EVEN, _ALONE, _QUIET = 0.2, 0.1, 0.1
_STEPS_MIN = 2
_RANGE_INTERVALS = 3
_KINDS = ("voltage", "unbalance", "distortion", "frequency")


class SupplyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the supply is judged."""

    nominal_v: Annotated[float, msgspec.Meta(description="Phase to neutral, V", ge=50, le=1000)] = 230.0
    nominal_hz: Annotated[float, msgspec.Meta(description="Frequency, Hz", ge=15, le=400)] = 50.0
    voltage_share: Annotated[
        float, msgspec.Meta(description="Allowed deviation of ten-minute voltages; EN 50160: 0.10", gt=0, le=1)
    ] = 0.10
    low_share: Annotated[
        float, msgspec.Meta(description="Least ten-minute voltage at all, of nominal; EN 50160: 0.85", gt=0, le=1)
    ] = 0.85
    unbalance_percent: Annotated[
        float, msgspec.Meta(description="Allowed ten-minute unbalance, percent; EN 50160, assumed", gt=0, le=100)
    ] = 2.0
    distortion_percent: Annotated[
        float,
        msgspec.Meta(description="Allowed ten-minute THD of the voltage, percent; EN 50160, assumed", gt=0, le=100),
    ] = 8.0
    frequency_share: Annotated[
        float, msgspec.Meta(description="Allowed deviation of ten-second frequencies; EN 50160, assumed", gt=0, le=1)
    ] = 0.01
    step_share: Annotated[
        float, msgspec.Meta(description="Load step that is looked at, of rated current; our choice", ge=0.02, le=1)
    ] = 0.25
    step_error: Annotated[
        float, msgspec.Meta(description="Largest relative error of a told impedance; our choice", ge=0.01, le=1)
    ] = 0.15


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        day: Of UTC that the newest entry of `kept` belongs to.
        kept: Ten minutes that kept a limit, and all, of up to seven days, by quantity.
        sums: Not told yet, by phase: sums of dI^2, -dI dV and dV^2, each over the variance with which the voltage
            changes without a step, and count; ``N`` is the neutral.
        out: Intervals in a row out of the widest range (positive) or in it (negative).
        is_out: Whether that is told.
        reference: Ten-minute voltage of each phase in good order, V.
        held: Of the conditions by the second.
    """

    day: int = 0
    kept: dict[str, list[list[int]]] = msgspec.field(default_factory=dict)
    sums: dict[str, list[float]] = msgspec.field(default_factory=dict)
    out: int = 0
    is_out: bool = False
    reference: list[float] = msgspec.field(default_factory=list)
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Supply:
    """The supply of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "supply/2"
    required: ClassVar[tuple[str, ...]] = tuple(f"{_VOLT}{phase}]" for phase in _PHASES)
    used: ClassVar[tuple[str, ...]] = (f"{_AMPERE}*]", _FREQUENCY, _THD, _ARRESTER)

    def __init__(self, parameters: SupplyParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        rated_a = rating.power_w / 3 / parameters.nominal_v if rating.direct else rating.current_a
        self._step_a = parameters.step_share * rated_a
        self._currents = all(f"{_AMPERE}{phase}]" in keys for phase in _PHASES)
        self._kinds = [
            kind for kind, key in zip(_KINDS, ("", "", _THD, _FREQUENCY), strict=True) if not key or key in keys
        ]
        self._watch = SupplyWatch(parameters.nominal_v, rated_a)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Compliance of each quantity; impedance of each phase, alone and against its siblings, and of the neutral."""
        found = [replace(_COMPLIANCE, name=f"compliance[{kind}]") for kind in self._kinds]
        if self._currents:
            found += [replace(_IMPEDANCE, name=f"impedance[{phase}]") for phase in _PHASES]
            found += [replace(_TERMINAL, name=f"terminal[{phase}]") for phase in _PHASES]
            found.append(_NEUTRAL)
        return found

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell lost phases, a neutral adrift, sags, swells, and surge arresters that are gone."""
        return self._watch.watch(window, self._memory.reference)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Hold ten minutes against EN 50160, look for load steps; tell both when a day is over."""
        memory = self._memory
        day = (window.end_s - 1) // _DAY_S
        if memory.day and day > memory.day:
            at_s = (memory.day + 1) * _DAY_S
            yield from self._compliance(at_s)
            yield from self._impedances(at_s)
        if day > memory.day:
            for kind in self._kinds:
                memory.kept[kind] = [*memory.kept.get(kind, []), [0, 0]][-_DAYS:]
        memory.day = max(day, memory.day)
        volts = [window[f"{_VOLT}{phase}]"] for phase in _PHASES]
        if min(int(np.isfinite(volt).sum()) for volt in volts) >= _ROWS_MIN:
            yield from self._ten_minutes(window, [rms(volt) for volt in volts])
        if self._currents:
            self._steps(np.array(volts), np.array([window[f"{_AMPERE}{phase}]"] for phase in _PHASES]))

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: a supply is there without sessions too, and their steps are seen in the ten minutes."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = self._watch.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        if len(found.reference) in {0, 3} and all(len(each) == len(_EMPTY) for each in found.sums.values()):
            self._memory = found
            self._watch.recall(found.held)

    def renew(self) -> None:
        """Forget compliance and steps: the connection was mended."""
        self._memory = Memory()

    def _ten_minutes(self, window: Window, volts: list[float]) -> Iterator[Finding]:
        parameters, memory = self._parameters, self._memory
        nominal_v, share = parameters.nominal_v, parameters.voltage_share
        near = all(abs(volt / nominal_v - 1) <= share for volt in volts)
        unbalance = unbalance_percent(between_phases(volts))
        if near and unbalance <= parameters.unbalance_percent:
            memory.reference = volts
        kept = {"voltage": near, "unbalance": unbalance <= parameters.unbalance_percent}
        distortion = window[_THD]
        if np.isfinite(distortion).sum() >= _ROWS_MIN:
            kept["distortion"] = float(np.nanmean(distortion)) <= parameters.distortion_percent
        frequency = window[_FREQUENCY]
        if window.rows % _TEN_S == 0 and np.isfinite(frequency).all():
            tens = frequency.reshape(-1, _TEN_S).mean(axis=1)
            away = np.abs(tens / parameters.nominal_hz - 1)
            kept["frequency"] = bool((away <= parameters.frequency_share).all())
        for kind, fine in kept.items():
            if kind in self._kinds:
                today = memory.kept[kind][-1]
                today[0] += fine
                today[1] += 1
        wide = all(parameters.low_share <= volt / nominal_v <= 1 + share for volt in volts)
        memory.out = min(memory.out, 0) - 1 if wide else max(memory.out, 0) + 1
        if wide == memory.is_out and abs(memory.out) >= (_RANGE_INTERVALS if wide else 1):
            memory.is_out = not wide
            worst = max(volts, key=lambda volt: abs(volt - nominal_v))
            level = Level.NONE if wide else Level.PLAN
            yield Finding("voltage_range", "ElectricalFeed", window.end_s, level, _GRID, worst, nominal_v, "V")

    def _compliance(self, at_s: int) -> Iterator[Feature]:
        for kind in self._kinds:
            days = self._memory.kept.get(kind, [])
            fine, count = sum(day[0] for day in days), sum(day[1] for day in days)
            if count >= _DAY_S // 600 // 2:
                evidence = {"days": float(len(days)), "intervals": float(count)}
                yield Feature(f"compliance[{kind}]", at_s, 100 * fine / count, 0.0, count, evidence)

    def _steps(self, volts: Floats, amperes: Floats) -> None:
        """Add the load steps of ten minutes: those of all phases alike, and those of one phase alone."""
        rows = steps(np.fmax.reduce(amperes), self._step_a, _APART)
        quiet_v = quiet_changes(volts, amperes, _QUIET * self._step_a, _APART) if rows else None
        if quiet_v is None:
            return
        for row in rows:
            change_a, change_v = (change(each, row, _APART, _BESIDE) for each in (amperes, volts))
            size_a = float(np.abs(change_a).max())
            if not (np.isfinite(change_v).all() and size_a >= self._step_a):
                continue  # a gap, or a wild sample
            mean_a = float(change_a.mean())
            if float(np.abs(change_a - mean_a).max()) <= _EVEN * abs(mean_a):
                for at, phase in enumerate(_PHASES):
                    self._add(phase, float(change_a[at]), float(change_v[at]), quiet_v[at])
            elif int((np.abs(change_a) > _ALONE * size_a).sum()) == 1:
                alone = int(np.abs(change_a).argmax())
                others = np.arange(len(_PHASES)) != alone
                others_v = float(change_v[others].sum())
                self._add("N", float(change_a[alone]), -others_v, quiet_v[others].sum(axis=0))

    def _add(self, name: str, change_a: float, change_v: float, quiet_v: Floats) -> None:
        sums = self._memory.sums.get(name, _EMPTY)
        variance = max(robust_sd(quiet_v), _STEP_V) ** 2
        new = (change_a * change_a / variance, -change_a * change_v / variance, change_v * change_v / variance, 1.0)
        self._memory.sums[name] = [old + each for old, each in zip(sums, new, strict=True)]

    def _impedances(self, at_s: int) -> Iterator[Feature]:
        """Tell the impedance of each phase, of each over its siblings', and of the neutral.

        From the steps of the day; where they are too few, those of the days before count too. Of the neutral one is
        enough: what it has to be told from is far away.
        """
        found: dict[str, tuple[float, float, int]] = {}
        for name, (square, product, volts, count) in self._memory.sums.items():
            if square <= 0 or (count < _STEPS_MIN and name != "N"):
                continue
            ohm = product / square
            spread = math.sqrt(max(volts - ohm * product, 0.0) / max(count - 1, 1))
            found[name] = (ohm, max(spread, 1.0) / math.sqrt(square), int(count))
        if "N" in found:
            ohm, sd, count = found.pop("N")
            del self._memory.sums["N"]
            yield Feature("neutral", at_s, ohm, sd, count)
        error = self._parameters.step_error
        sure = {name: each for name, each in found.items() if 0 < each[1] <= error * each[0]}
        for name, (ohm, sd, count) in sure.items():
            del self._memory.sums[name]
            yield Feature(f"impedance[{name}]", at_s, ohm, sd, count)
            others = [each[0] for other, each in sure.items() if other != name]
            if len(others) == len(_PHASES) - 1:
                middle = float(np.mean(others))
                ratio = ohm / middle
                yield Feature(f"terminal[{name}]", at_s, ratio, ratio * math.hypot(sd / ohm, error / 3), count)


_EMPTY = (0.0, 0.0, 0.0, 0.0)
_STEP_V = 0.1
_GRID = Remedy("Show the record to the network operator: ten-minute voltages are out of EN 50160's range.", "", "CX006")
_COMPLIANCE = Measure(
    "compliance", "ElectricalFeed", "Percent", Per.DAY, Basis.MEASURED,
    Remedy("Show the record to the network operator: less than 95 % of a week keeps EN 50160's limit.", "", "CX006"),
    limit=95.0, start=100.0, plan=95.0, dispatch=0.0, scatter=0.5, walk=1.0, rises=False, foretold=False,
)  # fmt: skip
_IMPEDANCE = Measure(
    "impedance", "ElectricalFeed", "Ohm", Per.DAY, Basis.MEASURED,
    Remedy("All phases alike: ask the network operator. One phase: tighten its terminals.", "", "CX006"),
    ratio=2.0, plan=1.5, dispatch=math.inf, urged=Level.PLAN, scatter=0.10, walk=0.01, log=True,
)  # fmt: skip
_TERMINAL = Measure(
    "terminal", "ElectricalFeed", "", Per.DAY, Basis.MEASURED,
    Remedy("Tighten the terminals of this phase before they burn: its impedance has left its siblings'.", "terminal"),
    ratio=1.5, start=1.0, scatter=0.08, walk=0.04, log=True,
)  # fmt: skip
_NEUTRAL = Measure(
    "neutral", "ElectricalFeed", "Ohm", Per.DAY, Basis.MEASURED,
    Remedy("Have an electrician check the neutral from the outlet to the transformer.", "terminal", "CX005"),
    limit=1.0, start=0.2, scatter=0.03, walk=0.04,
)  # fmt: skip
