"""This file judges the way to the CSMS; it guards that a bad antenna is told from a bad hour."""

import math
from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from isolane.health.models.components.daily import Daily, Notes, middle, middle_of_day
from isolane.health.models.components.held import Held
from isolane.health.models.measure import Basis, Feature, Finding, Level, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Link", "LinkParameters"]

_ACTIVE, _SIGNAL = "DataLink/Active", "DataLink/SignalStrength"
_TRIP, _BACK = "DataLink/xRoundTrip", "DataLink/xReconnects"
_ROWS_MIN, _INTERVALS_MIN, _DAY_MIN = 60, 6, 72
_QUANTILE = 0.95
_FLAPS, _FLAP_S = 3, 600
_OVER_ROWS = 60


class LinkParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the connection is judged."""

    offline_s: Annotated[
        int, msgspec.Meta(description="Without connection for so long needs a visit, s; our choice", ge=60, le=604_800)
    ] = 3600
    poor_dbm: Annotated[
        float, msgspec.Meta(description="Median RSRP of a day that is poor, dBm; assumed", ge=-140, le=-50)
    ] = -110.0
    step_db: Annotated[
        float, msgspec.Meta(description="Less signal than usual that is planned for, dB; our choice", ge=3, le=40)
    ] = 10.0
    reconnects_day: Annotated[
        float, msgspec.Meta(description="Reconnects a day that need a visit, half of them a plan; our choice", ge=2)
    ] = 48.0


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        days: Ten-minute numbers of the day.
        up: Whether it was connected last; None before the first row.
        falls: UTC seconds of the losses in the last ten minutes, three at most.
        flaps: Whether flapping is told.
        back: Counter of reconnects, median of the last ten minutes.
        poor: Whether a poor signal is told.
        held: Of `offline`.
    """

    days: Notes = msgspec.field(default_factory=Notes)
    up: bool | None = None
    falls: list[int] = msgspec.field(default_factory=list)
    flaps: bool = False
    back: float | None = None
    poor: bool = False
    held: list[int] = msgspec.field(default_factory=list)


