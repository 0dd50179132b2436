"""This file keeps what was really so; it guards that scores are judged by latent levels, not by what sensors show."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isolane.core.failures import IsolaneError
from isolane.sim.years.faults import DAY_S, KINDS, Fault
from isolane.sim.years.frame import Frame
from isolane.sim.years.plan import Plan
from isolane.sim.years.structure import Structure

_POINTS = 25
"""Of a session, at which a fault's level is taken for the session's theta."""


class Truth:
    """What is really so at a site.

    Args:
        plan: Whose.
        structures: Each charger's own figures, by identity.
    """

    def __init__(self, plan: Plan, structures: Mapping[str, Structure]) -> None:
        self._plan = plan
        self._structures = structures
        self._sessions: dict[str, list[dict[str, object]]] = {charger.id: [] for charger in plan.chargers}
        self._derated: dict[str, int] = {}

    def add_day(self, charger: str, frame: Frame) -> None:
        """Take in a day: its sessions, and whether the charger derated."""
        plan = self._plan
        midnight_utc = plan.start_utc + frame.day * DAY_S
        for session, track in zip(frame.sessions, frame.tracks, strict=True):
            begin_utc = midnight_utc + session.begin_s
            low = np.flatnonzero(track["limit"] < 1)
            if len(low) and charger not in self._derated:
                self._derated[charger] = begin_utc + int(low[0])
            seconds = frame.day * DAY_S + session.begin_s + np.linspace(0, session.stay_s, _POINTS).astype(np.int64)
            energy_wh = float(np.sum(track["power"], dtype=np.float64)) / 3600
            self._sessions[charger].append(
                {
                    "begin_utc": begin_utc,
                    "end_utc": begin_utc + session.stay_s,
                    "car": session.car,
                    "energy_wh": round(energy_wh, 1),
                    "current_a_max": round(float(track["current"].max(initial=0)), 1),
                    "power_limit_min": round(float(track["limit"].min(initial=1)), 3),
                    "theta": {f.name: round(float(f.level_at(seconds).mean()), 6) for f in frame.faults},
                }
            )

    def as_dict(self) -> dict[str, object]:
        """Give everything as plain values; times are UTC seconds."""
        plan = self._plan
        return {
            "seed": plan.seed,
            "start_utc": plan.start_utc,
            "days": plan.days,
            "chargers": [
                {
                    "id": charger.id,
                    "kind": charger.kind,
                    "structure": self._structures[charger.id].as_dict(),
                    "faults": [self._fault(fault) for fault in charger.faults],
                    "derated_utc": self._derated.get(charger.id),
                    "sessions": self._sessions[charger.id],
                }
                for charger in plan.chargers
            ],
        }

    def _fault(self, fault: Fault) -> dict[str, object]:
        plan = self._plan
        days = np.arange(plan.days + 1)
        limit_day = fault.limit_day
        return {
            "kind": fault.kind,
            "place": fault.place,
            "name": fault.name,
            "shape": fault.shape,
            "level": fault.level,
            "healthy": KINDS[fault.kind].healthy,
            "onset_utc": plan.start_utc + round(fault.onset_day * DAY_S),
            "end_utc": None if fault.end_day is None else plan.start_utc + round(fault.end_day * DAY_S),
            "limit_level": None if np.isnan(fault.limit_level) else fault.limit_level,
            "limit_utc": None if limit_day is None else plan.start_utc + round(limit_day * DAY_S),
            "envelope_by_day": [round(float(level), 6) for level in fault.envelope_at(days * DAY_S)],
        }

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            IsolaneError: The file cannot be written.
        """
        try:
            path.write_text(json.dumps(self.as_dict(), separators=(",", ":")) + "\n", encoding="utf-8")
        except OSError as error:
            raise IsolaneError(f"cannot write {path}: {error.strerror}", "give another folder") from error
