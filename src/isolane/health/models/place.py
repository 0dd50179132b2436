"""This file runs all models of one place; it guards the order in which they see rows, and that none sees a row twice.

Operation, for each batch of rows: what is missing before them is filled with gaps if it is short, and ends the session
if it is long; rows are cut at the borders of ten minutes of UTC; each piece goes to `watch`, each ten minutes to
`interval`, each complete stretch to `stretch`; features go to the course of their measure.
"""

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.binding import Place
from isolane.health.models.course import Course, Memory
from isolane.health.models.measure import Feature, Finding, Level
from isolane.health.models.model import Model, Rating
from isolane.health.models.rows import Rows
from isolane.health.models.score import Score
from isolane.health.models.sessions import Cut, Sessions
from isolane.health.models.window import Stretch, Window

_LOG = logging.getLogger(__name__)
INTERVAL_S = 600
_GAP_S_MAX = 120
_NEWS_MAX = 2000
_FLOWS_SHARE = 0.01
_FLOWS_A_MIN = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """A level that is another than before.

    Attributes:
        model: Whose.
        name: Of the measure or finding.
        before: Level until now.
        level: Level from now on.
        cause: The feature or finding that changed it.
        course: Of the measure, if it is of one.
    """

    model: Model
    name: str
    before: Level
    level: Level
    cause: Feature | Finding
    course: Course | None = None


@dataclass(slots=True)
class Remembered:
    """What a place remembers of one model; can be written down.

    Attributes:
        state: The model's own.
        courses: By measure.
        findings: Those that stand, by name.
    """

    state: dict[str, Any]
    courses: dict[str, Memory]
    findings: dict[str, Finding]


@dataclass(slots=True)
class Judged:
    """A model with the courses of its measures and the findings that stand."""

    model: Model
    courses: dict[str, Course]
    findings: dict[str, Finding] = field(default_factory=dict)


