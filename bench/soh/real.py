"""This file tries the generic detectors on measured data; it guards that no model was made for these data.

A hydraulic rig whose cooler goes from 3 to 20 to 100 % (four temperatures at 1 Hz), learnt from its first 700 minutes;
an office's temperature, one value an hour (held for that hour), with two known failures, learnt from its first 15 % as
the Numenta Anomaly Benchmark allows. Detectors: `isolane.health.models.unnamed`.
"""

import csv
import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from bench.soh.curves import area_under
from numpy.typing import NDArray

from isolane.health.models.binding import Place
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.place import Bay
from isolane.health.models.unnamed import Unnamed, key_of

FOLDER = Path(__file__).parents[3] / "shared/data"
_T0_S = 1_767_571_200
_HOUR_S, _CYCLE_S = 3600, 60
_LEARNT_CYCLES, _LEARNT_SHARE = 700, 0.15
_RATING = Rating(direct=True, power_w=1.0, current_a=1.0, voltage_v=1.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in one set of measured data.

    Attributes:
        name: Of the data.
        events: Known changes.
        found: Of them.
        delay_h: From each change that was found, or its window's begin, to L2.
        false: L2 alarms outside, after learning.
        quiet_h: Hours in which there was nothing to find.
        columns: How many were watched.
    """

    name: str
    events: int
    found: int
    delay_h: tuple[float, ...]
    false: int
    quiet_h: float
    columns: int


@dataclass(frozen=True, slots=True)
class Real:
    """All measured data.

    Attributes:
        sets: By data.
        auc_3_20: Area under the curve of TS4's mean, cooler at 3 % from 20 %.
        auc_20_100: 20 % from 100 %.
    """

    sets: tuple[Measured, ...]
    auc_3_20: float
    auc_20_100: float


def measure() -> Real | None:
    """Try all; None where the data is not."""
    if not FOLDER.exists():
        return None
    rig = FOLDER / "hydraulic"
    cooler = np.loadtxt(rig / "profile.txt")[:, 0]
    columns = [np.loadtxt(rig / f"TS{number}.txt.gz") for number in (1, 2, 3, 4)]
    means = columns[3].mean(axis=1)
    by_cooler = [means[cooler == share] for share in (3, 20, 100)]
    return Real(
        (_rig(columns, cooler), _office(FOLDER / "nab")),
        area_under(by_cooler[1], by_cooler[0]),
        area_under(by_cooler[2], by_cooler[1]),
    )


def windows_of(alarms_s: Sequence[float], windows_s: Sequence[tuple[float, float]]) -> tuple[list[float], int]:
    """Give for each window that has an alarm the seconds to its first, and how many alarms are in no window.

    Args:
        alarms_s: When alarms were, rising.
        windows_s: Begin and end of each window.
    """
    delays = []
    for begin, end in windows_s:
        at = bisect_left(alarms_s, begin)
        if at < len(alarms_s) and alarms_s[at] <= end:
            delays.append(alarms_s[at] - begin)
    outside = sum(not any(begin <= alarm <= end for begin, end in windows_s) for alarm in alarms_s)
    return delays, outside


def _rig(columns: Sequence[NDArray[np.float64]], cooler: NDArray[np.float64]) -> Measured:
    values = np.column_stack([column.ravel() for column in columns])
    changes = [float(_CYCLE_S * at) for at in np.flatnonzero(np.diff(cooler)) + 1]
    learnt_s = _CYCLE_S * _LEARNT_CYCLES
    alarms = list(_alarms(values, learnt_s))
    # After the first change nothing is as learnt any more: only that one can be found.
    windows = [(changes[0], math.inf)]
    delays, outside = windows_of(alarms, windows)
    quiet_h = (changes[0] - learnt_s) / _HOUR_S
    delay_h = tuple(delay / _HOUR_S for delay in delays)
    return Measured("hydraulic rig, cooler", 1, len(delays), delay_h, outside, quiet_h, len(columns))


def _office(folder: Path) -> Measured:
    name = "ambient_temperature_system_failure.csv"
    with (folder / name).open(encoding="utf-8") as table:
        rows = [(_utc_s(row["timestamp"]), float(row["value"])) for row in csv.DictReader(table)]
    begin_s = rows[0][0]
    hours = (rows[-1][0] - begin_s) // _HOUR_S + 1
    values = np.full((hours, 1), np.nan)
    for at_s, value in rows:
        values[(at_s - begin_s) // _HOUR_S, 0] = value
    known = json.loads((folder / "windows.json").read_text(encoding="utf-8"))[f"realKnownCause/{name}"]
    windows = [(float(_utc_s(a) - begin_s), float(_utc_s(b) - begin_s)) for a, b in known]
    learnt_s = int(_LEARNT_SHARE * hours) * _HOUR_S
    alarms = list(_alarms(np.repeat(values, _HOUR_S, axis=0), learnt_s))
    delays, outside = windows_of(alarms, windows)
    quiet_h = hours - learnt_s / _HOUR_S - sum(b - max(a, learnt_s) for a, b in windows) / _HOUR_S
    delay_h = tuple(delay / _HOUR_S for delay in delays)
    return Measured("office temperature (NAB)", len(windows), len(delays), delay_h, outside, quiet_h, 1)


def _alarms(values: NDArray[np.float64], learnt_s: int) -> Iterator[float]:
    """Give the seconds at which L2 was reached by any column."""
    keys = [key_of(f"c{number}") for number in range(values.shape[1])]
    place = Place("data", "1.0", {key: number for number, key in enumerate(keys)})
    bay = Bay(place, _RATING, [Unnamed(keys)], good_until_s=_T0_S + learnt_s)
    for at in range(0, len(values), _HOUR_S):
        for change in bay.feed(_T0_S + at, values[at : at + _HOUR_S]):
            if change.level >= Level.PLAN > change.before:
                yield float(change.cause.at_s - _T0_S)


def _utc_s(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
