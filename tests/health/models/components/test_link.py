"""This file holds the connection's model: losses, flapping, signal, reconnects and round trips."""

import numpy as np
import pytest

from isolane.health.models.components.link import Link, LinkParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_ACTIVE, _SIGNAL = "DataLink/Active", "DataLink/SignalStrength"
_TRIP, _BACK = "DataLink/xRoundTrip", "DataLink/xReconnects"
_DAY = 86_400 + 600


def _make() -> Link:
    return Link(LinkParameters(), _RATING, (_ACTIVE, _SIGNAL, _TRIP, _BACK))


def _losses(*at: int, rows: int = 7200) -> Floats:
    active = line(1, rows)
    for begin in at:
        active[begin : begin + 30] = 0
    return active


@pytest.mark.parametrize(("at", "flaps"), [((100, 200, 699), True), ((100, 200, 700), False), ((100, 200), False)])
def test_three_losses_in_ten_minutes_flap(at: tuple[int, ...], flaps: bool) -> None:  # noqa: FBT001 - a table's column
    given = assert_cut_free(_make, {_ACTIVE: _losses(*at)}).named("flapping")
    assert [each.level for each in given] == ([Level.PLAN, Level.NONE] if flaps else [])
    if flaps:
        assert [each.at_s - given[0].at_s for each in given] == [0, 600]


@pytest.mark.parametrize(("away_s", "told_levels"), [(3599, []), (3600, [Level.DISPATCH, Level.NONE])])
def test_offline_for_an_hour_needs_a_visit(away_s: int, told_levels: list[Level]) -> None:
    active = line(1, 7200)
    active[300 : 300 + away_s] = 0
    assert [each.level for each in assert_cut_free(_make, {_ACTIVE: active}).named("offline")] == told_levels


def test_no_reading_is_no_loss() -> None:
    active = line(1, 7200)
    active[300:6000] = np.nan
    assert assert_cut_free(_make, {_ACTIVE: active}).findings == []


def test_a_day_is_told() -> None:
    rng = np.random.default_rng(1)
    back = np.zeros(_DAY)
    back[10_000:] += 2
    back[50_000:] += 3
    back[60_000:] = 0  # the gateway began anew
    back[70_000:] = 1
    signals = {
        _ACTIVE: line(1, _DAY), _BACK: back, _SIGNAL: np.round(-90 + rng.normal(0, 3, _DAY)),
        _TRIP: np.where(rng.random(_DAY) < 0.1, 2.0, 0.1),
    }  # fmt: skip
    given = assert_cut_free(_make, signals)
    assert given.of("reconnects") == [6.0]
    assert given.of("signal") == pytest.approx([-90], abs=0.5)
    assert given.of("round_trip") == pytest.approx([2.0])


def test_a_poor_signal_is_told_until_it_is_better() -> None:
    dbm = np.concatenate((np.full(_DAY, -115.0), np.full(_DAY, -95.0)))
    given = told(_make, {_ACTIVE: line(1, 2 * _DAY), _SIGNAL: dbm}).named("signal_poor")
    assert [each.level for each in given] == [Level.WATCH, Level.NONE]


def test_ten_decibels_less_are_planned_for() -> None:
    (signal,) = [each for each in _make().measures if each.name == "signal"]
    assert (signal.plan * signal.scatter, signal.rises) == (10.0, False)


def test_what_is_not_there_is_not_measured() -> None:
    assert [each.name for each in Link(LinkParameters(), _RATING, (_ACTIVE,)).measures] == ["reconnects"]
    assert told(lambda: Link(LinkParameters(), _RATING, (_ACTIVE,)), {_ACTIVE: line(1, _DAY)}).features == []


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(LinkParameters) in page("link")
