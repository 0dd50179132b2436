"""This file holds the billing meter's model: what it counts wrong, and what is only a sensor that is off."""

import numpy as np
import pytest

from isolane.health.models.components.meter import Meter, MeterParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Part, Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_AC = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)
_FISCAL, _CONTROL = "FiscalMetering/EnergyImportRegister", "ControlMetering/EnergyImportRegister"
_POWER, _VOLT, _AMPERE = "ControlMetering/Power", "EVSE/DCVoltage", "EVSE/DCCurrent"
_ROWS = 2400
_PART = (Part(300, 2100),)
Signals = dict[str, Floats]


def _make() -> Meter:
    return Meter(MeterParameters(), _RATING, (_FISCAL, _CONTROL, _POWER, _VOLT, _AMPERE))


def _session(gain: float = 1.0, power_w: float = 50_000.0) -> Signals:
    """Give five minutes of rest, a session of half an hour less its tail, and rest."""
    power = np.where((np.arange(_ROWS) >= 300) & (np.arange(_ROWS) < 1980), power_w, 0.0)
    energy = np.cumsum(power) / 3600
    return {
        _FISCAL: np.floor(2e6 + gain * energy), _CONTROL: np.floor(1e6 + energy), _POWER: power,
        _VOLT: np.where(power > 0, 400.0, 0.0), _AMPERE: power / 400,
    }  # fmt: skip


@pytest.mark.parametrize("gain", [0.98, 0.995, 1.0, 1.01])
def test_the_ratio_of_a_session_is_told(gain: float) -> None:
    given = assert_cut_free(_make, _session(gain), _PART)
    for way in ("more", "less"):
        assert given.of(f"counts_{way}[Control]") == pytest.approx([gain], rel=1e-4)
    assert given.findings == []


def test_half_of_the_class_is_for_the_next_visit() -> None:
    more, less = _make().measures
    assert (more.plan, more.ratio, more.rises) == (1.005, 1.01, True)
    assert (less.plan, less.ratio, less.rises) == (0.995, 0.99, False)


def test_a_short_session_says_nothing() -> None:
    assert told(_make, _session(power_w=4000.0), parts=_PART).features == []


def test_a_register_that_stands_is_stuck_until_it_counts() -> None:
    signals = _session()
    true = signals[_FISCAL].copy()
    signals[_FISCAL][600:1200] = true[600]
    given = assert_cut_free(_make, signals)
    stuck = given.named("stuck_register")
    assert [each.level for each in stuck] == [Level.DISPATCH, Level.NONE]
    assert stuck[0].value == pytest.approx(300, abs=15)
    assert stuck[1].at_s - stuck[0].at_s == pytest.approx(600 - 300 / 50 * 3.6, abs=2)


@pytest.mark.parametrize("blind", [_POWER, _VOLT, _AMPERE])
def test_a_single_sensor_of_power_makes_no_register_stuck(blind: str) -> None:
    """The power is what all of them agree on."""
    signals = {key: each[:300] for key, each in _session().items()}
    signals = {key: np.tile(each, 4) for key, each in signals.items()}
    signals[blind] = line(60_000.0, 1200)
    assert assert_cut_free(_make, signals).findings == []


def test_no_reading_is_no_standing_register() -> None:
    signals = _session()
    signals[_FISCAL][700:1500] = np.nan
    assert assert_cut_free(_make, signals).findings == []


def test_a_register_that_falls_is_told_for_a_day() -> None:
    wh = line(5000, 91_800)
    wh[3000:] = 100
    given = told(_make, {_FISCAL: wh})
    assert [(each.name, each.level) for each in given.findings] == [
        ("register_back", Level.PLAN),
        ("register_back", Level.NONE),
    ]


def _spoilt(kind: str) -> Told:
    signals, rng = _session(), np.random.default_rng(1)
    own = signals[_CONTROL]
    if kind == "stuck":
        own[:] = own[0]
    elif kind == "stuck for a while":
        own[800:1000] = own[800]
    elif kind == "coarse":
        own[:] = np.floor(own / 1000) * 1000
    elif kind == "spikes":
        own[rng.integers(0, _ROWS, 12)] += 1e5
    elif kind == "gaps":
        own[1000:1500] = np.nan
    elif kind == "offset":
        own += 500
    return assert_cut_free(_make, signals, _PART)


@pytest.mark.parametrize(("kind", "features"), [("stuck", 0), ("stuck for a while", 0), ("coarse", 0), ("offset", 1)])
def test_a_reference_that_is_off_is_no_wrong_bill(kind: str, features: int) -> None:
    given = _spoilt(kind)
    assert len(given.of("counts_more[Control]")) == features
    assert [each.name for each in given.findings] == (["control_stands"] if kind == "stuck" else [])
    assert all(each.level is Level.WATCH for each in given.findings)


@pytest.mark.parametrize("kind", ["spikes", "gaps"])
def test_what_is_wild_or_missing_changes_nothing(kind: str) -> None:
    given = _spoilt(kind)
    assert given.of("counts_more[Control]") == pytest.approx([1.0], rel=1e-3)
    assert given.findings == []


def test_an_ac_meter_is_held_against_its_phases() -> None:
    keys = [f"ElectricalFeed/{what}[L{n}]" for what in ("ACVoltage", "ACCurrent") for n in (1, 2, 3)]

    def make() -> Meter:
        return Meter(MeterParameters(), _AC, (_FISCAL, *keys))

    assert [each.name for each in make().measures] == ["counts_more[Phases]", "counts_less[Phases]"]
    assert all(np.isinf(each.dispatch) for each in make().measures), "a second opinion, not a meter"
    flows = (np.arange(_ROWS) >= 300) & (np.arange(_ROWS) < 1980)
    signals: Signals = dict.fromkeys(keys[:3], line(230, _ROWS)) | dict.fromkeys(keys[3:], np.where(flows, 32.0, 0.0))
    signals[_FISCAL] = np.floor(1.008 * np.cumsum(3 * 230 * 32 * flows) / 3600)
    given = assert_cut_free(make, signals, _PART)
    assert given.of("counts_more[Phases]") == pytest.approx([1.008], rel=2e-3)
    signals[_FISCAL] = line(7, _ROWS)
    assert [each.level for each in told(make, signals).named("stuck_register")] == [Level.DISPATCH]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(MeterParameters) in page("meter")
