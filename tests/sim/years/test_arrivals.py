"""This file holds arrivals against the measured sessions; it guards that the summaries are those of the data.

The data itself is not part of the project. Where it lies beside the checkout (../shared/data) the tables are computed
anew and compared; where it does not, that test is skipped. A file that is there and malformed fails it.
"""

import datetime as dt
from collections import Counter

import numpy as np
import openpyxl
import pytest

from isolane.sim.years.arrivals import DAY_BEGINS_H, GAP_S, HOURS, OPEN_S, RANKS, WEEKDAYS, Session, draw_day
from isolane.sim.years.plan import Scatter
from support.measured import DATA, needs_data

_COLUMNS = ("Stay (min)", "Energy (Wh)", "SOC arrival", "Pmax (W)")


@needs_data
def test_tables_are_those_of_the_sessions() -> None:
    book = openpyxl.load_workbook(DATA / "epfl" / "Session_data.xlsx", read_only=True)
    titles, *rows = book.worksheets[0].iter_rows(values_only=True)
    columns = {str(title): [row[n] for row in rows] for n, title in enumerate(titles)}
    arrivals = [moment for moment in columns["Arrival"] if isinstance(moment, dt.datetime)]
    assert len(arrivals) == 1878
    hours, weekdays = Counter(a.hour for a in arrivals), Counter(a.weekday() for a in arrivals)
    assert tuple(hours[n] for n in range(24)) == HOURS
    assert tuple(weekdays[n] for n in range(7)) == WEEKDAYS
    ranks = [np.argsort(np.argsort(np.array(columns[title], dtype=np.float64))) for title in _COLUMNS]
    assert np.corrcoef(ranks) == pytest.approx(np.array(RANKS), abs=0.0051)


def _drawn(kind: str, mean: float, days: int = 400) -> list[tuple[Session, ...]]:
    return [draw_day(np.random.default_rng((1, n)), kind, mean, n % 7, Scatter()) for n in range(days)]


@pytest.mark.parametrize(("kind", "mean"), [("dc150", 8.0), ("ac22", 2.0)])
def test_sessions_do_not_overlap_and_the_night_is_free(kind: str, mean: float) -> None:
    for day in _drawn(kind, mean):
        free_s = 0
        for session in day:
            assert session.begin_s >= free_s
            free_s = session.begin_s + session.stay_s + GAP_S
            assert session.begin_s + session.stay_s <= OPEN_S
            assert 0 < session.close_s < session.stop_s < session.stay_s


def test_stays_hours_and_numbers_are_the_measured_ones() -> None:
    days = _drawn("dc150", 8.0, 1500)
    sessions = [session for day in days for session in day]
    assert np.median([session.stay_s for session in sessions]) / 60 == pytest.approx(30, abs=1.5)
    assert len(sessions) / len(days) == pytest.approx(8, abs=0.4)
    assert {len(day) for day in days} <= set(range(13))
    share = np.mean([8 <= (session.begin_s / 3600 + DAY_BEGINS_H) % 24 < 20 for session in sessions])
    assert share == pytest.approx(sum(HOURS[8:20]) / sum(HOURS), abs=0.02)


def test_the_same_car_has_the_same_inlet() -> None:
    inlets: dict[int, set[float]] = {}
    for day in _drawn("dc150", 12.0):
        for session in day:
            inlets.setdefault(session.car, set()).add(session.inlet)
    assert all(len(values) == 1 for values in inlets.values())
    assert np.std(np.log([value for values in inlets.values() for value in values])) == pytest.approx(0.08, abs=0.015)


def test_slac_fails_more_often_the_weaker_it_is() -> None:
    sessions = [session for day in _drawn("dc150", 8.0) for session in day]
    shares = [np.mean([session.slac_fails(0.0, excess) for session in sessions]) for excess in (0.0, 8.0, 14.0)]
    assert shares[0] == pytest.approx(0.01, abs=0.006)
    assert shares[0] < shares[1] < shares[2]
