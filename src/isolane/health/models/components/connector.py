"""This file judges connector and cable by how contacts warm; it guards that a sensor that is off is no worn contact."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.contact_unrest import ContactUnrest, Warmed
from isolane.health.models.components.contact_watch import ConnectorParameters, ContactWatch, Notes
from isolane.health.models.components.fit import Fit
from isolane.health.models.components.heating import heating, regressors, whole_piece
from isolane.health.models.measure import Basis, Feature, Finding, Measure, Per, Remedy
from isolane.health.models.model import Rating, State
from isolane.health.models.window import Floats, Stretch, Window

__all__ = ["Connector", "ConnectorParameters"]

AMBIENT = "ExternalTemperatureSensor/Temperature"
COOLANT = "LiquidCoolingSystem/Temperature"
_TAUS_S = (200.0, 260.0, 340.0, 440.0, 520.0, 600.0, 700.0, 820.0, 960.0, 1150.0, 1400.0, 1700.0, 2000.0)
_REST_TAUS = 5.0
_PAIR = 2
_CURRENT_SHARE_MIN = 0.2
_USUAL_DC_K, _USUAL_AC_K = 40.0, 25.0
"""Rise at rated current of a DC and an AC contact as new; our choice."""
_STUCK_MIN_K, _STUCK_SHARE = 15.0, 0.1


class Memory(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        tau_s: Time constant in use, s; 0 while it is learnt.
        errors: Sum over sessions of the relative squared residual, one per time constant that is tried.
        sessions: Sessions in `errors`.
        watch: Of `ContactWatch`.
        unrest: Of `ContactUnrest`.
    """

    tau_s: float = 0.0
    errors: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(_TAUS_S))
    sessions: int = 0
    watch: Notes = msgspec.field(default_factory=Notes)
    unrest: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Connector:
    """Contacts of one vehicle connector.

    Args:
        parameters: See there.
        rating: Of the outlet.
        keys: What the place has.
    """

    id: ClassVar[str] = "connector/2"
    required: ClassVar[tuple[str, ...]] = ("TemperatureSensor[*]/Temperature", AMBIENT)
    used: ClassVar[tuple[str, ...]] = (
        "EVSE/DCCurrent",
        "ElectricalFeed/ACCurrent[*]",
        "CPPWMController/State",
        COOLANT,
        "LiquidCoolingSystem/xFlow",
    )

    def __init__(self, parameters: ConnectorParameters, rating: Rating, keys: Collection[str]) -> None:
        self._parameters = parameters
        self._rating = rating
        self._contacts = {name: key for name in _contacts(keys) if (key := _current_key(name)) in keys}
        self._watch = ContactWatch(parameters, rating, self._contacts)
        self._unrest = ContactUnrest()
        self._memory = Memory(tau_s=parameters.tau_s)
        self._reference = COOLANT if COOLANT in keys else AMBIENT

    @property
    def measures(self) -> list[Measure]:
        """Heating of each contact, how far it is beyond its siblings', and matings."""
        found = [_of(_HEATING, name) for name in self._contacts]
        if len(self._contacts) >= _PAIR:
            found += [_of(_EXCESS, name) for name in self._contacts]
        return [*found, _matings(self._parameters.matings)] if self._contacts else []

    def watch(self, window: Window) -> Iterator[Finding]:
        """Tell contacts that are too warm, and count matings."""
        return self._watch.watch(window)

    def interval(self, window: Window) -> Iterator[Feature | Finding]:
        """Look whether resting contacts are as warm as the air; at a day's end tell the matings."""
        return self._watch.interval(window)

    def stretch(self, stretch: Stretch) -> Iterator[Feature | Finding]:
        """Fit the heating of each contact; look who heats and calms down."""
        self._watch.count(stretch)
        window, memory = stretch.window, self._memory
        fits: dict[str, Fit] = {}
        warmed: dict[str, Warmed] = {}
        pieces = {name: self._piece(stretch, name) for name in self._contacts}
        if not memory.tau_s:
            self._learn(pieces)
            return
        for name, piece in pieces.items():
            if piece is None:
                continue
            known, drive, rise_k = piece
            columns = regressors(drive, memory.tau_s, known=known)
            stuck = known and self._is_stuck(columns, rise_k)
            if known:  # what begins warm may well stay as it is
                yield from self._watch.stuck(name, window.end_s, stuck=stuck)
            found = None if stuck else heating(columns, rise_k)
            if found is not None:
                celsius = window[f"TemperatureSensor[{name}]/Temperature"]
                warmed[name] = Warmed(drive, rise_k - found.values[1], celsius)
            if found is not None and self._is_sure(found):
                fits[name] = found
                yield self._feature(f"contact_heating[{name}]", window, name, found)
        for name in fits if len(fits) >= _PAIR else ():
            yield self._excess(name, fits, window.end_s)
        yield from self._unrest.session(warmed, memory.tau_s, window.end_s)

    def state(self) -> State:
        """Give what has to be remembered."""
        self._memory.watch, self._memory.unrest = self._watch.note(), self._unrest.note()
        remembered: State = msgspec.to_builtins(self._memory)
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        found = msgspec.convert(dict(state), Memory)
        if len(found.errors) == len(_TAUS_S):
            self._memory = found
            self._watch.recall(found.watch)
            self._unrest.recall(found.unrest)

    def renew(self) -> None:
        """Forget matings and time constant: the connector was replaced."""
        self._memory = Memory(tau_s=self._parameters.tau_s)
        self._watch.renew()
        self._unrest.recall({})

    def _piece(self, stretch: Stretch, name: str) -> tuple[bool, Floats, Floats] | None:
        """Give what is fitted of a contact: whether it began cold, I^2 with the resistance's rise, and its rise.

        None if too little flowed or is known.
        """
        window = stretch.window
        first, current_a = whole_piece(window[self._contacts[name]])
        if not len(current_a) or current_a.max() < _CURRENT_SHARE_MIN * self._rating.current_a:
            return None
        rows = slice(first, first + len(current_a))
        celsius = window[f"TemperatureSensor[{name}]/Temperature"][rows]
        rise_k = celsius - window[self._reference][rows]
        if np.isfinite(rise_k).mean() < 0.5 or not np.isfinite(celsius).any():  # noqa: PLR2004 - half of the rows
            return None
        drive = current_a * current_a
        if self._parameters.resistance_per_k:
            there = np.flatnonzero(np.isfinite(celsius))
            warm_c = np.interp(np.arange(len(celsius)), there, celsius[there])
            drive = drive * (1 + self._parameters.resistance_per_k * (warm_c - 20.0))
        tau_s = self._memory.tau_s or _TAUS_S[-1]
        return stretch.begins and first == 0 and stretch.rest_s > _REST_TAUS * tau_s, drive, rise_k

    def _learn(self, pieces: dict[str, tuple[bool, Floats, Floats] | None]) -> None:
        """Try every time constant on a session; choose the best when there are enough."""
        memory, useful = self._memory, False
        for piece in pieces.values():
            if piece is None:
                continue
            known, drive, rise_k = piece
            tried = [heating(regressors(drive, tau_s, known=known), rise_k) for tau_s in _TAUS_S]
            fits = [each for each in tried if each is not None]
            if len(fits) < len(_TAUS_S) or not any(map(self._is_sure, fits)):
                continue
            least = min(each.residual_sd for each in fits)
            memory.errors = [
                total + (each.residual_sd / least) ** 2 - 1 for total, each in zip(memory.errors, fits, strict=True)
            ]
            useful = True
        memory.sessions += useful
        if memory.sessions >= self._parameters.tau_sessions:
            memory.tau_s = _TAUS_S[int(np.argmin(memory.errors))]

    def _is_sure(self, found: Fit) -> bool:
        gain, sd = float(found.values[0]), float(found.sds[0])
        parameters = self._parameters
        return (
            gain > 0
            and sd <= parameters.error_max * gain
            and found.residual_sd <= parameters.residual_k
            and gain * self._rating.current_a**2 >= parameters.rise_k
        )

    def _is_stuck(self, columns: NDArray[np.float64], rise_k: Floats) -> bool:
        """Tell whether a contact did not warm at all where any contact would."""
        usual = (_USUAL_DC_K if self._rating.direct else _USUAL_AC_K) / self._rating.current_a**2
        expected_k = usual * float(np.ptp(columns[:, 0]))
        low, high = np.nanpercentile(rise_k, (5, 95))
        return expected_k > _STUCK_MIN_K and high - low < _STUCK_SHARE * expected_k

    def _feature(self, measure: str, window: Window, name: str, found: Fit) -> Feature:
        current_a = window[self._contacts[name]]
        evidence = {
            "peak_c": float(np.nanmax(window[f"TemperatureSensor[{name}]/Temperature"])),
            "mean_a": float(np.nanmean(current_a)),
            "offset_k": float(found.values[1]),
            "residual_k": found.residual_sd,
            "tau_s": self._memory.tau_s,
        }
        flow = window["LiquidCoolingSystem/xFlow"]
        if np.isfinite(flow).any():
            evidence["flow_lpm"] = float(np.nanmedian(flow))
        return Feature(measure, window.end_s, float(found.values[0]), float(found.sds[0]), found.n, evidence)

    def _excess(self, name: str, fits: dict[str, Fit], at_s: int) -> Feature:
        own, others = fits[name], [each for other, each in fits.items() if other != name]
        square = self._rating.current_a**2
        middle = float(np.median([each.values[0] for each in others]))
        sd = math.hypot(own.sds[0], max(float(each.sds[0]) for each in others))
        return Feature(f"contact_excess[{name}]", at_s, (float(own.values[0]) - middle) * square, sd * square, own.n)


