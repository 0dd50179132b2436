"""This file tests attempts and visits by tables; it guards that a rung is reached by what the docs say and no less."""

from itertools import pairwise

import pytest

from isolane.center.kpis.attempts import (
    AUTHORISED,
    ENDED_WELL,
    ENERGY,
    FAILED,
    HELPED,
    NOT_KNOWN,
    PLUGGED,
    RETRY,
    STARTED,
    VISIT_GAP_MS,
    Attempt,
    attempts_of,
    visits,
)
from isolane.center.kpis.timeline import UNKNOWN, Run, nothing_known

AVAILABLE, PREPARING, CHARGING, FINISHING, FAULTED, OCCUPIED = 0, 1, 2, 3, 4, 9

Step = tuple[int, int, int, int, float]
"""Length in s, state, transaction, flow, energy in Wh."""


def runs(*steps: Step | int) -> list[Run]:
    """Make runs one after the other; a bare number is so many seconds of which nothing is known."""
    out: list[Run] = []
    for step in steps:
        begin = out[-1].to_ms if out else 0
        if isinstance(step, int):
            out.append(nothing_known(begin, begin + step * 1000))
        else:
            seconds, state, transaction, flow, energy_wh = step
            out.append(Run(begin, begin + seconds * 1000, 1, state, UNKNOWN, transaction, flow, energy_wh))
    return out


FREE: Step = (60, AVAILABLE, 0, 0, 0.0)
COMES: Step = (20, PREPARING, 0, 0, 0.0)
STARTS: Step = (5, CHARGING, 1, 0, 0.0)
FLOWS: Step = (600, CHARGING, 1, 1, 3000.0)
LEAVES: Step = (30, FINISHING, 0, 0, 0.0)

LADDER: list[tuple[tuple[Step | int, ...], list[tuple[int, bool]]]] = [
    ((FREE,), []),
    ((FREE, COMES, FREE), [(PLUGGED, True)]),
    ((FREE, COMES, STARTS, LEAVES, FREE), [(AUTHORISED, True)]),
    ((FREE, COMES, STARTS, (119, CHARGING, 1, 1, 499.0), LEAVES, FREE), [(STARTED, True)]),
    ((FREE, COMES, STARTS, (120, CHARGING, 1, 1, 1.0), LEAVES, FREE), [(ENDED_WELL, True)]),
    ((FREE, COMES, STARTS, (12, CHARGING, 1, 1, 500.0), LEAVES, FREE), [(ENDED_WELL, True)]),
    ((FREE, COMES, FLOWS, (60, FAULTED, 1, 0, 0.0), FREE), [(ENERGY, True)]),
    ((FREE, COMES, FLOWS, (60, FAULTED, 0, 0, 0.0), FREE), [(ENERGY, True)]),
    ((FREE, COMES, FLOWS, 5, FREE), [(ENERGY, False)]),
    ((5, COMES, FLOWS, LEAVES, FREE), [(ENERGY, False)]),
    ((FREE, COMES, FLOWS), [(ENERGY, False)]),
    ((COMES, FLOWS, LEAVES, FREE), [(ENERGY, False)]),
    # The vehicle stays, and a second transaction begins.
    ((FREE, COMES, STARTS, LEAVES, STARTS, FLOWS, LEAVES, FREE), [(AUTHORISED, True), (ENDED_WELL, True)]),
    # OCPP 2.0.1 says Occupied from plug to plug.
    (
        (FREE, (20, OCCUPIED, 0, 0, 0.0), (600, OCCUPIED, 1, 1, 3000.0), (30, OCCUPIED, 0, 0, 0.0), FREE),
        [(ENDED_WELL, True)],
    ),
    # No power is metered: the state says that energy flows; Occupied does not.
    ((FREE, COMES, (600, CHARGING, 1, UNKNOWN, 0.0), LEAVES, FREE), [(ENDED_WELL, True)]),
    ((FREE, (600, OCCUPIED, 1, UNKNOWN, 0.0), FREE), [(AUTHORISED, True)]),
    # No signal tells of transactions.
    ((FREE, (20, PREPARING, UNKNOWN, 0, 0.0), (600, CHARGING, UNKNOWN, 1, 3000.0), FREE), [(ENDED_WELL, True)]),
]


@pytest.mark.parametrize(("steps", "expected"), LADDER)
def test_ladder(steps: tuple[Step | int, ...], expected: list[tuple[int, bool]]) -> None:
    found = attempts_of(1, runs(*steps))
    assert [(one.rung, one.seen) for one in found] == expected
    assert all(one.to_ms <= two.from_ms for one, two in pairwise(found))


def attempt(from_s: int, to_s: int, rung: int, *, port: int = 1, seen: bool = True) -> Attempt:
    return Attempt(port, from_s * 1000, to_s * 1000, rung, seen, NOT_KNOWN, 0.0)


GAP_S = VISIT_GAP_MS // 1000
VISITS: list[tuple[list[Attempt], list[int]]] = [
    ([], []),
    ([attempt(0, 10, ENERGY)], [HELPED]),
    ([attempt(0, 10, STARTED)], [FAILED]),
    ([attempt(0, 10, STARTED), attempt(20, 30, ENDED_WELL)], [HELPED, RETRY]),
    ([attempt(0, 10, PLUGGED), attempt(9 + GAP_S, 1000, ENERGY)], [HELPED, RETRY]),
    ([attempt(0, 10, PLUGGED), attempt(10 + GAP_S, 1000, ENERGY)], [FAILED, HELPED]),
    ([attempt(0, 10, ENERGY), attempt(20, 30, STARTED)], [HELPED, FAILED]),
    ([attempt(0, 10, STARTED), attempt(20, 30, ENERGY, port=2)], [HELPED, RETRY]),
    ([attempt(0, 50, STARTED), attempt(20, 90, ENERGY, port=2)], [FAILED, HELPED]),
    ([attempt(0, 10, STARTED), attempt(20, 30, ENERGY, seen=False)], [NOT_KNOWN, RETRY]),
    ([attempt(20, 30, ENERGY), attempt(0, 10, STARTED)], [HELPED, RETRY]),
]


@pytest.mark.parametrize(("attempts", "expected"), VISITS)
def test_visits(attempts: list[Attempt], expected: list[int]) -> None:
    assert [one.visit for one in visits(attempts)] == expected
