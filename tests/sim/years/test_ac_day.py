"""This file runs a day of AC chargers; it guards that one-phase cars show a bad neutral, and a weld shows voltage."""

from typing import Any

import numpy as np
import pytest

from isolane.sim.years.faults import Fault
from isolane.sim.years.plan import Charger, Plan, Scatter
from isolane.sim.years.sensors import Values
from isolane.sim.years.year import Year

_SICK = {
    "well": (),
    "neutral": (Fault(kind="neutral_r", level=1.0),),
    "weld": (Fault(kind="weld", level=1.0),),
    "phase": (Fault(kind="phase_loss", level=3),),
}


@pytest.fixture(scope="module")
def site() -> tuple[dict[str, dict[str, Values]], dict[str, Any]]:
    chargers = tuple(
        Charger(id=name, kind="ac22", faults=faults, course=8, sessions_per_day=2) for name, faults in _SICK.items()
    )
    plan = Plan(chargers=chargers, days=1, idle_step_s=60, scatter=Scatter.none(), gaps_per_day=0, seed=1)
    year = Year(plan)
    signals: dict[str, dict[str, Any]] = {name: {} for name in _SICK}
    for chunk in year.chunks():
        for key, values in chunk.signals.items():
            signals[chunk.charger].setdefault(key, []).append(values)
    joined = {name: {key: np.concatenate(parts) for key, parts in of.items()} for name, of in signals.items()}
    return joined, year.truth.as_dict()


def test_energy_agrees_with_the_truth(site: tuple[dict[str, dict[str, Values]], Any]) -> None:
    register = site[0]["well"]["1.0/FiscalMetering/EnergyImportRegister"]
    told = sum(session["energy_wh"] for session in site[1]["chargers"][0]["sessions"])
    assert told > 5000
    assert np.ptp(register) == pytest.approx(told, rel=0.01)


def test_bad_neutral_raises_the_phases_without_load(site: tuple[dict[str, dict[str, Values]], Any]) -> None:
    well, sick = site[0]["well"], site[0]["neutral"]
    amperes = np.stack([well[f"1.0/ElectricalFeed/ACCurrent[L{n}]"] for n in (1, 2, 3)])
    rises = [
        sick[f"1.0/ElectricalFeed/ACVoltage[L{n}]"] - well[f"1.0/ElectricalFeed/ACVoltage[L{n}]"] for n in (1, 2, 3)
    ]
    alone = (amperes[0] > 10) & (amperes[1] < 1)
    even = (amperes[0] > 10) & (amperes[1] > 10)
    assert alone.any()
    assert rises[0][alone].mean() == pytest.approx(-amperes[0][alone].mean(), rel=0.05)
    assert rises[1][alone].mean() == pytest.approx(amperes[0][alone].mean() / 2, rel=0.15)
    assert not even.any() or abs(rises[0][even].mean()) < 0.1


def test_weld_shows_voltage_behind_the_contactor(site: tuple[dict[str, dict[str, Values]], Any]) -> None:
    for name, shown in (("well", 0.0), ("weld", 230.0)):
        signals = site[0][name]
        later = np.arange(len(signals["1.0/EVSE/xState"])) > np.argmax(signals["1.0/PowerContactor/Active"])
        off = later & (signals["1.0/PowerContactor/xCommand"] == 0)
        assert np.median(signals["1.0/PowerContactor/xOutputVoltage"][off]) == pytest.approx(shown, abs=10)


def test_lost_phase_carries_nothing_and_the_others_go_on(site: tuple[dict[str, dict[str, Values]], Any]) -> None:
    sick = site[0]["phase"]
    assert sick["1.0/ElectricalFeed/ACCurrent[L3]"].max() == 0
    assert sick["1.0/ElectricalFeed/ACVoltage[L3]"].max() < 20
    assert sick["1.0/ElectricalFeed/ACCurrent[L1]"].max() > 10
