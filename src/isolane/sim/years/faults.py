"""This file makes parts fall ill; it guards that a fault's true level is a plain function of time, known beforehand.

Every fault has a shape. A ramp grows from `onset_day` over `ramp_days`, a step is there at once, an intermittent fault
comes and goes under the same envelope: each piece of `dwell_s` seconds has it or not, `duty` of them have it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.core.failures import IsolaneError

DAY_S = 86_400
Floats = NDArray[np.float64]
Shape = Literal["ramp", "step", "intermittent"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault is.

    Attributes:
        healthy: Its level in good health.
        limit: Level at which the charger derates, trips or is beyond its published limit; NaN if there is none.
        what: What the level means, with its unit.
        places: What `Fault.place` may name: "" for nothing, else "module", "phase", "signal".
        log: Whether a ramp grows by equal factors, not by equal steps.
        flag: Whether it is there or not: it has no ramp.
    """

    healthy: float
    limit: float
    what: str
    places: Literal["", "module", "phase", "signal"] = ""
    log: bool = False
    flag: bool = False


KINDS: dict[str, Kind] = {
    "conn_gain": Kind(1.0, 1.6, "factor on the heating of the contact (DC+ or L1)"),
    "fan_wear": Kind(0.0, 0.5, "share of the fans' speed lost at the same PWM"),
    "fan_fail": Kind(0.0, 1.0, "over 0.5 the fans stand", flag=True),
    "clog": Kind(0.0, 0.6, "share of the cooling air that the filter holds back"),
    "eff_drift": Kind(1.0, 1.25, "factor on the loss of a power module, or of all", "module"),
    "cap_age": Kind(0.0, 2 / 3, "0 to 1: equivalent series resistance of the DC link times 1 to 2.5", "module"),
    "weld": Kind(0.0, 1.0, "over 0.5 the contactor does not open", flag=True),
    "no_close": Kind(0.0, 1.0, "over 0.5 the contactor does not close", flag=True),
    "phase_loss": Kind(0.0, 1.0, "1, 2 or 3: that phase is away", flag=True),
    "neutral_r": Kind(0.0, 1.0, "Ohm more in the neutral (ac22)"),
    "terminal_z": Kind(1.0, 2.0, "factor on the supply impedance of one phase", "phase"),
    "riso_scale": Kind(1.0, 0.0125, "factor on the insulation; 0.0125 of 8 MOhm is 100 kOhm", log=True),
    "rcd_standing": Kind(0.0, 0.006, "A of smooth direct residual current"),
    "ingress": Kind(0.0, 0.8, "moisture in the housing, 0 dry to 1 wet"),
    "comms_flap": Kind(0.0, 48.0, "lost connections a day"),
    "rsrp_drop": Kind(0.0, 25.0, "dB less at the antenna"),
    "storage_wear": Kind(0.0, 100.0, "percent of the flash memory's life"),
    "meter_gain": Kind(1.0, 1.01, "factor on the billing meter; beyond 1 % it is out of its class"),
    "stuck_register": Kind(0.0, 1.0, "over 0.5 the billing register does not count", flag=True),
    "door_open": Kind(0.0, 1.0, "over 0.5 the door is open", flag=True),
    "tilt": Kind(0.0, 3.0, "Deg from the mounting position"),
    "shock": Kind(0.0, 500.0, "N, the greatest of a minute"),
    "rtc_jump": Kind(0.0, 5.0, "s that the clock is wrong at once"),
    "clock_drift": Kind(0.0, 5.0, "s that the clock has gone astray"),
    "pilot_drift": Kind(0.0, 1.0, "V that the pilot's positive half is too high"),
    "pilot_diode": Kind(0.0, 1.0, "V that the pilot's negative half is too weak"),
    "pilot_duty": Kind(0.0, 1.0, "percent that the duty cycle is too great"),
    "slac_attenuation": Kind(0.0, 6.0, "dB more between the modems of car and charger (dc150)"),
    "slac_fail": Kind(0.0, 0.3, "share of sessions that fail at SLAC, beyond the usual 1 % (dc150)"),
    "sensor_stuck": Kind(0.0, math.nan, "over 0.5 the signal stays as it was", "signal", flag=True),
    "sensor_offset": Kind(0.0, math.nan, "what the signal shows too much, in its unit", "signal"),
    "sensor_nan": Kind(0.0, math.nan, "over 0.5 the signal is absent", "signal", flag=True),
    "sensor_steps": Kind(0.0, math.nan, "the signal comes in steps as coarse as this, in its unit", "signal"),
    "sensor_spikes": Kind(0.0, math.nan, "height of single wrong samples, one in 200, in its unit", "signal"),
}
"""Every fault. Limits are this project's choice where no standard gives one; docs/reference/fault-simulator.md."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault of one charger.

    Attributes:
        kind: A name of KINDS.
        level: Where it ends up, in the kind's own measure.
        shape: How it comes.
        onset_day: Days after the start at which it begins.
        ramp_days: Days from healthy to `level`; 0 is at once. Steps and flags have none.
        end_day: Day on which it is repaired; None is never.
        place: Which module (1 to 5, "" is all), phase (1 to 3) or signal (its key), as the kind says.
        duty: Share of the time that an intermittent fault is there, 0 to 1.
        dwell_s: How long an intermittent fault stays or stays away at least, s.
    """

    kind: str
    level: float
    shape: Shape = "ramp"
    onset_day: float = 0.0
    ramp_days: float = 0.0
    end_day: float | None = None
    place: str = ""
    duty: float = 0.3
    dwell_s: int = 900

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            IsolaneError: The kind is unknown, or its place is missing or not one.
        """
        kind = KINDS.get(self.kind)
        if kind is None:
            raise IsolaneError(f"there is no fault {self.kind!r}", f"known: {', '.join(KINDS)}")
        fits = {
            "": self.place == "",
            "module": self.place in {"", "1", "2", "3", "4", "5"},
            "phase": self.place in {"1", "2", "3"},
            "signal": "/" in self.place,
        }
        if not fits[kind.places]:
            raise IsolaneError(
                f"fault {self.kind}: place {self.place!r} does not fit",
                f"give {'a ' + kind.places if kind.places else 'none'}",
            )

    @property
    def name(self) -> str:
        """Kind and place: ``eff_drift[3]``."""
        return f"{self.kind}[{self.place}]" if self.place else self.kind

    def level_at(self, second: NDArray[np.integer] | Floats) -> Floats:
        """Give its true level.

        Args:
            second: Seconds after the start of the plan, any shape.
        """
        envelope = self.envelope_at(second)
        if self.shape != "intermittent":
            return envelope
        there = _there(np.asarray(second) // self.dwell_s, self.duty, self.kind)
        return np.where(there, envelope, KINDS[self.kind].healthy)

    def envelope_at(self, second: NDArray[np.integer] | Floats) -> Floats:
        """Give its level as if an intermittent fault were always there."""
        kind, share = KINDS[self.kind], self._share_at(second)
        if kind.log:
            return np.asarray(kind.healthy * (self.level / kind.healthy) ** share)
        return np.asarray(kind.healthy + (self.level - kind.healthy) * share)

    def _share_at(self, second: NDArray[np.integer] | Floats) -> Floats:
        day = np.asarray(second, dtype=np.float64) / DAY_S
        if self._ramp_days > 0:
            share = np.clip((day - self.onset_day) / self._ramp_days, 0.0, 1.0)
        else:
            share = (day >= self.onset_day).astype(np.float64)
        return share if self.end_day is None else np.where(day < self.end_day, share, 0.0)

    @property
    def _ramp_days(self) -> float:
        return 0.0 if self.shape == "step" or KINDS[self.kind].flag else self.ramp_days

    @property
    def limit_level(self) -> float:
        """The level at which it reaches its limit; a meter that counts too little has its limit below 1."""
        limit = KINDS[self.kind].limit
        return 2 - limit if self.kind == "meter_gain" and self.level < 1 else limit

    @property
    def limit_day(self) -> float | None:
        """Day at which the envelope reaches the limit; None if it never does."""
        kind, limit = KINDS[self.kind], self.limit_level
        if math.isnan(limit) or self.level == kind.healthy:
            return None
        if kind.log:
            share = math.log(limit / kind.healthy) / math.log(self.level / kind.healthy)
        else:
            share = (limit - kind.healthy) / (self.level - kind.healthy)
        if not 0 <= share <= 1:
            return None
        day = self.onset_day + share * self._ramp_days
        return day if self.end_day is None or day < self.end_day else None


def level(faults: tuple[Fault, ...], kind: str, second: NDArray[np.integer] | Floats, place: str = "") -> Floats:
    """Give the level of a kind at a place: that of the last fault of it that is not healthy.

    Args:
        faults: Of one charger.
        kind: A name of KINDS.
        second: Seconds after the start of the plan, any shape.
        place: Faults without a place count for every place.
    """
    healthy = KINDS[kind].healthy
    value = np.full(np.shape(second), healthy)
    for fault in faults:
        if fault.kind == kind and fault.place in {"", place}:
            now = fault.level_at(second)
            value = np.where(now != healthy, now, value)
    return value


def _there(piece: NDArray[np.integer] | Floats, duty: float, kind: str) -> NDArray[np.bool_]:
    """Tell by a hash of the piece's number whether an intermittent fault is there."""
    number = np.asarray(piece).astype(np.uint64) + np.uint64(sum(kind.encode()) * 1_000_003)
    for factor, shift in ((0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)):
        number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
    number ^= number >> np.uint64(31)
    return np.asarray((number >> np.uint64(11)).astype(np.float64) / float(1 << 53) < duty)
