"""This file holds the watch over loose pins: what comes and goes is found, what a charge and its sensors do is not."""

import numpy as np
import pytest

from isolane.health.models.components.connector import Connector, ConnectorParameters
from isolane.health.models.components.contact_unrest import UNREST, Warmed, unrest
from isolane.health.models.components.heating import filtered
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Part, assert_cut_free

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_ROWS, _TAU_S = 3600, 600.0
_NAMES = ("ContactDCplus", "ContactDCminus")


def _current(rows: int = _ROWS) -> Floats:
    """Full current for a third of the time, then less and less."""
    return np.interp(np.arange(rows), (0, 30, rows / 3, rows), (0.0, 190.0, 190.0, 110.0))


def _rise(gain: Floats | float, tau_s: float = _TAU_S, seed: int = 1, step_k: float = 0.5) -> Floats:
    rng = np.random.default_rng(seed)
    clean = filtered(1e-3 * gain * _current() ** 2, tau_s)
    return np.asarray(np.round((clean + rng.normal(0, 0.2, _ROWS)) / step_k) * step_k)


def _loose(high: float = 1.66) -> Floats:
    return np.where((np.arange(_ROWS) > 1500) & (np.arange(_ROWS) < 2400), high, 1.0)


def _unrest(plus: Floats, minus: Floats) -> dict[str, float]:
    drive = _current() ** 2
    return unrest({n: Warmed(drive, rise, rise) for n, rise in zip(_NAMES, (plus, minus), strict=True)}, _TAU_S)


def test_a_pin_that_comes_and_goes_moves_against_its_sibling() -> None:
    found = _unrest(_rise(_loose()), _rise(1.0, seed=2))
    assert found[_NAMES[0]] > UNREST
    assert found[_NAMES[1]] == 0, "the other contact has no part in it"


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.6])
@pytest.mark.parametrize("tau_s", [400.0, 600.0, 900.0])
def test_a_charge_is_no_unrest_whatever_its_time_constant(gain: float, tau_s: float) -> None:
    assert 0 < max(_unrest(_rise(gain, tau_s), _rise(1.0, tau_s, seed=2)).values()) < UNREST / 2


def test_spikes_and_gaps_are_none() -> None:
    rng, seen = np.random.default_rng(3), _rise(1.0)
    seen[rng.integers(0, _ROWS, 20)] += 60.0
    seen[1200:1300] = np.nan
    assert 0 < max(_unrest(seen, _rise(1.0, seed=2)).values()) < UNREST / 2


@pytest.mark.parametrize("wrong", ["stands", "steps"])
def test_a_sensor_that_stands_or_comes_in_coarse_steps_is_not_judged(wrong: str) -> None:
    seen = np.full(_ROWS, 20.0) if wrong == "stands" else _rise(1.0, step_k=2.0)
    drive = _current() ** 2
    assert unrest({"a": Warmed(drive, seen, seen), "b": Warmed(drive, _rise(1.0), _rise(1.0))}, _TAU_S) == {}


def test_contacts_of_other_currents_are_not_compared() -> None:
    rise, drive = _rise(1.0), _current() ** 2
    assert unrest({"a": Warmed(drive, rise, rise), "b": Warmed(drive[:-1], rise[:-1], rise)}, _TAU_S) == {}
    assert unrest({"a": Warmed(drive, rise, rise)}, _TAU_S) == {}


def _sessions(loose: tuple[int, ...], count: int) -> tuple[dict[str, Floats], list[Part]]:
    """Give sessions of an hour with a rest of five hours before each."""
    rest = 5 * 3600
    rows = count * (rest + _ROWS) + 600
    signals = {f"TemperatureSensor[{name}]/Temperature": np.full(rows, 15.0) for name in _NAMES}
    signals |= {"ExternalTemperatureSensor/Temperature": np.full(rows, 15.0), "EVSE/DCCurrent": np.zeros(rows)}
    parts = []
    for at in range(count):
        first = at * (rest + _ROWS) + rest
        signals["EVSE/DCCurrent"][first : first + _ROWS] = _current()
        for place, name in enumerate(_NAMES):
            gain = _loose() if at in loose and not place else 1.0
            signals[f"TemperatureSensor[{name}]/Temperature"][first : first + _ROWS] += _rise(gain, seed=2 * at + place)
        parts.append(Part(first, first + _ROWS, at, rest_s=float(rest)))
    return signals, parts


@pytest.mark.parametrize(("loose", "levels"), [((1, 2), []), ((1, 2, 4), [Level.PLAN])])
def test_three_of_ten_sessions_are_a_loose_pin(loose: tuple[int, ...], levels: list[Level]) -> None:
    signals, parts = _sessions(loose, 6)

    def make() -> Connector:
        return Connector(ConnectorParameters(tau_s=_TAU_S), _RATING, tuple(signals))

    given = assert_cut_free(make, signals, parts)
    assert [each.level for each in given.named("contact_loose[ContactDCplus]")] == levels
    assert given.named("contact_loose[ContactDCminus]") == []
