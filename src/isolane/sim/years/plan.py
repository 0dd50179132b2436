"""This file is what a simulated site is made of; it guards that a plan says everything: same plan, same data."""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from isolane.core.failures import IsolaneError
from isolane.sim.years.faults import Fault

_DAYS_MAX = 3660
_SESSIONS_MAX = 12.0


class Climate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The weather of a year.

    Attributes:
        mean_c: Mean of the year, Celsius.
        season_k: Half the difference between July and January, K.
        swing_k: Half the difference between afternoon and night, K.
        spell_k: Standard deviation of warm and cold spells (2 days), K.
        wander_k: Standard deviation of what is left (30 min), K.
        humidity_rh: Relative humidity at the day's mean temperature, percent.
        damp_rh: Standard deviation of that (2 days), percent.
    """

    mean_c: float = 11.0
    season_k: float = 9.0
    swing_k: float = 5.0
    spell_k: float = 3.0
    wander_k: float = 0.5
    humidity_rh: float = 70.0
    damp_rh: float = 8.0


class Scatter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far each charger is from the nominal equations, so that an estimator cannot win by sharing them.

    Relative figures are bounds of a uniform draw per charger unless another is said; `Scatter.none()` is nominal.

    Attributes:
        loss: Coefficients of the modules' loss.
        tau: Thermal time constants.
        mating: Contact resistance from one plugging-in to the next, standard deviation of the logarithm.
        inlet: The same from one car to another.
        offset_k: Temperature sensors, K.
        meter: Gains of billing meter, control meter and supply meter.
        slow_share: Share of the contact's rise that follows a second body, four times as slow.
        fan: Exponent of speed over PWM, about 1.
        insulation: Whether a car's own insulation lies parallel to the charger's.
    """

    loss: float = 0.10
    tau: float = 0.30
    mating: float = 0.10
    inlet: float = 0.08
    offset_k: float = 1.0
    meter: float = 0.01
    slow_share: float = 0.2
    fan: float = 0.15
    insulation: bool = True

    @classmethod
    def none(cls) -> "Scatter":
        """Give the nominal structure."""
        return cls(loss=0, tau=0, mating=0, inlet=0, offset_k=0, meter=0, slow_share=0, fan=0, insulation=False)


class Charger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One charger of a site.

    Attributes:
        id: Its identity.
        kind: ``dc150`` or ``ac22``.
        faults: What falls ill, and when.
        sessions_per_day: Mean; 0 draws one from 4 to 12 (dc150) or 1 to 4 (ac22).
        course: Number of its random course (sessions, structure, noise); -1 is its place in the plan. Two chargers of
            one kind and course differ by their faults alone.
    """

    id: str
    kind: Literal["dc150", "ac22"] = "dc150"
    faults: tuple[Fault, ...] = ()
    sessions_per_day: float = 0.0
    course: int = -1


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site and its time.

    Attributes:
        seed: Everything random follows from this. A charger's course does not depend on its neighbours.
        chargers: Each with an identity of its own.
        days: How many; a day of the plan begins at 04:30.
        start_utc: UTC second of the first day's beginning; the default is Monday 2026-01-05T04:30:00Z.
        climate: The weather.
        scatter: How far from nominal.
        idle_step_s: 1: every second. Greater, a divisor of 3600: between sessions only every so many seconds.
        gaps_per_day: Losses of all signals for 5 to 60 s that come in good health, mean.
        visits: Whether somebody opens the door for maintenance about four times a year.
    """

    seed: int = 1
    chargers: tuple[Charger, ...] = (Charger(id="DC-01"),)
    days: int = 365
    start_utc: int = 1_767_587_400
    climate: Climate = Climate()
    scatter: Scatter = Scatter()
    idle_step_s: int = 1
    gaps_per_day: float = 0.05
    visits: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            IsolaneError: A number is out of its range, or two chargers share an identity.
        """
        if not 1 <= self.days <= _DAYS_MAX:
            raise IsolaneError(f"days = {self.days}", f"1 to {_DAYS_MAX}")
        if self.idle_step_s < 1 or 3600 % self.idle_step_s:
            raise IsolaneError(f"idle_step_s = {self.idle_step_s}", "a divisor of 3600, such as 1, 10 or 60")
        if len({charger.id for charger in self.chargers}) != len(self.chargers) or not self.chargers:
            raise IsolaneError("each charger needs an identity of its own", "give at least one charger")
        for charger in self.chargers:
            if not 0 <= charger.sessions_per_day <= _SESSIONS_MAX:
                raise IsolaneError(f"{charger.id}: sessions_per_day = {charger.sessions_per_day}", "0 to 12")


def load_plan(path: Path) -> Plan:
    """Read a plan from a TOML file, as docs/reference/fault-simulator.md shows one.

    Raises:
        IsolaneError: The file cannot be read, is not TOML, or a key or value is wrong; the error says which.
    """
    hint = "see docs/reference/fault-simulator.md"
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Plan)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IsolaneError(f"cannot read {path}: {error}", hint) from error
    except msgspec.ValidationError as error:
        raise IsolaneError(f"{path}: {error}", hint) from error
