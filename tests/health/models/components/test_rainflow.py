"""This file holds cycle counting against the example of ASTM E1049-85."""

from collections import defaultdict
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.rainflow import Cycle, Rainflow, turning

_SERIES = (-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0)


def _counted(series: tuple[float, ...] | list[float], *, resume: bool = False) -> dict[float, float]:
    flow, found = Rainflow(), defaultdict[float, float](float)
    for second, value in enumerate(series):
        for cycle in flow.take([(value, float(second))]):
            found[cycle.range] += cycle.count
        if resume:
            flow = msgspec.json.decode(msgspec.json.encode(flow), type=Rainflow)
    for cycle in flow.rest():
        found[cycle.range] += cycle.count
    return dict(found)


@pytest.mark.parametrize("resume", [False, True])
def test_the_standards_example(resume: bool) -> None:  # noqa: FBT001 - a table's column
    assert _counted(_SERIES, resume=resume) == {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=60))
def test_ranges_add_up_to_the_way_gone(series: list[int]) -> None:
    """Each half cycle goes its range once: together they go what the signal went."""
    counted = _counted([float(value) for value in series])
    went = sum(abs(b - a) for a, b in pairwise(series))
    assert sum(2 * count * span for span, count in counted.items()) == pytest.approx(went)


@given(st.lists(st.lists(st.integers(-6, 6), max_size=20), max_size=6), st.integers(0, 4))
def test_what_lies_between_turns_changes_no_cycle(pieces: list[list[int]], least: int) -> None:
    whole, thinned = Rainflow(least=least), Rainflow(least=least)
    told: list[Cycle] = []
    thin: list[Cycle] = []
    second = 0
    for piece in pieces:
        values = np.array(piece, np.float64)
        seconds = second + np.arange(len(values), dtype=np.float64)
        second += len(values)
        told += whole.take(zip(values.tolist(), seconds.tolist(), strict=True))
        kept = turning(values)
        thin += thinned.take(zip(values[kept].tolist(), seconds[kept].tolist(), strict=True))
    assert thin == told
    assert thinned == whole
