"""This file finds sensors that fail; it guards that a sensor is named by its own conduct, and never above L1.

Every signal that a model reads is watched once, whatever it is of, against how it has behaved itself while it was
learnt: how long it was absent, how long it stood, how far single samples stood out, in what steps it came, what it
showed at rest. What a failed part does too is left to the part's model: a fan that shows no turns is no stuck sensor.
"""

from collections.abc import Collection, Iterator
from enum import IntEnum
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.sensor_traits import Flags, Floats, Traits, traits
from isolane.health.models.components.sensors_at_rest import AtRest, busy
from isolane.health.models.measure import Feature, Finding, Level, Measure, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Stretch, Window

__all__ = ["Sensors", "SensorsParameters"]

_INTERVAL_S, _DAY_S = 600, 86_400
_ROWS_MIN = 300
_THERE_MIN = 0.05
_BUSY_MIN = 6
_RUN_JUDGED, _BUSY_JUDGED = 36, 12
_STANDS, _ALWAYS_MOVES = 6, 3
_SPIKES_MIN, _FADES = 9.0, 5 / 6
_TALL_TIMES = 3.0
_NO_STEP = 1e30
_CHANGES_MIN, _COARSE_TIMES, _COARSE_BLOCKS = 60, 2.5, 2
_SATURATED_RH = 99.5

_ANALOGUE = frozenset({
    "Temperature", "Humidity", "ACVoltage", "ACCurrent", "DCVoltage", "DCCurrent", "Power", "Frequency", "FanSpeed",
    "Impedance", "xResidualCurrent", "xRippleVoltage", "xOutputVoltage", "SignalStrength", "xOffset",
})  # fmt: skip
_NOUGHT_IS_WRONG = frozenset({"EVSE/DCCurrent", "EVSE/DCVoltage", "EVSE/Power", "ControlMetering/Power"})
"""What cannot be 0 while two others show that current flows, whatever part has failed."""

_LOADED = ("/xOutputVoltage", "/xRippleVoltage", "/FanSpeed")
"""What else moves whenever current flows."""


class SensorsParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sensors are judged."""

    learn_days: Annotated[
        float, msgspec.Meta(description="How long each signal's own conduct is learnt, days; our choice", gt=0, le=90)
    ] = 14.0
    absent_s: Annotated[
        float, msgspec.Meta(description="Least absence that is named, s; our choice", ge=600, le=604_800)
    ] = 3600.0
    stands_s: Annotated[
        float,
        msgspec.Meta(description="Least time without any movement that is named, s; our choice", ge=600, le=604_800),
    ] = 7200.0
    times: Annotated[
        float, msgspec.Meta(description="How many times beyond what was learnt is named; our choice", ge=1.5, le=100)
    ] = 3.0


class _Of(IntEnum):
    """What is kept of each signal: a row of the table. Times are in intervals of ten minutes."""

    SEEN = 0
    ABSENT = 1
    ABSENT_MAX = 2
    RUN = 3
    RUN_MAX = 4
    BUSY = 5
    BUSY_MAX = 6
    TALL_MAX = 7
    WILD = 8
    WILD_MAX = 9
    CHANGES = 10
    STEP = 11
    STEP_MAX = 12
    COARSE = 13
    IS_MISSING = 14
    IS_STUCK = 15
    HAS_SPIKES = 16
    IS_COARSE = 17


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered: of each signal, by key.

    Attributes:
        table: Its column of the table.
        rest: What it shows at rest.
        quiet: Intervals that the place has been at rest.
    """

    table: dict[str, list[float]] = msgspec.field(default_factory=dict)
    rest: dict[str, list[float]] = msgspec.field(default_factory=dict)
    quiet: int = 0