class Link:
    """Connection of one charger.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "link/1"
    required: ClassVar[tuple[str, ...]] = (_ACTIVE,)
    used: ClassVar[tuple[str, ...]] = (_SIGNAL, _TRIP, _BACK)

    def __init__(self, parameters: LinkParameters, rating: Rating, keys: Collection[str]) -> None:
        del rating  # words weigh nothing
        self._parameters = parameters
        self._keys = frozenset(keys)
        self._offline = Held(parameters.offline_s, _OVER_ROWS)
        self._days = Daily()
        self._memory = Memory()

    @property
    def measures(self) -> list[Measure]:
        """Reconnects; signal and round trips where there are any."""
        parameters = self._parameters
        many = parameters.reconnects_day
        found = [
            Measure(
                "reconnects", "DataLink", "", Per.DAY, Basis.MEASURED, _LOST,
                limit=many, start=0.0, plan=many / 2, scatter=3.0, walk=1.0,
            )
        ]  # fmt: skip
        if _SIGNAL in self._keys:
            found.append(
                Measure(
                    "signal", "DataLink", "dBm", Per.DAY, Basis.MEASURED, _AERIAL,
                    spreads=10.0, plan=4.0, dispatch=math.inf, urged=Level.PLAN, scatter=parameters.step_db / 4,
                    rises=False,
                )
            )  # fmt: skip
        return [*found, _ROUND_TRIP] if _TRIP in self._keys else found

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell a connection that is away for long, or comes and goes."""
        active, memory = window[_ACTIVE], self._memory
        fine = np.fmin.reduce(active) >= 1
        if fine and memory.up and not (memory.flaps or self._offline.held or self._offline.count):
            return
        for row, on in self._offline.feed(active == 0, active >= 1):
            level, at_s = Level.DISPATCH if on else Level.NONE, window.start_s + row
            limit = float(self._parameters.offline_s)
            yield Finding("offline", "DataLink", at_s, level, _AWAY, limit, limit, "s")
        yield from self._flapping(window, active)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Keep numbers of ten minutes; tell the day's when a day is over."""
        memory, day = self._memory, self._days.over(window.end_s)
        if day is not None:
            yield from self._day(*day)
        signal, back = middle(window[_SIGNAL], _ROWS_MIN), middle(window[_BACK], _ROWS_MIN)
        trips = window[_TRIP]
        trips = trips[np.isfinite(trips)]
        if math.isfinite(signal):
            self._days.add("signal", signal)
        if len(trips) >= _ROWS_MIN:
            self._days.add("round_trip", float(np.quantile(trips, _QUANTILE)))
        if np.isfinite(window[_ACTIVE]).sum() >= _ROWS_MIN:
            self._days.add("known", 1.0)
        if math.isfinite(back):
            if memory.back is not None and back > memory.back:
                self._days.add("reconnects", back - memory.back)
            memory.back = back

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: it is there without sessions too."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.days, self._memory.held = self._days.note(), self._offline.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._memory = msgspec.convert(dict(state), Memory)
        self._days.recall(self._memory.days)
        self._offline.recall(self._memory.held)

    def renew(self) -> None:
        """Nothing is learnt here."""

    def _flapping(self, window: Window, active: Floats) -> Iterator[Finding]:
        """Three losses within ten minutes, until there was none for as long."""
        memory = self._memory
        for row, value in enumerate(active.tolist()):
            at_s = window.start_s + row
            if memory.flaps and at_s - memory.falls[-1] >= _FLAP_S:
                memory.flaps = False
                yield Finding("flapping", "DataLink", at_s, Level.NONE, _LOST)
            if not math.isfinite(value):
                continue
            if memory.up and value == 0:
                memory.falls = [*memory.falls, at_s][-_FLAPS:]
                if not memory.flaps and len(memory.falls) == _FLAPS and at_s - memory.falls[0] < _FLAP_S:
                    memory.flaps = True
                    yield Finding("flapping", "DataLink", at_s, Level.PLAN, _LOST, float(_FLAPS), float(_FLAPS))
            memory.up = value >= 1

    def _day(self, at_s: int, values: dict[str, list[float]]) -> Iterator[Feature | Finding]:
        memory = self._memory
        if _BACK in self._keys and len(values.get("known", ())) >= _DAY_MIN:
            yield Feature("reconnects", at_s, sum(values.get("reconnects", ())))
        for name in ("signal", "round_trip"):
            if len(values.get(name, ())) < _INTERVALS_MIN:
                continue
            median, sd = middle_of_day(values[name])
            yield Feature(name, at_s, median, sd, len(values[name]))
            limit_dbm = self._parameters.poor_dbm
            if name == "signal" and (median < limit_dbm) != memory.poor:
                memory.poor = median < limit_dbm
                level = Level.WATCH if memory.poor else Level.NONE
                yield Finding("signal_poor", "DataLink", at_s, level, _AERIAL, median, limit_dbm, "dBm")


_LOST = Remedy(
    "The connection comes and goes: look at antenna, cable, modem and supply of the modem.", "modem", "CX013"
)
_AERIAL = Remedy("Look at antenna and its cable; if the cell is another one, that is why.", "antenna", "CX007")
_AWAY = Remedy("Offline: look whether the charger has power, then at modem, SIM and network.", "modem", "CX013")
_ROUND_TRIP = Measure(
    "round_trip", "DataLink", "s", Per.DAY, Basis.MEASURED,
    Remedy("Answers take long: compare with other sites; alike everywhere it is the CSMS, here the network."),
    ratio=10.0, plan=5.0, watch=2.0, dispatch=math.inf, urged=Level.PLAN, scatter=0.10, log=True,
)  # fmt: skip
