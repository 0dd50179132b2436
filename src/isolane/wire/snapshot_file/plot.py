"""This file draws a snapshot's lines as SVG; it guards that all pictures have one time axis, and one size however long.

A picture is `WIDTH` wide and shows UTC `from_ms` to `to_ms`; each moment is at the same place in all of them. Of many
samples at one place the least and the greatest are drawn, so no peak is lost. Colours are the page's.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from isolane.wire.snapshot_file.content import F64, I64, Happening, Line

WIDTH, LEFT, RIGHT = 960, 90, 10
_HEIGHT, _TOP, _FOOT = 110, 8, 20
_PLACES = 430
_GAP_STEPS = 2.5
_LANE = 16
_TICKS_MAX = 9
_MARKS_MAX = 600
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)


def plain(text: str) -> str:
    """Give a text for HTML: escaped, and without letters that are not seen."""
    return html.escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def number(value: float) -> str:
    """Give a number as people read it."""
    return "-" if math.isnan(value) else f"{value:.6g}"


def utc(t_ms: int) -> str:
    """Give a UTC time to the millisecond; the number itself beyond the years that there are."""
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]
    except (ValueError, OverflowError, OSError):
        return str(t_ms)


@dataclass(frozen=True, slots=True)
class Axis:
    """The time of all pictures of a report: UTC ms, `to_ms` after `from_ms`; `marks_ms` are the triggers."""

    from_ms: int
    to_ms: int
    marks_ms: Sequence[int]

    def at(self, t_ms: float) -> float:
        """Give the place of a moment."""
        return LEFT + (t_ms - self.from_ms) / (self.to_ms - self.from_ms) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[tuple[float, str]]:
        """Give places and seconds from the first trigger."""
        zero_ms = self.marks_ms[0] if self.marks_ms else self.from_ms
        length_s = (self.to_ms - self.from_ms) / 1000
        step_s = next((step for step in _STEPS_S if length_s / step <= _TICKS_MAX), length_s)
        first = math.ceil((self.from_ms - zero_ms) / 1000 / step_s)
        last = math.floor((self.to_ms - zero_ms) / 1000 / step_s)
        steps = [(n * step_s, zero_ms + n * step_s * 1000) for n in range(first, last + 1)]
        return [(self.at(t_ms), f"{seconds:+g}" if seconds else "0") for seconds, t_ms in steps]


def course(line: Line, axis: Axis) -> str:
    """Draw a line."""
    shown = (line.t_ms >= axis.from_ms) & (line.t_ms <= axis.to_ms)
    t_ms, values = line.t_ms[shown], line.values[shown]
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if not high > low:
        pad = abs(low) * 0.05 or 0.5
        low, high = low - pad, high + pad
    bottom = _HEIGHT - _FOOT
    ordinates = bottom - (values / 2 - low / 2) / (high / 2 - low / 2) * (bottom - _TOP)  # halves, so none overflows
    paths = "".join(f'<path class="line" d="{path}"/>' for path in _paths(line, t_ms, ordinates, axis))
    scale = (
        f'<text x="{LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{number(high)}</text>'
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">{number(low)}</text>'
    )
    return _picture(f"{line.name}, {line.unit or 'no unit'}", _HEIGHT, _frame(axis, _HEIGHT) + scale + paths)


def lanes(happenings: Sequence[Happening], axis: Axis) -> str:
    """Draw what happened, each kind in a lane of its own."""
    kinds = list(dict.fromkeys(one.kind for one in happenings))[:8]
    height = _TOP + _LANE * max(1, len(kinds)) + _FOOT
    parts = [_frame(axis, height)]
    for place, kind in enumerate(kinds):
        y = _TOP + _LANE * place
        parts.append(f'<text x="{LEFT - 6}" y="{y + 12}" text-anchor="end">{plain(kind[:12])}</text>')
        own = {round(axis.at(one.t_ms), 1) for one in happenings if one.kind == kind and _is_in(one, axis)}
        parts += [f'<path class="event" d="M{x} {y + 2}v12"/>' for x in sorted(own)[:_MARKS_MAX]]
    return _picture("What happened, by kind", height, "".join(parts))


def _is_in(one: Happening, axis: Axis) -> bool:
    return axis.from_ms <= one.t_ms <= axis.to_ms


def _picture(name: str, height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{plain(name)}">{content}</svg>'


def _frame(axis: Axis, height: int) -> str:
    bottom = height - _FOOT
    parts = [f'<path class="frame" d="M{LEFT} {_TOP}V{bottom}H{WIDTH - RIGHT}"/>']
    for x, text in axis.ticks():
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{text}</text>')
    marks = [axis.at(each) for each in axis.marks_ms if axis.from_ms <= each <= axis.to_ms]
    parts += [f'<path class="mark" d="M{x:.1f} {_TOP - 6}V{bottom}"/>' for x in marks]
    return "".join(parts)


def _paths(line: Line, t_ms: I64, ordinates: F64, axis: Axis) -> list[str]:
    """Give the pieces between gaps, each drawn through the least and the greatest at each place."""
    if not t_ms.size:
        return []
    usual = float(np.median(np.diff(t_ms))) if t_ms.size > 1 else 0.0
    gap_ms = _GAP_STEPS * max(line.step_ms, usual, 1.0)
    finite = np.isfinite(ordinates)
    cuts = np.flatnonzero((np.diff(t_ms) > gap_ms) | (finite[1:] != finite[:-1])) + 1
    paths = []
    for part in np.split(np.arange(t_ms.size), cuts):
        if not finite[part[0]]:
            continue
        points = _points(np.array([axis.at(t) for t in t_ms[part].tolist()]), ordinates[part])
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        paths.append(f"M{text}" if len(points) > 1 else f"M{text}h0.1")
        if len(paths) >= _PLACES:
            break
    return paths


def _points(x: F64, y: F64) -> list[tuple[float, float]]:
    if x.size <= 2 * _PLACES:
        return list(zip(x.tolist(), y.tolist(), strict=True))
    places = ((x - LEFT) / (WIDTH - LEFT - RIGHT) * _PLACES).astype(int)
    points = []
    for part in np.split(np.arange(x.size), np.flatnonzero(np.diff(places)) + 1):
        both = sorted({int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])})
        points += [(float(x[at]), float(y[at])) for at in both]
    return points
