"""This file gives signals the names people use; it guards that an unknown signal still gets a readable one.

A key is ``<evse>.<connector>/<Component>[<instance>]/<Variable>[<instance>]``; see `core.signals`.
"""

import re
from dataclasses import dataclass

from isolane.core.states import AVAILABILITY

_KEY = re.compile(
    r"(?P<evse>\d+)\.(?P<connector>\d+)/(?P<component>\w+)(?:\[(?P<part>[^\]]+)\])?/(?P<variable>\w+)(?:\[(?P<phase>[^\]]+)\])?"
)
_PHASE_CHARS_MAX = 3
"""L1, N, DC, V1 stay as they are; a longer instance of a variable is a word, as in ``Count[Operations]``."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_KNOWN: dict[str, str] = {
    "EVSE/Power": "Power to vehicle",
    "EVSE/DCVoltage": "DC voltage",
    "EVSE/DCCurrent": "DC current",
    "EVSE/xState": "State",
    "EVSE/xPowerLimit": "Power left by derating",
    "EVSE/xSessionCount": "Sessions",
    "EVSE/Problem": "Problem",
    "EVSE/xSessionEnergy": "Energy of the session",
    "EVSE/xCurrentLimit": "Current limit",
    "EVSE/xErrorCode": "Error code",
    "EVSE/xTransactionActive": "Transaction",
    "Connector/AvailabilityState": "Availability",
    "Connector/Problem": "Problem by OCPP",
    "ChargingStation/AvailabilityState": "Station availability",
    "ChargingStation/Problem": "Station problem by OCPP",
    "ConnectorPlugRetentionLock/xState": "Plug lock",
    "ElectricalFeed/Power": "Supply power",
    "ElectricalFeed/EnergyImportRegister": "Supply register",
    "ElectricalFeed/ACVoltage": "Supply voltage",
    "ElectricalFeed/ACCurrent": "Supply current",
    "ElectricalFeed/Frequency": "Frequency",
    "ElectricalFeed/xPowerFactor": "Power factor",
    "ElectricalFeed/xTHD": "THD",
    "ChargingStation/VoltageImbalance": "Voltage imbalance",
    "ChargingStation/CurrentImbalance": "Current imbalance",
    "FiscalMetering/EnergyImportRegister": "Billing register",
    "FiscalMetering/EnergyExportRegister": "Billing register, export",
    "FiscalMetering/Power": "Billing meter power",
    "ControlMetering/EnergyImportRegister": "Control register",
    "ControlMetering/Power": "Control power",
    "PowerContactor/Active": "Contactor closed",
    "PowerContactor/xCommand": "Contactor command",
    "PowerContactor/xOutputVoltage": "Voltage behind contactor",
    "PowerContactor/Count": "Contactor",
    "PowerContactor/xWear": "Contactor wear",
    "ExternalTemperatureSensor/Temperature": "Outdoor air",
    "HumiditySensor/Humidity": "Humidity",
    "AirCoolingSystem/FanSpeed": "Fan speed",
    "AirCoolingSystem/xPercent": "Fan drive",
    "LiquidCoolingSystem/Temperature": "Coolant",
    "LiquidCoolingSystem/xFlow": "Coolant flow",
    "GroundIsolationProtection/Impedance": "Insulation",
    "RCD/xResidualCurrent": "Residual current",
    "CPPWMController/DCVoltage": "Control pilot voltage",
    "CPPWMController/Percentage": "Control pilot duty",
    "CPPWMController/State": "Control pilot state",
    "DataLink/SignalStrength": "Signal strength",
    "DataLink/Active": "OCPP connected",
    "DataLink/xRoundTrip": "OCPP round trip",
    "DataLink/xReconnects": "OCPP reconnects",
    "DataLink/xSecurityEvents": "Security events",
    "RealTimeClock/DCVoltage": "Clock battery",
    "RealTimeClock/xOffset": "Clock offset",
    "RealTimeClock/xErrorMax": "Greatest clock error",
    "RealTimeClock/xSynchronised": "Clock synchronised",
    "Controller/xCpu": "CPU",
    "Controller/xLoad": "Load",
    "Controller/xMemory": "Memory",
    "Controller/xDisk": "Disk",
    "Controller/xResident": "Memory of isolane",
    "CaseAccessSensor/Active": "Door open",
    "TiltSensor/Angle": "Tilt",
    "ShockSensor/Force": "Shock",
    "FloodSensor/Percent": "Water level",
}
_PLACES: dict[str, str] = {
    "ContactDCplus": "Contact DC+",
    "ContactDCminus": "Contact DC\u2212",
    "ContactL1": "Contact L1",
    "ContactL2": "Contact L2",
    "ContactL3": "Contact L3",
    "ContactN": "Contact N",
    "AirOut": "Air outlet",
    "DcLinkCap": "DC-link capacitors",
}
_TELLERS = {"Ocpp": " by OCPP", "Meter": " by meter"}
"""Instances that say who tells a value when several do."""
_STATES = tuple(
    {"SuspendedEV": "suspended by vehicle", "SuspendedEVSE": "suspended by charger"}.get(state, state.lower())
    for state in AVAILABILITY
)
_YES_NO = ("no", "yes")
_WORDS: dict[str, tuple[str, ...]] = {
    "EVSE/xState": _STATES,
    "Connector/AvailabilityState": _STATES,
    "ChargingStation/AvailabilityState": _STATES,
    "CPPWMController/State": tuple("ABCDEF"),
    "PowerContactor/xCommand": ("open", "close"),
    "EVSE/xTransactionActive": _YES_NO,
    "RealTimeClock/xSynchronised": _YES_NO,
}
"""What a state's numbers mean, from 0 on; `Active` and `Problem` are always yes or no. docs/reference/signals.md."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A key taken apart. `path` is component and variable without instances."""

    evse: int
    path: str
    part: str
    phase: str


