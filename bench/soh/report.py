"""This file turns figures into a verdict, tables and a page; it guards that all show the same figures."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bench.soh.cases import ONSET_DAY, RAMP_DAYS, SLOW_DAYS
from bench.soh.curves import average_precision, quantile
from bench.soh.edge import CHARGERS, Edge
from bench.soh.matching import PIECES_H, STEP_H, Outcome, Peace, charger_days, judge, peace
from bench.soh.real import Measured, Real
from bench.soh.reasons import reason
from bench.soh.runs import Run

from isolane.health.models.rounds import BATCH_ROWS

IN_TIME_MIN = 0.95
PLAN_MAX, DISPATCH_MAX = 0.5, 0.05
ERROR_MAX = 5.0
CPU_MS_MAX, MEMORY_MB_MAX = 2.0, 40.0
_MEDIAN, _P90 = 0.5, 0.9
_HOUR_DAY = 24
_NO_MODEL = "no model"


@dataclass(frozen=True)
class Row:
    """One fault in one way.

    Attributes:
        name: Of the case.
        outcomes: Of its runs.
    """

    name: str
    outcomes: Sequence[Outcome]

    @property
    def is_modelled(self) -> bool:
        """Whether any model may speak for it."""
        return any(each.is_modelled for each in self.outcomes)

    @property
    def in_time(self) -> float:
        """Share of runs in which it was found in time."""
        return float(np.mean([each.in_time for each in self.outcomes]))

    @property
    def found(self) -> int:
        """Runs in which it was found at all."""
        return sum(math.isfinite(each.hours) for each in self.outcomes)

    @property
    def error(self) -> float:
        """Mean absolute difference of score and truth, points; NaN without truth."""
        known = [each.error for each in self.outcomes if math.isfinite(each.error)]
        return float(np.mean(known)) if known else math.nan

    @property
    def severity(self) -> float:
        """Median share of the way to the limit at detection; NaN if it never was found."""
        return quantile([each.severity for each in self.outcomes if math.isfinite(each.severity)], _MEDIAN)

    def of(self, what: str, share: float) -> float:
        """Give a quantile of what an outcome has; infinity is what never came."""
        return quantile([float(getattr(each, what)) for each in self.outcomes], share)


@dataclass(frozen=True)
class Found:
    """All that was measured.

    Attributes:
        rows: By case.
        peace: Of chargers in good health.
        precision: Area under precision over recall, by charger-day.
        share: Of charger-days on which a fault was beyond half of its limit: what guessing would have.
        days: Charger-days.
        edge: Cost.
        real: Measured data; None where it is not.
        left_out: Groups for which there was no time.
        failed: Batches that a model could not take.
        models: Kinds of models that there were.
    """

    rows: list[Row]
    peace: Peace
    precision: float
    share: float
    days: int
    edge: Edge
    real: Real | None
    left_out: int
    failed: int
    models: tuple[str, ...]


def found_in(runs: Sequence[Run], edge: Edge, real: Real | None, left_out: int) -> Found:
    """Judge all runs."""
    sick = [run for run in runs if run.case.name]
    by_case: dict[str, list[Outcome]] = {}
    for run in sick:
        by_case.setdefault(run.case.name, []).append(judge(run))
    pairs = list(charger_days(runs, ONSET_DAY))
    scores, truths = [score for score, _ in pairs], [truth for _, truth in pairs]
    return Found(
        rows=[Row(name, outcomes) for name, outcomes in sorted(by_case.items())],
        peace=peace([run for run in runs if not run.case.name]),
        precision=average_precision(scores, truths),
        share=float(np.mean(truths)),
        days=len(pairs),
        edge=edge,
        real=real,
        left_out=left_out,
        failed=sum(run.failed for run in runs),
        models=tuple(sorted(frozenset().union(*(run.models for run in runs)))),
    )


def memory_mb(edge: Edge) -> float:
    """Give what models, their rows and the ring take together."""
    return edge.models_mb + (edge.ring_mb or 0.0)


def late(found: Found) -> list[Row]:
    """Give the faults that were not found in time often enough."""
    return [row for row in found.rows if row.in_time < IN_TIME_MIN]


def wrong(found: Found) -> list[Row]:
    """Give the slow faults whose score was too far from the truth."""
    return [row for row in found.rows if is_slow(row) and row.error > ERROR_MAX]


def is_slow(row: Row) -> bool:
    """Tell whether it is one whose score is judged: wear is slow."""
    return row.name.endswith("slow")


def misses(found: Found) -> list[str]:
    """Say what falls short."""
    quiet, edge = found.peace, found.edge
    tardy, off = late(found), wrong(found)
    plan, dispatch = (count / quiet.months for count in (quiet.plan, quiet.dispatch))
    short = [
        (bool(tardy), f"{len(tardy)} of {len(found.rows)} cases in time too seldom ({_names(tardy)})"),
        (plan > PLAN_MAX, f"{plan:.2f} false L2+ per charger-month"),
        (dispatch > DISPATCH_MAX, f"{dispatch:.3f} false L3+ per charger-month"),
        (bool(off), f"scores off by more than {ERROR_MAX:g} points ({_names(off)})"),
        (edge.cpu_ms > CPU_MS_MAX, f"{edge.cpu_ms:.2f} ms per second"),
        (memory_mb(edge) > MEMORY_MB_MAX, f"{memory_mb(edge):.0f} MB"),
        (found.left_out > 0, f"no time for {found.left_out} groups of chargers"),
        (found.failed > 0, f"{found.failed} batches that a model could not take"),
        (found.real is None, "no measured data"),
    ]
    return [sentence for is_short, sentence in short if is_short]


def verdict(found: Found) -> str:
    """Give the last line."""
    short = misses(found)
    return f"soh: falls short: {'; '.join(short)}" if short else "soh: pass"


HEADS = (
    "fault, charger, way", "in time", "L2, h", "p90", "sessions", "p90", "L1, h", "severity at L2",
    "score off by", "others at L2+",
)  # fmt: skip


def table(found: Found) -> list[tuple[str, ...]]:
    """Give a line each case."""
    return [
        (
            row.name,
            f"{round(row.in_time * len(row.outcomes))} of {len(row.outcomes)}",
            *((_NO_MODEL, "", "", "", "") if not row.is_modelled else _delays(row)),
            _number(row.severity, ".2f"),
            _number(row.error, ".1f"),
            _astray(row),
        )
        for row in found.rows
    ]


def _delays(row: Row) -> tuple[str, ...]:
    return (
        _number(row.of("hours", _MEDIAN), ".1f"),
        _number(row.of("hours", _P90), ".1f"),
        _number(row.of("sessions", _MEDIAN), ".0f"),
        _number(row.of("sessions", _P90), ".0f"),
        _number(row.of("watch_hours", _MEDIAN), ".1f"),
    )


def _astray(row: Row) -> str:
    counts = Counter(source for each in row.outcomes for source in each.astray)
    return ", ".join(f"{source} {count}" for source, count in counts.most_common())


def sentences(found: Found) -> list[str]:
    """Say what is no row of the table."""
    quiet, edge = found.peace, found.edge
    sources = ", ".join(f"{source} {count}" for source, count in quiet.sources) or "none"
    ways = ", ".join(f"{way.removeprefix('sensor_')} {named} of {failed}" for way, failed, named in quiet.by_way)
    ring = "the black box's ring is not among it" if edge.ring_mb is None else f"{edge.ring_mb:g} MB of it the ring"
    plan, dispatch = quiet.plan / quiet.months, quiet.dispatch / quiet.months
    health = (
        f"Good health, {quiet.months:.0f} charger-months: {quiet.plan} false alarms of L2 or higher, {plan:.2f} per "
        f"charger-month; {quiet.dispatch} of L3 or higher, {dispatch:.3f}. They come from: {sources}. {quiet.caused} "
        "of them while a sensor failed or within three days."
    )
    wrong = f"{quiet.misnamed} others were named, {quiet.misnamed / quiet.months:.2f} per charger-month"
    sensors = f"{quiet.sensors} sensors failed; {quiet.named} were named as sensors that fail ({ways}); {wrong}."
    days = (
        f"Charger-days, {found.days} of them: area under precision over recall {found.precision:.3f}; guessing has "
        f"{found.share:.3f}."
    )
    cost = (
        f"{CHARGERS} chargers, {edge.signals} signals, {BATCH_ROWS} rows at a time: {edge.cpu_ms:.2f} ms of one core "
        f"per second, {edge.worst_ms:.0f} ms for the dearest batch; {memory_mb(edge):.1f} MB, {ring}."
    )
    lines = [health, sensors, days, cost]
    if found.real is not None:
        lines += [_real_line(each) for each in found.real.sets]
        lines.append(
            f"Mean of the rig's TS4: area under the curve {found.real.auc_3_20:.3f} for 3 from 20 % of cooling, "
            f"{found.real.auc_20_100:.3f} for 20 from 100 %."
        )
    return lines


def _real_line(each: Measured) -> str:
    months = each.quiet_h / (30 * _HOUR_DAY)
    delays = " and ".join(f"{hours:.1f} h" for hours in each.delay_h) or "-"
    return (
        f"{each.name[0].upper()}{each.name[1:]}: {each.found} of {each.events} found, {delays} after it began; "
        f"{each.false} alarms elsewhere in {each.quiet_h:.0f} h ({each.false / months:.1f} a month), "
        f"{each.columns} columns."
    )


def text(found: Found) -> str:
    """Write everything for a terminal."""
    widths = (38, 10, 9, 9, 9, 7, 9, 9, 9, 0)
    heads = (HEADS[0], HEADS[1], "L2, h", "p90", "sess.", "p90", "L1, h", "severity", "off by", HEADS[-1])
    lines = [
        "".join(f"{cell:{width}}" if width else cell for cell, width in zip(row, widths, strict=True))
        for row in [heads, *table(found)]
    ]
    return "\n".join((*lines, "", *sentences(found)))


def document(found: Found, command: str) -> dict[str, Any]:
    """Give what is written as JSON; what never came is null."""
    return {
        "command": command,
        "cases": [
            {"name": row.name, "in_time": row.in_time, "runs": [_plain(asdict(each)) for each in row.outcomes]}
            for row in found.rows
        ],
        "good_health": asdict(found.peace),
        "charger_days": {"count": found.days, "average_precision": found.precision, "share": found.share},
        "edge": asdict(found.edge),
        "measured_data": None if found.real is None else asdict(found.real),
        "models": found.models,
        "verdict": verdict(found),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def page(found: Found, command: str, picture: str) -> str:
    """Write the reference page."""
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in table(found))
    notes = "\n".join(f"- {sentence}" for sentence in sentences(found))
    unmet = "\n".join(f"- {sentence}" for sentence in _unmet(found)) or "- Nothing."
    return f"""# How well faults are found

