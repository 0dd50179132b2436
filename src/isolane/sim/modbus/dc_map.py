"""This file is the register map of the simulated DC charger; it guards that one block of 125 holds all signals.

The same map as a page for those who write a device template: docs/reference/dc-charger-map.md. A test compares the two.
"""

from isolane.sim.modbus.rows import Row
from isolane.sim.physics.dc_station import MODULES

IDENTITY = (
    Row(0, "uint16", "map_version", text="Version of this map: 1"),
    Row(1, "string16", "vendor", resolution=0, text="Vendor"),
    Row(9, "string16", "model", resolution=0, text="Model"),
    Row(17, "string24", "serial", resolution=0, text="Serial number"),
    Row(29, "string16", "firmware", resolution=0, text="Firmware version"),
    Row(40, "uint32", "rated_power_w", "W", text="Rated DC power"),
    Row(42, "uint16", "rated_current_a", "A", 0.1, 0.1, "Rated DC current"),
    Row(43, "uint16", "rated_voltage_v", "V", 0.1, 0.1, "Greatest DC voltage"),
    Row(44, "uint16", "modules", text="Number of power modules"),
)


def _temperature(address: int, name: str, text: str) -> Row:
    return Row(address, "int16", f"{name}/Temperature", "Celsius", 0.1, 0.5, text)


