"""This file holds the model of the clock's battery."""

import numpy as np

from isolane.health.models.components.battery import Battery, BatteryParameters
from isolane.health.models.course import Course
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from support.cuts import told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_VOLT = "RealTimeClock/DCVoltage"


def _make() -> Battery:
    return Battery(BatteryParameters(), _RATING, (_VOLT,))


def test_a_weak_battery_is_watched_and_then_planned_for() -> None:
    course = Course(_make().measures[0], "battery/1")
    volts = np.repeat(np.concatenate((np.full(20, 3.05), np.linspace(3.05, 2.45, 60))), 86_400)
    levels = [course.take(feature) for feature in told(_make, {_VOLT: volts}).features]
    assert levels[19] is Level.NONE
    assert Level.WATCH in levels
    assert Level.PLAN in levels


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(BatteryParameters) in page("battery")
