"""This file finds attempts and visits in runs; it guards that what was not seen is neither success nor failure.

An attempt begins when a vehicle is there (or at once after the transaction before it, with the vehicle still there)
and ends when its transaction has ended and the next begins, or when the vehicle is gone. It climbs a ladder:

    plugged -> authorised (a transaction runs) -> started (energy flows) -> energy (for 2 min, or 0.5 kWh) -> ended well

A visit is what one driver tries: it ends with the first attempt that reaches "energy", or when ten minutes pass at the
charger without another attempt. docs/reference/kpis.md says what this cannot see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from isolane.center.kpis.timeline import Run

ENERGY_S_MIN: Final = 120.0
ENERGY_WH_MIN: Final = 500.0
VISIT_GAP_MS: Final = 600_000

PLUGGED, AUTHORISED, STARTED, ENERGY, ENDED_WELL = range(1, 6)
"""Rungs, as far as an attempt came."""
RETRY, FAILED, HELPED, NOT_KNOWN = range(4)
"""What became of a visit, told at its first attempt."""
RUNGS: Final = ("plugged", "authorised", "started", "energy", "ended_well")


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One attempt at a port.

    Attributes:
        port: Number of the port at its charger.
        from_ms: Begin.
        to_ms: First instant after.
        rung: How far it came, 1 to 5, as far as it was seen.
        seen: Whether all of it was seen: what is missing could not have changed the rung.
        visit: RETRY unless it is the first of its visit; then what became of the visit: HELPED, FAILED or NOT_KNOWN.
        energy_wh: What flowed, where the power was known.
    """

    port: int
    from_ms: int
    to_ms: int
    rung: int
    seen: bool
    visit: int
    energy_wh: float


@dataclass(slots=True)
class _Climb:
    """An attempt that is going on."""

    from_ms: int
    authorised: bool = False
    over: bool = False
    flow_s: float = 0.0
    energy_wh: float = 0.0
    blind: bool = False
    broke: bool = False

    def take(self, run: Run) -> None:
        self.authorised = self.authorised or run.transaction == 1
        self.over = self.authorised and run.transaction == 0
        self.broke = self.broke or run.condition == "down"
        if run.flowing:
            self.flow_s += (run.to_ms - run.from_ms) / 1000
            self.energy_wh += run.energy_wh

    def end(self, port: int, to_ms: int, *, well: bool, seen: bool) -> Attempt:
        rung = PLUGGED
        if self.authorised or self.flow_s:
            rung = AUTHORISED
        if self.flow_s:
            rung = STARTED
        if self.flow_s >= ENERGY_S_MIN or self.energy_wh >= ENERGY_WH_MIN:
            rung = ENERGY
        seen = seen and not self.blind
        if rung == ENERGY and well and seen and not self.broke:
            rung = ENDED_WELL
        return Attempt(port, self.from_ms, to_ms, rung, seen, NOT_KNOWN, round(self.energy_wh, 1))


def attempts_of(port: int, runs: Sequence[Run]) -> list[Attempt]:
    """Find the attempts at one port, ascending; whether each is the first of its visit is not told yet.

    Args:
        port: Number of the port.
        runs: Without holes. An attempt under way at the first or last instant was not wholly seen.
    """
    out: list[Attempt] = []
    climb: _Climb | None = None
    before: Run | None = None
    for run in runs:
        if climb is not None and (run.blind or (climb.over and run.transaction == 1)):
            out.append(climb.end(port, run.from_ms, well=not run.blind, seen=not run.blind))
            climb = None
        elif climb is not None and not run.plugged:
            out.append(climb.end(port, run.from_ms, well=run.condition == "up", seen=True))
            climb = None
        if climb is None and run.plugged:
            climb = _Climb(run.from_ms, blind=before is None or before.blind)
        if climb is not None:
            climb.take(run)
        before = run
    if climb is not None and runs:
        out.append(climb.end(port, runs[-1].to_ms, well=False, seen=False))
    return out


def visits(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Put the attempts at one charger together to visits, and say at each first one what became of the visit.

    Args:
        attempts: At all its ports, in any order.

    Returns:
        Ascending by begin.
    """
    together: list[list[Attempt]] = []
    open_until_ms = -1
    for one in sorted(attempts, key=lambda each: (each.from_ms, each.port)):
        if one.from_ms < open_until_ms and one.from_ms >= together[-1][-1].to_ms:
            together[-1].append(one)
        else:
            together.append([one])
        open_until_ms = -1 if one.rung >= ENERGY else one.to_ms + VISIT_GAP_MS
    return [
        msgspec.structs.replace(one, visit=RETRY if number else _outcome(visit))
        for visit in together
        for number, one in enumerate(visit)
    ]


def _outcome(visit: Sequence[Attempt]) -> int:
    if not all(one.seen for one in visit):
        return NOT_KNOWN
    return HELPED if visit[-1].rung >= ENERGY else FAILED
