"""This file judges the billing meter by a second one; it guards that a sensor that is off is no wrong bill."""

import math
from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.held import Held
from isolane.health.models.components.registers import Reading, read_power, read_register
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Meter", "MeterParameters"]

_FISCAL, _CONTROL = "FiscalMetering/EnergyImportRegister", "ControlMetering/EnergyImportRegister"
_CONTROL_W, _MODULE_W = "ControlMetering/Power", "AcDcConverter[*]/Power"
_VOLT, _AMPERE = "EVSE/DCVoltage", "EVSE/DCCurrent"
_PHASE_V, _PHASE_A, _PHASES = "ElectricalFeed/ACVoltage", "ElectricalFeed/ACCurrent", ("L1", "L2", "L3")
_PIECES, _UNEVEN = 8, 0.05
_STANDS = 0.2
_FLOWS_SHARE = 0.02
_ROWS_MIN, _BACK_WH, _BACK_S = 60, 2.0, 86_400
_WS_PER_WH = 3600
_UNIFORM_SD = 1 / math.sqrt(6)
"""Of the difference of two numbers cut to whole steps."""


class MeterParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the billing meter is judged."""

    class_percent: Annotated[
        float,
        msgspec.Meta(description="Error that its class allows, percent; class 1 and B: 1 (assumed)", ge=0.1, le=5),
    ] = 1.0
    energy_wh: Annotated[
        float, msgspec.Meta(description="Least energy of a session that is compared, Wh; our choice", ge=100, le=1e6)
    ] = 2000.0
    coarse_percent: Annotated[
        float,
        msgspec.Meta(
            description="Largest error by the registers' steps of a told ratio, percent; our choice", gt=0, le=5
        ),
    ] = 0.2
    stuck_wh: Annotated[
        float,
        msgspec.Meta(
            description="Energy after which a register that stands is stuck, Wh; beyond its own step; our choice",
            ge=10,
            le=1e5,
        ),
    ] = 300.0


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        register: Last reading of the billing register, Wh; NaN before the first.
        since_ws: What flowed since it counted last, Ws, a whole number.
        median: Of the register in the ten minutes before, Wh; NaN before the first.
        back_s: UTC second at which it fell; 0 if it did not in the last day.
        control_stands: Whether that is told.
        held: Of `stuck_register`.
    """

    register: float | None = None
    since_ws: float = 0.0
    median: float | None = None
    back_s: int = 0
    control_stands: bool = False
    held: list[int] = msgspec.field(default_factory=list)