def parts(key: str) -> Parts:
    """Take a key apart; what has another form becomes a path of its own."""
    match = _KEY.fullmatch(key)
    if match is None:
        return Parts(0, key, "", "")
    return Parts(
        int(match["evse"]), f"{match['component']}/{match['variable']}", match["part"] or "", match["phase"] or ""
    )


def label(key: str) -> str:
    """Name a signal in a few words, without its outlet."""
    own = parts(key)
    component, _, variable = own.path.partition("/")
    if own.path == "TemperatureSensor/Temperature":
        return _PLACES.get(own.part) or _spaced(own.part)
    if component == "AcDcConverter":
        return f"Module {own.part} {_spaced(variable).lower()}"
    known = _KNOWN.get(own.path)
    if known is None:
        known = f"{_spaced(component)}{' ' + own.part if own.part else ''}: {_spaced(variable).lower()}"
    elif own.part not in {"", "1", *_TELLERS}:
        known = f"{known} {own.part}"
    if own.phase:
        known = f"{known} {own.phase.lower() if len(own.phase) > _PHASE_CHARS_MAX else own.phase}"
    return f"{known}{_TELLERS.get(own.part, '')}"


def component(name: str) -> str:
    """Name a component in a few words, with its instance."""
    kind, _, rest = name.partition("[")
    instance = rest.rstrip("]")
    if kind == "TemperatureSensor" and instance:
        return _PLACES.get(instance) or _spaced(instance)
    if kind == "AcDcConverter" and instance:
        return f"Module {instance}"
    return f"{_spaced(kind)}{' ' + instance if instance else ''}"


def measure(name: str) -> str:
    """Name a measure or finding of a model in a few words."""
    plain, _, instance = name.replace("_", " ").partition("[")
    return f"{plain[:1].upper()}{plain[1:]}{' ' + instance.rstrip(']') if instance else ''}"


def words(key: str) -> tuple[str, ...]:
    """Give the words for a state's numbers 0, 1, 2 ...; empty for a quantity."""
    path = parts(key).path
    if path.endswith(("/Active", "/Problem")):
        return _YES_NO
    return _WORDS.get(path, ())


def place(key: str, outlets: int) -> str:
    """Name the outlet a signal belongs to, "" where the charger has only one or the signal is the station's own."""
    evse = parts(key).evse
    return f"Outlet {evse}" if evse and outlets > 1 else ""


def outlets(keys: list[str]) -> int:
    """Count the outlets (EVSEs) that some keys name."""
    return len({parts(key).evse for key in keys} - {0})


def _spaced(name: str) -> str:
    """Turn ``xRippleVoltage`` into ``Ripple voltage``; the leading x says only that OCPP does not define the name."""
    if len(name) > 1 and name[0] == "x" and name[1].isupper():
        name = name[1:]
    words = _WORD.findall(name) or [name]
    return " ".join([words[0], *(word if word.isupper() else word.lower() for word in words[1:])])
