"""This file watches contacts by the second and at rest; it guards that heat is told only where it can be heat.

A temperature is held against the limits less what its sensor showed beyond the air after hours of rest, where that
was more than it may show. Without current in the last half hour, a hot contact is a sensor.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.held import Held
from isolane.health.models.measure import Feature, Finding, Level, Remedy
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats, Stretch, Window

_AMBIENT = "ExternalTemperatureSensor/Temperature"
_CLEAR_K = 5.0
_HOT_ROWS, _CLEAR_ROWS = 10, 60
_WARM_S = 1800
_FLOWS_A = 1.0
_OFFSET_INTERVALS = 6
_DAY_S = 86_400
_PILOT = "CPPWMController/State"
_PILOT_A, _PILOT_D = 0, 3
_ROWS_MIN = 300
_SMOOTH = 0.3
_ALIKE_K = 2.0
_PAIR = 2
_DERATE = Remedy(
    "Contact too warm: inspect and clean the pins, check crimp and terminal torque.",
    "vehicle connector with cable",
    "CX018",
    "HighTemperature",
)
_STOP = Remedy(
    "Contact beyond its limit: charging must have stopped; block the outlet and change connector and cable.",
    "vehicle connector with cable",
    "CX019",
    "HighTemperature",
)
_SENSOR = Remedy("Check the temperature sensor: it cannot be right.", "temperature sensor of the contact")
_AIR = Remedy("Check the sensor of the outdoor air: all resting contacts differ from it alike.", "outdoor sensor")


class ConnectorParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How vehicle connector and cable are judged."""

    tau_s: Annotated[
        float,
        msgspec.Meta(
            description="Thermal time constant of a contact, s, 50 to 5000; 0 is learnt from the first sessions",
            ge=0,
            le=5000,
        ),
    ] = 0.0
    tau_sessions: Annotated[
        int, msgspec.Meta(description="Sessions from which it is learnt, 1 to 50; our choice", ge=1, le=50)
    ] = 5
    resistance_per_k: Annotated[
        float,
        msgspec.Meta(
            description="Rise of the resistance, 1/K, 0 to 0.01; 0.00393 is copper's (textbook), 0 leaves it out",
            ge=0,
            le=0.01,
        ),
    ] = 0.0
    rise_k: Annotated[
        float,
        msgspec.Meta(description="Least rise from which heating is told, K, 1 to 30; our choice", ge=1, le=30),
    ] = 5.0
    error_max: Annotated[
        float,
        msgspec.Meta(description="Largest relative error of a told heating, 0.01 to 1; our choice", ge=0.01, le=1),
    ] = 0.15
    residual_k: Annotated[
        float,
        msgspec.Meta(
            description="Largest residual of a told heating, K, 0.3 to 10; beyond, the sensor is doubted; our choice",
            ge=0.3,
            le=10,
        ),
    ] = 2.0
    offset_k: Annotated[
        float,
        msgspec.Meta(
            description="Difference to the air after the rest that a sensor may show, K; our choice", ge=1, le=20
        ),
    ] = 3.0
    rest_h: Annotated[
        float, msgspec.Meta(description="Rest after which contact and air are as warm, h; our choice", ge=0.5, le=24)
    ] = 3.0
    derate_c: Annotated[
        float,
        msgspec.Meta(description="Contact temperature at which current has to fall, Celsius; assumed", ge=40, le=120),
    ] = 80.0
    stop_c: Annotated[
        float,
        msgspec.Meta(description="Contact temperature at which charging has to stop, Celsius; assumed", ge=40, le=120),
    ] = 90.0
    matings: Annotated[
        int, msgspec.Meta(description="Matings it is made for; IEC 62196-1 without load, assumed", ge=100, le=1_000_000)
    ] = 10_000
    matings_before: Annotated[int, msgspec.Meta(description="Matings before these rows began", ge=0, le=1_000_000)] = 0