def _of(measure: Measure, name: str) -> Measure:
    """Give a measure of one instance."""
    return replace(measure, name=f"{measure.name}[{name}]", component=f"{measure.component}[{name}]")


_MEND = Remedy(
    "Inspect and clean the contact, check the torque of its crimp or terminal, else change connector and cable; "
    "if only one model of car is hot, it is that car's inlet.",
    "vehicle connector with cable",
    "CX018",
    "HighTemperature",
)
_HEATING = Measure(
    "contact_heating", "TemperatureSensor", "K/A2", Per.SESSION, Basis.MEASURED, _MEND,
    ratio=2.0, plan=1.3, dispatch=1.6, watch=1.15, scatter=0.10, walk=0.005, baseline=200, log=True,
)  # fmt: skip
_EXCESS = Measure(
    "contact_excess", "TemperatureSensor", "K", Per.SESSION, Basis.MEASURED, _MEND,
    limit=20.0, plan=10.0, start=0.0, scatter=6.0, walk=0.2,
)  # fmt: skip


def _matings(limit: int) -> Measure:
    remedy = Remedy("Change the vehicle connector at the next visit.", "vehicle connector with cable")
    return Measure(
        "matings", "Connector", "", Per.DAY, Basis.COUNTED, remedy,
        limit=float(limit), start=0.0, plan=0.8 * limit, dispatch=1.5 * limit, scatter=1.0,
    )  # fmt: skip


def _contacts(keys: Collection[str]) -> list[str]:
    """Give the instances of temperature sensors that sit at contacts."""
    head, tail = "TemperatureSensor[", "]/Temperature"
    names = [key.removeprefix(head).removesuffix(tail) for key in keys if key.startswith(head) and key.endswith(tail)]
    return sorted(name for name in names if name.startswith("Contact"))


def _current_key(name: str) -> str:
    """Give the current that warms a contact: ContactDCplus, ContactDCminus or ContactL1 to ContactL3."""
    place = name.removeprefix("Contact")
    return "EVSE/DCCurrent" if place.startswith("DC") else f"ElectricalFeed/ACCurrent[{place}]"
