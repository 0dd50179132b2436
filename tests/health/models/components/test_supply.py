"""This file holds the supply's model: compliance, impedances from load steps, and what only looks like a lost phase."""

import functools

import numpy as np
import pytest

from isolane.health.models.components.supply import Supply, SupplyParameters
from isolane.health.models.course import Course
from isolane.health.models.measure import Feature, Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)
_VOLTS = tuple(f"ElectricalFeed/ACVoltage[L{n}]" for n in (1, 2, 3))
_AMPERES = tuple(f"ElectricalFeed/ACCurrent[L{n}]" for n in (1, 2, 3))
_HZ, _THD = "ElectricalFeed/Frequency", "ElectricalFeed/xTHD[V]"
_KEYS = (*_VOLTS, *_AMPERES, _HZ, _THD)
_TURNS = np.exp(-2j * np.pi * np.arange(3) / 3)[:, None]
_DAY = 86_400
Signals = dict[str, Floats]


def _make() -> Supply:
    return Supply(SupplyParameters(), _RATING, _KEYS)


def _signals(volts: Floats, amperes: Floats) -> Signals:
    rows = volts.shape[1]
    signals = dict(zip(_VOLTS, volts, strict=True)) | dict(zip(_AMPERES, amperes, strict=True))
    return signals | {_HZ: line(50, rows), _THD: line(3, rows)}


def _quiet(rows: int, volts: float = 230.0, amperes: float = 0.0) -> Signals:
    return _signals(np.full((3, rows), volts), np.full((3, rows), amperes))


