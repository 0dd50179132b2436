"""This file says which variables of the OCPP 2.x device model may pass; it guards that none names a person or a car.

Left out although the standard has them: whole components that see people or cars (ConnectedEV, Display, TokenReader,
UIInput, VehicleIdSensor) and every variable that holds an identity, an address, a text or a time (Token, VehicleId,
ICCID, IMSI, SerialNumber, EvseId, SeccId, NetworkAddress, Certificate, Message, DataText, DepartureTime ...): a token
of digits only would otherwise pass as a number. An instance is a closed set too, because a charger's maker chooses it
freely.

Source: OCPP 2.0.1 part 2 appendices §3; docs/reference/signals.md for the instances and the variables that begin with
x.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMPONENTS = _words("""
    AcDcConverter AcPhaseSelector Actuator AirCoolingSystem AreaVentilation BayOccupancySensor BeaconLighting
    CPPWMController CableBreakawaySensor CaseAccessSensor ChargingStation ChargingStatusIndicator Connector
    ConnectorHolsterRelease ConnectorHolsterSensor ConnectorPlugRetentionLock ConnectorProtectionRelease ControlMetering
    Controller DataLink DistributionPanel ELVSupply EVRetentionLock EVSE ElectricalFeed EmergencyStopSensor
    EnvironmentalLighting ExternalTemperatureSensor FiscalMetering FloodSensor GroundIsolationProtection Heater
    HumiditySensor LightSensor LiquidCoolingSystem LocalAvailabilitySensor LocalController LocalEnergyStorage
    OverCurrentProtection OverCurrentProtectionRecloser PowerContactor RCD RCDRecloser RealTimeClock ShockSensor Switch
    TemperatureSensor TiltSensor UpstreamProtectionTrigger
""")  # fmt: skip

VARIABLES = _words("""
    ACCurrent ACVoltage Active Angle Attempts AvailabilityState Available ChargingTime Complete ConnectedTime Count
    CurrentImbalance DCCurrent DCVoltage Enabled Energy EnergyExport EnergyExportRegister EnergyImport
    EnergyImportRegister Entries Fallback FanSpeed Force Frequency FuseRating Height Humidity Hysteresis Impedance
    Interval Length Light MinimumStatusDuration Mode Operated OperatingTimes Overload Percent Percentage
    PostChargingTime Power Problem Protecting SignalStrength State Storage SupplyPhases Suspending Suspension
    Temperature TimeOffset Timeout Tries Tripped VoltageImbalance
""") | _words("""
    xCommand xFlow xOffset xOutputVoltage xPercent xReconnects xResidualCurrent xRippleVoltage xRoundTrip xTHD xWear
""")  # fmt: skip

ENUMERATED = {
    "AvailabilityState": _words("Available Occupied Reserved Unavailable Faulted"),
    "State": _words("A B C D E F A1 A2 B1 B2 C1 C2 D1 D2 Closed Open Locked Unlocked On Off"),
    "Mode": _words("Auto Manual Off On Normal Eco Boost Standby"),
}
"""Variables whose value is a word, with the words that may pass; any other variable has a number or a boolean."""

_INSTANCES = _words("""
    L1 L2 L3 N L1-N L2-N L3-N L1-L2 L2-L3 L3-L1 DC AC V A DCplus DCminus ContactDCplus ContactDCminus ContactL1
    ContactL2 ContactL3 ContactN Handle Cable Inlet Outlet Enclosure AirIn AirOut Heatsink DcLinkCap Coolant CoolantIn
    CoolantOut Ambient Operations Modem Ethernet WiFi
""")  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,3}")


def is_instance(text: str) -> bool:
    """Tell whether an instance's name may pass: up to three digits or a word of the closed set."""
    return text in _INSTANCES or _NUMBER.fullmatch(text) is not None
