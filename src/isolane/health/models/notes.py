"""This file puts scores, features and changes into the words that travel; it guards that no NaN becomes a number."""

import math
from collections.abc import Mapping

from isolane.health.models.binding import Place
from isolane.health.models.course import Course
from isolane.health.models.measure import Feature, Finding, Remedy
from isolane.health.models.place import Change
from isolane.health.models.score import Score
from isolane.wire.health_paper import VERSION, FeatureNote, LevelNote, Part, RemedyNote, ScoreNote


def of_change(place: Place, change: Change) -> LevelNote:
    """Word a change of level.

    Args:
        place: Where.
        change: What changed.
    """
    cause, course = change.cause, change.course
    if isinstance(cause, Finding):
        part = Part(place.charger, place.prefix, cause.component, change.model.id, cause.name)
        return LevelNote(
            version=VERSION,
            part=part,
            before=change.before,
            level=change.level,
            at_s=cause.at_s,
            remedy=_remedy(cause.remedy),
            value=_number(cause.value),
            limit=_number(cause.limit),
            unit=cause.unit,
        )
    if course is None:
        raise ValueError(f"a feature of {cause.measure} without its course")
    score = of_score(place, course.score(cause.at_s))
    return LevelNote(
        version=VERSION,
        part=score.part,
        before=change.before,
        level=change.level,
        at_s=cause.at_s,
        remedy=_remedy(course.measure.remedy),
        value=_number(cause.value),
        limit=score.theta_end,
        unit=course.measure.unit,
        evidence=_evidence(cause.evidence),
        score=score,
    )


def of_score(place: Place, score: Score) -> ScoreNote:
    """Word a score."""
    measure, fate = score.measure, score.prognosis
    return ScoreNote(
        part=Part(place.charger, place.prefix, measure.component, score.model_id, measure.name),
        unit=measure.unit,
        basis=measure.basis,
        trust=score.trust,
        level=score.level,
        n_obs=score.n_obs,
        value=_number(score.value),
        sd=_number(score.sd),
        theta=_number(score.theta),
        theta_sd=_number(score.theta_sd),
        theta_0=_number(score.theta_0),
        theta_end=_number(score.theta_end),
        at_s=score.at_s,
        fail_30d=None if fate is None else fate.fail_30d,
        fail_90d=None if fate is None else fate.fail_90d,
        days=None if fate is None else (_number(fate.days_low), _number(fate.days), _number(fate.days_high)),
        why_none=score.no_prognosis,
        remedy=_remedy(measure.remedy),
    )


def of_feature(place: Place, course: Course, feature: Feature) -> FeatureNote:
    """Word a feature."""
    measure = course.measure
    return FeatureNote(
        part=Part(place.charger, place.prefix, measure.component, course.model_id, measure.name),
        at_s=feature.at_s,
        value=_number(feature.value),
        sd=feature.sd or None,
        n=feature.n,
        evidence=_evidence(feature.evidence),
    )


def _remedy(remedy: Remedy) -> RemedyNote:
    return RemedyNote(remedy.text, remedy.part, remedy.mrec, remedy.unified)


def _evidence(evidence: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in evidence.items()}


def _number(value: float) -> float | None:
    """Give six digits of a number, which is more than any sensor has; None of what is none."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