Written by `{command}`, which simulates chargers ([fault simulator](fault-simulator.md)) at 1 Hz with perturbed
structure, shows their rows to the [models](models/README.md) with their defaults, and holds what these say against the
truth. Each run has another charger, each round another season; parameters of the models were chosen on other seeds.
Faults begin on day {ONSET_DAY:g}, after learning. A `ramp` reaches its limit after {RAMP_DAYS:g} days, a `slow` one
after {SLOW_DAYS:g}; a `step` and an `intermittent` fault go beyond it at once.

**L2** is the first change to L2 or higher by a measure that may speak for the fault (`bench/soh/speakers.py`); an alarm
about another part does not count and stands in the last column, with the number of runs. **In time**: before the limit
and before the charger derates; a step within {STEP_H:g} h, an intermittent fault within {PIECES_H:g} h (our choice).
**Severity** is the share of the way from health to the limit at that moment. **Score off by**: mean absolute
difference, in points of 100, from the score that the true level has on that measure's own scale, from the onset on; it
is judged in slow ramps, since an estimate that averages many plugging-ins lags behind a ramp of a month. Delays are
from the onset, medians and 90th percentiles of the runs; `-` is never, or not known.

![What was found when]({picture})

| {" | ".join(HEADS)} |
|{"---|" * len(HEADS)}
{rows}

