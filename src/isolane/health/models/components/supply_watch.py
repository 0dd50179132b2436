"""This file watches the supply by the second; it guards that ghost voltages and wild sensors are no lost phases.

A phase is lost when it has less than half of its voltage and its siblings have theirs. Windings and capacitors behind
it can hold up a ghost of more than that; then its current tells, which is below 5 % of its siblings' under load.
A voltage that is gone while the current flows as in the siblings is a sensor.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.held import Held
from isolane.health.models.components.voltages import triangle_v
from isolane.health.models.measure import Finding, Level, Remedy
from isolane.health.models.window import Floats, Window

_PHASES = ("L1", "L2", "L3")
_ARRESTER = "SurgeProtection/Problem"
_LOST, _GHOST, _FINE = 0.5, 0.8, 0.85
_LOAD_SHARE, _DEAD_SHARE = 0.1, 0.05
_SAG, _SWELL, _HYSTERESIS = 0.9, 1.1, 0.02
_NEUTRAL_V, _UP_V, _DOWN_V, _SUM_SHARE, _SIDE_SHARE = 253.0, 10.0, 5.0, 0.35, 0.02
_LOST_ROWS, _NEUTRAL_ROWS, _SAG_ROWS, _OVER_ROWS, _SENSOR_ROWS = 3, 5, 2, 10, 30
Flags = NDArray[np.bool_]


class SupplyWatch:
    """Conditions of the supply.

    Args:
        nominal_v: Phase to neutral, V.
        rated_a: Supply current at full power, A.
    """

    def __init__(self, nominal_v: float, rated_a: float) -> None:
        self._nominal_v = nominal_v
        self._load_a = _LOAD_SHARE * rated_a
        self._held = {f"phase_loss[{phase}]": Held(_LOST_ROWS, _OVER_ROWS) for phase in _PHASES}
        self._held |= {f"voltage_sensor[{phase}]": Held(_SENSOR_ROWS, _OVER_ROWS) for phase in _PHASES}
        self._held |= {"neutral_adrift": Held(_NEUTRAL_ROWS, _OVER_ROWS), "arrester": Held(_SENSOR_ROWS, _SENSOR_ROWS)}
        self._held |= {"sag": Held(_SAG_ROWS, _SAG_ROWS), "swell": Held(_SAG_ROWS, _SAG_ROWS)}

    def watch(self, window: Window, reference_v: Sequence[float]) -> Iterator[Finding]:
        """Tell what is found and what is over.

        Args:
            window: Rows.
            reference_v: Voltage of each phase in good order, V; empty while none is known.
        """
        if _ARRESTER in window:
            gone = window[_ARRESTER]
            yield from self._told("arrester", window, (gone == 1, gone == 0), (Level.PLAN, _CHANGE), gone)
        volts = np.array([window[f"ElectricalFeed/ACVoltage[{phase}]"] for phase in _PHASES])
        share = volts / self._nominal_v
        busy = any(held.held or held.count for name, held in self._held.items() if name != "arrester")
        if not busy and np.fmin.reduce(share, axis=None) >= _SAG and np.fmax.reduce(share, axis=None) <= _SWELL:
            return
        low, high = np.fmin.reduce(share), np.fmax.reduce(share)
        yield from self._phases(window, share)
        yield from self._neutral(window, volts, reference_v)
        fed = high >= _LOST  # without any voltage the charger is off, or nobody measures
        yield from self._told(
            "sag", window, ((low < _SAG) & fed, low >= _SAG + _HYSTERESIS), (Level.INFO, _SHORT), 100 * low
        )
        yield from self._told(
            "swell", window, (high > _SWELL, high <= _SWELL - _HYSTERESIS), (Level.INFO, _SHORT), 100 * high
        )

    def note(self) -> dict[str, list[int]]:
        """Give what has to be remembered."""
        return {name: held.note() for name, held in self._held.items()}

    def recall(self, notes: Mapping[str, object]) -> None:
        """Go on from there."""
        for name, held in self._held.items():
            held.recall(notes.get(name))

    def _phases(self, window: Window, share: Floats) -> Iterator[Finding]:
        amperes = np.array([np.abs(window[f"ElectricalFeed/ACCurrent[{phase}]"]) for phase in _PHASES])
        for place, phase in enumerate(_PHASES):
            own, siblings = share[place], np.delete(share, place, axis=0)
            load_a = np.delete(amperes, place, axis=0).min(axis=0)
            fine = (siblings >= _FINE).all(axis=0)
            loaded = load_a > self._load_a
            dead = loaded & (amperes[place] < _DEAD_SHARE * load_a)
            flows = loaded & (amperes[place] >= _DEAD_SHARE * load_a)
            lost = fine & (((own < _LOST) & ~flows) | ((own < _GHOST) & dead))
            back = own >= _GHOST
            name, sensor = f"phase_loss[{phase}]", f"voltage_sensor[{phase}]"
            yield from self._told(name, window, (lost, back), (Level.DISPATCH, _PHASE), share[place] * self._nominal_v)
            wild = fine & (own < _LOST) & flows
            yield from self._told(sensor, window, (wild, back), (Level.WATCH, _SENSOR), share[place] * self._nominal_v)

    def _neutral(self, window: Window, volts: Floats, reference_v: Sequence[float]) -> Iterator[Finding]:
        """One phase up, another down, none in sum, and the phases' triangle as it was: the neutral has moved."""
        if len(reference_v) != len(_PHASES):
            return
        before = np.array(reference_v)[:, None]
        away = volts - before
        side, side_before = triangle_v(volts), triangle_v(before)
        up, down = away.max(axis=0), -away.min(axis=0)
        adrift = (volts.max(axis=0) > _NEUTRAL_V) & (up >= _UP_V) & (down >= _DOWN_V)
        adrift &= np.abs(away.sum(axis=0)) <= _SUM_SHARE * np.abs(away).sum(axis=0)
        adrift &= np.abs(side / side_before - 1) <= _SIDE_SHARE
        known = np.isfinite(volts).all(axis=0)
        shown = np.fmax.reduce(volts)
        yield from self._told("neutral_adrift", window, (adrift, known & ~adrift), (Level.SAFETY, _ADRIFT), shown)

    def _told(
        self, name: str, window: Window, flags: tuple[Flags, Flags], told: tuple[Level, Remedy], shown: Floats
    ) -> Iterator[Finding]:
        unit, limit = _UNITS[name.partition("[")[0]]
        own = "SurgeProtection" if name == "arrester" else "ElectricalFeed"
        limit = limit * self._nominal_v if unit == "V" else limit
        for row, on in self._held[name].feed(*flags):
            now = told[0] if on else Level.NONE
            yield Finding(name, own, window.start_s + row, now, told[1], float(shown[row]), limit, unit)


_UNITS = {
    "phase_loss": ("V", _LOST), "voltage_sensor": ("V", _LOST), "neutral_adrift": ("V", 1.1), "arrester": ("", 0.0),
    "sag": ("Percent", 100 * _SAG), "swell": ("Percent", 100 * _SWELL),
}  # fmt: skip
_PHASE = Remedy("A phase is away: look at fuses and terminals, then ask the network operator.", "fuse", "CX015")
_SENSOR = Remedy("A voltage is gone while its current flows: check the meter's voltage tap.")
_ADRIFT = Remedy(
    "The neutral is loose: switch off and have an electrician check it now; appliances burn at this voltage.",
    "terminal",
    "CX005",
)
_SHORT = Remedy("The supply sagged or swelled, at least by this much: what is shorter than a second is not seen.")
_CHANGE = Remedy("Change the surge arrester: charging goes on, protection is gone.", "surge arrester")