SIGNALS = (
    Row(
        100,
        "uint16",
        "1.0/EVSE/xState",
        text="0 available, 1 preparing, 2 charging, 3 finishing, 4 faulted, 5 unavailable",
    ),
    Row(101, "uint16", "1.0/EVSE/Problem", text="1 while a fault stops or limits charging"),
    Row(102, "uint16", "1.0/EVSE/xPowerLimit", "Percent", 0.1, 0.1, "Power left by derating, of rated power"),
    Row(104, "uint32", "1.0/EVSE/xSessionCount", text="Charging sessions begun since start"),
    Row(110, "uint16", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1, 0.1, "Phase to neutral"),
    Row(111, "uint16", "1.0/ElectricalFeed/ACVoltage[L2]", "V", 0.1, 0.1, "Phase to neutral"),
    Row(112, "uint16", "1.0/ElectricalFeed/ACVoltage[L3]", "V", 0.1, 0.1, "Phase to neutral"),
    Row(113, "uint16", "1.0/ElectricalFeed/ACCurrent[L1]", "A", 0.1, 0.1, "Supply current"),
    Row(114, "uint16", "1.0/ElectricalFeed/ACCurrent[L2]", "A", 0.1, 0.1, "Supply current"),
    Row(115, "uint16", "1.0/ElectricalFeed/ACCurrent[L3]", "A", 0.1, 0.1, "Supply current"),
    Row(116, "uint16", "1.0/ElectricalFeed/Frequency", "Hz", 0.01, 0.01, "Supply frequency"),
    Row(
        118, "float32", "1.0/ElectricalFeed/Power", "W", 1.0, 1.0, "AC power taken from the supply; whole W as a float"
    ),
    Row(120, "uint16", "1.0/EVSE/DCVoltage", "V", 0.1, 0.1, "At the outlet, vehicle side of the contactor"),
    Row(121, "uint16", "1.0/EVSE/DCCurrent", "A", 0.1, 0.1, "Through the connector"),
    Row(122, "uint32", "1.0/EVSE/Power", "W", 1.0, 1.0, "DC power to the vehicle"),
    Row(124, "uint32", "1.0/FiscalMetering/EnergyImportRegister", "Wh", 1.0, 1.0, "Billing register, only rises"),
    Row(
        126,
        "float32",
        "1.0/ControlMetering/Power",
        "W",
        1.0,
        1.0,
        "DC power by the charger's own control, not the billing meter",
    ),
    Row(
        128, "uint32", "1.0/ControlMetering/EnergyImportRegister", "Wh", 1.0, 1.0, "Energy by the charger's own control"
    ),
    Row(140, "uint16", "1.0/PowerContactor/Active", text="1 while the auxiliary contact is closed"),
    Row(141, "uint16", "1.0/PowerContactor/xCommand", text="1 while it is told to be closed"),
    Row(142, "uint16", "1.0/PowerContactor/xOutputVoltage", "V", 0.1, 0.1, "Behind the contactor"),
    Row(144, "uint32", "1.0/PowerContactor/Count[Operations]", text="Closings since it was made"),
    _temperature(150, "1.0/TemperatureSensor[ContactDCplus]", "Contact DC+ in the vehicle connector"),
    _temperature(151, "1.0/TemperatureSensor[ContactDCminus]", "Contact DC- in the vehicle connector"),
    _temperature(152, "1.0/TemperatureSensor[Handle]", "Grip of the vehicle connector"),
    _temperature(153, "0.0/TemperatureSensor[Enclosure]", "Air in the electronics compartment"),
    _temperature(154, "1.0/TemperatureSensor[AirOut]", "Cooling air at the outlet"),
    _temperature(155, "1.0/TemperatureSensor[Heatsink]", "Hottest heatsink"),
    _temperature(156, "1.0/TemperatureSensor[DcLinkCap]", "DC-link capacitors"),
    *(
        _temperature(157 + n, f"1.0/AcDcConverter[{n + 1}]", f"Heatsink of power module {n + 1}")
        for n in range(MODULES)
    ),
    Row(
        162,
        "int16",
        "0.0/ExternalTemperatureSensor/Temperature",
        "Celsius",
        0.1,
        0.1,
        "Outdoor air, also the cooling inlet",
    ),
    Row(163, "uint16", "0.0/HumiditySensor/Humidity", "RH", 0.1, 0.1, "Relative humidity in the compartment"),
    Row(170, "uint16", "1.0/AirCoolingSystem[1]/FanSpeed", "RPM", 1.0, 1.0, "Mean of the fans"),
    Row(171, "uint16", "1.0/AirCoolingSystem[1]/xPercent", "Percent", 0.1, 0.1, "Fan PWM"),
    Row(172, "uint16", "1.0/GroundIsolationProtection/Impedance", "Ohm", 1000.0, 1000.0, "Register in kOhm"),
    *(
        Row(
            180 + n,
            "uint16",
            f"1.0/AcDcConverter[{n + 1}]/Power",
            "W",
            10.0,
            10.0,
            f"DC power of power module {n + 1}; register in 10 W",
        )
        for n in range(MODULES)
    ),
    *(
        Row(
            185 + n,
            "uint16",
            f"1.0/AcDcConverter[{n + 1}]/xRippleVoltage",
            "V",
            0.01,
            0.01,
            f"DC-link ripple of power module {n + 1}, peak to peak",
        )
        for n in range(MODULES)
    ),
    Row(190, "int16", "1.0/CPPWMController/DCVoltage", "V", 0.01, 0.01, "Control pilot, positive half wave"),
    Row(
        191,
        "uint16",
        "1.0/CPPWMController/Percentage",
        "Percent",
        0.1,
        0.1,
        "Control pilot duty cycle; 5.0 = digital communication",
    ),
    Row(192, "uint16", "1.0/CPPWMController/State", text="0 A, 1 B, 2 C, 3 D, 4 E, 5 F"),
    Row(200, "uint16", "0.0/CaseAccessSensor/Active", text="1 while the door is open"),
    Row(201, "int16", "0.0/TiltSensor/Angle", "Deg", 0.1, 0.1, "From the mounting position"),
    Row(202, "float32", "0.0/ShockSensor/Force", "N", 1.0, 0.1, "Greatest force of the last second"),
    Row(204, "uint16", "0.0/FloodSensor/Percent", "Percent", 0.1, 0.1, "Of the alarm height"),
    Row(205, "uint16", "0.0/RealTimeClock/DCVoltage", "V", 0.01, 0.01, "Clock battery"),
    Row(
        210, "uint16", "0.0/ChargingStation/VoltageImbalance", "Percent", 0.01, 0.01, "Negative over positive sequence"
    ),
    Row(
        211,
        "uint16",
        "0.0/ChargingStation/CurrentImbalance",
        "Percent",
        0.01,
        0.01,
        "Greatest deviation from the mean, of the mean",
    ),
    Row(212, "uint16", "1.0/ElectricalFeed/xTHD[V]", "Percent", 0.01, 0.01, "Total harmonic distortion of the voltage"),
)

BLOCK = (100, 125)
"""First register and number of registers of the block that holds every signal; unused registers in it read 0."""
