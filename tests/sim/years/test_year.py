"""This file runs short plans; it guards that faults show where they must, and that a plan is all that matters."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from isolane.sim.modbus.dc_map import SIGNALS
from isolane.sim.years.faults import DAY_S, Fault
from isolane.sim.years.plan import Charger, Climate, Plan, Scatter
from isolane.sim.years.sensors import Values, unit_and_step
from isolane.sim.years.year import Chunk, Year

_CALM = Climate(season_k=0, spell_k=0)
_SICK = {
    fault.name: (fault,)
    for fault in (
        Fault(kind="conn_gain", level=2.5),
        Fault(kind="fan_wear", level=0.3),
        Fault(kind="fan_fail", level=1),
        Fault(kind="clog", level=0.6),
        Fault(kind="riso_scale", level=0.01),
        Fault(kind="meter_gain", level=1.015),
        Fault(kind="cap_age", level=1.0, place="2"),
        Fault(kind="eff_drift", level=1.5),
        Fault(kind="eff_drift", level=1.5, place="4"),
        Fault(kind="ingress", level=1.0),
        Fault(kind="slac_attenuation", level=6.0),
        Fault(kind="slac_fail", level=1.0),
        Fault(kind="weld", level=1),
        Fault(kind="no_close", level=1),
        Fault(kind="phase_loss", level=2),
        Fault(kind="terminal_z", level=6, place="3"),
        Fault(kind="door_open", level=1),
        Fault(kind="tilt", level=4),
        Fault(kind="shock", level=900),
        Fault(kind="rtc_jump", level=30),
        Fault(kind="clock_drift", level=8, ramp_days=1),
        Fault(kind="storage_wear", level=85),
        Fault(kind="rcd_standing", level=0.006),
        Fault(kind="comms_flap", level=40),
        Fault(kind="rsrp_drop", level=12),
        Fault(kind="pilot_drift", level=1),
        Fault(kind="pilot_diode", level=2),
        Fault(kind="pilot_duty", level=2),
        Fault(kind="stuck_register", level=1, onset_day=0.5),
    )
}


@dataclass(frozen=True)
class Site:
    """One day of chargers that differ by one fault each; `well` has none."""

    signals: dict[str, dict[str, Values]]
    truth: dict[str, dict[str, Any]]

    def mean(self, charger: str, key: str) -> float:
        """Mean while more than 30 kW flow, or would in good health."""
        on = self.signals["well"]["1.0/EVSE/Power"] > 30_000
        return float(np.nanmean(self.signals[charger][key][on]))


@pytest.fixture(scope="module")
def site() -> Site:
    faults = {"well": (), **_SICK}
    chargers = tuple(Charger(id=name, faults=of, sessions_per_day=4, course=0) for name, of in faults.items())
    plan = Plan(
        chargers=chargers, days=1, idle_step_s=60, climate=_CALM, scatter=Scatter.none(), gaps_per_day=0, seed=3
    )
    year = Year(plan)
    chunks = list(year.chunks())
    signals = {name: _joined(chunk for chunk in chunks if chunk.charger == name) for name in faults}
    truth: Any = year.truth.as_dict()["chargers"]
    return Site(signals, {charger["id"]: charger for charger in truth})


def _joined(chunks: Iterable[Chunk]) -> dict[str, Values]:
    parts = list(chunks)
    time = np.concatenate([c.start_utc + c.step_s * np.arange(len(c)) for c in parts])
    assert (np.diff(time) > 0).all()
    return {"time": time} | {key: np.concatenate([c.signals[key] for c in parts]) for key in parts[0].signals}


def _full() -> dict[str, Values]:
    charger = Charger(id="well", sessions_per_day=4, course=0)
    plan = Plan(chargers=(charger,), days=1, climate=_CALM, scatter=Scatter.none(), gaps_per_day=0, seed=3)
    return _joined(Year(plan).chunks())


def test_a_full_day_has_every_signal_of_the_map_in_its_steps(site: Site) -> None:
    full, thin = _full(), site.signals["well"]
    assert {row.name for row in SIGNALS} <= set(full)
    assert len(thin["time"]) < 0.6 * len(full["time"]) == 0.6 * DAY_S
    at = np.searchsorted(full["time"], thin["time"])
    for key in ("1.0/EVSE/xState", "1.0/PowerContactor/Active", "1.0/FiscalMetering/EnergyImportRegister"):
        assert np.array_equal(thin[key], full[key][at]), key
    del full["time"]
    for key, values in full.items():
        step = unit_and_step(key)[1]
        there = values[np.isfinite(values)].astype(np.float64)
        assert len(there) > 0.9 * DAY_S
        assert np.abs(there / step - np.rint(there / step)).max() < 0.05, key


def test_same_plan_same_data_and_neighbours_do_not_matter() -> None:
    alone = Charger(id="A", sessions_per_day=4)
    runs = [
        _joined(c for c in Year(Plan(chargers=chargers, days=1, idle_step_s=60)).chunks() if c.charger == "A")
        for chargers in ((alone,), (alone, Charger(id="B", faults=_SICK["clog"], sessions_per_day=4)))
    ]
    for key, values in runs[0].items():
        assert np.array_equal(values, runs[1][key], equal_nan=True), key


def test_energy_agrees_with_the_truth(site: Site) -> None:
    register = site.signals["well"]["1.0/FiscalMetering/EnergyImportRegister"]
    sessions = site.truth["well"]["sessions"]
    assert register[-1] - register[0] == pytest.approx(sum(session["energy_wh"] for session in sessions), abs=2)
    assert len(sessions) >= 4


def test_contact_is_hotter_than_its_sibling(site: Site) -> None:
    part = "1.0/TemperatureSensor"
    plus, minus = (site.mean("conn_gain", f"{part}[ContactDC{name}]/Temperature") for name in ("plus", "minus"))
    assert plus > minus + 5
    truth = site.truth["conn_gain"]
    assert truth["faults"][0]["limit_utc"] == truth["faults"][0]["onset_utc"]
    assert truth["sessions"][0]["theta"] == {"conn_gain": 2.5}


@pytest.mark.parametrize(
    ("charger", "key", "low", "high"),
    [
        ("fan_fail", "1.0/AirCoolingSystem[1]/FanSpeed", 0.0, 0.0),
        ("clog", "1.0/TemperatureSensor[Heatsink]/Temperature", 1.1, 2.5),
        ("riso_scale", "1.0/GroundIsolationProtection/Impedance", 0.0098, 0.0102),
        ("meter_gain", "1.0/EVSE/Power", 1.0149, 1.0151),
        ("cap_age[2]", "1.0/AcDcConverter[2]/xRippleVoltage", 2.49, 2.51),
        ("cap_age[2]", "1.0/AcDcConverter[3]/xRippleVoltage", 0.999, 1.001),
        ("eff_drift[4]", "1.0/AcDcConverter[4]/Temperature", 1.05, 1.5),
        ("ingress", "0.0/HumiditySensor/Humidity", 1.1, 1.7),
        ("slac_attenuation", "1.0/ISO15118Ctrlr/xSlacAttenuation", 1.3, 2.2),
    ],
)
def test_a_fault_shows_where_it_must(site: Site, charger: str, key: str, low: float, high: float) -> None:
    assert low <= site.mean(charger, key) / site.mean("well", key) <= high


def test_worn_fans_turn_slower_at_the_same_pwm(site: Site) -> None:
    part = "1.0/AirCoolingSystem[1]"
    shares = [site.mean(c, f"{part}/FanSpeed") / site.mean(c, f"{part}/xPercent") for c in ("fan_wear", "well")]
    assert shares[0] / shares[1] == pytest.approx(0.7, abs=0.001)


def test_loss_is_seen_from_the_supply_alone(site: Site) -> None:
    losses = [
        site.mean(charger, "1.0/ElectricalFeed/Power") - site.mean(charger, "1.0/ControlMetering/Power")
        for charger in ("eff_drift", "well")
    ]
    assert 1.3 < losses[0] / losses[1] < 1.55


def test_weld_keeps_the_contactor_and_the_voltage(site: Site) -> None:
    signals = site.signals["weld"]
    told, active = signals["1.0/PowerContactor/xCommand"], signals["1.0/PowerContactor/Active"]
    first = int(np.argmax(active))
    assert (active[first:] == 1).all()
    late = (np.arange(len(told)) > first) & (told == 0) & (signals["1.0/EVSE/xState"] == 3)
    assert np.nanmin(signals["1.0/PowerContactor/xOutputVoltage"][late]) > 60


def test_contactor_that_does_not_close(site: Site) -> None:
    signals = site.signals["no_close"]
    told = signals["1.0/PowerContactor/xCommand"] == 1
    assert told.any()
    assert not signals["1.0/PowerContactor/Active"][told].any()
    assert all(session["energy_wh"] == 0 for session in site.truth["no_close"]["sessions"])


def test_lost_phase_and_loose_terminal(site: Site) -> None:
    lost = site.signals["phase_loss"]
    assert np.nanmax(lost["1.0/ElectricalFeed/ACVoltage[L2]"]) < 20
    assert np.nanmax(lost["1.0/EVSE/DCCurrent"]) == 0
    falls = [
        site.mean("well", f"1.0/ElectricalFeed/ACVoltage[L{n}]")
        - site.mean("terminal_z[3]", f"1.0/ElectricalFeed/ACVoltage[L{n}]")
        for n in (2, 3)
    ]
    assert falls[0] == pytest.approx(0, abs=0.05)
    assert falls[1] == pytest.approx(5 * 0.02 * site.mean("well", "1.0/ElectricalFeed/ACCurrent[L3]"), rel=0.1)


def test_sessions_that_fail_at_slac(site: Site) -> None:
    assert np.nanmax(site.signals["slac_fail"]["1.0/ISO15118Ctrlr/xStage"]) == 1
    assert not any(session["energy_wh"] for session in site.truth["slac_fail"]["sessions"])
    assert np.nanmax(site.signals["well"]["1.0/ISO15118Ctrlr/xStage"]) == 12


@pytest.mark.parametrize(
    ("charger", "key", "reached"),
    [
        ("door_open", "0.0/CaseAccessSensor/Active", 1),
        ("tilt", "0.0/TiltSensor/Angle", 4),
        ("shock", "0.0/ShockSensor/Force", 800),
        ("rtc_jump", "0.0/RealTimeClock/xOffset", 29),
        ("clock_drift", "0.0/RealTimeClock/xOffset", 7),
        ("storage_wear", "0.0/Controller/xFlashWorn", 90),
        ("rcd_standing", "1.0/RCD/xResidualCurrent[DC]", 0.006),
        ("comms_flap", "0.0/DataLink/xReconnects", 25),
        ("pilot_drift", "1.0/CPPWMController/DCVoltage", 12.9),
        ("pilot_diode", "1.0/CPPWMController/DCVoltage[Negative]", 12),
        ("pilot_duty", "1.0/CPPWMController/Percentage", 100),
    ],
)
def test_a_fault_of_the_box_reaches_its_level(site: Site, charger: str, key: str, reached: float) -> None:
    assert np.nanmax(site.signals[charger][key]) >= reached


def test_weak_half_wave_wrong_duty_and_weaker_antenna(site: Site) -> None:
    for charger, key, change in (
        ("pilot_diode", "1.0/CPPWMController/DCVoltage[Negative]", 2),
        ("pilot_duty", "1.0/CPPWMController/Percentage", 2),
        ("rsrp_drop", "0.0/DataLink/SignalStrength", -12),
    ):
        assert site.mean(charger, key) - site.mean("well", key) == pytest.approx(change, abs=0.1), charger


def test_register_that_stands(site: Site) -> None:
    signals = site.signals["stuck_register"]
    later = signals["time"] > signals["time"][0] + DAY_S // 2
    assert np.ptp(signals["1.0/FiscalMetering/EnergyImportRegister"][later]) == 0
    assert np.nanmax(signals["1.0/EVSE/Power"][later]) > 10_000
