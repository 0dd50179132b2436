"""This file holds what was said against what was so; it guards that a fault is found only by what may speak for it.

A fault is found by the first change to L2 or higher (apart: L1), after its onset, of a measure or finding that may
speak for it (`speakers`). A ramp is found in time before its limit and before the charger derates; a step is beyond
its limit at once and has STEP_H, an intermittent fault, of which less is seen, PIECES_H.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from bench.soh.runs import Heard, Run
from bench.soh.speakers import SPEAKERS, names_sensor, speaks_for, true_in_health

from isolane.health.models import catalogue
from isolane.health.models.measure import Level
from isolane.sim.years.faults import DAY_S, KINDS, Fault

STEP_H = 48.0
"""A day's feature, and the 24 h that L2 has to last."""
PIECES_H = 168.0
HALF = 0.5
MONTH_DAYS = 30.0
_SENSORS = "sensors"
"""The kind of model whose findings say which signal they are of."""
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run went.

    Attributes:
        is_modelled: Whether there was a model that may speak for it.
        hours: From onset to L2 or higher; infinity if it never was.
        watch_hours: To L1 or higher, likewise.
        sessions: That ended in `hours`; infinity likewise.
        severity: Share of the way to the limit at detection; NaN if it never was.
        in_time: Whether it was found in time.
        astray: Kinds of models and measures that were at L2 or higher after the onset without being asked.
        error: Mean absolute difference of score and truth from the onset on, points; NaN where there is no truth, or
            it does not change slowly.
        late_h: Hours that it had.
    """

    is_modelled: bool
    hours: float
    watch_hours: float
    sessions: float
    severity: float
    in_time: bool
    astray: tuple[str, ...]
    error: float
    late_h: float


def judge(run: Run) -> Outcome:
    """Judge a run in which a part fell ill."""
    fault = run.case.faults[0]
    onset_s = fault.onset_day * DAY_S
    late_h = hours_left(fault, run.derated_s)
    hours = first(run.heard, fault.kind, onset_s, Level.PLAN)
    sessions = math.inf
    if math.isfinite(hours):
        ends = run.session_ends_s
        sessions = bisect_right(ends, onset_s + hours * _HOUR_S) - bisect_right(ends, onset_s)
    after = [each for each in run.heard if each.at_s >= onset_s]
    return Outcome(
        is_modelled=any(model in run.models for model, _ in SPEAKERS[fault.kind]),
        hours=hours,
        watch_hours=first(run.heard, fault.kind, onset_s, Level.WATCH),
        sessions=float(sessions),
        severity=severity(fault, onset_s + hours * _HOUR_S) if math.isfinite(hours) else math.nan,
        in_time=hours <= late_h,
        astray=tuple(sorted({alarm.source for alarm in alarms(after, Level.PLAN) if not _may(alarm, fault.kind)})),
        error=_error(run, fault),
        late_h=late_h,
    )


def first(heard: Iterable[Heard], fault: str, onset_s: float, least: Level) -> float:
    """Give the hours from onset until a level is reached by what may speak for a fault; infinity if never."""
    for each in sorted(heard, key=lambda one: one.at_s):
        if each.at_s >= onset_s and each.level >= least > each.before and speaks_for(fault, each.model, each.name):
            return (each.at_s - onset_s) / _HOUR_S
    return math.inf


def hours_left(fault: Fault, derated_s: int | None) -> float:
    """Give the hours from onset within which it has to be found.

    Args:
        fault: Which.
        derated_s: When the charger derated first, seconds after the start; before the onset it is the weather's doing.
    """
    if fault.shape == "intermittent":
        return PIECES_H
    if fault.shape == "step":
        return STEP_H
    limit_day = fault.limit_day
    limit_h = math.inf if limit_day is None else (limit_day - fault.onset_day) * 24
    derated_h = math.inf if derated_s is None else derated_s / _HOUR_S - fault.onset_day * 24
    return min(limit_h, derated_h if derated_h > 0 else math.inf)


def severity(fault: Fault, second: float) -> float:
    """Give the share of the way from health to limit that a fault's envelope has gone; may be beyond 1."""
    what, level = KINDS[fault.kind], float(fault.envelope_at(np.array([second]))[0])
    if what.log:
        return math.log(level / what.healthy) / math.log(fault.limit_level / what.healthy)
    return (level - what.healthy) / (fault.limit_level - what.healthy)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A level that was reached and was not held before."""

    at_s: int
    model: str
    name: str

    @property
    def source(self) -> str:
        """Kind of model and measure, without its instance."""
        return f"{self.model} `{self.name.partition('[')[0]}`"


def alarms(heard: Iterable[Heard], least: Level) -> Iterator[Alarm]:
    """Give what reached a level; findings that a sensor is wrong, and of what truly was, left out."""
    for each in heard:
        is_alarm = each.level >= least > each.before
        if is_alarm and not names_sensor(each.name) and not true_in_health(each.name):
            yield Alarm(each.at_s, each.model, each.name)


def _may(alarm: Alarm, fault: str) -> bool:
    return speaks_for(fault, alarm.model, alarm.name)


def _error(run: Run, fault: Fault) -> float:
    off = [
        abs(day.value - day.true_value)
        for day in run.scores
        if fault.shape == "ramp"
        and day.number >= fault.onset_day
        and math.isfinite(day.value)
        and math.isfinite(day.true_value)
    ]
    return float(np.mean(off)) if off else math.nan


@dataclass(frozen=True, slots=True)
class Peace:
    """What was said of chargers in good health.

    Attributes:
        months: Charger-months.
        plan: False alarms of L2 or higher.
        dispatch: Of L3 or higher.
        sources: Of those of L2 or higher, by model and measure, the most frequent first.
        sensors: Sensors that failed.
        named: Of these, the ones that a finding named as wrong while they were, or within a day.
        misnamed: Findings of the model of sensors that name one which had not failed.
        caused: False alarms while a sensor had failed, or within three days.
        by_way: Failed and named by the way in which they failed.
    """

    months: float
    plan: int
    dispatch: int
    sources: tuple[tuple[str, int], ...]
    sensors: int
    named: int
    misnamed: int
    caused: int
    by_way: tuple[tuple[str, int, int], ...]


def peace(runs: Sequence[Run]) -> Peace:
    """Count false alarms over runs in good health."""
    found = [(run, alarm) for run in runs for alarm in alarms(run.heard, Level.PLAN)]
    sources = Counter(alarm.source for _, alarm in found)
    failed = [(run, fault) for run in runs for fault in run.case.faults]
    named = [(fault, _is_named(run, fault)) for run, fault in failed]
    ways = sorted({fault.kind for fault, _ in named})
    caused = sum(
        any(f.onset_day * DAY_S <= alarm.at_s <= ((f.end_day or math.inf) + 3) * DAY_S for f in run.case.faults)
        for run, alarm in found
    )
    return Peace(
        months=sum(run.days for run in runs) / MONTH_DAYS,
        plan=len(found),
        dispatch=sum(1 for run in runs for _ in alarms(run.heard, Level.DISPATCH)),
        sources=tuple(sources.most_common()),
        sensors=len(failed),
        named=sum(is_named for _, is_named in named),
        misnamed=sum(_misnames(run, each) for run in runs for each in run.heard),
        caused=caused,
        by_way=tuple(
            (way, sum(f.kind == way for f, _ in named), sum(n for f, n in named if f.kind == way)) for way in ways
        ),
    )


def _is_named(run: Run, fault: Fault) -> bool:
    return any(
        names_sensor(each.name)
        and each.level > each.before
        and _while_failed(fault, each.at_s)
        and _is_about(each, fault.place)
        for each in run.heard
    )


def _misnames(run: Run, heard: Heard) -> bool:
    """Tell whether the model of sensors names one that is well."""
    is_named = heard.model == _SENSORS and heard.level > heard.before
    return is_named and not any(_while_failed(f, heard.at_s) and _is_about(heard, f.place) for f in run.case.faults)


def _while_failed(fault: Fault, at_s: int) -> bool:
    """Tell whether a sensor fails at a second, or did within a day."""
    return fault.onset_day * DAY_S <= at_s <= ((fault.end_day or math.inf) + 1) * DAY_S


def _is_about(heard: Heard, key: str) -> bool:
    """Tell whether a finding may name a signal: the model of sensors says which, others may of what they read."""
    if heard.model == _SENSORS:
        return heard.name.endswith(f"[{key.partition('/')[2]}]")
    return _reads(heard.model, key)


def _reads(model: str, key: str) -> bool:
    """Tell whether a kind of model looks at a signal."""
    own = key.partition("/")[2]
    return any(
        own == pattern or (star and own.startswith(head + "[") and own.endswith("]" + tail))
        for kind in catalogue.KINDS
        if kind.name == model
        for pattern in (*kind.required, *kind.used)
        for head, star, tail in [pattern.partition("[*]")]
    )


def charger_days(runs: Iterable[Run], from_day: float) -> Iterator[tuple[float, bool]]:
    """Give of each day its worst score, and whether its fault was beyond half of the way to its limit."""
    for run in runs:
        fault = run.case.fault
        for day in run.scores:
            if day.number >= from_day:
                is_ill = fault is not None and severity(fault, (day.number + 1) * DAY_S) >= HALF
                yield day.worst, is_ill