class Notes(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        offsets: K by which a contact's sensor shows more than the air at rest, smoothed.
        counts: Rests in a row at which it was off (positive) or right (negative).
        off: Findings that are told: instances, and "" for the air.
        day: Newest day for which matings are told, of UTC.
        idle_s: For how long nothing has flowed.
        flowed_s: UTC second of the last current.
        matings: Counted.
        plugged: Whether a vehicle was there, as last known.
        held: Of each limit.
        stuck: Contacts told as stuck.
    """

    offsets: dict[str, float] = msgspec.field(default_factory=dict)
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    off: list[str] = msgspec.field(default_factory=list)
    day: int = 0
    idle_s: int = 0
    flowed_s: int = 0
    matings: int = 0
    plugged: bool | None = None
    held: dict[str, list[int]] = msgspec.field(default_factory=dict)
    stuck: list[str] = msgspec.field(default_factory=list)


class ContactWatch:
    """Watches the contacts of a connector.

    Args:
        parameters: See there.
        rating: Of the outlet.
        contacts: Key of the current by name of the contact.
    """

    def __init__(self, parameters: ConnectorParameters, rating: Rating, contacts: Mapping[str, str]) -> None:
        self._parameters = parameters
        self._direct = rating.direct
        self._contacts = dict(contacts)
        self._currents = sorted(set(contacts.values()))
        self._notes = Notes(matings=parameters.matings_before)
        self._held = {
            f"{what}[{name}]": Held(_HOT_ROWS, _CLEAR_ROWS)
            for name in contacts
            for what in ("contact_hot", "contact_stop", "contact_warm_idle")
        }

    def watch(self, window: Window) -> Iterator[Finding]:
        """Hold temperatures against their limits and count matings."""
        notes = self._notes
        self._plugging(window.signals.get(_PILOT))
        current_a = self._current(window)
        flows = current_a > _FLOWS_A
        before_s = notes.flowed_s
        if flows.any():
            notes.flowed_s = window.start_s + int(np.flatnonzero(flows)[-1])
        for name in self._contacts:
            celsius = window[f"TemperatureSensor[{name}]/Temperature"]
            if name in notes.off:
                celsius = celsius - notes.offsets[name]
            held = [self._held[f"{what}[{name}]"] for what in ("contact_hot", "contact_stop", "contact_warm_idle")]
            if not np.fmax.reduce(celsius) > self._parameters.derate_c and not any(
                each.held or each.count for each in held
            ):
                continue
            rows = np.arange(window.start_s, window.end_s)
            recent = rows - np.maximum.accumulate(np.where(flows, rows, before_s)) < _WARM_S
            yield from self._limits(name, window.start_s, celsius, recent)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Hold resting contacts against the air; tell matings when a day is over."""
        notes = self._notes
        current_a = self._current(window)
        if np.fmax.reduce(current_a) > _FLOWS_A:
            notes.idle_s = 0
        elif np.isfinite(current_a).any():
            notes.idle_s += window.rows
        if notes.idle_s >= self._parameters.rest_h * 3600:
            yield from self._rest(window)
        day = window.end_s // _DAY_S
        if notes.day and day > notes.day:
            yield Feature("matings", window.end_s, float(notes.matings))
        notes.day = max(day, notes.day)

    def count(self, stretch: Stretch) -> None:
        """Count a session as a mating where no control pilot tells it."""
        if stretch.begins and _PILOT not in stretch.window:
            self._notes.matings += 1

    def stuck(self, name: str, at_s: int, *, stuck: bool) -> Iterator[Finding]:
        """Tell that a contact's sensor does not move, or moves again."""
        if stuck == (name in self._notes.stuck):
            return
        (self._notes.stuck.append if stuck else self._notes.stuck.remove)(name)
        level = Level.WATCH if stuck else Level.NONE
        yield Finding(f"contact_stuck[{name}]", f"TemperatureSensor[{name}]", at_s, level, _SENSOR)

    def note(self) -> Notes:
        """Give what has to be remembered."""
        self._notes.held = {name: held.note() for name, held in self._held.items()}
        return self._notes

    def recall(self, notes: Notes) -> None:
        """Go on from there."""
        self._notes = notes
        for name, held in self._held.items():
            held.recall(notes.held.get(name))

    def renew(self) -> None:
        """The connector was replaced."""
        self._notes.matings = 0
        self._notes.offsets, self._notes.counts = {}, {}

    def _current(self, window: Window) -> Floats:
        """Give the greatest current of the contacts, A."""
        found = window[self._currents[0]] if self._currents else np.full(window.rows, np.nan)
        for key in self._currents[1:]:
            found = np.fmax(found, window[key])
        return found

    def _plugging(self, pilot: Floats | None) -> None:
        if pilot is None:
            return
        low, high = np.fmin.reduce(pilot), np.fmax.reduce(pilot)
        if (self._notes.plugged is False and high == _PILOT_A) or (
            self._notes.plugged and low > _PILOT_A and high <= _PILOT_D
        ):
            return
        for state in pilot.tolist():
            if not _PILOT_A <= state <= _PILOT_D:
                continue
            plugged = state > _PILOT_A
            self._notes.matings += plugged and self._notes.plugged is False
            self._notes.plugged = plugged

    def _limits(self, name: str, start_s: int, celsius: Floats, recent: NDArray[np.bool_]) -> Iterator[Finding]:
        derate_c, stop_c = self._parameters.derate_c, self._parameters.stop_c
        for what, limit_c, when, level, remedy in (
            ("contact_hot", derate_c, recent, Level.DISPATCH, _DERATE),
            ("contact_stop", stop_c, recent, Level.SAFETY, _STOP),
            ("contact_warm_idle", derate_c, ~recent, Level.WATCH, _SENSOR),
        ):
            finding = f"{what}[{name}]"
            for row, on in self._held[finding].feed((celsius > limit_c) & when, celsius <= limit_c - _CLEAR_K):
                at_s, told = start_s + row, level if on else Level.NONE
                value = float(celsius[row])
                yield Finding(finding, f"TemperatureSensor[{name}]", at_s, told, remedy, value, limit_c, "Celsius")

    def _rest(self, window: Window) -> Iterator[Finding]:
        """Compare resting contacts with the air."""
        notes, limit_k = self._notes, self._parameters.offset_k
        for name in self._contacts:
            off_k = window[f"TemperatureSensor[{name}]/Temperature"] - window[_AMBIENT]
            off_k = off_k[np.isfinite(off_k)]
            if len(off_k) < _ROWS_MIN:
                continue
            now_k = float(np.median(off_k))
            notes.offsets[name] = (1 - _SMOOTH) * notes.offsets.get(name, now_k) + _SMOOTH * now_k
            count = notes.counts.get(name, 0)
            notes.counts[name] = max(count, 0) + 1 if abs(now_k) > limit_k else min(count, 0) - 1
        wanted = {name for name in self._contacts if self._is_off(name)}
        offsets = [notes.offsets[name] for name in wanted]
        if len(wanted) == len(self._contacts) >= _PAIR and max(offsets) - min(offsets) < _ALIKE_K:
            wanted = {""}
        for name in sorted(wanted ^ set(notes.off)):
            (notes.off.append if name in wanted else notes.off.remove)(name)
            level = Level.WATCH if name in wanted else Level.NONE
            own = f"TemperatureSensor[{name}]" if name else "ExternalTemperatureSensor"
            value = notes.offsets.get(name, max(notes.offsets.values(), key=abs))
            finding = f"contact_sensor[{name}]" if name else "air_sensor"
            yield Finding(finding, own, window.end_s, level, _SENSOR if name else _AIR, value, limit_k, "K")

    def _is_off(self, name: str) -> bool:
        """Tell whether a sensor is off: for an hour of rest, and until it has been right for as long."""
        count = self._notes.counts.get(name, 0)
        told = name in self._notes.off or "" in self._notes.off
        return count > -_OFFSET_INTERVALS if told and name in self._notes.offsets else count >= _OFFSET_INTERVALS
