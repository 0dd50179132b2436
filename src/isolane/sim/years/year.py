"""This file runs a plan; it guards that no more than some weeks of sessions and one day of samples are in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.ac_body import AcBody
from isolane.sim.years.ac_day import ac_day
from isolane.sim.years.arrivals import NEVER_S, Session, draw_day
from isolane.sim.years.box_day import box_signals
from isolane.sim.years.climate import Supply, SupplyDay, Weather
from isolane.sim.years.dc_body import DcBody
from isolane.sim.years.dc_day import dc_day
from isolane.sim.years.faults import DAY_S, level
from isolane.sim.years.frame import Frame
from isolane.sim.years.lanes import Body, Lane, Track, run
from isolane.sim.years.plan import Charger, Plan
from isolane.sim.years.sensors import Noise, Sensors, Values
from isolane.sim.years.session_day import session_signals
from isolane.sim.years.station_day import (
    IMPEDANCES,
    Flow,
    Memory,
    housing_signals,
    insulation_signals,
    meter_signals,
    supply_signals,
)
from isolane.sim.years.structure import Structure, draw_structure
from isolane.sim.years.truth import Truth

_LANES = 256
"""DC charger-days reckoned side by side: more take more memory and little less time."""
_AC_LANES = 4
"""How many of them an AC charger-day counts for: its cars stand longer."""
_BODIES: dict[str, type[Body]] = {"dc150": DcBody, "ac22": AcBody}
_DAYS: dict[str, Callable[[Frame, Sensors, NDArray[np.float64]], Flow]] = {"dc150": dc_day, "ac22": ac_day}
_SLAC_TRIES_S = 180
_UNPLUG_S = 25


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one charger, evenly spaced.

    Attributes:
        charger: Its identity.
        start_utc: UTC second of the first sample.
        step_s: Seconds from one sample to the next.
        signals: Key to values in the key's unit, all of one length; NaN is a gap. float32, registers and counters
            float64.
    """

    charger: str
    start_utc: int
    step_s: int
    signals: dict[str, Values]

    def __len__(self) -> int:
        """Give the number of samples."""
        return len(next(iter(self.signals.values())))


@dataclass(slots=True)
class _Place:
    """A charger on its way through the year."""

    charger: Charger
    course: int
    structure: Structure
    memory: Memory


class Year:
    """A plan being run.

    Args:
        plan: What to simulate.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._weather = Weather(plan)
        self._supply = Supply(plan)
        self._noise = Noise(plan.seed)
        self._places = [
            _Place(charger, course, self._structure(charger, course), Memory())
            for charger, course in ((c, n if c.course < 0 else c.course) for n, c in enumerate(plan.chargers))
        ]
        self.truth = Truth(plan, {place.charger.id: place.structure for place in self._places})

    def _structure(self, charger: Charger, course: int) -> Structure:
        rng = np.random.default_rng((self._plan.seed, 4, course))
        return draw_structure(rng, self._plan.scatter, charger.kind, charger.sessions_per_day)

    def chunks(self) -> Iterator[Chunk]:
        """Run, once: days in order, in each day the chargers in order, of each its spans in order.

        The sessions and derating of `truth` are complete when this ends.
        """
        plan = self._plan
        weight = sum(_AC_LANES if charger.kind == "ac22" else 1 for charger in plan.chargers)
        at_once = max(1, _LANES // weight)
        for first in range(0, plan.days, at_once):
            days = range(first, min(first + at_once, plan.days))
            lanes = {(place.charger.id, day): self._lane(place, day) for day in days for place in self._places}
            tracks = self._tracks(lanes)
            for day in days:
                supply = self._supply.day(day)
                for place in self._places:
                    key = (place.charger.id, day)
                    yield from self._day(place, lanes[key], tracks.pop(key), supply)

    def _tracks(self, lanes: dict[tuple[str, int], Lane]) -> dict[tuple[str, int], Sequence[Track]]:
        kinds = {charger.id: charger.kind for charger in self._plan.chargers}
        tracks: dict[tuple[str, int], Sequence[Track]] = {}
        for kind, body in _BODIES.items():
            keys = [key for key in lanes if kinds[key[0]] == kind]
            tracks.update(zip(keys, run(body, [lanes[key] for key in keys], self._weather), strict=True))
        return tracks

    def _lane(self, place: _Place, day: int) -> Lane:
        rng = np.random.default_rng((self._plan.seed, 5, place.course, day))
        weekday = (self._plan.start_utc // DAY_S + 3 + day) % 7
        structure, faults = place.structure, place.charger.faults
        mean = structure.sessions_per_day
        drawn = draw_day(rng, place.charger.kind, mean, weekday, self._plan.scatter)
        sessions = tuple(self._begun(place, day, session) for session in drawn)
        return Lane(day, sessions, faults, structure)

    def _begun(self, place: _Place, day: int, session: Session) -> Session:
        """Let SLAC fail where it does."""
        if place.charger.kind != "dc150":
            return session
        at = np.array([day * DAY_S + session.begin_s])
        share, excess = (float(level(place.charger.faults, k, at)[0]) for k in ("slac_fail", "slac_attenuation"))
        if not session.slac_fails(share, place.structure.attenuation_db - 9 + excess):
            return session
        stay_s = min(session.stay_s, _SLAC_TRIES_S)
        return replace(session, stay_s=stay_s, stop_s=stay_s - _UNPLUG_S, close_s=NEVER_S)

    def _day(self, place: _Place, lane: Lane, tracks: Sequence[Track], supply: SupplyDay) -> Iterator[Chunk]:
        plan, faults = self._plan, place.charger.faults
        frame = Frame(lane, tracks, self._weather, supply, plan.idle_step_s)
        rng = np.random.default_rng((plan.seed, 6, place.course, lane.day))
        sensors = Sensors(self._noise, rng, len(frame.time))
        self._show(place, frame, sensors, rng)
        sensors.fall_ill(faults, frame.second, place.memory.held)
        sensors.gap(self._gaps(frame, rng))
        self.truth.add_day(place.charger.id, frame)
        start_utc = plan.start_utc + lane.day * DAY_S
        for part, step_s in frame.spans(plan.idle_step_s):
            signals = {key: values[part] for key, values in sensors.signals.items()}
            yield Chunk(place.charger.id, start_utc + int(frame.time[part.start]), step_s, signals)

    def _show(self, place: _Place, frame: Frame, sensors: Sensors, rng: np.random.Generator) -> None:
        memory, kind = place.memory, place.charger.kind
        air_c = frame.minutes(frame.of_weather(self._weather.air_c))
        flow = _DAYS[kind](frame, sensors, air_c)
        supply_signals(frame, sensors, flow, IMPEDANCES[kind])
        meter_signals(frame, sensors, flow, memory)
        humidity = housing_signals(frame, sensors, flow, memory, kind)
        insulation_signals(frame, sensors, humidity, flow.power_w / flow.rated_w)
        session_signals(frame, sensors, flow, memory, kind)
        box_signals(frame, sensors, memory, rng, visits=self._plan.visits)

    def _gaps(self, frame: Frame, rng: np.random.Generator) -> NDArray[np.bool_]:
        missing = np.zeros(len(frame.time), bool)
        for _ in range(rng.poisson(self._plan.gaps_per_day)):
            begin_s = int(rng.integers(DAY_S))
            missing |= (frame.time >= begin_s) & (frame.time < begin_s + int(rng.integers(5, 60)))
        return missing