class Bay:
    """One place with its models.

    Args:
        place: Which, and its columns.
        rating: What it is built for.
        models: Fresh ones, for this place.
        commissioned: Values as commissioned, by ``<model kind>.<measure>``, in the measure's unit.
        good_until_s: UTC second until which all is known to have been well; None if nobody says so.
    """

    def __init__(
        self,
        place: Place,
        rating: Rating,
        models: Sequence[Model],
        commissioned: Mapping[str, float] | None = None,
        *,
        good_until_s: int | None = None,
    ) -> None:
        self.place = place
        self.rating = rating
        self.judged = [Judged(model, _courses(model, commissioned or {}, good_until_s)) for model in models]
        self.news: deque[tuple[Course, Feature]] = deque(maxlen=_NEWS_MAX)
        """Features since somebody took them away, the newest."""
        self.unknown = 0
        """Features of a measure that their model had not declared; a bug, counted."""
        self._keys = sorted(place.columns)
        self._columns = np.array([place.columns[key] for key in self._keys], np.intp)
        self._flow = [at for at, key in enumerate(self._keys) if _flows(key, rating)]
        self._rows = Rows()
        self._sessions = Sessions()

    @property
    def bytes(self) -> int:
        """Memory that the kept rows take."""
        return self._rows.bytes

    def feed(self, start_s: int, rows: NDArray[np.float64]) -> list[Change]:
        """Take rows; give the levels that changed by them.

        Args:
            start_s: UTC second of the first; rows before the end of what was fed last are left out.
            rows: All columns of the site, shape (rows, columns), gaps as NaN.
        """
        own = rows[:, self._columns]
        changes: list[Change] = []
        end_s = self._rows.end_s
        if end_s is not None and start_s != end_s:
            own, start_s = self._joined(own, start_s, end_s, changes)
        at = 0
        while at < len(own):
            border = min(len(own), at + INTERVAL_S - (start_s + at) % INTERVAL_S)
            self._piece(start_s + at, own[at:border], changes)
            at = border
        return changes

    def remember(self) -> dict[str, Remembered]:
        """Give what is to be remembered, by the model's id."""
        return {
            judged.model.id: Remembered(
                dict(judged.model.state()),
                {name: course.memory for name, course in judged.courses.items()},
                dict(judged.findings),
            )
            for judged in self.judged
        }

    def restore(self, memory: Mapping[str, Remembered]) -> None:
        """Go on from what was remembered; a model of another version begins anew, as does a measure that is new."""
        for judged in self.judged:
            kept = memory.get(judged.model.id)
            if kept is None:
                continue
            try:
                judged.model.restore(kept.state)
            except msgspec.ValidationError as error:
                charger, prefix = self.place.charger, self.place.prefix
                _LOG.warning(
                    "model-forgotten charger=%s place=%s model=%s error=%s", charger, prefix, judged.model.id, error
                )
            judged.findings.update(kept.findings)
            for name, course in judged.courses.items():
                if name in kept.courses:
                    course.restore(kept.courses[name])

    def renew(self, kind: str) -> bool:
        """A part was replaced or mended: its model and courses begin anew; tell whether there is such a model here."""
        found = [judged for judged in self.judged if judged.model.id.partition("/")[0] == kind]
        for judged in found:
            judged.model.renew()
            judged.findings.clear()
            for course in judged.courses.values():
                course.renew()
        return bool(found)

    def scores(self, now_s: int) -> list[Score]:
        """Give every measure's state of health at a UTC second."""
        return [course.score(now_s) for judged in self.judged for course in judged.courses.values()]

    def _joined(
        self, own: NDArray[np.float64], start_s: int, end_s: int, changes: list[Change]
    ) -> tuple[NDArray[np.float64], int]:
        """Make rows follow those before: fill a short gap, end the session at a long one, leave out what was seen."""
        missing = start_s - end_s
        if missing < 0:
            return own[-missing:], end_s
        if missing <= _GAP_S_MAX:
            return np.vstack((np.full((missing, own.shape[1]), np.nan), own)), end_s
        self._stretches(self._sessions.end(), changes)
        self._interval(end_s - end_s % INTERVAL_S, end_s, changes)
        self._rows.clear()
        return own, start_s

    def _piece(self, start_s: int, rows: NDArray[np.float64], changes: list[Change]) -> None:
        end_s = start_s + len(rows)
        self._rows.add(start_s, rows)
        window = self._window(start_s, rows)
        for judged in self.judged:
            self._take(judged, judged.model.watch(window), changes)
        flows = np.zeros(len(rows), np.bool_)
        least = max(_FLOWS_A_MIN, _FLOWS_SHARE * self.rating.current_a)
        for column in self._flow:
            flows |= rows[:, column] > least  # a gap is no flow
        self._stretches(self._sessions.take(start_s, flows), changes)
        if end_s % INTERVAL_S == 0:
            self._interval(end_s - INTERVAL_S, end_s, changes)
        border = end_s - end_s % INTERVAL_S
        needed = self._sessions.from_s
        self._rows.forget(border if needed is None else min(border, needed))

    def _interval(self, first_s: int, end_s: int, changes: list[Change]) -> None:
        begin, rows = self._rows.since(first_s, end_s)
        if len(rows):
            window = self._window(begin, rows)
            for judged in self.judged:
                self._take(judged, judged.model.interval(window), changes)

    def _stretches(self, cuts: Iterable[Cut], changes: list[Change]) -> None:
        for cut in cuts:
            begin, rows = self._rows.since(cut.first_s, cut.end_s)
            if len(rows):
                stretch = Stretch(self._window(begin, rows), cut.session, cut.begins, cut.ends, cut.rest_s)
                for judged in self.judged:
                    self._take(judged, judged.model.stretch(stretch), changes)

    def _window(self, start_s: int, rows: NDArray[np.float64]) -> Window:
        return Window(start_s, len(rows), {key: rows[:, at] for at, key in enumerate(self._keys)})

    def _take(self, judged: Judged, found: Iterable[Feature | Finding], changes: list[Change]) -> None:
        for each in found:
            if isinstance(each, Finding):
                before = judged.findings.pop(each.name, None)
                if each.level is not Level.NONE:
                    judged.findings[each.name] = each
                old, new = before.level if before else Level.NONE, each.level
                name, course = each.name, None
            else:
                course = judged.courses.get(each.measure)
                if course is None:
                    self.unknown += 1
                    _LOG.error("feature-without-measure model=%s measure=%s", judged.model.id, each.measure)
                    continue
                old, new = course.level, course.take(each)
                self.news.append((course, each))
                name = each.measure
            if old is not new:
                changes.append(Change(judged.model, name, old, new, each, course))


def _courses(model: Model, commissioned: Mapping[str, float], good_until_s: int | None) -> dict[str, Course]:
    kind = model.id.partition("/")[0]
    return {
        measure.name: Course(measure, model.id, commissioned.get(f"{kind}.{measure.name}", float("nan")), good_until_s)
        for measure in model.measures
    }


def _flows(key: str, rating: Rating) -> bool:
    return key == "EVSE/DCCurrent" if rating.direct else key.startswith("ElectricalFeed/ACCurrent[L")
