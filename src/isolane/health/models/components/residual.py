"""This file judges residual currents; it guards that a standing current is seen before it trips or blinds a device."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.held import Held
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Residual", "ResidualParameters"]

_HEAD, _TEST = "RCD/xResidualCurrent[", "RCD/xSelfTest"
_DAY_S = 86_400
_ROWS_MIN, _INTERVALS_MIN = 60, 6
_TRIP_ROWS, _OVER_ROWS, _TEST_ROWS = 12, 60, 2
_NORMAL = 1.4826


class ResidualParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How residual currents are judged."""

    direct_a: Annotated[
        float, msgspec.Meta(description="Smooth direct current that has to trip, A; IEC 62955: 0.006", gt=0, le=1)
    ] = 0.006
    alternating_a: Annotated[
        float, msgspec.Meta(description="Alternating current that has to trip, A; type A: 0.030", gt=0, le=1)
    ] = 0.030


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        day: Of UTC that `medians` belong to.
        medians: Of each ten minutes, A, by kind of current.
        held: Of each condition.
    """

    day: int = 0
    medians: dict[str, list[float]] = msgspec.field(default_factory=dict)
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Residual:
    """Residual current of one outlet.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "residual/1"
    required: ClassVar[tuple[str, ...]] = ("RCD/xResidualCurrent[*]",)
    used: ClassVar[tuple[str, ...]] = (_TEST,)

    def __init__(self, parameters: ResidualParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating  # the limits are those of the device, whatever the outlet carries
        limits = {"DC": parameters.direct_a, "AC": parameters.alternating_a}
        self._limits = {kind: limit for kind, limit in limits.items() if f"{_HEAD}{kind}]" in keys}
        self._held = {f"residual_trip[{kind}]": Held(_TRIP_ROWS, _OVER_ROWS) for kind in self._limits}
        self._test = Held(_TEST_ROWS, _TEST_ROWS)
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Standing current of each kind."""
        return [
            Measure(
                f"residual_current[{kind}]", "RCD", "A", Per.DAY, Basis.MEASURED, _STANDING,
                limit=limit, plan=limit / 2, scatter=0.02 * limit, walk=0.005 * limit,
            )
            for kind, limit in self._limits.items()
        ]  # fmt: skip

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell a current at which the device must have tripped, and a self-test that failed."""
        for kind, limit in self._limits.items():
            current, held = window[f"{_HEAD}{kind}]"], self._held[f"residual_trip[{kind}]"]
            if not (held.held or held.count) and not np.fmax.reduce(np.abs(current)) >= limit:
                continue
            for row, on in held.feed(np.abs(current) >= limit, np.abs(current) < limit):
                level, at_s = Level.SAFETY if on else Level.NONE, window.start_s + row
                yield Finding(f"residual_trip[{kind}]", "RCD", at_s, level, _TRIP, float(current[row]), limit, "A")
        if _TEST in window:
            passed = window[_TEST]
            for row, on in self._test.feed(passed == 0, passed == 1):
                level = Level.SAFETY if on else Level.NONE
                yield Finding("self_test", "RCD", window.start_s + row, level, _FAILED)

    def interval(self, window: Window) -> Iterator[Feature]:
        """Keep the median of ten minutes; tell the day's when a day is over."""
        memory = self._memory
        day = (window.end_s - 1) // _DAY_S
        if memory.day and day > memory.day:
            yield from self._day((memory.day + 1) * _DAY_S)
            memory.medians = {}
        memory.day = max(day, memory.day)
        for kind in self._limits:
            current = window[f"{_HEAD}{kind}]"]
            current = np.abs(current[np.isfinite(current)])
            if len(current) >= _ROWS_MIN:
                memory.medians.setdefault(kind, []).append(float(np.median(current)))

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: a standing current stands beyond sessions."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.held = {name: held.note() for name, held in self._held.items()} | {"self_test": self._test.note()}
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        for name, held in self._held.items():
            held.recall(self._memory.held.get(name))
        self._test.recall(self._memory.held.get("self_test"))

    def renew(self) -> None:
        """Nothing is learnt here."""
        self._memory = Memory(day=self._memory.day)

    def _day(self, at_s: int) -> Iterator[Feature]:
        for kind, medians in self._memory.medians.items():
            if len(medians) < _INTERVALS_MIN or kind not in self._limits:
                continue
            middle = float(np.median(medians))
            spread = _NORMAL * float(np.median(np.abs(np.array(medians) - middle)))
            evidence = {"peak_a": max(medians)}
            name, sd = f"residual_current[{kind}]", spread / len(medians) ** 0.5
            yield Feature(name, at_s, middle, sd, len(medians), evidence)


_STANDING = Remedy(
    "Find where the standing current goes: filters, moisture, cable; a direct current blinds devices before it.",
    "residual current device",
    "CX002",
)
_TRIP = Remedy("At this current the device must have tripped: test it now.", "residual current device", "CX002")
_FAILED = Remedy("The self-test failed: block the outlet and change the device.", "residual current device", "CX002")
