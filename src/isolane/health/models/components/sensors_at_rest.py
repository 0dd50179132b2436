"""This file says what sensors show at rest; it guards that an offset is told only where another sensor contradicts it.

Two hours after the last current the charger's temperatures have come together, the phases are what the grid is, and
current, power and DC voltage are what the instrument shows for nothing. What is left is each sensor's own error; when
that is another than it was, the sensor is off. Whatever has no second witness at rest is not judged.
"""

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from isolane.health.models.model import Rating
from isolane.health.models.window import Window

_REST_INTERVALS = 12
_LEARN, _EARLY, _SLOWLY = 100, 20, 1 / 200
_OFF_INTERVALS, _BACK_INTERVALS = 6, 3
_TIMES = 2.0
_GHOST = 0.15
_WITNESSES_MIN = 3
_ROWS_MIN = 60
_FLOW_A_MIN, _FLOW_SHARE = 1.0, 0.01

_FLOORS = {
    "Temperature": (4.0, "Celsius"),
    "ACVoltage": (4.0, "V"),
    "ACCurrent": (1.0, "A"),
    "DCCurrent": (1.0, "A"),
    "DCVoltage": (4.0, "V"),
    "Power": (200.0, "W"),
}
"""Least offset that is named, and its unit; our choice: beyond what instruments of such chargers err by."""
_COMPARED = frozenset({"Temperature", "ACVoltage"})
_IN_THE_SUN = "TemperatureSensor[Enclosure]/Temperature"
"""At rest it differs from the contacts by what the sun does to the housing, which changes with the season."""
_POWERS = ("EVSE/Power", "ControlMetering/Power", "ElectricalFeed/Power")

Told = tuple[str, bool, float, float, str]
"""Key, whether it is off, by how much, limit, unit."""


def busy(window: Window, rating: Rating) -> bool:
    """Tell whether current flows by two witnesses, or by the only one there is."""
    least_a, least_w = max(_FLOW_A_MIN, _FLOW_SHARE * rating.current_a), _FLOW_SHARE * rating.power_w
    shown = [
        _mean(window[key]) > (least_w if key in _POWERS else least_a)
        for key in window.signals
        if key in _POWERS or key == "EVSE/DCCurrent" or key.startswith("ElectricalFeed/ACCurrent[L")
    ]
    return sum(shown) >= min(2, max(len(shown), 1))


class AtRest:
    """The signals of one place that have a witness at rest.

    Args:
        keys: Of the place.
        rating: Of the outlet.
    """

    def __init__(self, keys: Collection[str], rating: Rating) -> None:
        self._rating = rating
        self._keys = [key for key in keys if _is_judged(key)]
        self.quiet = 0
        """Intervals that the place has been at rest."""
        self._notes: dict[str, list[float]] = {key: [0.0, 0.0, 0.0, 0.0, 0.0] for key in self._keys}
        """Intervals of rest, usual value, farthest from it, intervals in a row against what is held, whether held."""

    def take(self, window: Window, means: Mapping[str, float], *, learns: bool) -> Iterator[Told]:
        """Take ten minutes; give what turns.

        Args:
            window: All signals that the place sees.
            means: Of each signal, NaN where it was absent.
            learns: Whether the place is still learnt.
        """
        closed = window["PowerContactor/Active"]
        quiet = not busy(window, self._rating) and not (closed > 0).any()
        self.quiet = self.quiet + 1 if quiet else 0
        if self.quiet <= _REST_INTERVALS:
            return
        witnesses = _witnesses(window)
        for key in self._keys:
            value, reference = float(means[key]), witnesses.get(_variable(key), 0.0)
            if math.isnan(value) or math.isnan(reference):
                continue
            if _variable(key) == "ACVoltage" and abs(value - reference) > _GHOST * reference:
                continue  # a phase that is gone
            told = self._judge(key, value - reference, learns=learns)
            if told is not None:
                yield told

    def note(self) -> dict[str, list[float]]:
        """Give what has to be remembered."""
        return {key: list(note) for key, note in self._notes.items()}

    def recall(self, notes: Mapping[str, list[float]], quiet: int) -> None:
        """Take that back; what does not fit is left out."""
        self.quiet = quiet
        for key, note in notes.items():
            if len(note) == len(self._notes.get(key, ())):
                self._notes[key] = list(note)

    def _judge(self, key: str, by: float, *, learns: bool) -> Told | None:
        note = self._notes[key]
        count, usual, farthest, against, is_held = note
        least, unit = _FLOORS[_variable(key)]
        limit = max(least, _TIMES * farthest)
        learns = learns or count < _LEARN
        is_off = not learns and abs(by - usual) > limit
        if not is_off:
            if learns and count >= _EARLY:
                note[2] = max(farthest, abs(by - usual))
            note[0] = count + 1
            note[1] = usual + (by - usual) * max(_SLOWLY, 1 / (count + 1))
        note[3] = against + 1 if is_off != bool(is_held) else 0.0
        if note[3] < (_BACK_INTERVALS if is_held else _OFF_INTERVALS):
            return None
        note[3], note[4] = 0.0, float(not is_held)
        return key, not is_held, by - usual, limit, unit


def _witnesses(window: Window) -> dict[str, float]:
    """Give the middle of what is compared; NaN where too few are there."""
    found = {}
    for variable in _COMPARED:
        means = [_mean(each) for key, each in window.signals.items() if _variable(key) == variable]
        means = [each for each in means if not math.isnan(each)]
        found[variable] = float(np.median(means)) if len(means) >= _WITNESSES_MIN else math.nan
    return found


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) >= _ROWS_MIN else math.nan


def _is_judged(key: str) -> bool:
    variable = _variable(key)
    if key == _IN_THE_SUN:
        return False
    if variable == "DCVoltage":
        return key == "EVSE/DCVoltage"
    return (variable in _FLOORS and not key.startswith("AcDcConverter")) or key.endswith("/Temperature")


def _variable(key: str) -> str:
    return key.rpartition("/")[2].partition("[")[0]
