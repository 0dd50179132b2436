"""This file says which signals the host gives; it guards that a machine without a sensor declares no signal for it."""

from isolane.core.signals import Signal
from isolane.health.sources.host.connect import HostFacts

CPU = "0.0/Controller/xCpu"
LOAD = "0.0/Controller/xLoad"
MEMORY = "0.0/Controller/xMemory"
DISK = "0.0/Controller/xDisk"
RESIDENT = "0.0/Controller/xResident"
TEMPERATURE = "0.0/TemperatureSensor[Controller]/Temperature"
CLOCK_OFFSET = "0.0/RealTimeClock/xOffset"
CLOCK_ERROR = "0.0/RealTimeClock/xErrorMax"
CLOCK_SYNCHRONISED = "0.0/RealTimeClock/xSynchronised"

WORN = "0.0/Controller/xFlashWorn"
CERTIFICATE = "0.0/Controller/xCertificateLeft"

_PAGE_BYTES = 4096
_HOUR_S = 3600
"""What counts down in seconds would cost a byte with each of them."""


def core(number: int) -> str:
    """Give the key of the load of one processor, counted from 0."""
    return f"0.0/Controller/xCpu[{number}]"


def plan_signals(first: HostFacts) -> tuple[Signal, ...]:
    """Give the signals of this machine.

    Args:
        first: A first look at it, which shows what it has.
    """
    signals = [
        Signal("", CPU, "Percent", 0.1),
        Signal("", LOAD, "", 0.01),
        Signal("", MEMORY, "Percent", 0.1),
        Signal("", DISK, "Percent", 0.1),
        Signal("", RESIDENT, "B", _PAGE_BYTES),
    ]
    if len(first.cores_percent) > 1:
        signals += [Signal("", core(number), "Percent", 0.1) for number in range(len(first.cores_percent))]
    if first.worn_percent is not None:
        signals.append(Signal("", WORN, "Percent", 10))
    if first.certificate_left_s is not None:
        signals.append(Signal("", CERTIFICATE, "s", _HOUR_S))
    if first.temperature_celsius is not None:
        signals.append(Signal("", TEMPERATURE, "Celsius", 0.1))
    if first.clock is not None:
        signals.append(Signal("", CLOCK_OFFSET, "s", 1e-6))
        signals.append(Signal("", CLOCK_ERROR, "s", 1e-6))
        signals.append(Signal("", CLOCK_SYNCHRONISED, "", 1))
    return tuple(signals)
