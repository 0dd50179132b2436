"""This file lets chargers fall ill and shows the models their rows; it guards that the models see rows and no truth.

Each charger has a stage of its own, with the settings' defaults, and is fed every second of the plan. What changed is
kept as it was told; at the end of each day, where every score stood.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bench.soh.cases import Case, Group
from bench.soh.speakers import names_sensor, true_in_health
from bench.soh.truths import SCALES, Scale, true_value

from isolane.core.signals import Signal
from isolane.health.models.measure import Level
from isolane.health.models.score import Trust
from isolane.health.models.settings import ModelSettings
from isolane.health.models.stage import Stage
from isolane.sim.years.faults import DAY_S
from isolane.sim.years.plan import Charger, Plan
from isolane.sim.years.year import Chunk, Year

_ROWS = 3600
_POINTS = {Level.NONE: 0.0, Level.INFO: 0.0, Level.WATCH: 25.0, Level.PLAN: 50.0}


@dataclass(frozen=True, slots=True)
class Heard:
    """A level that changed.

    Attributes:
        at_s: Seconds after the start of the plan at which the rows that changed it had come.
        model: Kind of the model.
        name: Of the measure or finding.
        before: Level until then.
        level: Level from then on.
    """

    at_s: int
    model: str
    name: str
    before: int
    level: int


@dataclass(frozen=True, slots=True)
class Day:
    """Where everything stood at the end of a day.

    Attributes:
        number: Which, from 0.
        worst: The greatest of 100 less each score, and of the findings' levels as points.
        value: Of the score that the fault shows in; NaN if there is none.
        true_value: What it would be by the truth; NaN likewise.
    """

    number: int
    worst: float
    value: float
    true_value: float


@dataclass(slots=True)
class Run:
    """One charger's time.

    Attributes:
        case: What fell ill.
        seed: Of its group's plan.
        days: How long.
        heard: Changes, in the order in which they were told.
        scores: By day.
        session_ends_s: Ends of its sessions, seconds after the start.
        derated_s: When it first derated, likewise; None if it never did.
        models: Kinds of models that there were.
        failed: Batches that a model could not take.
        feed_s: Processor time of the models.
    """

    case: Case
    seed: int
    days: int
    heard: list[Heard] = field(default_factory=list)
    scores: list[Day] = field(default_factory=list)
    session_ends_s: list[int] = field(default_factory=list)
    derated_s: int | None = None
    models: frozenset[str] = frozenset()
    failed: int = 0
    feed_s: float = 0.0


class _Watched:
    """A charger, its models and what they said."""

    def __init__(self, case: Case, group: Group) -> None:
        self.run = Run(case, group.seed, group.days)
        self._start_utc = group.start_utc
        self._keys: list[str] = []
        self._stage: Stage | None = None
        fault = case.fault
        self._scale: Scale | None = SCALES.get(f"{fault.name}, {case.kind}") if fault else None

    def take(self, chunk: Chunk) -> None:
        """Show the models a day."""
        if self._stage is None:
            self._keys = list(chunk.signals)
            self._stage = Stage([Signal(chunk.charger, key, "", 0) for key in self._keys], ModelSettings())
            judged = [each for bay in self._stage.bays for each in bay.judged]
            self.run.models = frozenset(each.model.id.partition("/")[0] for each in judged)
        for at in range(0, len(chunk), _ROWS):
            rows = np.column_stack([np.asarray(chunk.signals[key][at : at + _ROWS], float) for key in self._keys])
            begun = time.process_time()
            told = self._stage.feed(chunk.start_utc + at, rows)
            self.run.feed_s += time.process_time() - begun
            now_s = chunk.start_utc + at + len(rows) - self._start_utc
            for change in (each.change for each in told):
                at_s = min(max(change.cause.at_s - self._start_utc, now_s - len(rows)), now_s)
                model = change.model.id.partition("/")[0]
                self.run.heard.append(Heard(at_s, model, change.name, int(change.before), int(change.level)))
        self._close(chunk.start_utc + len(chunk))

    def _close(self, now_utc: int) -> None:
        """Keep where everything stands."""
        stage = self._stage
        assert stage is not None
        worst, value, truth = 0.0, math.nan, math.nan
        number = (now_utc - self._start_utc) // DAY_S - 1
        for _, score in stage.scores(now_utc):
            if score.trust is Trust.LEARNING or math.isnan(score.value):
                continue
            worst = max(worst, 100 - score.value)
            scale = self._scale
            if scale and score.measure.name == scale.measure and score.model_id.partition("/")[0] == scale.model:
                level = float(self.run.case.faults[0].envelope_at(np.array([(number + 1) * DAY_S]))[0])
                value, truth = score.value, true_value(scale, level, score.theta_0, score.theta_end)
        findings = (finding for bay in stage.bays for judged in bay.judged for finding in judged.findings.values())
        for finding in findings:
            if not names_sensor(finding.name) and not true_in_health(finding.name):
                worst = max(worst, _POINTS.get(finding.level, 100.0))
        self.run.scores.append(Day(number, worst, value, truth))
        self.run.failed = stage.failed


def run(group: Group) -> list[Run]:
    """Simulate a group and judge its chargers; takes seconds per charger-month."""
    names = [f"CP-{number:02}" for number in range(len(group.cases))]
    chargers = tuple(
        Charger(id=name, kind=case.kind, faults=case.faults) for name, case in zip(names, group.cases, strict=True)
    )
    year = Year(Plan(seed=group.seed, chargers=chargers, days=group.days, start_utc=group.start_utc))
    watched = {name: _Watched(case, group) for name, case in zip(names, group.cases, strict=True)}
    for chunk in year.chunks():
        watched[chunk.charger].take(chunk)
    for each, told in _truths(year, watched):
        each.session_ends_s = [int(session["end_utc"]) - group.start_utc for session in told["sessions"]]
        derated = told["derated_utc"]
        each.derated_s = None if derated is None else int(derated) - group.start_utc
    return [each.run for each in watched.values()]


def _truths(year: Year, watched: dict[str, _Watched]) -> Iterator[tuple[Run, dict[str, Any]]]:
    chargers: Any = year.truth.as_dict()["chargers"]
    for told in chargers:
        yield watched[told["id"]].run, told
