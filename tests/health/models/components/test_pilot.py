"""This file holds the pilot's model: voltages, duty cycle, bounces, and sessions that end at SLAC."""

import numpy as np
import pytest

from isolane.health.models.components.failing import begun
from isolane.health.models.components.pilot import Pilot, PilotParameters
from isolane.health.models.measure import Feature, Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats, Window
from support.cuts import Part, assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_DC = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_AC = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)
_STATE, _POSITIVE = "CPPWMController/State", "CPPWMController/DCVoltage"
_NEGATIVE, _DUTY = "CPPWMController/DCVoltage[Negative]", "CPPWMController/Percentage"
_STAGE, _DAMPING = "ISO15118Ctrlr/xStage", "ISO15118Ctrlr/xSlacAttenuation"
_KEYS = (_STATE, _POSITIVE, _NEGATIVE, _DUTY, _STAGE, _DAMPING)
_DAY = 86_400 + 600
Signals = dict[str, Floats]


def _make() -> Pilot:
    return Pilot(PilotParameters(), _DC, _KEYS)


def _pilot(rows: int = _DAY, fails: int = 0) -> Signals:
    """Give a session an hour, B for a minute, C for a half, B for a minute; the first `fails` end at SLAC."""
    at = np.arange(rows) % 3600
    state = np.where((at >= 600) & (at < 2520), 1.0, 0.0) + ((at >= 660) & (at < 2460))
    stage = np.select([state == 0, at < 660, at < 2460], [0.0, 7.0, 10.0], 12.0)
    early = np.arange(rows) // 3600 < fails
    state[early & (state == 2)] = 1.0
    stage[early & (state > 0)] = 1.0
    rng = np.random.default_rng(1)
    talks = state > 0
    return {
        _STATE: state, _POSITIVE: np.round(12 - 3 * state + rng.normal(0, 0.03, rows), 2), _STAGE: stage,
        _NEGATIVE: np.round(np.where(talks, -12.0, 12.0) + rng.normal(0, 0.03, rows), 2),
        _DUTY: np.where(talks, 5.0, 100.0), _DAMPING: line(9, rows),
    }  # fmt: skip


def test_a_pilot_in_good_order_drifts_nowhere() -> None:
    given = assert_cut_free(_make, _pilot())
    for name in ("pilot_drift[Positive]", "pilot_drift[Negative]", "duty_error"):
        assert given.of(name) == pytest.approx([0.0], abs=0.02)
    assert given.findings == []
    assert len(given.of("slac_failures")) > 0
    assert max(given.of("slac_failures")) < 0.01


@pytest.mark.parametrize(
    ("key", "off", "name"),
    [(_POSITIVE, 0.8, "pilot_drift[Positive]"), (_NEGATIVE, 0.8, "pilot_drift[Negative]"), (_DUTY, -1.5, "duty_error")],
)
def test_drifts_are_told(key: str, off: float, name: str) -> None:
    signals = _pilot()
    signals[key] = signals[key] + off
    signals[key][::200] += 5
    assert told(_make, signals).of(name) == pytest.approx([abs(off)], abs=0.02)


@pytest.mark.parametrize(("key", "stands"), [(_POSITIVE, 6.0), (_NEGATIVE, 12.0), (_DUTY, 100.0)])
def test_a_signal_that_stands_is_no_drift(key: str, stands: float) -> None:
    signals = _pilot()
    signals[key] = line(stands, _DAY)
    given = told(_make, signals)
    assert all(each.value < 0.1 for each in given.features)
    assert given.findings == []


def test_a_weak_negative_half_is_told() -> None:
    signals = _pilot(7200)
    signals[_NEGATIVE][3600:] += np.where(signals[_STATE][3600:] > 0, 1.4, 0.0)
    found = assert_cut_free(_make, signals).findings
    assert [(each.name, each.level, each.remedy.mrec) for each in found] == [("pilot_diode", Level.PLAN, "CX014")]


def test_the_state_is_read_off_the_voltage_where_nobody_tells_it() -> None:
    signals = _pilot()
    del signals[_STATE]
    given = told(lambda: Pilot(PilotParameters(), _DC, (_POSITIVE,)), signals)
    assert given.of("pilot_drift[Positive]") == pytest.approx([0.0], abs=0.02)


@pytest.mark.parametrize("fails", [0, 6, 12])
def test_sessions_that_end_at_slac_are_a_share(fails: int) -> None:
    given = assert_cut_free(_make, _pilot(fails=fails))
    share = begun(PilotParameters().failures_usual)
    for number in range(24):
        share.take(failed=number < fails)
    assert [each.n for each in given.features if each.measure == "slac_failures"] == [20, 21, 22, 23, 24]
    assert given.of("slac_failures")[-1] == pytest.approx(share.told()[0])


def test_a_share_is_told_from_twenty_sessions_on() -> None:
    assert told(_make, _pilot(19 * 3600)).of("slac_failures") == []
    assert len(told(_make, _pilot(20 * 3600)).of("slac_failures")) == 1


def test_sessions_are_forgotten_with_the_cable() -> None:
    signals = _pilot(22 * 3600)
    model = _make()
    window = Window(0, 22 * 3600, signals)
    for _ in range(2):
        model.watch(window)
        told = [each for each in model.interval(window) if isinstance(each, Feature)]
        assert [each.n for each in told if each.measure == "slac_failures"] == [22]
        model.renew()


@pytest.mark.parametrize(("bounces", "value"), [(0, 0.0), (4, 8.0)])
def test_bounces_are_counted_beyond_the_usual(bounces: int, value: float) -> None:
    signals = _pilot(3600)
    for number in range(bounces):
        signals[_STATE][1000 + 50 * number : 1010 + 50 * number] = 1.0
    given = assert_cut_free(_make, signals, (Part(600, 2520),))
    assert given.of("pilot_bounces") == [value]
    assert given.of("slac_attenuation") == [9.0]


@pytest.mark.parametrize(("amperes", "drawn"), [(32.0, False), (35.0, False), (40.0, True)])
def test_a_car_that_draws_more_than_offered_is_told(amperes: float, drawn: bool) -> None:  # noqa: FBT001 - a table's column
    keys = (_STATE, _POSITIVE, _DUTY, "ElectricalFeed/ACCurrent[L1]")
    signals = _pilot(7200)
    signals[_DUTY] = np.where(signals[_STATE] > 0, 53.3, 100.0)
    signals[keys[-1]] = np.where(signals[_STATE] == 2, amperes, 0.0)
    model = assert_cut_free(lambda: Pilot(PilotParameters(), _AC, keys), signals)
    assert [each.name for each in model.findings if each.level is Level.PLAN] == (["over_drawn"] if drawn else [])
    assert "duty_error" not in {each.measure for each in model.features}


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(PilotParameters) in page("pilot")
