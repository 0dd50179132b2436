"""This file judges a clock by its offset; it guards that signed meter values and certificates keep their time."""

import math
from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.daily import Daily, Notes, middle
from isolane.health.models.components.held import Held
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Clock", "ClockParameters"]

_OFFSET = "RealTimeClock/xOffset"
_ROWS_MIN, _INTERVALS_MIN, _FALL = 60, 6, 3
_DAY_S = 86_400.0


class ClockParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a clock is judged."""

    watch_s: Annotated[float, msgspec.Meta(description="Offset that is watched, s; our choice", gt=0, le=3600)] = 1.0
    plan_s: Annotated[
        float,
        msgspec.Meta(description="Offset that is planned for, s; at twice that signatures are doubted", gt=0, le=3600),
    ] = 2.5


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        days: Offsets of the day.
        held: Of each condition.
    """

    days: Notes = msgspec.field(default_factory=Notes)
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Clock:
    """Clock of one controller.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "clock/1"
    required: ClassVar[tuple[str, ...]] = (_OFFSET,)
    used: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: ClockParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating, keys  # time is the same for all
        self._limits = {
            "clock_off": (parameters.watch_s, Level.WATCH, _NTP),
            "clock_far": (parameters.plan_s, Level.PLAN, _NTP),
            "rtc_reset": (_DAY_S, Level.PLAN, _RESET),
        }
        self._plan_s = parameters.plan_s
        self._held = {name: Held(1, _FALL) for name in self._limits}
        self._days = Daily()

    @property
    def measures(self) -> list[Measure]:
        """How far it is off."""
        return [
            Measure(
                "clock_offset", "RealTimeClock", "s", Per.DAY, Basis.MEASURED, _NTP,
                limit=2 * self._plan_s, start=0.0, plan=self._plan_s, dispatch=math.inf, urged=Level.PLAN, scatter=0.05,
            )
        ]  # fmt: skip

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Nothing: a clock that is set shows one wild offset."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Hold the median of ten minutes against the limits; tell the day's when a day is over."""
        day = self._days.over(window.end_s)
        if day is not None and len(values := day[1].get("offset", [])) >= _INTERVALS_MIN:
            yield Feature("clock_offset", day[0], float(np.median(values)), 0.0, len(values))
        offset_s = abs(middle(window[_OFFSET], _ROWS_MIN))
        if not math.isfinite(offset_s):
            return
        self._days.add("offset", offset_s)
        for name, (limit_s, level, remedy) in self._limits.items():
            for _, on in self._held[name].feed(np.array([offset_s > limit_s])):
                told = level if on else Level.NONE
                yield Finding(name, "RealTimeClock", window.end_s, told, remedy, offset_s, limit_s, "s")

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: time goes on without sessions too."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        held = {name: held.note() for name, held in self._held.items()}
        remembered: State = msgspec.to_builtins(Memory(days=self._days.note(), held=held))
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        self._days.recall(found.days)
        for name, held in self._held.items():
            held.recall(found.held.get(name))

    def renew(self) -> None:
        """Nothing is learnt here."""


_NTP = Remedy("Look at the time server and the way to it: signed meter values and certificates need the time.")
_RESET = Remedy(
    "The clock fell back to its first date: change its battery; logs since then bear wrong dates.", "coin cell"
)
