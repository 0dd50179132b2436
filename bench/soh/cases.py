"""This file lists what falls ill; it guards that every fault of the simulator is there, in the ways it can come.

A ramp reaches its limit RAMP_DAYS after its onset, a slow one, of faults whose true score is known, SLOW_DAYS after it;
a step and an intermittent fault are beyond their limit at once. All begin after ONSET_DAY days in good health, when
every baseline is there. Chargers of a group share weather and supply, nothing else; each has its own structure and
sessions, and each round its own season.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from bench.soh.truths import SCALES

from isolane.sim.years.faults import KINDS, Fault

ONSET_DAY = 25.0
RAMP_DAYS = 30.0
SLOW_DAYS = 90.0
_BEYOND = 1.1
"""How far beyond its limit a fault goes, of the way to it."""
_STEP_DAYS, _PIECES_DAYS = 4, 8
_SEASON_S = 86_400 * 91
_START_UTC = 1_767_587_400
_GROUP_MAX, _SLOW_GROUP_MAX = 6, 4

ChargerKind = Literal["dc150", "ac22"]
_KINDS: tuple[ChargerKind, ChargerKind] = ("dc150", "ac22")


@dataclass(frozen=True, slots=True)
class Case:
    """One charger of a group.

    Attributes:
        name: As in tables: ``conn_gain, ac22, step``; "" in good health.
        kind: Of the charger.
        faults: What falls ill: nothing, one part, or sensors.
    """

    name: str
    kind: ChargerKind
    faults: tuple[Fault, ...] = ()

    @property
    def fault(self) -> Fault | None:
        """The part that falls ill, if one does."""
        return self.faults[0] if self.name else None


@dataclass(frozen=True, slots=True)
class Group:
    """Chargers that are simulated together.

    Attributes:
        seed: Of their plan.
        start_utc: When it begins.
        days: How long it is.
        cases: One each charger.
    """

    seed: int
    start_utc: int
    days: int
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many times each way is simulated; those that also come slowly have one ramp at most."""

    slow: int
    ramps: int
    steps: int
    pieces: int


_RAMPS: tuple[tuple[str, ChargerKind, str], ...] = (
    ("conn_gain", "dc150", ""), ("conn_gain", "ac22", ""), ("fan_wear", "dc150", ""), ("clog", "dc150", ""),
    ("eff_drift", "dc150", "3"), ("eff_drift", "dc150", ""), ("cap_age", "dc150", "2"), ("neutral_r", "ac22", ""),
    ("terminal_z", "dc150", "2"), ("terminal_z", "ac22", "1"), ("riso_scale", "dc150", ""),
    ("rcd_standing", "dc150", ""), ("rcd_standing", "ac22", ""), ("ingress", "dc150", ""), ("comms_flap", "dc150", ""),
    ("rsrp_drop", "dc150", ""), ("storage_wear", "dc150", ""), ("meter_gain", "dc150", ""),
    ("meter_gain", "ac22", ""), ("clock_drift", "dc150", ""), ("pilot_drift", "dc150", ""),
    ("pilot_diode", "dc150", ""), ("pilot_duty", "dc150", ""), ("slac_attenuation", "dc150", ""),
    ("slac_fail", "dc150", ""),
)  # fmt: skip
_STEPS: tuple[tuple[str, ChargerKind, str], ...] = (
    ("fan_fail", "dc150", ""), ("weld", "dc150", ""), ("weld", "ac22", ""), ("no_close", "dc150", ""),
    ("phase_loss", "dc150", ""), ("phase_loss", "ac22", ""), ("stuck_register", "dc150", ""),
    ("door_open", "dc150", ""), ("tilt", "dc150", ""), ("shock", "dc150", ""), ("rtc_jump", "dc150", ""),
    ("conn_gain", "dc150", ""), ("clog", "dc150", ""), ("meter_gain", "dc150", ""), ("neutral_r", "ac22", ""),
)  # fmt: skip
_PIECES: tuple[tuple[str, ChargerKind, str], ...] = (
    ("conn_gain", "dc150", ""), ("weld", "dc150", ""), ("no_close", "dc150", ""), ("phase_loss", "ac22", ""),
)  # fmt: skip
_SENSOR_FAULTS: tuple[tuple[str, dict[str, float]], ...] = (
    ("TemperatureSensor[ContactDCplus]/Temperature", {"offset": 6, "steps": 2, "spikes": 60}),
    ("TemperatureSensor[Heatsink]/Temperature", {"offset": 6, "steps": 2, "spikes": 60}),
    ("TemperatureSensor[AirOut]/Temperature", {"offset": -6, "steps": 2, "spikes": 60}),
    ("AirCoolingSystem[1]/FanSpeed", {"offset": 600, "steps": 100, "spikes": 4000}),
    ("ElectricalFeed/ACVoltage[L1]", {"offset": 8, "steps": 2, "spikes": 120}),
    ("ElectricalFeed/ACCurrent[L2]", {"offset": 5, "steps": 2, "spikes": 100}),
    ("EVSE/DCCurrent", {"offset": 2, "steps": 2, "spikes": 100}),
    ("EVSE/DCVoltage", {"offset": 8, "steps": 5, "spikes": 200}),
    ("ControlMetering/Power", {"offset": 500, "steps": 100, "spikes": 50_000}),
    ("GroundIsolationProtection/Impedance", {"offset": 1e6, "steps": 1e5, "spikes": 4e6}),
    ("RCD/xResidualCurrent[DC]", {"offset": 0.001, "steps": 0.001, "spikes": 0.02}),
    ("AcDcConverter[2]/Temperature", {"offset": 6, "steps": 2, "spikes": 60}),
    ("AcDcConverter[4]/xRippleVoltage", {"offset": 0.3, "steps": 0.1, "spikes": 5}),
    ("CPPWMController/DCVoltage", {"offset": 0.3, "steps": 0.1, "spikes": 3}),
    ("PowerContactor/xOutputVoltage", {"offset": 8, "steps": 5, "spikes": 300}),
    ("0.0/ExternalTemperatureSensor/Temperature", {"offset": 6, "steps": 1, "spikes": 40}),
    ("0.0/HumiditySensor/Humidity", {"offset": 15, "steps": 5, "spikes": 50}),
    ("0.0/TemperatureSensor[Enclosure]/Temperature", {"offset": 6, "steps": 2, "spikes": 60}),
    ("0.0/DataLink/SignalStrength", {"offset": -8, "steps": 5, "spikes": 30}),
    ("0.0/RealTimeClock/xOffset", {"offset": 0.3, "steps": 0.1, "spikes": 3}),
)  # fmt: skip
"""What a sensor shows too much, in what steps, or how high its spikes are: such that it could be taken for a fault."""
_WAYS = ("stuck", "offset", "nan", "steps", "spikes")