class Meter:
    """Billing meter of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "meter/1"
    required: ClassVar[tuple[str, ...]] = (_FISCAL,)
    used: ClassVar[tuple[str, ...]] = (
        _CONTROL, _CONTROL_W, _MODULE_W, _VOLT, _AMPERE, f"{_PHASE_V}[*]", f"{_PHASE_A}[*]"
    )  # fmt: skip

    def __init__(self, parameters: MeterParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        self._rating = rating
        self._modules = sorted(key for key in keys if key.startswith("AcDcConverter["))
        phases = all(f"{key}[{phase}]" in keys for key in (_PHASE_V, _PHASE_A) for phase in _PHASES)
        self._phases = phases and not rating.direct
        self._control = _CONTROL if _CONTROL in keys else _CONTROL_W if _CONTROL_W in keys else ""
        self._pair = {_VOLT, _AMPERE} <= set(keys)
        self._stuck = Held(1, 1)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """What it counts beyond, and short of, each reference."""
        share = self._parameters.class_percent / 100
        return [
            Measure(
                f"counts_{way}[{name}]", "FiscalMetering", "", Per.SESSION, Basis.MEASURED, _TICKET,
                ratio=1 + sign * share, plan=1 + sign * share / 2,
                dispatch=math.nan if name == "Control" else math.inf * sign,
                urged=Level.DISPATCH if name == "Control" else Level.PLAN,
                scatter=0.003, log=True, rises=sign > 0,
            )
            for name in self._references
            for way, sign in (("more", 1), ("less", -1))
        ]  # fmt: skip

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell a billing register that stands while energy flows."""
        memory, register = self._memory, window[_FISCAL]
        flow_w = self._flow(window)
        flowing = bool(flow_w.any())
        there = np.flatnonzero(np.isfinite(register))
        if not len(there):
            return
        if not flowing and not self._stuck.held:
            if memory.register is None or register[there].min() != memory.register or np.ptp(register[there]):
                memory.since_ws = 0.0
            memory.register = float(register[there[-1]])
            return
        first = register[there[0]] if memory.register is None else memory.register
        last_there = np.maximum.accumulate(np.where(np.isfinite(register), np.arange(window.rows), -1))
        shown = np.where(last_there >= 0, register[last_there], first)
        counts = np.diff(shown, prepend=first) != 0
        sums = memory.since_ws + np.cumsum(np.where(np.isfinite(register), flow_w, 0.0))
        since = sums - np.maximum.accumulate(np.where(counts, sums, 0.0))
        memory.register, memory.since_ws = float(shown[-1]), float(since[-1])
        stuck = since > self._parameters.stuck_wh * _WS_PER_WH
        for row, on in self._stuck.feed(stuck, counts):
            level = Level.DISPATCH if on else Level.NONE
            value = float(since[row]) / _WS_PER_WH
            at_s, limit = window.start_s + row, self._parameters.stuck_wh
            yield Finding("stuck_register", "FiscalMetering", at_s, level, _STUCK, value, limit, "Wh")

    def interval(self, window: Window) -> Iterator[Finding]:
        """Tell a billing register that falls: for a day."""
        memory, register = self._memory, window[_FISCAL]
        there = register[np.isfinite(register)]
        if memory.back_s and window.end_s - memory.back_s > _BACK_S:
            memory.back_s = 0
            yield Finding("register_back", "FiscalMetering", window.end_s, Level.NONE, _BACK)
        if len(there) < _ROWS_MIN:
            return
        median = float(np.median(there))
        if memory.median is not None and median < memory.median - _BACK_WH:
            memory.back_s = window.end_s
            yield Finding(
                "register_back", "FiscalMetering", window.end_s, Level.PLAN, _BACK, median, memory.median, "Wh"
            )
        memory.median = median

    def stretch(self, stretch: Stretch) -> Iterator[Feature | Finding]:
        """Compare what it counted with each reference."""
        window = stretch.window
        power_w = 2 * self._rating.power_w
        fiscal = read_register(window[_FISCAL], power_w)
        if fiscal is None or not fiscal.whole:
            return
        for name in self._references:
            if name == "Control" and self._control == _CONTROL:
                reference = read_register(window[_CONTROL], power_w)
            else:
                reference = read_power(self._power(name, window))
            if reference is None or not reference.whole:
                continue
            energy, other = _energies(fiscal, reference)
            if name == "Control":
                yield from self._stands(window.end_s, float(energy.sum()), float(other.sum()))
            yield from self._compare(name, window.end_s, energy, other, fiscal.step_wh + reference.step_wh)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = self._stuck.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        self._stuck.recall(self._memory.held)

    def renew(self) -> None:
        """The meter was replaced: another register."""
        self._memory = Memory()

    @property
    def _references(self) -> list[str]:
        """Give what it is compared with; power modules are no meter, so only where there is nothing better."""
        found = ["Control"] if self._control else []
        found += ["Phases"] if self._phases else []
        return found or (["Modules"] if self._modules else [])

    def _power(self, name: str, window: Window) -> Floats:
        """Give the power of a reference, W."""
        if name == "Control":
            return window[_CONTROL_W]
        if name == "Modules":
            return np.asarray(np.sum([window[key] for key in self._modules], axis=0))
        pairs = [(window[f"{_PHASE_V}[{phase}]"], window[f"{_PHASE_A}[{phase}]"]) for phase in _PHASES]
        return np.asarray(np.sum([volt * ampere for volt, ampere in pairs], axis=0))

    def _flow(self, window: Window) -> Floats:
        """Give the power that every other sensor agrees on, whole W; 0 where one sees none, or none knows."""
        powers = [self._power(name, window) for name in self._references if name != "Control"]
        if _CONTROL_W in window.signals and self._control:
            powers.append(window[_CONTROL_W])
        if self._pair:
            powers.append(window[_VOLT] * window[_AMPERE])
        if not powers:
            return np.zeros(window.rows)
        least = np.fmin.reduce(powers)
        return np.where(least > _FLOWS_SHARE * self._rating.power_w, np.rint(least), 0.0)

    def _stands(self, at_s: int, energy_wh: float, other_wh: float) -> Iterator[Finding]:
        """Tell a control register that does not count: it says nothing of the billing meter."""
        memory = self._memory
        if energy_wh < self._parameters.energy_wh or (other_wh < _STANDS * energy_wh) == memory.control_stands:
            return
        memory.control_stands = not memory.control_stands
        level = Level.WATCH if memory.control_stands else Level.NONE
        yield Finding("control_stands", "ControlMetering", at_s, level, _SENSOR, other_wh, energy_wh, "Wh")

    def _compare(self, name: str, at_s: int, energy: Floats, other: Floats, step_wh: float) -> Iterator[Feature]:
        """Tell the ratio of a session, if it is the same all through it and well resolved."""
        total, reference = float(energy.sum()), float(other.sum())
        if min(total, reference) < self._parameters.energy_wh:
            return
        ratio, error = total / reference, _UNIFORM_SD * step_wh / reference
        even = _UNEVEN + 2 * step_wh / max(float(other.min()), 1e-9)
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.abs(energy / other / ratio - 1)
        if error > self._parameters.coarse_percent / 100 or not (away <= even).all():
            return
        evidence = {"billed_wh": total, "reference_wh": reference, "step_wh": step_wh}
        for way in ("more", "less"):
            yield Feature(f"counts_{way}[{name}]", at_s, ratio, ratio * error, 1, evidence)


def _energies(fiscal: Reading, reference: Reading) -> tuple[Floats, Floats]:
    """Give what both counted in pieces of equal energy, Wh, over the rows that both believe."""
    first = max(fiscal.rows[0], reference.rows[0])
    last = min(fiscal.rows[-1], reference.rows[-1])
    begin, end = reference.at(first), reference.at(last)
    if last <= first or end <= begin:
        return np.array([fiscal.at(last) - fiscal.at(first)]), np.array([0.0])
    borders = np.searchsorted(reference.wh, begin + (end - begin) * np.arange(1, _PIECES) / _PIECES)
    rows = np.unique(np.concatenate(([first], reference.rows[borders], [last])))
    rows = rows[(rows >= first) & (rows <= last)]
    return np.diff(np.interp(rows, fiscal.rows, fiscal.wh)), np.diff(np.interp(rows, reference.rows, reference.wh))


_TICKET = Remedy(
    "Have meter and charger compared by whoever is responsible for the meter; correct no bills by this.",
    "billing meter",
)
_STUCK = Remedy(
    "The billing register does not count while energy flows: check its reading, else change the meter.",
    "billing meter",
)
_BACK = Remedy("The billing register fell: it was exchanged, reset, or rolled over; keep both readings.")
_SENSOR = Remedy("The charger's own register does not count while the billing meter does: check how it is read.")
