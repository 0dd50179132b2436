"""This file steps many sessions at once; it guards that second k of a lane follows from second k - 1 of that lane.

A lane is one day of one charger. Its sessions stand in it one behind the other without the idle time between, so the
longest lane says how many steps are taken in Python; each step moves a few hundred lanes. What feeds back on itself
(derating, fan control, the car's battery) is reckoned here, second by second, exactly as sim/physics does. All else
follows from it over whole days at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.arrivals import Session
from isolane.sim.years.climate import Weather
from isolane.sim.years.faults import DAY_S, KINDS, Fault, level
from isolane.sim.years.structure import Structure

Floats = NDArray[np.float64]
Track = Mapping[str, NDArray[np.float32]]
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Lane:
    """One day of one charger.

    Attributes:
        day: Number of the day in the plan.
        sessions: In order.
        faults: Of the charger.
        structure: Of the charger.
    """

    day: int
    sessions: tuple[Session, ...]
    faults: tuple[Fault, ...]
    structure: Structure

    @property
    def length(self) -> int:
        """Seconds in which a car stands there."""
        return sum(session.stay_s for session in self.sessions)


class Body(Protocol):
    """What a charger's power path does, for as many lanes as there are; lanes are ordered, the longest first."""

    KINDS: Sequence[str]
    """Faults that it wants to know each second."""
    OUTPUTS: Sequence[str]
    """What `step` gives."""

    def __init__(self, lanes: Sequence[Lane]) -> None: ...

    def begin(self, lane: int, session: Session, gap_s: float) -> None:
        """A car plugs in, `gap_s` after the one before left (or the day began)."""

    def step(self, live: int, air_c: Floats, faults: Mapping[str, Floats]) -> Sequence[Floats]:
        """Move the first `live` lanes on by a second and give the outputs, each of shape (live,)."""


def run(body: type[Body], lanes: Sequence[Lane], weather: Weather) -> list[list[Track]]:
    """Step all sessions of all lanes.

    Args:
        body: What is in them.
        lanes: In any order.
        weather: Around them.

    Returns:
        For each lane, in the order given, for each session its outputs by name, each of shape (stay_s,).
    """
    order = sorted(range(len(lanes)), key=lambda n: -lanes[n].length)
    ordered = [lanes[n] for n in order]
    lengths = np.array([lane.length for lane in ordered])
    state = body(ordered)
    outputs = {name: np.empty((len(lanes), int(lengths.max(initial=0))), np.float32) for name in body.OUTPUTS}
    _advance(state, ordered, lengths, outputs, weather)
    tracks: list[list[Track]] = [[] for _ in lanes]
    for row, place in enumerate(order):
        start = 0
        for session in ordered[row].sessions:
            part = slice(start, start + session.stay_s)
            tracks[place].append({name: values[row, part] for name, values in outputs.items()})
            start += session.stay_s
    return tracks


def _advance(
    state: Body,
    lanes: Sequence[Lane],
    lengths: NDArray[np.int64],
    outputs: Mapping[str, NDArray[np.float32]],
    weather: Weather,
) -> None:
    begins = _begins(lanes)
    seconds = [_seconds(lane) for lane in lanes]
    for first in range(0, int(lengths.max(initial=0)), _BLOCK):
        live = int((lengths > first).sum())
        width = min(_BLOCK, int(lengths[0]) - first)
        when = np.stack([_cut(seconds[n], first, width) for n in range(live)], axis=1)
        air_c = weather.at(when.ravel()).reshape(when.shape)
        faults = {kind: _levels(lanes[:live], kind, when) for kind in state.KINDS}
        block = np.empty((len(outputs), width, live), np.float32)
        for step in range(width):
            for lane, session, gap_s in begins.get(first + step, ()):
                state.begin(lane, session, gap_s)
            now = {kind: values[step] for kind, values in faults.items()}
            for row, values in enumerate(state.step(live, air_c[step], now)):
                block[row, step] = values
        for row, name in enumerate(outputs):
            outputs[name][:live, first : first + width] = block[row].T


def _begins(lanes: Sequence[Lane]) -> dict[int, list[tuple[int, Session, float]]]:
    begins: dict[int, list[tuple[int, Session, float]]] = {}
    for number, lane in enumerate(lanes):
        step, free_s = 0, 0
        for session in lane.sessions:
            begins.setdefault(step, []).append((number, session, float(session.begin_s - free_s)))
            step += session.stay_s
            free_s = session.begin_s + session.stay_s
    return begins


def _seconds(lane: Lane) -> NDArray[np.int64]:
    parts = [np.arange(session.begin_s, session.begin_s + session.stay_s) for session in lane.sessions]
    return lane.day * DAY_S + (np.concatenate(parts) if parts else np.zeros(0, np.int64))


def _cut(seconds: NDArray[np.int64], first: int, width: int) -> NDArray[np.int64]:
    part = seconds[first : first + width]
    return np.concatenate([part, np.full(width - len(part), part[-1])])


def _levels(lanes: Sequence[Lane], kind: str, when: NDArray[np.int64]) -> Floats:
    values = np.full(when.shape, KINDS[kind].healthy)
    for number, lane in enumerate(lanes):
        if any(fault.kind == kind for fault in lane.faults):
            at = when[:, number]
            if kind == "eff_drift":
                values[:, number] = sum(level(lane.faults, kind, at, str(n + 1)) for n in range(5)) / 5
            else:
                values[:, number] = level(lane.faults, kind, at)
    return values