def sick(rounds: Rounds, picked: str = "") -> list[Group]:
    """Give every fault in every way.

    Args:
        rounds: How many times each way, each time with other structures, sessions and another season.
        picked: What the names of the wanted cases begin with; "" is all.
    """
    slow = tuple(each for each in _RAMPS if _named(each) in SCALES)
    rest = tuple(each for each in _RAMPS if each not in slow)
    ways = (
        ("slow", slow, rounds.slow, _BEYOND * SLOW_DAYS),
        ("ramp", slow, min(rounds.ramps, 1), _BEYOND * RAMP_DAYS),
        ("ramp", rest, rounds.ramps, _BEYOND * RAMP_DAYS),
        ("step", _STEPS, rounds.steps, _STEP_DAYS),
        ("intermittent", _PIECES, rounds.pieces, _PIECES_DAYS),
    )
    groups: list[Group] = []
    for at, (way, listed, count, days) in enumerate(ways):
        cases = [_case(each, way, days) for each in listed]
        wanted = [case for case in cases if case.name.startswith(picked)]
        for number in range(count):
            size = _SLOW_GROUP_MAX if way == "slow" else _GROUP_MAX
            groups += _grouped(wanted, 100 + 10 * number + at, number, int(ONSET_DAY + days), size)
    return groups


def healthy(direct: int, alternating: int, days: int) -> list[Group]:
    """Give chargers in good health; the sensors of every second one fail, one after the other.

    Args:
        direct: How many of dc150.
        alternating: How many of ac22.
        days: For how long.
    """
    rng = np.random.default_rng(5)
    direct_kind, alternating_kind = _KINDS
    kinds = [direct_kind] * direct + [alternating_kind] * alternating
    cases = [Case("", kind, _sensor_faults(rng, kind, days) if number % 2 else ()) for number, kind in enumerate(kinds)]
    groups = []
    for at in range(0, len(cases), _GROUP_MAX):
        groups += _grouped(cases[at : at + _GROUP_MAX], 500 + at, at // _GROUP_MAX, days)
    return groups


def _case(what: tuple[str, ChargerKind, str], way: str, ramp_days: float) -> Case:
    name, charger, place = what
    kind, level = KINDS[name], KINDS[name].limit
    if kind.log:
        level = kind.healthy * (level / kind.healthy) ** _BEYOND
    elif not kind.flag:
        level = kind.healthy + (level - kind.healthy) * _BEYOND
    shapes: dict[str, Literal["step", "intermittent"]] = {"step": "step", "intermittent": "intermittent"}
    fault = Fault(
        kind=name,
        level=level,
        shape=shapes.get(way, "ramp"),
        onset_day=ONSET_DAY,
        ramp_days=0.0 if way in shapes else ramp_days,
        place=place,
    )
    return Case(f"{fault.name}, {charger}, {way}", charger, (fault,))


def _named(what: tuple[str, ChargerKind, str]) -> str:
    name, charger, place = what
    return f"{name}[{place}], {charger}" if place else f"{name}, {charger}"


def _grouped(cases: Sequence[Case], seed: int, number: int, days: int, size: int = _GROUP_MAX) -> list[Group]:
    start_utc = _START_UTC + number % 4 * _SEASON_S
    parts = [tuple(cases[at : at + size]) for at in range(0, len(cases), size)]
    return [Group(seed * 100 + at, start_utc, days, part) for at, part in enumerate(parts)]


def _sensor_faults(rng: np.random.Generator, kind: ChargerKind, days: int) -> tuple[Fault, ...]:
    """Let sensors fail for a day or two each, a week apart, each time another and in another way."""
    direct = kind == "dc150"
    there = [(key, levels) for key, levels in _SENSOR_FAULTS if direct or not key.startswith(_ONLY_DIRECT)]
    picked = rng.permutation(len(there))
    found = []
    for at, day in enumerate(range(int(ONSET_DAY), days - 3, 7)):
        key, levels = there[picked[at % len(there)]]
        way = _WAYS[int(rng.integers(len(_WAYS)))]
        onset = day + float(rng.uniform(0, 1))
        place = key if key.startswith("0.0/") else f"1.0/{key}"
        level = levels.get(way, 1.0)
        end = onset + float(rng.uniform(1, 2))
        fault = Fault(kind=f"sensor_{way}", level=level, shape="step", onset_day=onset, end_day=end, place=place)
        found.append(fault)
    return tuple(found)


_ONLY_DIRECT = (
    "TemperatureSensor[ContactDCplus]", "TemperatureSensor[Heatsink]", "TemperatureSensor[AirOut]",
    "AirCoolingSystem", "EVSE/DC", "AcDcConverter",
)  # fmt: skip
