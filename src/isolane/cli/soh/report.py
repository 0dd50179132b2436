"""This file writes what the models say; it guards that a name out of a file is shown as text and never as markup.

One folder: ``report.html`` to read (no script, nothing from outside), ``scores.csv``, ``levels.csv`` and
``features.csv`` to reckon with, ``report.json`` with all of it.
"""

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import msgspec

from isolane.cli.soh.replay import Findings, as_tables
from isolane.core.failures import IsolaneError
from isolane.wire.health_paper import FeatureNote, LevelNote, ScoreNote

_LEVELS = ("none", "L0 info", "L1 watch", "L2 plan", "L3 dispatch", "L4 safety")
_WIDE, _HIGH = 640, 120
_POINTS_MAX = 800
_STYLE = """
:root { color-scheme: light dark; --line: #0b6bcb; --limit: #c0392b; --quiet: #6b7280; --rule: #d7dbe0; }
@media (prefers-color-scheme: dark) { :root { --line: #6cb2ff; --limit: #ff8a7a; --quiet: #9aa4b2; --rule: #3a424d; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.n { text-align: right; } figure { margin: 1.5rem 0; } figcaption { color: var(--quiet); }
svg { width: 100%; height: auto; } .line { fill: none; stroke: var(--line); stroke-width: 1.2; }
.limit { stroke: var(--limit); stroke-dasharray: 5 4; } .start { stroke: var(--quiet); stroke-dasharray: 2 3; }
text { font: 11px system-ui, sans-serif; fill: var(--quiet); }
"""


def write(found: Findings, name: str, folder: Path) -> None:
    """Write the report's files; the folder is made if need be.

    Raises:
        IsolaneError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, rows in as_tables(found).items():
            with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
                if rows:
                    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
        (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        (folder / "report.html").write_text(html(found, name), encoding="utf-8")
    except OSError as error:
        raise IsolaneError(f"cannot write {folder}: {error.strerror}", "give another folder with --out") from error


def html(found: Findings, name: str) -> str:
    """Give the report as one page.

    Args:
        found: What the models say.
        name: Of the recording.
    """
    title = f"State of health: {name}"
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        f"<p>{_when(found.from_s)} to {_when(found.to_s)} UTC, {found.rows:,} seconds.</p>",
        f"<p>{len(found.features):,} features, {found.taken_out:,} samples taken out because they cannot be.</p>",
        f"<p><strong>Not whole: models failed at {found.failed:,} batches.</strong></p>" if found.failed else "",
        "<h2>Scores, worst first</h2>",
        _scores(found.scores),
        "<h2>What changed</h2>",
        _changes(found.levels),
        "<h2>Evidence</h2>",
    ]
    for score in sorted(found.scores, key=_badness):
        own = [f for f in found.features if f.part == score.part]
        if own:
            parts.append(_figure(score, own))
    return "".join([*parts, "</body></html>\n"])


def _badness(score: ScoreNote) -> tuple[int, float]:
    return -score.level, math.inf if score.value is None else score.value


def _scores(scores: Sequence[ScoreNote]) -> str:
    if not scores:
        return "<p>No model found the signals that it needs.</p>"
    rows = []
    for score in sorted(scores, key=_badness):
        fate = (
            score.why_none
            if score.fail_90d is None
            else f"P(fail 30 d) {score.fail_30d:.0%}, 90 d {score.fail_90d:.0%}"
        )
        rows.append(
            f"<tr><td>{escape(score.part.place)} {escape(score.part.component)}</td>"
            f"<td>{escape(score.part.measure)}</td>"
            f"<td class=n>{_number(score.value)} &plusmn; {_number(score.sd)}</td><td>{_LEVELS[score.level + 1]}</td>"
            f"<td class=n>{score.n_obs}</td><td>{escape(score.basis)}, {escape(score.trust)}</td>"
            f"<td class=n>{_number(score.theta)} of {_number(score.theta_0)} to {_number(score.theta_end)} "
            f"{escape(score.unit)}</td><td>{escape(fate)}</td></tr>"
        )
    names = ("part", "measure", "state of health", "level", "n", "basis", "now, as new to end of life", "prognosis")
    head = "<tr>" + "".join(f"<th>{name}" for name in names) + "</tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _changes(levels: Sequence[LevelNote]) -> str:
    if not levels:
        return "<p>No level changed.</p>"
    rows = [
        f"<tr><td>{_when(note.at_s)}</td><td>{escape(note.part.place)} {escape(note.part.component)} "
        f"{escape(note.part.measure)}</td><td>{_LEVELS[note.before + 1]} to {_LEVELS[note.level + 1]}</td>"
        f"<td class=n>{_number(note.value)} (limit {_number(note.limit)}) {escape(note.unit)}</td>"
        f"<td>{escape(note.remedy.text)} {escape(note.remedy.part)} {escape(note.remedy.mrec)}</td></tr>"
        for note in levels
    ]
    head = "<tr><th>UTC<th>part<th>level<th>seen<th>what to do</tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _figure(score: ScoreNote, features: Sequence[FeatureNote]) -> str:
    """Draw a measure's features over time with its start and its end of life."""
    shown = [f for f in features if f.value is not None]
    shown = shown[:: max(1, len(shown) // _POINTS_MAX)]
    if not shown:
        return ""
    values = [f.value for f in shown if f.value is not None]
    marks = [mark for mark in (score.theta_0, score.theta_end) if mark is not None]
    low, high = min(values + marks), max(values + marks)
    span = (high - low) or 1.0
    first, last = shown[0].at_s, shown[-1].at_s

    def x(at_s: int) -> float:
        return 60 + (_WIDE - 70) * (at_s - first) / max(last - first, 1)

    def y(value: float) -> float:
        return 10 + (_HIGH - 30) * (1 - (value - low) / span)

    points = " ".join(f"{x(f.at_s):.1f},{y(f.value):.1f}" for f in shown if f.value is not None)
    lines = "".join(
        f"<line class={kind} x1=60 x2={_WIDE - 10} y1={y(mark):.1f} y2={y(mark):.1f} />"
        for kind, mark in (("start", score.theta_0), ("limit", score.theta_end))
        if mark is not None
    )
    label = f"{score.part.place} {score.part.component} {score.part.measure}"
    return (
        f"<figure><svg viewBox='0 0 {_WIDE} {_HIGH}' role=img aria-label='{escape(label)}'>{lines}"
        f"<polyline class=line points='{points}' /><text x=0 y=18>{_number(high)}</text>"
        f"<text x=0 y={_HIGH - 20}>{_number(low)}</text><text x=60 y={_HIGH - 4}>{_when(first)}</text>"
        f"<text x={_WIDE - 10} y={_HIGH - 4} text-anchor=end>{_when(last)}</text></svg>"
        f"<figcaption>{escape(label)} [{escape(score.unit)}]: dots as new, dashes end of life.</figcaption></figure>"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _when(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