class Sensors:
    """All signals of one place that are watched there.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: The signals.
    """

    id: ClassVar[str] = "sensors/1"
    required: ClassVar[tuple[str, ...]] = ()
    used: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: SensorsParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters, self._rating = parameters, rating
        self._keys = sorted(keys)
        variables = [_variable(key) for key in self._keys]
        self._analogue = np.array([each in _ANALOGUE for each in variables], np.bool_)
        self._may_be_nought = np.array([key not in _NOUGHT_IS_WRONG for key in self._keys], np.bool_)
        self._loaded = np.array([key in _NOUGHT_IS_WRONG or key.endswith(_LOADED) for key in self._keys], np.bool_)
        self._humid = np.array([each == "Humidity" for each in variables], np.bool_)
        self._learn = parameters.learn_days * _DAY_S / _INTERVAL_S
        self.renew()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """None: a sensor is right or it is not."""
        return ()

    def watch(self, window: Window) -> tuple[()]:
        """Nothing: no second tells a sensor from what it shows."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Hold ten minutes of each signal against its own past."""
        if window.rows < _ROWS_MIN or not self._keys:
            return
        seen = traits(np.column_stack([window[key] for key in self._keys]))
        is_there = seen.there >= _THERE_MIN * window.rows
        if 2 * is_there.sum() < len(is_there):
            return  # the charger is not heard, which is no sensor's fault
        now = self._table
        learns = now[_Of.SEEN] < self._learn
        now[_Of.SEEN] += is_there
        flows = busy(window, self._rating)
        yield from self._told(window, _Of.IS_MISSING, self._missing(is_there, learns), _ABSENT)
        yield from self._told(window, _Of.IS_STUCK, self._stuck(seen, is_there, learns, flows=flows), _STUCK)
        yield from self._told(window, _Of.HAS_SPIKES, self._wild(seen, is_there, learns), _SPIKES)
        yield from self._told(window, _Of.IS_COARSE, self._coarse(seen, learns), _COARSE)
        means = dict(zip(self._keys, seen.mean, strict=True))
        for key, is_off, by, limit, unit in self._rest.take(window, means, learns=bool(learns.all())):
            level = Level.WATCH if is_off else Level.NONE
            component = key.partition("/")[0]
            yield Finding(f"sensor_offset[{key}]", component, window.end_s, level, _OFFSET, by, limit, unit)

    def stretch(self, stretch: Stretch) -> tuple[()]:
        """Nothing: sensors fail with and without sessions."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        table = {key: [float(each) for each in self._table[:, at]] for at, key in enumerate(self._keys)}
        remembered: State = msgspec.to_builtins(Memory(table=table, rest=self._rest.note(), quiet=self._rest.quiet))
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        for at, key in enumerate(self._keys):
            if len(kept := found.table.get(key, ())) == len(_Of):
                self._table[:, at] = kept
        self._rest.recall(found.rest, found.quiet)

    def renew(self) -> None:
        """Learn all of them anew."""
        self._table: Floats = np.zeros((len(_Of), len(self._keys)))
        self._table[_Of.STEP] = _NO_STEP
        self._rest = AtRest(self._keys, self._rating)

    def _missing(self, is_there: Flags, learns: Flags) -> Flags:
        now, least = self._table, self._parameters.absent_s / _INTERVAL_S
        now[_Of.ABSENT] = np.where(is_there, 0, now[_Of.ABSENT] + (now[_Of.SEEN] > 0))
        is_missing = ~learns & (now[_Of.ABSENT] >= np.maximum(least, self._parameters.times * now[_Of.ABSENT_MAX]))
        is_missing |= (now[_Of.IS_MISSING] > 0) & ~is_there
        _raise(now[_Of.ABSENT_MAX], now[_Of.ABSENT], learns)
        return np.asarray(is_missing, np.bool_)

    def _stuck(self, seen: Traits, is_there: Flags, learns: Flags, *, flows: bool) -> Flags:
        now, times = self._table, self._parameters.times
        for run, longest, counts in ((_Of.RUN, _Of.RUN_MAX, True), (_Of.BUSY, _Of.BUSY_MAX, flows)):
            ended = seen.moves & (now[_Of.IS_STUCK] == 0)
            _raise(now[longest], now[run], ended | learns)
            now[run] = np.where(seen.moves, 0, now[run] + (is_there & counts))
        restless = now[_Of.RUN_MAX] <= _ALWAYS_MOVES
        all_stand = 2 * (restless & (now[_Of.RUN] >= _STANDS)).sum() > max(restless.sum(), 2)
        with np.errstate(invalid="ignore"):
            natural = (seen.mean == 0) | (self._humid & (seen.mean >= _SATURATED_RH))
        least = np.maximum(self._parameters.stands_s / _INTERVAL_S, times * now[_Of.RUN_MAX])
        by_time = (now[_Of.RUN] >= least) & (now[_Of.RUN_MAX] <= _RUN_JUDGED) & ~natural
        by_load = (now[_Of.BUSY] >= np.maximum(_BUSY_MIN, times * now[_Of.BUSY_MAX])) & flows
        by_load &= self._loaded & (now[_Of.BUSY_MAX] <= _BUSY_JUDGED) & ~(natural & self._may_be_nought)
        stands = self._analogue & ~learns & (by_time | by_load) & is_there & (not all_stand)
        return np.asarray(stands | ((now[_Of.IS_STUCK] > 0) & ~seen.moves), np.bool_)

    def _wild(self, seen: Traits, is_there: Flags, learns: Flags) -> Flags:
        now = self._table
        if learns.any():
            _raise(now[_Of.TALL_MAX], seen.tall, learns)
        out = (seen.spikes > _TALL_TIMES * now[_Of.TALL_MAX]).sum(axis=0)
        now[_Of.WILD] = _FADES * now[_Of.WILD] + np.where(is_there, np.where(learns, 0, out) + seen.lone, 0)
        _raise(now[_Of.WILD_MAX], now[_Of.WILD], learns)
        least = np.maximum(_SPIKES_MIN, self._parameters.times * now[_Of.WILD_MAX])
        begins = ~learns & self._analogue & (now[_Of.WILD] >= least)
        lasts = (now[_Of.HAS_SPIKES] > 0) & (now[_Of.WILD] >= least / 2)
        return np.asarray(begins | lasts, np.bool_)

    def _coarse(self, seen: Traits, learns: Flags) -> Flags:
        now = self._table
        now[_Of.CHANGES] += seen.changes
        now[_Of.STEP] = np.minimum(now[_Of.STEP], seen.step)
        full = now[_Of.CHANGES] >= _CHANGES_MIN
        _raise(now[_Of.STEP_MAX], now[_Of.STEP], learns & full)
        is_far = now[_Of.STEP] > _COARSE_TIMES * now[_Of.STEP_MAX]
        now[_Of.COARSE] = np.where(full, np.where(is_far, now[_Of.COARSE] + 1, 0), now[_Of.COARSE])
        now[_Of.CHANGES, full], now[_Of.STEP, full] = 0, _NO_STEP
        learnt = ~learns & self._analogue & (now[_Of.STEP_MAX] > 0)
        lasts = (now[_Of.IS_COARSE] > 0) & (now[_Of.COARSE] > 0)
        return np.asarray(learnt & ((now[_Of.COARSE] >= _COARSE_BLOCKS) | lasts), np.bool_)

    def _told(self, window: Window, row: _Of, is_held: Flags, what: tuple[str, Remedy, _Of]) -> Iterator[Finding]:
        """Tell what begins and what is over."""
        name, remedy, shown = what
        for at in np.flatnonzero(is_held != (self._table[row] > 0)):
            key = self._keys[at]
            level = Level.WATCH if is_held[at] else Level.NONE
            value = float(self._table[shown, at])
            yield Finding(f"{name}[{key}]", key.partition("/")[0], window.end_s, level, remedy, value)
        self._table[row] = is_held


def _raise(most: Floats, value: NDArray[np.float64], where: Flags) -> None:
    """Keep the most that there was, in place."""
    np.maximum(most, value, out=most, where=where)


def _variable(key: str) -> str:
    return key.rpartition("/")[2].partition("[")[0]


_ABSENT = (
    "sensor_missing",
    Remedy("Check the sensor, its plug and its cable: it gives nothing while others do.", "sensor"),
    _Of.ABSENT,
)
_STUCK = (
    "sensor_stuck",
    Remedy("Check the sensor: it shows the same for longer than it ever did, while others move.", "sensor"),
    _Of.RUN,
)
_SPIKES = (
    "sensor_spikes",
    Remedy("Check plug, cable and shield of the sensor: single samples are wild or missing.", "sensor"),
    _Of.WILD,
)
_COARSE = (
    "sensor_steps",
    Remedy("Check the sensor and its converter: it comes in coarser steps than it did.", "sensor"),
    _Of.STEP_MAX,
)
_OFFSET = Remedy("Check the sensor: at rest it differs from the others by more than it ever did.", "sensor")
