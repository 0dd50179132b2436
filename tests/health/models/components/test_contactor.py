"""This file holds the contactor's model: welds, wear by what it breaks, resistance, and what its sensors may do."""

import functools

import numpy as np
import pytest

from isolane.health.models.components.contactor import Contactor, ContactorParameters
from isolane.health.models.measure import Basis, Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Part, assert_cut_free, line, told
from support.model_pages import page, parameter_rows
from support.recorded import recorded

_DC = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_AC = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)
_ACTIVE, _COMMAND, _BEHIND = "PowerContactor/Active", "PowerContactor/xCommand", "PowerContactor/xOutputVoltage"
_COUNT, _CURRENT, _DROP = "PowerContactor/Count[Operations]", "EVSE/DCCurrent", "PowerContactor[Plus]/xDropVoltage"
_KEYS = (_ACTIVE, _COMMAND, _BEHIND, _CURRENT, _COUNT)
_DAY = 86_400
Signals = dict[str, Floats]


def _make(operations_electrical: float | None = None) -> Contactor:
    return Contactor(ContactorParameters(operations_electrical=operations_electrical), _DC, _KEYS)


def _sessions(rows: int, spans: list[tuple[int, int, float]]) -> Signals:
    """Give rows in which it is closed between first and last, with a current at the end."""
    active, current = np.zeros(rows), np.zeros(rows)
    for first, last, last_a in spans:
        active[first:last] = 1
        current[first:last] = 120.0
        current[last - 1] = last_a
        current[last - 2] = last_a
    return {_ACTIVE: active, _COMMAND: active.copy(), _BEHIND: 400.0 * active, _CURRENT: current}


def test_wear_is_that_of_each_break_and_each_operation() -> None:
    signals = _sessions(_DAY + 600, [(100, 700, 0.4), (1000, 1500, 200.0), (2000, 2500, 100.0), (3000, 3600, 0.0)])
    signals[_CURRENT][2497:2499] = 100.0, np.nan
    given = assert_cut_free(functools.partial(_make, operations_electrical=1000.0), signals)
    assert given.of("wear") == pytest.approx([100 * (4 / 200_000 + 1 / 1000 + 1 / 2500)], rel=1e-3)
    hot = [each for each in given.named("hot_break") if each.level is Level.INFO]
    assert [each.value for each in hot] == [200.0, 100.0]


def test_of_the_last_two_currents_the_greater_counts() -> None:
    signals = _sessions(_DAY + 600, [(1000, 1500, 0.0)])
    signals[_CURRENT][1498] = 200.0
    assert told(functools.partial(_make, operations_electrical=100.0), signals).of("wear") == pytest.approx([1.0005])


def test_without_data_a_dc_contactor_is_only_counted_and_says_so() -> None:
    (measure,) = _make().measures
    assert (measure.name, measure.basis) == ("mechanical_wear", Basis.COUNTED)
    assert "is not set" in measure.remedy.text
    signals = _sessions(_DAY + 600, [(1000, 1500, 200.0)])
    given = told(_make, signals)
    assert given.of("mechanical_wear") == pytest.approx([100 / 200_000])
    assert given.features[0].evidence["hot_breaks"] == 1
    assert [each.name for each in Contactor(ContactorParameters(), _AC, _KEYS).measures] == ["wear"]


def test_a_break_that_nobody_saw_is_counted_as_such() -> None:
    signals = _sessions(_DAY + 600, [(1000, 1500, 200.0)])
    for key in (_ACTIVE, _COMMAND, _CURRENT, _BEHIND):
        signals[key][1480:1520] = np.nan
    (feature,) = told(functools.partial(_make, operations_electrical=100.0), signals).features
    assert feature.evidence["unseen_breaks"] == 1
    assert feature.value == pytest.approx(0.0005)


