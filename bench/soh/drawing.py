"""This file draws the page's picture; it guards that what was never found is drawn as such, not left out."""

import math
from collections.abc import Sequence
from html import escape

from bench.soh.report import Row

_LEFT, _TOP, _WIDTH, _LINE = 260, 50, 640, 16
_TITLE = "Share of the way to the limit (ramps), or of the time it had (steps), when L2 was reached"
_SHARE_MAX = 1.25
_GOOD, _BAD, _GREY = "#4878a8", "#c8553d", "#9aa0a6"


def picture(rows: Sequence[Row]) -> str:
    """Draw for each case how far the fault had gone when it was found, a dot a run, as SVG.

    Ramps stand on the share of the way to their limit; steps and intermittent faults on the share of the time that they
    had. A cross at the right is a run in which it was not found.
    """
    ordered = sorted(rows, key=lambda row: (row.name.rpartition(", ")[2], row.name))
    bottom = _TOP + _LINE * len(ordered)
    parts = [
        f'<text x="{_LEFT}" y="20" font-weight="bold">{_TITLE}</text>',
        f'<text x="{_LEFT}" y="36" fill="{_GOOD}">● in time</text>',
        f'<text x="{_LEFT + 90}" y="36" fill="{_BAD}">● late</text>',
        f'<text x="{_LEFT + 150}" y="36" fill="{_BAD}">x never</text>',
    ]
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        colour = _GREY if tenth == 10 else "#dddddd"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" font-size="9" text-anchor="middle">{tenth / 10:g}</text>')
    for at, row in enumerate(ordered):
        y = _TOP + _LINE * at + _LINE / 2
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(row.name)}</text>')
        parts += [_mark(share, is_in_time=good, y=y) for share, good in _marks(row)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 30} {bottom + 24}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _marks(row: Row) -> list[tuple[float, bool]]:
    is_ramp = row.name.endswith(("ramp", "slow"))
    return [(each.severity if is_ramp else each.hours / each.late_h, each.in_time) for each in row.outcomes]


def _mark(share: float, *, is_in_time: bool, y: float) -> str:
    if not math.isfinite(share):
        return f'<text x="{_x(_SHARE_MAX):.1f}" y="{y + 4:.1f}" fill="{_BAD}" text-anchor="middle">x</text>'
    colour = _GOOD if is_in_time else _BAD
    return f'<circle cx="{_x(min(share, _SHARE_MAX)):.1f}" cy="{y:.1f}" r="3.5" fill="{colour}" fill-opacity="0.7"/>'


def _x(share: float) -> float:
    return _LEFT + _WIDTH * share / _SHARE_MAX
