"""This file asks the operating system about the gateway; it guards that asking needs no root and starts no program."""

import ctypes
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]  # it has no types of its own

from isolane.health.sources.host.certificates import CertificateEnds

_CHIPS = ("cpu_thermal", "coretemp", "k10temp", "soc_thermal", "acpitz")
"""Names that Linux drivers give the processor's sensor, best first."""


_FLASH = Path("/sys/bus/mmc/devices")
_LIFE_STEPS = 11
"""eMMC tells its life in tenths: 0x01 is up to 10 % used, 0x0A up to 100 %, 0x0B beyond. Source: JESD84-B51, 7.4."""


class _TimeX(ctypes.Structure):
    """The beginning of Linux's `struct timex`, and room for its rest. Source: adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """What the kernel's clock discipline says.

    Attributes:
        offset: Still to be corrected, in microseconds, or nanoseconds where `status` says so.
        maxerror_us: Greatest error, microseconds.
        status: Bits of `struct timex`.
    """

    offset: int
    maxerror_us: int
    status: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What one look at the host gives; None where this machine does not tell.

    Attributes:
        cpu_percent: Of all processors, since the look before; None if no time was counted since then.
        load: Processes that run or wait, one-minute mean.
        memory_percent: Of physical memory, not available to a new program.
        disk_percent: Of the watched file system, used.
        resident_bytes: Of this process.
        temperature_celsius: Of the processor.
        clock: What the kernel says of its clock.
        cores_percent: Of each processor, since the look before.
        worn_percent: How much of the flash memory's life is used, in steps of 10; of the most worn one.
        certificate_left_s: Until the first of the links' certificates ends; negative afterwards.
    """

    cpu_percent: float | None
    load: float
    memory_percent: float
    disk_percent: float | None
    resident_bytes: int
    temperature_celsius: float | None
    clock: ClockFacts | None
    cores_percent: tuple[float | None, ...] = ()
    worn_percent: float | None = None
    certificate_left_s: float | None = None


class Host:
    """The operating system of this machine.

    Args:
        disk: A folder on the file system to watch.
        certificates: PEM files whose ends are watched.
    """

    def __init__(self, disk: Path, certificates: Sequence[Path] = ()) -> None:
        self._disk = disk
        self._ends = CertificateEnds(certificates)
        self._process = psutil.Process()
        self._timex = _find_timex()
        self._looks = Looks(_cores())

    def look(self, *, rapid: bool = False) -> HostFacts:
        """Read everything; takes about a millisecond.

        Args:
            rapid: Whether the processors' load is that since the look before, whichever that was, and the next ordinary
                look, which counts from the ordinary one before it, shall not notice.
        """
        now = _cores()
        before = self._looks.before(now, rapid=rapid)
        return HostFacts(
            cpu_percent=busy_percent(_sum(before), _sum(now)),
            load=os.getloadavg()[0],
            memory_percent=psutil.virtual_memory().percent,
            disk_percent=self._used(),
            resident_bytes=self._process.memory_info().rss,
            temperature_celsius=_temperature(),
            clock=self._clock(),
            cores_percent=tuple(busy_percent(*each) for each in zip(before, now, strict=False)),
            worn_percent=worn_percent(_FLASH),
            certificate_left_s=self._ends.left_s(),
        )

    def _used(self) -> float | None:
        try:
            return float(psutil.disk_usage(str(self._disk)).percent)
        except OSError:
            return None

    def _clock(self) -> ClockFacts | None:
        if self._timex is None:
            return None
        facts = _TimeX()
        if self._timex(ctypes.byref(facts)) < 0:
            return None
        return ClockFacts(facts.offset, facts.maxerror, facts.status)


class Spent(NamedTuple):
    """What a processor has counted since the machine began, s."""

    all_s: float
    idle_s: float


class Looks:
    """What the processors had counted at the looks before.

    Args:
        first: At the first look, processor by processor.
    """

    def __init__(self, first: Sequence[Spent]) -> None:
        self._ordinary = self._newest = first

    def before(self, now: Sequence[Spent], *, rapid: bool) -> Sequence[Spent]:
        """Give the look that one of now is compared with: the last of any kind, or the last ordinary one."""
        before = self._newest if rapid else self._ordinary
        self._newest = now
        if not rapid:
            self._ordinary = now
        return before


def _cores() -> list[Spent]:
    found = []
    for times in psutil.cpu_times(percpu=True):
        own = times._asdict()
        twice = own.get("guest", 0.0) + own.get("guest_nice", 0.0)  # Linux counts them as user's and nice's as well
        found.append(Spent(sum(own.values()) - twice, own["idle"] + own.get("iowait", 0.0)))
    return found


def _sum(cores: Sequence[Spent]) -> Spent:
    return Spent(sum(each.all_s for each in cores), sum(each.idle_s for each in cores))


def busy_percent(before: Spent, now: Spent) -> float | None:
    """Give how busy a processor was between two looks, percent; None if it has counted no time between them."""
    passed = now.all_s - before.all_s
    if passed <= 0:
        return None
    return min(100.0, max(0.0, 100 * (1 - (now.idle_s - before.idle_s) / passed)))


def worn_percent(devices: Path) -> float | None:
    """Give how much of the life of the most worn eMMC is used, percent; None where none tells.

    Args:
        devices: The folder in which the kernel lists them.
    """
    worn = []
    for file in devices.glob("*/life_time"):
        try:
            estimates = [int(word, 16) for word in file.read_text(encoding="ascii").split()]
        except (OSError, ValueError):
            continue
        worn += [10.0 * each for each in estimates if 0 < each <= _LIFE_STEPS]
    return max(worn, default=None)


def _find_timex() -> "ctypes._NamedFuncPointer | None":
    # Asked with modes = 0 it only reads, which every user may.
    return getattr(ctypes.CDLL(None), "adjtimex", None) if os.uname().sysname == "Linux" else None


def _temperature() -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # psutil warns of sensors whose files it cannot read
        chips = psutil.sensors_temperatures()
    for chip in _CHIPS:
        for sensor in chips.get(chip, ()):
            return float(sensor.current)
    return None
