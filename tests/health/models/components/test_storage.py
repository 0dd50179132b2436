"""This file holds flash memory's model: what eMMC says of its life, and from when it is planned for."""

import numpy as np

from isolane.health.models.components.storage import Storage, StorageParameters
from isolane.health.models.course import Course
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from support.cuts import told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_WORN = "Controller/xFlashWorn"


def _make() -> Storage:
    return Storage(StorageParameters(), _RATING, (_WORN,))


def test_levels_follow_the_register() -> None:
    """0x08 is 80 percent, 0x0A is 100, 0x0B beyond."""
    levels = {}
    for percent in (70.0, 80.0, 100.0):
        course = Course(_make().measures[0], "storage/1")
        for feature in told(_make, {_WORN: np.full(4 * 86_400 + 600, percent)}).features:
            levels[percent] = course.take(feature)
    assert levels == {70.0: Level.NONE, 80.0: Level.PLAN, 100.0: Level.DISPATCH}


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(StorageParameters) in page("storage")
