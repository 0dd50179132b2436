"""This file holds the capacitors' model: life by temperature, ripple by power, and what is only a sensor."""

import numpy as np
import pytest

from isolane.health.models.components.capacitors import Capacitors, CapacitorsParameters
from isolane.health.models.measure import Basis
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Part, assert_cut_free, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=60_000.0, current_a=200.0, voltage_v=1000.0)
_POWERS = ("AcDcConverter[1]/Power", "AcDcConverter[2]/Power")
_RIPPLES = ("AcDcConverter[1]/xRippleVoltage", "AcDcConverter[2]/xRippleVoltage")
_CELSIUS = "TemperatureSensor[DcLinkCap]/Temperature"
_ROWS = 2400
_PART = (Part(300, 2100),)
Signals = dict[str, Floats]


def _make() -> Capacitors:
    return Capacitors(CapacitorsParameters(), _RATING, (*_POWERS, *_RIPPLES, _CELSIUS))


def _session(worn: float = 1.0) -> Signals:
    """Give a session that tapers from full power to a quarter; module 1 ripples `worn` times its 2 V at full power."""
    rng, at = np.random.default_rng(1), np.arange(_ROWS)
    power = np.where((at >= 300) & (at < 1980), 30_000 * (1 - 0.75 * (at - 300) / 1680), 0.0)
    signals: Signals = dict.fromkeys(_POWERS, np.asarray(np.round(power, -1), np.float64))
    for key, factor in zip(_RIPPLES, (worn, 1.0), strict=True):
        signals[key] = np.round(2.0 * factor * power / 30_000 * (1 + rng.normal(0, 5e-4, _ROWS)), 2)
    return signals


@pytest.mark.parametrize("worn", [1.0, 1.5, 2.5])
def test_ripple_follows_power(worn: float) -> None:
    given = assert_cut_free(_make, _session(worn), _PART)
    assert given.of("ripple[1]") == pytest.approx([worn * 2 / 30], rel=0.01)
    assert given.of("ripple[2]") == pytest.approx([2 / 30], rel=0.01)


def _spoilt(kind: str) -> Signals:
    signals, rng = _session(), np.random.default_rng(2)
    own = signals[_RIPPLES[0]]
    if kind == "stuck":
        own[300:2100] = 1.2
    elif kind == "stuck for a while":
        own[600:1800] = own[600]
    elif kind == "offset":
        own += 0.5
    elif kind == "coarse":
        own[:] = np.round(own / 0.1) * 0.1
    elif kind == "spikes":
        own[rng.integers(0, _ROWS, 12)] += 5
    elif kind == "gaps":
        own[rng.random(_ROWS) < 0.5] = np.nan
    elif kind == "power stuck":
        signals[_POWERS[0]] = np.full(_ROWS, 20_000.0)
    return signals


@pytest.mark.parametrize("kind", ["stuck", "stuck for a while", "power stuck"])
def test_what_does_not_move_tells_nothing(kind: str) -> None:
    assert told(_make, _spoilt(kind), parts=_PART).of("ripple[1]") == []


@pytest.mark.parametrize("kind", ["offset", "coarse", "spikes", "gaps"])
def test_what_is_off_coarse_or_wild_changes_nothing(kind: str) -> None:
    assert told(_make, _spoilt(kind), parts=_PART).of("ripple[1]") == pytest.approx([2 / 30], rel=0.03)


def test_life_is_used_by_warmth_and_outlives_restarts() -> None:
    celsius = np.concatenate((np.full(28_800, 40.0), np.full(28_800, 50.0), np.full(28_800 + 600, 60.0)))
    signals = {_CELSIUS: celsius}
    given = assert_cut_free(_make, signals)
    expected = 100 * 24 / (5 * 27_429)  # Cosel's day, five times as long a life, the core 5 K warmer
    assert given.of("capacitor_life") == pytest.approx([expected], rel=1e-3)
    assert given.features[0].evidence["equivalent_c"] == pytest.approx(57.2, abs=0.05)


def test_without_ripple_a_score_is_modelled_and_says_so() -> None:
    model = Capacitors(CapacitorsParameters(), _RATING, (*_POWERS, _CELSIUS))
    assert [(each.name, each.basis) for each in model.measures] == [("capacitor_life", Basis.MODELLED)]
    assert Capacitors(CapacitorsParameters(), _RATING, _POWERS).measures == []


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(CapacitorsParameters) in page("capacitors")