def test_its_own_counter_knows_what_was_before() -> None:
    signals = _sessions(_DAY + 600, [(1000, 1500, 0.0), (2000, 2500, 0.0)])
    rows = np.arange(_DAY + 600)
    signals[_COUNT] = np.searchsorted([1000, 2000], rows, "right") + line(5000, len(rows))
    signals[_COUNT][40_000:50_000] = 1e9
    given = assert_cut_free(_make, signals)
    assert given.features[0].evidence["operations"] == 5002
    model = _make()
    model.renew()
    assert told(_make, signals, into=model).features[0].evidence["operations"] == 2


@pytest.mark.parametrize("late", [0, 1, 2])
def test_what_follows_its_command_in_time_is_no_fault(late: int) -> None:
    signals = _sessions(1200, [(100, 500, 0.0), (700, 900, 0.0)])
    signals[_ACTIVE] = np.concatenate((np.zeros(late), signals[_ACTIVE][: 1200 - late]))
    signals[_BEHIND] = 400 * signals[_ACTIVE]
    assert assert_cut_free(_make, signals).findings == []


def test_a_weld_and_a_contactor_that_stays_open_are_told_and_ended() -> None:
    signals = _sessions(3000, [(100, 500, 0.0)])
    signals[_ACTIVE][500:1000] = 1
    signals[_COMMAND][700:900] = 1
    signals[_COMMAND][2000:2500] = 1
    for key in (_ACTIVE, _COMMAND):
        signals[key][2700:2900] = 1
    given = assert_cut_free(_make, signals)
    weld, stays = given.named("weld"), given.named("not_closing")
    assert [each.level for each in weld] == [Level.SAFETY, Level.NONE]
    assert [each.level for each in stays] == [Level.DISPATCH, Level.NONE]
    assert weld[1].at_s - weld[0].at_s > 450, "another session does not end it; being seen open does"
    assert stays[1].at_s - stays[0].at_s > 600, "nor does it end by giving up"
    assert weld[0].remedy.mrec == stays[0].remedy.mrec == "CX017"


def test_voltage_without_an_auxiliary_contact_is_a_weld_and_against_it_a_doubt() -> None:
    signals = _sessions(3000, [(100, 500, 0.0)])
    signals[_BEHIND][500:900] = 350.0
    signals[_ACTIVE][490:] = np.nan
    assert told(_make, signals).named("weld")[0].level is Level.SAFETY
    signals[_ACTIVE][490:] = 0
    given = told(_make, signals)
    assert given.named("weld") == []
    assert [each.level for each in given.named("voltage_behind")] == [Level.PLAN, Level.NONE]


def test_spikes_and_gaps_say_nothing() -> None:
    rng, rows = np.random.default_rng(1), 6000
    signals = _sessions(rows, [(100, 2000, 0.0), (3000, 5000, 0.0)])
    signals[_BEHIND][rng.integers(0, rows, 60)] += 300
    signals[_ACTIVE][rng.integers(0, rows, 60)] = np.nan
    signals[_COMMAND][rng.integers(0, rows, 60)] = np.nan
    assert [each for each in told(_make, signals).findings if each.level >= Level.PLAN] == []


@pytest.mark.parametrize("offset_v", [0.0, 0.02])
def test_resistance_is_the_slope_of_the_drop(offset_v: float) -> None:
    rng, rows = np.random.default_rng(2), 1200
    current = np.linspace(200, 40, rows)
    signals = {_ACTIVE: line(1, rows), _CURRENT: current, _DROP: 2e-4 * current + offset_v + rng.normal(0, 5e-4, rows)}
    make = functools.partial(Contactor, ContactorParameters(), _DC, tuple(signals))
    given = told(make, signals, parts=[Part(0, rows)])
    assert given.of("contact_resistance[Plus]") == pytest.approx([2e-4], rel=0.02)
    steady = {**signals, _CURRENT: line(100, rows)}
    assert told(make, steady, parts=[Part(0, rows)]).of("contact_resistance[Plus]") == []


def test_sessions_of_the_simulator_are_no_fault() -> None:
    signals, parts = recorded(2, charge_s=300, rest_s=300)
    given = told(_make, {key: signals[key] for key in _KEYS}, parts=parts)
    assert {each.name for each in given.findings} <= {"hot_break"}


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(ContactorParameters) in page("contactor")
