"""This file holds the power modules' model: life as a band, siblings at the same load, and the loss of all."""

import numpy as np
import pytest

from isolane.health.models.components.heating import filtered
from isolane.health.models.components.modules import LAWS, Modules, ModulesParameters
from isolane.health.models.measure import Basis, Feature
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats, Stretch, Window
from support.cuts import Part, assert_cut_free
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_NAMES = "12345"
_ROWS, _START_S = 2400, 1_700_000_400
_KEYS = (
    *(f"AcDcConverter[{name}]/{variable}" for name in _NAMES for variable in ("Power", "Temperature")),
    "ElectricalFeed/Power",
    "EVSE/DCVoltage",
    "EVSE/DCCurrent",
)


def _make() -> Modules:
    return Modules(ModulesParameters(), _RATING, _KEYS)


def _session(*, warm_k: float = 0.0, loss: float = 1.0, offset_k: float = 0.0) -> dict[str, Floats]:
    """Give a session whose load falls from full to a third; module 1 is `warm_k` warmer at full load."""
    rng, at = np.random.default_rng(2), np.arange(_ROWS)
    load = np.where((at >= 100) & (at < 2000), 1.0 - 0.66 * (at - 100) / 1900, 0.0)
    power_w = 30_000 * load
    each_w = np.where(load > 0, 90 + 0.018 * power_w + 6e-7 * power_w**2, 0.0) * loss
    signals: dict[str, Floats] = {}
    for name in _NAMES:
        warm = (warm_k * load + offset_k) if name == "1" else 0.0
        celsius = 20 + 30 * load + warm + rng.normal(0, 0.2, _ROWS)
        signals[f"AcDcConverter[{name}]/Power"] = np.round(power_w, -1)
        signals[f"AcDcConverter[{name}]/Temperature"] = np.round(celsius * 2) / 2
    signals["EVSE/DCVoltage"] = np.full(_ROWS, 750.0)
    signals["EVSE/DCCurrent"] = 5 * power_w / 750
    signals["ElectricalFeed/Power"] = 5 * (power_w + each_w)
    return signals


def _features(signals: dict[str, Floats]) -> dict[str, Feature]:
    window = Window(_START_S, _ROWS, signals)
    return {each.measure: each for each in _make().stretch(Stretch(window, 1, True, True, 3600.0))}


@pytest.mark.parametrize("warm_k", [0.0, 4.5, 9.0])
def test_a_module_that_warms_more_than_its_siblings_is_told_by_how_much(warm_k: float) -> None:
    """Full load warms the others by 30 K."""
    found = _features(_session(warm_k=warm_k))
    assert found["module_warmth[1]"].value == pytest.approx(1 + warm_k / 30, abs=0.02)
    assert found["module_warmth[3]"].value == pytest.approx(1.0, abs=0.02)


def test_heat_that_lags_behind_the_load_is_no_excess() -> None:
    """A heatsink follows its load within minutes; so do its siblings'."""
    signals = _session()
    late = filtered(signals["AcDcConverter[1]/Power"] / 1000, 180.0)
    rng = np.random.default_rng(5)
    for name in _NAMES:
        warmed = late * (1.2 if name == "2" else 1.0)
        signals[f"AcDcConverter[{name}]/Temperature"] = np.round((20 + warmed + rng.normal(0, 0.2, _ROWS)) * 2) / 2
    found = _features(signals)
    assert found["module_warmth[2]"].value == pytest.approx(1.2, abs=0.02)
    assert found["module_warmth[4]"].value == pytest.approx(1.0, abs=0.02)


def test_a_sensor_that_is_off_is_no_warmth() -> None:
    assert _features(_session(offset_k=5.0))["module_warmth[1]"].value == pytest.approx(1.0, abs=0.02)


def test_modules_without_load_tell_no_warmth() -> None:
    signals = _session()
    for name in _NAMES:
        signals[f"AcDcConverter[{name}]/Temperature"][:] = 20.0
    assert not any(name.startswith("module_warmth") for name in _features(signals))


@pytest.mark.parametrize("gain", [0.99, 1.0, 1.01])
def test_a_meter_that_is_off_hides_no_loss(gain: float) -> None:
    """One percent of the supply is a quarter of what is lost of it: as a difference it is there before and after."""
    told = []
    for loss in (1.0, 1.25):
        signals = _session(loss=loss)
        signals["ElectricalFeed/Power"] = signals["ElectricalFeed/Power"] * gain
        told.append(_features(signals)["loss"].value)
    assert told[1] - told[0] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("loss", [1.0, 1.1, 1.25])
def test_the_loss_is_told_against_its_law(loss: float) -> None:
    assert _features(_session(loss=loss))["loss"].value == pytest.approx(loss, rel=0.01)


def test_life_is_a_band_over_the_laws_and_modelled() -> None:
    model = _make()
    life = next(each for each in model.measures if each.name == "module_life[1]")
    assert life.basis is Basis.MODELLED
    found: list[Feature] = []
    signals = _session()
    for turn in range(150):
        window = Window(
            _START_S + turn * 600, 600, {key: each[(turn % 4) * 600 :][:600] for key, each in signals.items()}
        )
        found += [each for each in model.interval(window) if isinstance(each, Feature)]
    (told,) = [each for each in found if each.measure == "module_life[1]"]
    shares = [told.evidence[f"{law}_percent"] for law in LAWS]
    assert 0 < min(shares) < told.value < max(shares)
    assert told.sd == pytest.approx((max(shares) - min(shares)) / 4)


def test_the_cut_of_the_rows_does_not_matter() -> None:
    assert_cut_free(_make, _session(warm_k=4.0), (Part(100, 2100),))


def test_the_page_has_the_parameters() -> None:
    assert parameter_rows(ModulesParameters) in page("modules")
