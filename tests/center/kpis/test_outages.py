"""This file tests failures and repairs; it guards that a length nobody saw is in no mean."""

import pytest

from isolane.center.kpis.outages import Outage, Reliability, joined, outages_of, reliability
from isolane.center.kpis.timeline import UNKNOWN, Run, nothing_known

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
AVAILABLE, FAULTED, UNAVAILABLE = 0, 4, 5


def run(begin: int, end: int, state: int, *, link: int = 1, station: int = UNKNOWN) -> Run:
    return Run(begin, end, link, state, station, 0, 0, 0.0)


OUTAGES: list[tuple[list[Run], list[Outage]]] = [
    ([run(0, 5, AVAILABLE)], []),
    (
        [run(0, 5, AVAILABLE), run(5, 7, FAULTED), run(7, 9, AVAILABLE)],
        [Outage(5, 7, fault=True, begun=True, ended=True)],
    ),
    (
        [run(0, 5, AVAILABLE), run(5, 7, UNAVAILABLE), run(7, 8, FAULTED), run(8, 9, AVAILABLE)],
        [Outage(5, 8, fault=True, begun=True, ended=True)],
    ),
    ([run(0, 5, UNAVAILABLE), run(5, 9, AVAILABLE)], [Outage(0, 5, fault=False, begun=False, ended=True)]),
    ([nothing_known(0, 5), run(5, 9, FAULTED)], [Outage(5, 9, fault=True, begun=False, ended=False)]),
    (
        [run(0, 5, AVAILABLE), run(5, 7, FAULTED), run(7, 9, UNKNOWN, link=0), run(9, 11, FAULTED)],
        [Outage(5, 7, fault=True, begun=True, ended=False), Outage(9, 11, fault=True, begun=False, ended=False)],
    ),
    (
        [run(0, 5, AVAILABLE), run(5, 7, AVAILABLE, station=FAULTED), run(7, 9, AVAILABLE)],
        [Outage(5, 7, fault=True, begun=True, ended=True)],
    ),
]


@pytest.mark.parametrize(("runs", "expected"), OUTAGES)
def test_outages(runs: list[Run], expected: list[Outage]) -> None:
    assert outages_of(runs) == expected


def test_what_midnight_cut_is_joined() -> None:
    evening = Outage(5, 10, fault=False, begun=True, ended=False)
    morning = Outage(10, 12, fault=True, begun=False, ended=True)
    later = Outage(13, 14, fault=True, begun=True, ended=True)
    assert joined([evening, morning, later]) == [Outage(5, 12, fault=True, begun=True, ended=True), later]


def failure(from_h: float, hours: float, *, seen: bool = True, fault: bool = True) -> Outage:
    begin = round(from_h * HOUR_MS)
    return Outage(begin, begin + round(hours * HOUR_MS), fault=fault, begun=seen, ended=seen)


def test_figures() -> None:
    outages = [failure(-40, 1), failure(10, 1), failure(400, 3), failure(500, 8), failure(600, 9, fault=False)]
    found = reliability((0, 720 * HOUR_MS), outages, 708 * HOUR_MS, ())
    assert (found.failures, found.excluded, found.unmeasured, found.repeats) == (3, 0, 0, 2)
    assert (found.mtbf_h, found.mttr_h, found.repair_median_h, found.repair_p90_h) == (236, 4, 3, 8)
    assert found.availability_percent == pytest.approx(236 / 240 * 100)
    assert found.repeat_percent == pytest.approx(200 / 3)


def test_the_edges_of_a_period_and_of_14_days() -> None:
    period = (1000 * HOUR_MS, 2000 * HOUR_MS)
    first = failure(999, 2)
    last = failure(1999, 5)
    found = reliability(period, [first, last], 900 * HOUR_MS, ())
    assert (found.failures, found.repairs_ms) == (1, (2 * HOUR_MS,))
    for gap_h, repeats in ((335, 1), (336, 0)):
        two = [failure(1000, 1), failure(1001 + gap_h, 1)]
        assert reliability(period, two, 0, ()).repeats == repeats


def test_what_is_excluded_or_unseen_is_no_length() -> None:
    outages = [failure(10, 1), failure(20, 1), failure(30, 1, seen=False)]
    excluded = ((20 * HOUR_MS + 1, 20 * HOUR_MS + 2),)
    found = reliability((0, 100 * HOUR_MS), outages, 97 * HOUR_MS, excluded)
    assert found == Reliability(97 * HOUR_MS, 2, 1, (HOUR_MS,), 1, 1)
    nothing = Reliability(operating_ms=5)
    assert (nothing.mtbf_h, nothing.mttr_h, nothing.repair_p90_h, nothing.availability_percent) == (None,) * 4
    assert (nothing.repair_median_h, nothing.repeat_percent) == (None, None)
    assert found + nothing == Reliability(97 * HOUR_MS + 5, 2, 1, (HOUR_MS,), 1, 1)
