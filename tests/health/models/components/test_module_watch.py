"""This file holds the watch over modules: one that fails its siblings is told, one that rests is not."""

import numpy as np
import pytest

from isolane.health.models.components.modules import Modules, ModulesParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Told, assert_cut_free, told

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_NAMES, _ROWS, _DAY = "123", 6000, 86_400
_KEYS = tuple(f"AcDcConverter[{name}]/{what}" for name in _NAMES for what in ("Power", "Temperature", "Problem"))
Signals = dict[str, Floats]


def _make() -> Modules:
    return Modules(ModulesParameters(), _RATING, _KEYS)


def _signals(load: float = 0.8, rows: int = _ROWS) -> Signals:
    """Give modules that share a load; three of 50 kW."""
    signals = {key: np.zeros(rows) for key in _KEYS}
    for name in _NAMES:
        signals[f"AcDcConverter[{name}]/Power"][:] = 50_000 * load
        signals[f"AcDcConverter[{name}]/Temperature"][:] = 40.0
    return signals


def _levels(given: Told, name: str) -> list[Level]:
    return [each.level for each in given.named(name)]


@pytest.mark.parametrize(("trips", "told_often"), [(3, False), (4, True)])
def test_more_than_three_trips_in_a_week_are_a_work_order(trips: int, told_often: bool) -> None:  # noqa: FBT001
    signals = _signals()
    for at in range(trips):
        signals["AcDcConverter[2]/Power"][300 + 600 * at :][:20] = 0.0
    given = assert_cut_free(_make, signals)
    assert _levels(given, "module_trips[2]") == ([Level.DISPATCH] if told_often else [])
    assert given.named("module_trips[1]") == []


def test_trips_that_are_a_week_old_are_over() -> None:
    model, signals = _make(), _signals()
    for at in range(4):
        signals["AcDcConverter[2]/Power"][300 + 600 * at :][:20] = 0.0
    begin = 1_800_000_000 - 1_800_000_000 % _DAY
    assert _levels(told(_make, signals, start_s=begin, into=model), "module_trips[2]") == [Level.DISPATCH]
    later = told(_make, _signals(), start_s=begin + 7 * _DAY, into=model)
    assert _levels(later, "module_trips[2]") == [Level.NONE]


def test_a_problem_that_is_told_is_a_trip_and_one_with_its_silence() -> None:
    signals = _signals()
    for at in range(3):
        signals["AcDcConverter[3]/Problem"][600 + 900 * at :][:30] = 1.0
        signals["AcDcConverter[3]/Power"][610 + 900 * at :][:30] = 0.0
    assert assert_cut_free(_make, signals).named("module_trips[3]") == []
    signals["AcDcConverter[3]/Problem"][5000:5010] = 1.0
    assert _levels(assert_cut_free(_make, signals), "module_trips[3]") == [Level.DISPATCH]


def test_a_module_that_drops_out_of_sharing_is_told_until_it_is_back() -> None:
    signals = _signals()
    signals["AcDcConverter[1]/Power"][1000:4000] = 0.0
    given = assert_cut_free(_make, signals)
    assert _levels(given, "module_out[1]") == [Level.PLAN, Level.NONE]
    assert given.named("module_trips[1]") == []


def test_a_module_that_rests_at_little_load_is_well() -> None:
    signals = _signals(0.4)
    signals["AcDcConverter[1]/Power"][1000:4000] = 0.0
    assert assert_cut_free(_make, signals).findings == []


def test_gaps_say_nothing() -> None:
    signals = _signals()
    signals["AcDcConverter[1]/Power"][1000:4000] = np.nan
    assert assert_cut_free(_make, signals).findings == []
