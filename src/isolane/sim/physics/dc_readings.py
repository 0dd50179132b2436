"""This file is what the DC charger's sensors show; it guards that every signal of its map is there."""

from isolane.sim.physics.dc_station import MODULES, DcStation
from isolane.sim.physics.housing import insulation_ohm
from isolane.sim.physics.pilot import pilot
from isolane.sim.physics.supply import current_imbalance_percent, voltage_imbalance_percent

_RIPPLE_V = 2.0
_RTC_V = 3.05


def dc_readings(station: DcStation) -> dict[str, float]:
    """Read every sensor once.

    Returns:
        Signal key to value in the unit of docs/reference/dc-charger-map.md, noise and steps of the sensors included.
    """
    return {**_power(station), **_supply(station), **_heat(station), **_modules(station), **_rest(station)}


def _power(station: DcStation) -> dict[str, float]:
    meter = station.sensors.meter
    outlet_v = station.voltage_v if station.closed else 0.0
    return {
        "1.0/EVSE/xState": station.state,
        "1.0/EVSE/Problem": float(station.problem),
        "1.0/EVSE/xPowerLimit": 100 * station.limit,
        "1.0/EVSE/xSessionCount": station.visits,
        "1.0/EVSE/DCVoltage": meter(station.voltage_v),
        "1.0/EVSE/DCCurrent": meter(station.current_a),
        "1.0/EVSE/Power": meter(station.power_w * station.faults["meter_gain"]),
        "1.0/FiscalMetering/EnergyImportRegister": station.register.wh,
        "1.0/ControlMetering/Power": round(meter(station.power_w)),
        "1.0/ControlMetering/EnergyImportRegister": station.control_register.wh,
        "1.0/PowerContactor/Active": float(station.closed),
        "1.0/PowerContactor/xCommand": float(station.closed),
        "1.0/PowerContactor/xOutputVoltage": meter(outlet_v),
        "1.0/PowerContactor/Count[Operations]": station.operations,
        **pilot(plugged=station.vehicle is not None, charging=station.closed, duty_percent=5.0),
    }


def _supply(station: DcStation) -> dict[str, float]:
    meter = station.sensors.meter
    phases = range(3)
    return {
        **{f"1.0/ElectricalFeed/ACVoltage[L{n + 1}]": meter(station.phase_v[n]) for n in phases},
        **{f"1.0/ElectricalFeed/ACCurrent[L{n + 1}]": meter(station.phase_a[n]) for n in phases},
        "1.0/ElectricalFeed/Frequency": station.supply.frequency_hz,
        "1.0/ElectricalFeed/Power": round(meter(station.supply_w)),
        "1.0/ElectricalFeed/EnergyImportRegister": station.supply_register.exact_wh,
        "1.0/ElectricalFeed/xTHD[V]": station.supply.distortion_percent,
        "0.0/ChargingStation/VoltageImbalance": voltage_imbalance_percent(station.phase_v),
        "0.0/ChargingStation/CurrentImbalance": current_imbalance_percent(station.phase_a),
    }


def _heat(station: DcStation) -> dict[str, float]:
    pt = station.sensors.pt
    air_c = station.surroundings.air_c
    hottest = max(station.plus.celsius, station.minus.celsius)
    heatsink_c = station.cooling.heatsink_c
    return {
        "1.0/TemperatureSensor[ContactDCplus]/Temperature": pt(station.plus.celsius),
        "1.0/TemperatureSensor[ContactDCminus]/Temperature": pt(station.minus.celsius),
        "1.0/TemperatureSensor[Handle]/Temperature": pt(air_c + 0.35 * (hottest - air_c)),
        "0.0/TemperatureSensor[Enclosure]/Temperature": pt(station.housing.celsius),
        "1.0/TemperatureSensor[AirOut]/Temperature": pt(station.cooling.outlet_c),
        "1.0/TemperatureSensor[Heatsink]/Temperature": pt(heatsink_c),
        "1.0/TemperatureSensor[DcLinkCap]/Temperature": pt(air_c + 0.5 * (heatsink_c - air_c) + 8 * _load(station)),
        "0.0/ExternalTemperatureSensor/Temperature": air_c,
    }


def _modules(station: DcStation) -> dict[str, float]:
    load = _load(station)
    readings: dict[str, float] = {}
    for n in range(MODULES):
        part = f"1.0/AcDcConverter[{n + 1}]"
        spread_k = station.module_spread_k[n] * load
        readings[f"{part}/Temperature"] = station.sensors.pt(station.cooling.heatsink_c + spread_k)
        readings[f"{part}/Power"] = station.sensors.meter(station.power_w / MODULES)
        readings[f"{part}/xRippleVoltage"] = station.sensors.meter(_RIPPLE_V * load)
    return readings


def _rest(station: DcStation) -> dict[str, float]:
    humidity = station.housing.humidity_rh
    return {
        "0.0/HumiditySensor/Humidity": humidity,
        "1.0/AirCoolingSystem[1]/FanSpeed": station.sensors.meter(station.cooling.speed_rpm),
        "1.0/AirCoolingSystem[1]/xPercent": station.cooling.pwm_percent,
        "1.0/GroundIsolationProtection/Impedance": insulation_ohm(humidity, station.faults["riso_scale"]),
        "0.0/CaseAccessSensor/Active": round(station.faults["door_open"]),
        "0.0/TiltSensor/Angle": 0.2,
        "0.0/ShockSensor/Force": 0.0,
        "0.0/FloodSensor/Percent": 0.0,
        "0.0/RealTimeClock/DCVoltage": _RTC_V,
    }


def _load(station: DcStation) -> float:
    return station.power_w / station.rated_w
