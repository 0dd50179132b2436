"""This file hands readings to the grids that hold their signals; it guards that each grid is given only its own.

A signal may stand in more than one grid. A reading that no grid knows goes to the first, which counts it.
"""

from collections.abc import Sequence

from isolane.core.ports import Emit
from isolane.core.samples import Reading
from isolane.health.sampling.grid import Grid


def shared(grids: Sequence[Grid]) -> Emit:
    """Make the `Emit` of several grids, at least one."""
    first, *others = grids
    if not others:
        return first.accept
    owners: dict[tuple[str, str], list[int]] = {}
    for at, grid in enumerate(grids):
        for signal in grid.signals:
            owners.setdefault((signal.charger, signal.key), []).append(at)

    def emit(readings: Sequence[Reading]) -> None:
        parts: list[list[Reading]] = [[] for _ in grids]
        for reading in readings:
            for at in owners.get((reading.charger, reading.signal), (0,)):
                parts[at].append(reading)
        for grid, part in zip(grids, parts, strict=True):
            if part:
                grid.accept(part)

    return emit
