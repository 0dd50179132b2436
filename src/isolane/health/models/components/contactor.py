"""This file judges contactors; it guards that wear is not guessed where nobody knows what life they are made for."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.fit import fit
from isolane.health.models.components.held import Held
from isolane.health.models.components.wear import break_wear
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Contactor", "ContactorParameters"]

_ACTIVE, _COMMAND = "PowerContactor/Active", "PowerContactor/xCommand"
_BEHIND, _COUNT = "PowerContactor/xOutputVoltage", "PowerContactor/Count[Operations]"
_DC, _AC = "EVSE/DCCurrent", "ElectricalFeed/ACCurrent["
_AGE_S = 5
_KEPT = 2
_DAY_S = 86_400
_STEPS_MAX = 10_000
_DC_MECHANICAL, _AC_MECHANICAL, _AC_ELECTRICAL = 200_000, 1_000_000, 100_000
_VOLTAGE_ROWS, _OVER_ROWS = 10, 5
_ROWS_MIN = 60
_ERROR_MAX = 0.1
_DROP = "]/xDropVoltage"


class ContactorParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How contactors are judged."""

    operations_electrical: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e8)] | None,
        msgspec.Meta(
            description="Breaks at rated voltage and current that it is made for (data sheet). Absent: 100,000 for "
            "AC (assumed); for DC there is no safe default, and electrical wear is not judged"
        ),
    ] = None
    operations_mechanical: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None,
        msgspec.Meta(
            description="Operations without load that it is made for. Absent: 1,000,000 AC, 200,000 DC (assumed)"
        ),
    ] = None
    rated_a: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=5000)] | None,
        msgspec.Meta(description="Current that the electrical operations are for, A. Absent: the outlet's"),
    ] = None
    hot_share: Annotated[
        float,
        msgspec.Meta(
            description="Share of rated current from which a break is told as hot, 0.01 to 1; our choice", ge=0.01, le=1
        ),
    ] = 0.1
    settle_s: Annotated[
        int, msgspec.Meta(description="Time that it has to follow its command, s, 1 to 60", ge=1, le=60)
    ] = 2
    behind_v: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1000)] | None,
        msgspec.Meta(description="Voltage behind it from which it is not open, V. Absent: 60 for DC, 50 for AC"),
    ] = None
    resistance_share: Annotated[
        float,
        msgspec.Meta(description="Share of rated current from which its drop is looked at, 0.05 to 1", ge=0.05, le=1),
    ] = 0.3


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        operations: Closings, those that its own counter shows included.
        counter: What its own counter showed last.
        renewed: Whether the counter's next value is a new beginning and no history.
        electrical: Share of electrical life used.
        hot: Hot breaks.
        unseen: Breaks whose current is not known.
        closed: Whether it was closed, as last known.
        recent: UTC second and A of the newest two currents while closed.
        told_s: UTC second of a hot break that is told; 0 is none.
        day: Newest day for which wear is told.
        held: Of each condition.
    """

    operations: int = 0
    counter: float | None = None
    renewed: bool = False
    electrical: float = 0.0
    hot: int = 0
    unseen: int = 0
    closed: bool | None = None
    recent: list[tuple[int, float]] = msgspec.field(default_factory=list)
    told_s: int = 0
    day: int = 0
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Contactor:
    """The contactor of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "contactor/1"
    required: ClassVar[tuple[str, ...]] = (_ACTIVE,)
    used: ClassVar[tuple[str, ...]] = (_COMMAND, _BEHIND, _COUNT, _DC, f"{_AC}*]", "PowerContactor[*]/xDropVoltage")

    def __init__(self, parameters: ContactorParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        direct = rating.direct
        self._currents = [_DC] if direct else sorted(key for key in keys if key.startswith(_AC))
        self._rated_a = parameters.rated_a or rating.current_a
        self._electrical = parameters.operations_electrical or (None if direct else _AC_ELECTRICAL)
        self._mechanical = parameters.operations_mechanical or (_DC_MECHANICAL if direct else _AC_MECHANICAL)
        self._behind_v = parameters.behind_v or (60.0 if direct else 50.0)
        self._poles = sorted(_pole(key) for key in keys if key.startswith("PowerContactor[") and key.endswith(_DROP))
        self._has_command = _COMMAND in keys
        settle = parameters.settle_s + 1
        self._held = {
            "weld": Held(settle, _OVER_ROWS),
            "not_closing": Held(settle, _OVER_ROWS),
            "voltage_behind": Held(max(settle, _VOLTAGE_ROWS), _OVER_ROWS),
        }
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Wear, and the resistance of each pole whose drop is measured."""
        wear = _MECHANICAL if self._electrical is None else _WEAR
        return [wear, *(replace(_RESISTANCE, name=f"contact_resistance[{pole}]") for pole in self._poles)]

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell welds, contactors that do not close, and breaks under load."""
        active = window[_ACTIVE]
        yield from self._operations(window, active)
        if self._has_command:
            yield from self._disobeys(window, active)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Read its own counter; tell wear when a day is over."""
        memory = self._memory
        if memory.told_s and window.end_s - memory.told_s >= window.rows:
            memory.told_s = 0
            yield Finding("hot_break", "PowerContactor", window.end_s, Level.NONE, _HOT)
        self._read_counter(window.signals.get(_COUNT))
        day = window.end_s // _DAY_S
        if memory.day and day > memory.day:
            mechanical = memory.operations / self._mechanical
            name = "wear" if self._electrical is not None else "mechanical_wear"
            evidence = {
                "operations": float(memory.operations),
                "hot_breaks": float(memory.hot),
                "unseen_breaks": float(memory.unseen),
            }
            yield Feature(name, window.end_s, 100 * (mechanical + memory.electrical), 0.0, 1, evidence)
        memory.day = max(day, memory.day)

    def stretch(self, stretch: Stretch) -> Iterator[Feature]:
        """Fit the resistance of each pole whose drop is measured."""
        window = stretch.window
        if not self._poles:
            return
        current_a = self._current(window)
        loaded = np.nan_to_num(current_a) > self._parameters.resistance_share * self._rated_a
        for pole in self._poles:
            drop_v = window[f"PowerContactor[{pole}{_DROP}"][loaded]
            if np.isfinite(drop_v).sum() < _ROWS_MIN:
                continue
            found = fit(np.column_stack((current_a[loaded], np.ones(len(drop_v)))), drop_v)
            if found is not None and found.sds[0] < _ERROR_MAX * found.values[0]:
                evidence = {"offset_v": float(found.values[1]), "mean_a": float(current_a[loaded].mean())}
                resistance, sd = float(found.values[0]), float(found.sds[0])
                yield Feature(f"contact_resistance[{pole}]", window.end_s, resistance, sd, found.n, evidence)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = {name: held.note() for name, held in self._held.items()}
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        for name, held in self._held.items():
            held.recall(self._memory.held.get(name))

    def renew(self) -> None:
        """Forget the wear: it was replaced."""
        self._memory = Memory(renewed=True, day=self._memory.day, closed=self._memory.closed)

    def _current(self, window: Window) -> Floats:
        """Give the greatest current of the phases, or that of the DC pole, A."""
        found = np.full(window.rows, np.nan)
        for key in self._currents:
            found = np.fmax(found, window[key])
        return found

    def _operations(self, window: Window, active: Floats) -> Iterator[Finding]:
        """Count closings; weigh each opening by the greater of the last two currents before it."""
        memory, low, high = self._memory, np.fmin.reduce(active), np.fmax.reduce(active)
        if memory.closed is False and high == 0:
            return
        current_a = self._current(window)
        if memory.closed and low == 1:
            for row in np.flatnonzero(np.isfinite(current_a))[-_KEPT:]:
                self._keep(window.start_s + int(row), float(current_a[row]))
            return
        for row, (state, current) in enumerate(zip(active.tolist(), current_a.tolist(), strict=True)):
            at_s = window.start_s + row
            if state == 0:
                if memory.closed:
                    yield from self._opened(at_s)
                memory.closed = False
                memory.recent = []
                continue
            if state == 1:
                memory.operations += memory.closed is False and memory.counter is None
                memory.closed = True
            if memory.closed and current == current:  # noqa: PLR0124 - NaN is a gap
                self._keep(at_s, current)

    def _keep(self, at_s: int, current_a: float) -> None:
        self._memory.recent = [*self._memory.recent, (at_s, current_a)][-_KEPT:]

    def _opened(self, at_s: int) -> Iterator[Finding]:
        memory = self._memory
        currents = [abs(current) for when, current in memory.recent if at_s - when <= _AGE_S]
        if not currents:
            memory.unseen += 1
            return
        current_a = max(currents)
        if self._electrical is not None:
            memory.electrical += break_wear(current_a, self._rated_a, self._electrical)
        hot_a = self._parameters.hot_share * self._rated_a
        if current_a >= hot_a:
            memory.hot += 1
            memory.told_s = at_s
            yield Finding("hot_break", "PowerContactor", at_s, Level.INFO, _HOT, current_a, hot_a, "A")

    def _read_counter(self, counter: Floats | None) -> None:
        """Take its own counter, which knows its whole life, in place of our count."""
        there = counter[np.isfinite(counter)] if counter is not None else np.empty(0)
        if not len(there):
            return
        memory, now = self._memory, float(there[-1])
        if memory.counter is None:
            memory.operations = memory.operations if memory.renewed else max(int(now), memory.operations)
        elif 0 <= now - memory.counter < _STEPS_MAX:
            memory.operations += int(now - memory.counter)
        memory.counter = now

    def _disobeys(self, window: Window, active: Floats) -> Iterator[Finding]:
        command, behind_v = window[_COMMAND], window[_BEHIND]
        calm = (command == active).all() and not any(held.held or held.count for held in self._held.values())
        if calm and (np.fmin.reduce(command) == 1 or not np.fmax.reduce(np.abs(behind_v)) > self._behind_v):
            return
        told_open, told_closed = command == 0, command == 1
        is_open, is_closed = active == 0, active == 1
        live = np.abs(behind_v) > self._behind_v
        dead = np.abs(behind_v) <= self._behind_v
        for name, yes, no, level, remedy in (
            (
                "weld",
                told_open & (is_closed | (live & ~is_open)),
                is_open | (told_open & dead & ~is_closed),
                Level.SAFETY,
                _WELD,
            ),
            ("not_closing", told_closed & is_open, is_closed, Level.DISPATCH, _NOT_CLOSING),
            ("voltage_behind", told_open & is_open & live, told_closed | dead, Level.PLAN, _LIVE),
        ):
            for row, on in self._held[name].feed(yes, no):
                now = level if on else Level.NONE
                value, limit = float(behind_v[row]), self._behind_v
                yield Finding(name, "PowerContactor", window.start_s + row, now, remedy, value, limit, "V")


def _pole(key: str) -> str:
    return key.removeprefix("PowerContactor[").removesuffix(_DROP)


_CHANGE = Remedy(
    "Change the contactor set (all poles), look at the arc chamber, and find out why it broke under load.",
    "contactor set",
    "CX017",
)
_WELD = Remedy(
    "Contacts are closed though told to open: block the outlet, change the contactor set.",
    "contactor set",
    "CX017",
)
_NOT_CLOSING = Remedy(
    "It does not close when told: check coil, supply of the coil and auxiliary contact.",
    "contactor set",
    "CX017",
)
_LIVE = Remedy(
    "Voltage behind an open contactor: check for a pole that is welded, the auxiliary contact and the voltage sensor.",
    "contactor set",
    "CX017",
)
_HOT = Remedy("It broke under load: look for emergency stops, cars that disconnect, and brown-outs.")
_COUNTED = Remedy(
    "Change the contactor set. Only operations are counted: how many breaks under load it is made for is not set.",
    "contactor set",
    "CX017",
)
_WEAR = Measure(
    "wear", "PowerContactor", "Percent", Per.DAY, Basis.MODELLED, _CHANGE,
    limit=100.0, start=0.0, plan=50.0, dispatch=80.0, scatter=1.0,
)  # fmt: skip
_MECHANICAL = replace(_WEAR, name="mechanical_wear", basis=Basis.COUNTED, remedy=_COUNTED)
_RESISTANCE = Measure(
    "contact_resistance", "PowerContactor", "Ohm", Per.SESSION, Basis.MEASURED, _CHANGE,
    ratio=2.0, scatter=0.05, walk=0.005, log=True,
)  # fmt: skip
