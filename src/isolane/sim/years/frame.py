"""This file is one day of one charger as arrays over time; it guards that all of them stand on the same seconds.

With `idle_step_s` over 1 the seconds of a day are not evenly spaced: each one while a car is there, from 2 minutes
before to 30 minutes after; else one in `idle_step_s`.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.arrivals import Session
from isolane.sim.years.climate import GRID_S, PER_DAY, SUPPLY_S, SupplyDay, Weather
from isolane.sim.years.faults import DAY_S, KINDS, level
from isolane.sim.years.lanes import Lane, Track

Floats = NDArray[np.float64]

_BEFORE_S, _AFTER_S = 120, 1800


class Frame:
    """One day of one charger.

    Args:
        lane: The day's sessions, faults and structure.
        tracks: What each session gave.
        weather: Of the site.
        supply: Of the day.
        idle_step_s: See `Plan`.
    """

    def __init__(
        self,
        lane: Lane,
        tracks: Sequence[Track],
        weather: Weather,
        supply: SupplyDay,
        idle_step_s: int,
    ) -> None:
        self.day, self.sessions, self.tracks = lane.day, lane.sessions, tracks
        self.faults, self.structure = lane.faults, lane.structure
        self.weather, self._supply = weather, supply
        self.busy = self._busy(idle_step_s)
        self.time = np.arange(DAY_S) if idle_step_s == 1 else np.flatnonzero(self.busy | _thin(idle_step_s))
        self.second = lane.day * DAY_S + self.time
        self._even = len(self.time) == DAY_S
        self._minute = (self.time // GRID_S, (self.time % GRID_S) / GRID_S)
        self._ten = (self.time // SUPPLY_S, (self.time % SUPPLY_S) / SUPPLY_S)

    def _busy(self, idle_step_s: int) -> NDArray[np.bool_]:
        busy = np.zeros(DAY_S, bool)
        for session in self.sessions if idle_step_s > 1 else ():
            busy[max(session.begin_s - _BEFORE_S, 0) : session.begin_s + session.stay_s + _AFTER_S] = True
        return busy

    def spans(self, idle_step_s: int) -> list[tuple[slice, int]]:
        """Cut the day into evenly spaced parts: which samples, and how many seconds apart."""
        if self._even:
            return [(slice(0, DAY_S), 1)]
        fast = self.busy[self.time]
        cuts = np.flatnonzero(fast[1:] != fast[:-1]) + 1
        edges = [0, *cuts.tolist(), len(self.time)]
        return [(slice(a, b), 1 if fast[a] else idle_step_s) for a, b in itertools.pairwise(edges)]

    def where(self, session: Session) -> slice:
        """Give the samples of a session; they are a second apart."""
        begin = session.begin_s if self._even else int(np.searchsorted(self.time, session.begin_s))
        return slice(begin, begin + session.stay_s)

    def placed(self, name: str, between: float = 0.0) -> Floats:
        """Give an output of the sessions over the day, `between` where no car stands."""
        values = np.full(len(self.time), between)
        for session, track in zip(self.sessions, self.tracks, strict=True):
            values[self.where(session)] = track[name]
        return values

    def fading(self, name: str, tau_s: float, floor: float = 0.0, slow: tuple[str, float] | None = None) -> Floats:
        """Give an output that goes on fading after a session.

        Args:
            name: Of the output.
            tau_s: How fast, s.
            floor: Where it fades to.
            slow: An output that is a part of it and fades with a time constant of its own.
        """
        values = np.full(len(self.time), floor)
        for number, (session, track) in enumerate(zip(self.sessions, self.tracks, strict=True)):
            part = self.where(session)
            values[part] = track[name]
            until = self.where(self.sessions[number + 1]).start if number + 1 < len(self.sessions) else len(values)
            age = self.time[part.stop : until] - (session.begin_s + session.stay_s - 1)
            rest = float(track[slow[0]][-1]) if slow else 0.0
            tail = floor + (float(track[name][-1]) - floor - rest) * np.exp(-age / tau_s)
            if slow:
                tail += rest * np.exp(-age / slow[1])
            values[part.stop : until] = tail
        return values

    def minutes(self, grid: Floats) -> Floats:
        """Give values of a grid of 60 s, PER_DAY + 1 of them, between its points linearly."""
        place, share = self._minute
        low = grid[place]
        return np.asarray(low + (grid[place + 1] - low) * share)

    def supply(self, row: int) -> Floats:
        """Give a wander of the supply."""
        place, share = self._ten
        grid = self._supply.rows[row]
        low = grid[place]
        return np.asarray(low + (grid[place + 1] - low) * share)

    def of_weather(self, grid: Floats) -> Floats:
        """Give the day's part of a grid of the whole plan, PER_DAY + 1 points."""
        return grid[self.day * PER_DAY : (self.day + 1) * PER_DAY + 1]

    def level(self, kind: str, place: str = "") -> Floats | float:
        """Give a fault's level; a plain number where the charger has no such fault."""
        return self.level_at(kind, self.second, place)

    def level_at(self, kind: str, second: NDArray[np.int64], place: str = "") -> Floats | float:
        """Give a fault's level at other seconds of the plan."""
        if any(fault.kind == kind for fault in self.faults):
            return level(self.faults, kind, second, place)
        return KINDS[kind].healthy

    def minute_mean(self, values: Floats) -> Floats:
        """Give the mean of each of the day's minutes; what is not there counts as the minute's other samples."""
        place = self._minute[0]
        count = np.bincount(place, minlength=PER_DAY)
        return np.asarray(np.bincount(place, values, PER_DAY) / np.maximum(count, 1))


def _thin(idle_step_s: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(DAY_S) % idle_step_s == 0)
