"""This file holds the connector's model: what it says of worn contacts, and that wild sensors say nothing of wear."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from isolane.health.models.components.connector import Connector, ConnectorParameters
from isolane.health.models.course import Course
from isolane.health.models.measure import Feature, Finding, Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from isolane.sim.physics.faults import Fault
from support.cuts import Part, Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows
from support.recorded import recorded

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_PLUS, _MINUS = (f"TemperatureSensor[ContactDC{pole}]/Temperature" for pole in ("plus", "minus"))
_AIR, _CURRENT = "ExternalTemperatureSensor/Temperature", "EVSE/DCCurrent"
_KEYS = (_PLUS, _MINUS, _AIR, _CURRENT)
Signals = dict[str, Floats]


def _make(tau_s: float = 600.0) -> Connector:
    return Connector(ConnectorParameters(tau_s=tau_s), _RATING, (*_KEYS, "CPPWMController/State"))


def _warm(hours: float, celsius: float, current_a: float = 0.0, air_c: float = 15.0) -> Signals:
    rows = int(hours * 3600)
    return {
        _PLUS: line(celsius, rows),
        _MINUS: line(air_c, rows),
        _AIR: line(air_c, rows),
        _CURRENT: line(current_a, rows),
    }


@functools.cache
def _session(gain: float) -> tuple[Signals, tuple[Part, ...]]:
    plan = [Fault("conn_gain", gain)] if gain != 1 else []
    signals, parts = recorded(3, plan=plan, seed=11)
    return {key: signals[key] for key in (*_KEYS, "CPPWMController/State")}, tuple(parts)


def _heating(given: Told, pole: str = "plus") -> float:
    return float(np.median(given.of(f"contact_heating[ContactDC{pole}]")))


def test_a_worn_contact_of_the_simulator_is_found_by_its_factor() -> None:
    signals, parts = _session(1.5)
    given = told(_make, signals, parts=parts)
    assert _heating(given) / _heating(given, "minus") == pytest.approx(1.5, rel=0.2)
    assert _heating(given, "minus") == pytest.approx(1e-3, rel=0.15)
    assert np.median(given.of("contact_excess[ContactDCplus]")) == pytest.approx(20.0, abs=8.0)


def test_cuts_and_restarts_make_no_difference() -> None:
    signals, parts = _session(1.0)
    given = assert_cut_free(_make, signals, parts)
    assert len(given.of("contact_heating[ContactDCplus]")) == 3
    assert given.findings == []


@pytest.mark.parametrize("offset_k", [-8.0, 8.0])
def test_a_sensor_that_is_off_is_no_worn_contact(offset_k: float) -> None:
    signals, parts = _session(1.0)
    wrong = {**signals, _PLUS: signals[_PLUS] + offset_k}
    assert _heating(told(_make, wrong, parts=parts)) == pytest.approx(_heating(told(_make, signals, parts=parts)))


def test_gaps_spikes_and_coarse_steps_change_little() -> None:
    signals, parts = _session(1.0)
    rng, seen = np.random.default_rng(7), signals[_PLUS].copy()
    seen[rng.integers(0, len(seen), 60)] += 30.0
    seen[parts[1].first + 300 : parts[1].first + 400] = np.nan
    wrong = {**signals, _PLUS: np.round(seen / 2) * 2}
    assert _heating(told(_make, wrong, parts=parts)) == pytest.approx(
        _heating(told(_make, signals, parts=parts)), rel=0.03
    )


def test_a_stuck_sensor_is_a_finding_and_no_feature() -> None:
    signals, parts = _session(1.0)
    stuck = {**signals, _PLUS: line(20.0, len(signals[_PLUS]))}
    given = told(_make, stuck, parts=[replace(part, rest_s=7200.0) for part in parts])
    assert given.of("contact_heating[ContactDCplus]") == []
    assert [each.level for each in given.named("contact_stuck[ContactDCplus]")] == [Level.WATCH]
    assert not told(_make, stuck, parts=parts).findings, "a contact that begins warm may stay as it is"


def test_the_middle_of_a_long_session_is_fitted_without_its_past() -> None:
    rows = 5400
    taper = np.concatenate((np.full(3600, 200.0), 200 - np.linspace(0, 140, 1800)))
    rise, value = np.empty(rows), 0.0
    for k in range(rows):
        rise[k], value = value, value + (1e-3 * taper[k] ** 2 - value) * (1 - math.exp(-1 / 600))
    signals = {_PLUS: 15 + rise, _MINUS: 15 + rise, _AIR: line(15, rows), _CURRENT: taper}
    parts = (Part(0, 3600, ends=False), Part(3600, 5400, begins=False))
    given = told(_make, signals, parts=parts)
    assert given.of("contact_heating[ContactDCplus]") == pytest.approx([1e-3, 1e-3], rel=0.01)


def test_the_time_constant_is_learnt_before_anything_is_told() -> None:
    signals, parts = recorded(3, seed=12, charge_s=1500)
    make = functools.partial(Connector, ConnectorParameters(tau_sessions=2), _RATING, _KEYS)
    model = make()
    given = told(make, signals, parts=parts, into=model)
    assert len(given.of("contact_heating[ContactDCplus]")) == 1
    assert 520 <= model._memory.tau_s <= 700


def test_limits_are_told_once_and_ended_once() -> None:
    signals = _warm(0.5, 85.0, 150.0)
    signals[_PLUS][900:1000] = 91.0
    signals[_PLUS][1200:] = 60.0
    given = assert_cut_free(_make, signals)
    hot, stop = given.named("contact_hot[ContactDCplus]"), given.named("contact_stop[ContactDCplus]")
    assert [each.level for each in hot] == [Level.DISPATCH, Level.NONE]
    assert [each.level for each in stop] == [Level.SAFETY, Level.NONE]
    assert (hot[0].remedy.mrec, stop[0].remedy.mrec) == ("CX018", "CX019")


def test_heat_without_current_is_a_sensor() -> None:
    given = told(_make, _warm(0.5, 95.0))
    assert [(each.name, each.level) for each in given.findings] == [("contact_warm_idle[ContactDCplus]", Level.WATCH)]


def test_a_sensor_off_at_rest_is_told_and_taken_into_account() -> None:
    signals = _warm(6, 27.0)
    assert _told_levels(told(_make, signals).findings) == [("contact_sensor[ContactDCplus]", Level.WATCH)]
    model = _make()
    told(_make, signals, into=model)
    assert not told(_make, _warm(0.4, 85.0, 150.0), into=model).named("contact_hot[ContactDCplus]")


def test_if_all_are_off_alike_it_is_the_air() -> None:
    signals = _warm(6, 27.0)
    given = told(_make, {**signals, _MINUS: signals[_PLUS]})
    assert _told_levels(given.findings) == [("air_sensor", Level.WATCH)]


def test_matings_are_counted_by_the_pilot_and_told_daily() -> None:
    rows = 86_400 + 600
    pilot = np.tile(np.repeat([0.0, 1.0, 2.0, np.nan, 0.0], 1000), 18)[:rows]
    signals = {**_warm(rows / 3600, 15.0), "CPPWMController/State": pilot}
    assert assert_cut_free(_make, signals).of("matings") == [18.0]


def test_each_phase_of_an_ac_outlet_has_its_own_current() -> None:
    rating = Rating(direct=False, power_w=22_000, current_a=32, voltage_v=230)
    keys = [_AIR]
    for phase in (1, 2, 3):
        keys += [f"TemperatureSensor[ContactL{phase}]/Temperature", f"ElectricalFeed/ACCurrent[L{phase}]"]
    model = Connector(ConnectorParameters(), rating, keys)
    names = [measure.name for measure in model.measures]
    assert [f"contact_heating[ContactL{phase}]" for phase in (1, 2, 3)] == names[:3]
    assert Connector(ConnectorParameters(), rating, (_AIR, "TemperatureSensor[Handle]/Temperature")).measures == []


def test_a_baseline_is_made_of_two_weeks_of_plugging_ins() -> None:
    """Eight a day that scatter by 13 %: fifty would leave it off by 1.8 %."""
    measure = next(each for each in _make().measures if each.name == "contact_heating[ContactDCplus]")
    off = []
    for seed in range(20):
        rng, course = np.random.default_rng(seed), Course(measure, "connector/2")
        for at in range(14 * 8 + 1):
            assert math.isnan(course.score(0).value)
            course.take(Feature(measure.name, at * 86_400 // 8, 1e-3 * math.exp(rng.normal(0, 0.13)), 2e-5))
        off.append(course.score(0).theta_0 / 1e-3 - 1)
    assert float(np.std(off)) < 0.016


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(ConnectorParameters) in page("connector")


def _told_levels(findings: list[Finding]) -> list[tuple[str, Level]]:
    return [(each.name, each.level) for each in findings]
