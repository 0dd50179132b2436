"""This file draws a row's small power curve as an SVG path; it guards that missing minutes stay open in the line.

static/js/sparkline.js draws the same path when new numbers arrive; both are tested with the same rows.
"""

from collections.abc import Sequence

WIDTH = 120
HEIGHT = 28
_PAD = 2.0
_FLOOR_W = 1000.0
"""The scale is never finer than this, so that the standby noise of an idle charger stays a flat line."""


def paths(power_w: Sequence[float | None]) -> tuple[str, str]:
    """Draw a power curve from zero at the bottom to its own greatest value at the top.

    Args:
        power_w: One value a step, oldest first, None where nothing arrived.

    Returns:
        The path of the line and the path of the area under it, in a box of WIDTH by HEIGHT.
    """
    top = max((abs(value) for value in power_w if value is not None), default=0.0)
    top = max(top, _FLOOR_W)
    step = WIDTH / max(1, len(power_w) - 1)
    floor = HEIGHT - _PAD / 2
    line, area = [], []
    run: list[tuple[float, float]] = []
    for index, value in enumerate([*power_w, None]):
        if value is not None:
            run.append((index * step, floor - max(0.0, value) / top * (HEIGHT - 2 * _PAD)))
            continue
        if run:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in _widened(run))
            line.append(f"M{points}")
            area.append(f"M{run[0][0]:.1f},{floor:.1f} {points} {_widened(run)[-1][0]:.1f},{floor:.1f}Z")
            run = []
    return "".join(line), "".join(area)


def _widened(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Make a lone point visible as a short dash."""
    return run if len(run) > 1 else [run[0], (run[0][0] + 1.5, run[0][1])]
