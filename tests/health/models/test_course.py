"""This file tests a measure over its life: baseline, estimate, state of health, levels and prognosis."""

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from isolane.health.models.course import Course, Memory
from isolane.health.models.measure import Basis, Feature, Level, Measure, Per, Remedy
from isolane.health.models.score import Trust, state_of_health

SESSION_S = 7200
HEATING = Measure(
    name="heating",
    component="TemperatureSensor[ContactDCplus]",
    unit="K/A2",
    per=Per.SESSION,
    basis=Basis.MEASURED,
    remedy=Remedy("clean the pins"),
    ratio=2.0,
    plan=1.3,
    dispatch=1.6,
    watch=1.0,
    scatter=0.05,
    log=True,
)
WEAR = Measure(
    name="wear",
    component="PowerContactor",
    unit="",
    per=Per.DAY,
    basis=Basis.COUNTED,
    remedy=Remedy("replace it"),
    limit=1.0,
    start=0.0,
    plan=0.5,
    dispatch=0.8,
)


def _run(course: Course, truth: Callable[[int], float], features: int, *, first: int = 0, seed: int = 1) -> list[Level]:
    rng = np.random.default_rng(seed + first)
    return [
        course.take(Feature("heating", (first + at) * SESSION_S, 1e-3 * truth(at) * float(np.exp(rng.normal(0, 0.1)))))
        for at in range(features)
    ]


def test_the_scale_is_that_of_the_published_end_of_life() -> None:
    assert state_of_health(1.0, 1.0, 2.0) == 100
    assert state_of_health(1.5, 1.0, 2.0) == 50
    assert state_of_health(2.5, 1.0, 2.0) == 0
    assert state_of_health(0.5, 1.0, 2.0) == 100
    assert state_of_health(75.0, 100.0, 50.0) == 50
    assert math.isnan(state_of_health(math.nan, 1.0, 2.0))


def test_without_a_baseline_there_is_no_value() -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 20)
    score = course.score(20 * SESSION_S)
    assert score.trust is Trust.LEARNING
    assert math.isnan(score.value)
    assert score.n_obs == 20
    assert "baseline" in score.no_prognosis


def test_a_healthy_part_stays_near_a_hundred_without_a_level() -> None:
    course = Course(HEATING, "connector/1")
    levels = _run(course, lambda _: 1.0, 400)
    assert max(levels) is Level.NONE
    score = course.score(400 * SESSION_S)
    assert score.value > 88
    assert score.trust is Trust.GOOD
    assert score.prognosis is None


@pytest.mark.parametrize(("factor", "level"), [(1.45, Level.PLAN), (2.2, Level.DISPATCH)])
def test_a_step_is_found_within_sessions(factor: float, level: Level) -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 60)
    levels = _run(course, lambda _: factor, 30, first=60)
    assert level in levels[:10]
    assert levels[-1] is level
    expected = 100 * min(max(2 - factor, 0), 1)
    assert course.score(90 * SESSION_S).value == pytest.approx(expected, abs=8)


def test_a_ramp_climbs_the_levels_in_their_order_before_the_end() -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 60)
    levels = _run(course, lambda at: 1 + 0.01 * at, 100, first=60)
    first = {level: levels.index(level) for level in (Level.WATCH, Level.PLAN, Level.DISPATCH)}
    assert first[Level.WATCH] < first[Level.PLAN] < first[Level.DISPATCH] < 90


def test_a_commissioned_value_needs_no_baseline() -> None:
    course = Course(HEATING, "connector/1", commissioned=1e-3)
    levels = _run(course, lambda _: 2.2, 10)
    assert Level.DISPATCH in levels


def test_a_maintenance_event_begins_anew() -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 60)
    _run(course, lambda _: 2.2, 20, first=60)
    course.renew()
    assert course.level is Level.NONE
    assert course.score(0).trust is Trust.LEARNING


def test_a_part_that_has_not_been_seen_for_a_month_is_old() -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 60)
    assert course.score(60 * SESSION_S + 31 * 86_400).trust is Trust.OLD


def test_what_it_remembers_can_be_written_down() -> None:
    course = Course(HEATING, "connector/1")
    _run(course, lambda _: 1.0, 60)
    _run(course, lambda at: 1 + 0.01 * at, 100, first=60)
    again = Course(HEATING, "connector/1")
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(course.memory), type=Memory))
    assert again.score(10**7) == course.score(10**7)
    assert _run(again, lambda _: 2.0, 5, first=160) == _run(course, lambda _: 2.0, 5, first=160)


def test_counted_wear_tells_when_it_will_be_over() -> None:
    course = Course(WEAR, "contactor/1")
    for day in range(120):
        course.take(Feature("wear", day * 86_400, day * 0.005))
    score = course.score(120 * 86_400)
    assert score.value == pytest.approx(100 * (1 - 119 * 0.005))
    assert score.level is Level.PLAN
    assert score.prognosis is not None
    assert score.prognosis.days == pytest.approx((1 - 119 * 0.005) / 0.005, rel=0.02)
    assert score.prognosis.days_low < 60 < score.prognosis.days_high
    assert score.prognosis.fail_30d < 0.05 < score.prognosis.fail_90d