{notes}

A false alarm is any change to L2 or higher in good health, learning included, also while a sensor fails; findings that
name a sensor are not, nor is a door that somebody did open. Such a charger runs for two months: a change of season is
not in them. Of every second one sensors fail, one a week, for a day or two each: stuck, offset, absent, in coarse
steps, with spikes. A sensor is named by its own past and by others at rest ([sensors](models/sensors.md)).
Charger-days: all from day {ONSET_DAY:g} on; their score is the worst of 100 less each score and of findings (L1 25, L2
50, L3 and L4 100), true is a fault beyond half of the way to its limit. Measured data: `bench/soh/real.py`.

Demanded: in time in {100 * IN_TIME_MIN:g} % of the runs; at most {PLAN_MAX} L2+ and {DISPATCH_MAX} L3+ per
charger-month; scores within {ERROR_MAX:g} points; {CPU_MS_MAX:g} ms per second and {MEMORY_MB_MAX:g} MB for {CHARGERS}
chargers.

## What is not met, and why

{unmet}

`{verdict(found)}`
"""


def _unmet(found: Found) -> list[str]:
    lines = [f"`{row.name}`: {_why(row)}" for row in late(found)]
    lines += [
        f"`{row.name}`: the score is off by {row.error:.1f} points. {reason(row.name, 'score')}".rstrip()
        for row in wrong(found)
    ]
    return lines + [sentence for sentence in misses(found) if "cases in time" not in sentence]


def _why(row: Row) -> str:
    if not row.is_modelled:
        return "there is no model of it."
    tardy = row.found - round(row.in_time * len(row.outcomes))
    said = f"found in {row.found} of {len(row.outcomes)} runs, {tardy} of them too late."
    return f"{said} {reason(row.name, 'late')}".rstrip()


def _names(rows: Sequence[Row]) -> str:
    return "; ".join(row.name for row in rows)


def _number(value: float, form: str) -> str:
    return "-" if not math.isfinite(value) else f"{value:{form}}"
