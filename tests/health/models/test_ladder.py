"""This file tests the levels: how long something has to last to be given, and to be taken away."""

import pytest

from isolane.health.models.ladder import Ladder
from isolane.health.models.measure import Level, Per

_NOTHING = {Level.WATCH: False, Level.PLAN: False, Level.DISPATCH: False}


def _speaks(level: Level) -> dict[Level, bool]:
    return {each: each <= level for each in _NOTHING}


@pytest.mark.parametrize(("level", "features"), [(Level.WATCH, 2), (Level.PLAN, 3), (Level.DISPATCH, 1)])
def test_a_level_is_given_after_so_many_sessions(level: Level, features: int) -> None:
    ladder = Ladder()
    for number in range(features):
        assert ladder.level < level
        ladder.take(_speaks(level), Per.SESSION, number)
    assert ladder.level is level


def test_a_plan_by_hours_takes_a_day() -> None:
    ladder = Ladder()
    for hour in range(24):
        assert ladder.take(_speaks(Level.PLAN), Per.HOUR, hour * 3600) < Level.PLAN
    assert ladder.take(_speaks(Level.PLAN), Per.HOUR, 24 * 3600) is Level.PLAN


def test_a_dispatch_is_not_taken_back_by_one_good_session() -> None:
    ladder = Ladder()
    ladder.take(_speaks(Level.DISPATCH), Per.SESSION, 0)
    assert ladder.take(_NOTHING, Per.SESSION, 1) is Level.DISPATCH
    assert ladder.take(_speaks(Level.DISPATCH), Per.SESSION, 2) is Level.DISPATCH
    levels = [ladder.take(_NOTHING, Per.SESSION, at) for at in (3, 4, 5)]
    assert levels[:2] == [Level.DISPATCH, Level.DISPATCH]
    assert levels[2] < Level.DISPATCH
