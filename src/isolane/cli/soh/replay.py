"""This file runs the models over a recording; it guards that they are those of the gateway, and see the same rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isolane.cli.soh.map import RecordingMap
from isolane.cli.soh.recording import pieces
from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.models.binding import Place
from isolane.health.models.notes import of_change, of_feature, of_score
from isolane.health.models.place import Bay
from isolane.health.models.settings import ModelSettings, RatingSettings
from isolane.health.models.stage import Stage
from isolane.health.models.unnamed import Unnamed, key_of
from isolane.wire.health_paper import FeatureNote, LevelNote, ScoreNote


@dataclass(slots=True)
class Findings:
    """What the models say of a recording.

    Attributes:
        levels: Changes of level, in their order.
        features: All features, in their order.
        scores: At the end.
        models: Which ran, by place.
        rows: Seconds that were looked at.
        from_s: UTC of the first.
        to_s: UTC after the last.
        taken_out: Samples that cannot be.
        failed: Batches that a place's models could not take: a bug of ours, and what is said is not whole.
    """

    levels: list[LevelNote] = field(default_factory=list)
    features: list[FeatureNote] = field(default_factory=list)
    scores: list[ScoreNote] = field(default_factory=list)
    models: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0
    from_s: int = 0
    to_s: int = 0
    taken_out: int = 0
    failed: int = 0


def replay(path: Path, recording: RecordingMap) -> Findings:
    """Run all models that find their signals, and the generic detectors on the columns without one.

    Raises:
        IsolaneError: See `recording.pieces`; or nothing in the map is of use to any model.
    """
    rating = recording.rating
    settings = ModelSettings(
        ratings=(
            RatingSettings(
                kind=rating.kind,
                power_w=rating.power_w,
                current_a=rating.current_a,
                voltage_v=rating.voltage_v,
                phases=rating.phases,
            ),
        )
    )
    signals = [
        Signal(recording.charger, column.signal or f"0.0/{_plain(name)}", "", 0)
        for name, column in recording.columns.items()
    ]
    good_until_s = None if recording.baseline is None else int(recording.baseline.until.timestamp())
    good_from_s = None if recording.baseline is None else int(recording.baseline.since.timestamp())
    stage = Stage(signals, settings, good_until_s)
    unnamed = {
        key_of(_column(name)): at for at, (name, column) in enumerate(recording.columns.items()) if not column.signal
    }
    if unnamed:
        place = Place(recording.charger, "0.0", unnamed)
        model = Unnamed(unnamed)
        stage.bays.append(
            Bay(place, settings.rating("", direct=rating.kind == "dc"), [model], good_until_s=good_until_s)
        )
    if not stage.bays:
        raise IsolaneError(
            "no model can make use of these signals",
            "docs/reference/models says what each needs; columns without a signal are watched by the generic detectors",
        )
    found = Findings(models={f"{bay.place.prefix}": [j.model.id for j in bay.judged] for bay in stage.bays})
    for piece in pieces(path, recording):
        start_s, rows = piece.start_s, piece.rows
        if good_from_s is not None and start_s < good_from_s:
            rows = rows[good_from_s - start_s :]
            start_s = good_from_s
        if not len(rows):
            continue
        found.from_s = found.from_s or start_s
        found.to_s = start_s + len(rows)
        found.rows += len(rows)
        found.levels += [of_change(told.place, told.change) for told in stage.feed(start_s, rows)]
        found.features += _news(stage)
    found.scores = [of_score(place, score) for place, score in stage.scores(found.to_s)]
    found.taken_out, found.failed = stage.taken_out, stage.failed
    return found


def _news(stage: Stage) -> Iterator[FeatureNote]:
    for bay in stage.bays:
        for course, feature in bay.news:
            yield of_feature(bay.place, course, feature)
        bay.news.clear()


def _column(name: str) -> str:
    """Give a column's name as an instance may be written."""
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_.-") else "_" for sign in name) or "_"


def _plain(name: str) -> str:
    return key_of(_column(name))


def as_tables(found: Findings) -> Mapping[str, list[dict[str, object]]]:
    """Give scores, levels and features as flat rows, for CSV."""
    return {
        "scores": [
            {
                "place": s.part.place,
                "component": s.part.component,
                "model": s.part.model,
                "measure": s.part.measure,
                "soh": s.value,
                "sd": s.sd,
                "n": s.n_obs,
                "basis": s.basis,
                "trust": s.trust,
                "level": s.level,
                "theta": s.theta,
                "theta_0": s.theta_0,
                "theta_end": s.theta_end,
                "unit": s.unit,
                "fail_30d": s.fail_30d,
                "fail_90d": s.fail_90d,
                "why_no_rul": s.why_none,
            }
            for s in found.scores
        ],
        "levels": [
            {
                "utc_s": n.at_s,
                "place": n.part.place,
                "component": n.part.component,
                "model": n.part.model,
                "measure": n.part.measure,
                "before": n.before,
                "level": n.level,
                "value": n.value,
                "limit": n.limit,
                "unit": n.unit,
                "do": n.remedy.text,
                "part": n.remedy.part,
                "mrec": n.remedy.mrec,
            }
            for n in found.levels
        ],
        "features": [
            {
                "utc_s": f.at_s,
                "place": f.part.place,
                "component": f.part.component,
                "measure": f.part.measure,
                "value": f.value,
                "sd": f.sd,
                "n": f.n,
            }
            for f in found.features
        ],
    }