def test_nan_is_no_feature() -> None:
    course = Course(HEATING, "connector/1")
    course.take(Feature("heating", 0, math.nan))
    course.take(Feature("heating", 0, -1.0))
    assert course.score(0).n_obs == 0


def test_a_start_of_its_own_comes_before_a_commissioned_value() -> None:
    assert Course(WEAR, "contactor/1", commissioned=2.0).score(0).theta_0 == 0.0


def test_what_is_beyond_its_end_at_the_baseline_has_nothing_left() -> None:
    measure = Measure("age", "Fan", "K", Per.DAY, Basis.MEASURED, Remedy("swap it"), limit=80.0, scatter=1.0)
    course = Course(measure, "fan/1", commissioned=85.0)
    course.take(Feature("age", 0, 85.0))
    assert course.score(0).value == 0.0
    assert course.level is Level.DISPATCH


def test_of_what_does_not_wear_nothing_is_foretold() -> None:
    course = Course(replace(WEAR, foretold=False), "supply/1")
    for day in range(120):
        course.take(Feature("wear", day * 86_400, day * 0.005))
    score = course.score(120 * 86_400)
    assert score.prognosis is None
    assert "does not wear" in score.no_prognosis


def test_what_goes_on_getting_worse_fast_is_not_left_behind() -> None:
    measure = replace(HEATING, log=False, ratio=math.nan, limit=0.03, plan=math.nan, dispatch=math.nan, scatter=2e-4)
    course = Course(measure, "connector/1")
    _run(course, lambda _: 1.0, 60)
    _run(course, lambda at: 1 + at, 30, first=60)
    assert course.score(0).value < 15
    assert course.score(0).theta == pytest.approx(0.03, rel=0.2)


def test_what_gets_worse_day_by_day_is_not_followed_days_behind() -> None:
    """A feature a day with 8 % scatter: with a random walk alone the estimate is 5 % behind."""
    measure = replace(HEATING, per=Per.DAY, scatter=0.08, walk=0.01)
    behind = []
    for seed in range(8):
        rng, course = np.random.default_rng(seed), Course(measure, "supply/1", commissioned=1.0)
        for day in range(160):
            truth = 1 + max(day - 30, 0) / 150
            course.take(Feature("heating", day * 86_400, truth * float(np.exp(rng.normal(0, 0.08)))))
            if day >= 90:
                behind.append(truth - course.score(0).theta)
    assert abs(np.mean(behind)) < 0.02


def test_a_part_that_was_mended_drifts_no_more() -> None:
    course = Course(replace(HEATING, per=Per.DAY, scatter=0.08), "supply/1", commissioned=1.0)
    for day in range(60):
        course.take(Feature("heating", day * 86_400, 1 + day / 100))
    assert course.memory.rate > 0
    for day in range(60, 110):
        course.take(Feature("heating", day * 86_400, 1.0))
    assert course.memory.rate == 0
    assert course.score(0).value > 95


def test_the_end_of_life_may_be_so_much_more_than_the_baseline() -> None:
    measure = replace(HEATING, log=False, ratio=math.nan, beyond=0.25e-3, plan=0.1e-3, dispatch=math.nan, scatter=1e-5)
    course = Course(measure, "modules/2", commissioned=1.4e-3)
    for at in range(20):
        course.take(Feature("heating", at * SESSION_S, 1.525e-3))
    assert course.score(0).value == pytest.approx(50, abs=3)
    assert course.level is Level.PLAN
    falls = Course(replace(measure, rises=False), "x/1", commissioned=1.4e-3)
    assert falls.score(0).theta_end == pytest.approx(1.15e-3)


@pytest.mark.parametrize(("urged", "level"), [(Level.PLAN, Level.PLAN), (Level.DISPATCH, Level.DISPATCH)])
def test_a_prognosis_raises_no_higher_than_its_measure_says(urged: Level, level: Level) -> None:
    course = Course(replace(WEAR, plan=math.inf, dispatch=math.inf, urged=urged), "clock/1")
    for day in range(190):
        course.take(Feature("wear", day * 86_400, day * 0.005))
    prognosis = course.score(0).prognosis
    assert prognosis is not None
    assert prognosis.fail_30d > 0.3
    assert course.level is level


def test_a_slow_ramp_is_followed_closely_once_it_is_known() -> None:
    course = Course(replace(HEATING, walk=0.005), "connector/1")
    _run(course, lambda _: 1.0, 60)
    _run(course, lambda at: 1 + 0.004 * at, 200, first=60)
    assert course.score(0).value == pytest.approx(20, abs=8)


def test_daily_features_that_come_seldom_are_believed_sooner() -> None:
    """The truth has gone on in the days between them."""

    def moved(per: Per, days: int) -> float:
        course = Course(replace(HEATING, per=per, walk=0.03), "supply/1", commissioned=1e-3)
        for at in range(20):
            course.take(Feature("heating", at * days * 86_400, 1e-3))
        course.take(Feature("heating", 20 * days * 86_400, 1.1e-3))
        return course.score(0).theta / 1e-3

    assert moved(Per.DAY, 4) > moved(Per.DAY, 1) + 0.01
    assert moved(Per.SESSION, 4) == moved(Per.SESSION, 1) == pytest.approx(moved(Per.DAY, 1))