def _loaded(phases: tuple[float, ...], ohm: tuple[float, ...], neutral: float = 0.0, seed: int = 1) -> Signals:
    """Give a day and ten minutes with sessions, a supply that wanders, an impedance per phase and in the neutral."""
    rng, rows = np.random.default_rng(seed), _DAY + 600
    on = ((np.arange(rows) + 100) // 1800) % 3 == 1
    amperes = 32.0 * np.array(phases)[:, None] * on
    wander = np.cumsum(rng.normal(0, 0.08, (3, rows)), axis=1)
    wander -= wander.mean(axis=1, keepdims=True)
    wander *= np.minimum(1.0, 2.0 / wander.std(axis=1, keepdims=True))
    volts = (230 + wander - np.array(ohm)[:, None] * amperes) * _TURNS
    volts = np.abs(volts - neutral * (amperes * _TURNS).sum(axis=0))
    return _signals(np.round(volts, 1), amperes)


@functools.cache
def _even() -> Told:
    return told(_make, _loaded((1, 1, 1), (0.2, 0.2, 0.2)))


def test_impedance_is_found_at_load_steps() -> None:
    for phase in (1, 2, 3):
        assert _even().of(f"impedance[L{phase}]") == pytest.approx([0.2], rel=0.1)
        assert _even().of(f"terminal[L{phase}]") == pytest.approx([1.0], rel=0.15)
    assert _even().of("neutral") == []
    assert _even().findings == []


def test_a_loose_terminal_leaves_its_siblings() -> None:
    given = told(_make, _loaded((1, 1, 1), (0.2, 0.4, 0.2)))
    assert given.of("terminal[L2]") == pytest.approx([2.0], rel=0.15)
    assert given.of("terminal[L1]")[0] < 0.8


def test_where_little_steps_days_count_together() -> None:
    day = _loaded((1, 1, 1), (0.2, 0.2, 0.2))
    few = {key: np.concatenate([each[:2400], np.full(_DAY - 2400, each[0])]) for key, each in day.items()}
    two = {key: np.concatenate([each, each, each[:600]]) for key, each in few.items()}
    assert len(told(_make, two).of("impedance[L1]")) == 1
    assert told(_make, {key: each[: _DAY + 600] for key, each in two.items()}).of("impedance[L1]") == []


@pytest.mark.parametrize("neutral", [0.0, 0.5])
def test_a_single_phase_shows_the_neutral(neutral: float) -> None:
    """What one phase draws lifts the two others by half of it each, times the neutral's impedance."""
    given = told(_make, _loaded((1, 0, 0), (0.2, 0.2, 0.2), neutral))
    assert given.of("neutral") == pytest.approx([neutral], abs=0.05)
    assert given.of("impedance[L1]") == [], "it would hold the neutral's too"


def test_one_load_step_tells_the_neutral_and_how_sure_it_is() -> None:
    """Its error is what the two other phases wander by in 15 s, over 32 A; the shift across a phase adds some."""
    day = _loaded((1, 0, 0), (0.2, 0.2, 0.2), 0.5)
    one = {key: np.concatenate([each[:2400], np.full(_DAY - 1800, each[0])]) for key, each in day.items()}
    found = [each for each in told(_make, one).features if each.measure == "neutral"]
    assert [each.n for each in found] == [1]
    assert found[0].value == pytest.approx(0.5, abs=0.04)
    assert 0.003 < found[0].sd < 0.02


def test_a_spike_of_a_current_is_no_step() -> None:
    signals = _quiet(_DAY + 600)
    signals[_AMPERES[0]][1000:40_000:997] = 100.0
    assert told(_make, signals).of("neutral") == []


def test_a_neutral_that_few_cars_show_is_found_before_its_limit() -> None:
    """One step of 32 A every second day, 0.03 Ohm more a day; told 0.03 Ohm to and fro."""
    measure = next(each for each in _make().measures if each.name == "neutral")
    for seed in range(5):
        rng, course = np.random.default_rng(seed), Course(measure, "supply/2")
        for day in range(0, 56, 2):
            ohm = max(day - 26, 0) * 0.033
            level = course.take(Feature("neutral", day * _DAY, ohm + rng.normal(0, 0.03), 0.03))
            if ohm <= 0.2:
                assert level is Level.NONE
            elif ohm >= 0.3:
                assert course.score(day * _DAY).theta == pytest.approx(ohm, abs=0.12)
            if level >= Level.PLAN:
                break
        assert 0.4 < ohm < 0.9


def test_cuts_and_restarts_make_no_difference() -> None:
    signals = {key: each[-8000:] for key, each in _loaded((1, 1, 1), (0.2, 0.2, 0.2)).items()}
    signals[_VOLTS[0]][3000:3100] = 190.0
    signals[_VOLTS[1]][5000:5100] = 18.0
    signals[_AMPERES[1]][5000:5100] = 0.0
    given = assert_cut_free(_make, signals)
    assert {each.name for each in given.findings} == {"sag", "phase_loss[L2]"}


def test_compliance_is_that_of_the_ten_minutes_of_a_week() -> None:
    """EN 50160: within 10 % for 95 % of the week; 10 % of the intervals are at 200 V here."""
    signals = _quiet(_DAY + 600)
    for key in _VOLTS:
        signals[key][: _DAY // 10] = 200.0
    signals[_HZ][:600], signals[_THD][:1200] = 50.6, 9.0
    given = told(_make, signals)
    found = {kind: given.of(f"compliance[{kind}]") for kind in ("voltage", "unbalance", "distortion", "frequency")}
    assert found["voltage"] == pytest.approx([90.0], abs=0.5)
    assert found["unbalance"] == [100.0]
    assert found["distortion"] == pytest.approx([100 * 142 / 144])
    assert found["frequency"] == pytest.approx([100 * 143 / 144])


def test_unbalance_counts_by_the_ten_minutes() -> None:
    signals = _quiet(_DAY + 600)
    signals[_VOLTS[1]][: _DAY // 2] = 212.0
    assert told(_make, signals).of("compliance[unbalance]") == pytest.approx([50.0])


def test_out_of_the_widest_range_is_told_and_ended() -> None:
    signals = _quiet(6000)
    signals[_VOLTS[2]][600:1200] = 256.0
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.named("voltage_range")] == [Level.PLAN, Level.NONE]


@pytest.mark.parametrize(
    ("volt", "own_a", "others_a", "lost"),
    [
        (18.0, 0.0, 20.0, True),
        (18.0, 0.0, 0.0, True),
        (160.0, 0.2, 20.0, True),
        (160.0, 0.0, 0.0, False),
        (0.0, 20.0, 20.0, False),
        (225.0, 0.0, 20.0, False),
    ],
)
def test_a_ghost_is_known_by_its_current(volt: float, own_a: float, others_a: float, *, lost: bool) -> None:
    signals = _quiet(1800, amperes=others_a)
    signals[_VOLTS[1]][600:1200], signals[_AMPERES[1]][600:1200] = volt, own_a
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.named("phase_loss[L2]")] == ([Level.DISPATCH, Level.NONE] if lost else [])
    assert bool(given.named("voltage_sensor[L2]")) == (volt == 0 and own_a > 0)


def test_all_phases_down_is_no_lost_phase() -> None:
    signals = _quiet(1800)
    for key in _VOLTS:
        signals[key][600:1200] = 0.0
    assert not [each for each in told(_make, signals).findings if each.name.startswith("phase_loss")]


def _adrift(shift_v: complex, offset_v: float = 0.0, volts: float = 235.0) -> Told:
    signals = _quiet(2400, volts)
    moved = np.abs(volts * _TURNS - shift_v).ravel()
    moved[0] += offset_v
    for key, value in zip(_VOLTS, moved, strict=True):
        signals[key][1200:1800] = value
    return assert_cut_free(_make, signals)


def test_a_neutral_adrift_is_a_danger() -> None:
    found = _adrift(-30 + 10j).named("neutral_adrift")
    assert [each.level for each in found] == [Level.SAFETY, Level.NONE]
    assert found[0].value > 253


@pytest.mark.parametrize(("shift", "offset_v"), [(0, 25.0), (0, 60.0), (-8, 0.0)])
def test_one_wrong_voltage_or_a_small_shift_is_none(shift: complex, offset_v: float) -> None:
    assert _adrift(shift, offset_v).named("neutral_adrift") == []


def test_sags_say_that_they_are_a_lower_bound() -> None:
    signals = _quiet(1800)
    signals[_VOLTS[0]][600:605] = 180.0
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.findings] == [Level.INFO, Level.NONE]
    assert "at least" in given.findings[0].remedy.text


def test_a_voltage_at_the_limit_does_not_flap() -> None:
    signals = _quiet(3000)
    signals[_VOLTS[1]][600:2400] = 253.0 + np.tile([0.4] * 20 + [-0.4] * 20, 45)
    assert [each.level for each in told(_make, signals).named("swell")] == [Level.INFO, Level.NONE]


def test_a_surge_arrester_that_is_gone_is_for_the_next_visit() -> None:
    signals = {**_quiet(1200), "SurgeProtection/Problem": np.repeat([0.0, 1.0, 0.0], 400)}
    assert [each.level for each in assert_cut_free(_make, signals).named("arrester")] == [Level.PLAN, Level.NONE]


def test_spikes_and_gaps_say_nothing() -> None:
    rng, signals = np.random.default_rng(3), _quiet(6000, amperes=20.0)
    for key in _VOLTS:
        signals[key][rng.integers(0, 6000, 40)] = rng.choice([0.0, 100.0, 300.0, np.nan], 40)
    assert [each for each in told(_make, signals).findings if each.level >= Level.WATCH] == []


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(SupplyParameters) in page("supply")
