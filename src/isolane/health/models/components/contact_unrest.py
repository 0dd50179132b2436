"""This file tells a contact whose heating comes and goes within a session; it guards that a charge itself is no unrest.

Of each half of five minutes the mean rise m; what the contact is warming towards, by its time constant:

    y = (m1 + m2) / 2 + tau (m2 - m1) / 150        K

less what its sensor is off by. All contacts carry the same current, so in one session ln(y / y of the siblings) stays
as it is, whatever the current, the air and the time constant do. Where it moves by more than `UNREST`, the contact
whose y over the square of the current moves most is restless. Three of the newest ten sessions make a finding.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.measure import Finding, Level, Remedy
from isolane.health.models.window import Floats

UNREST = 0.25
_HALF_S, _HALVES = 150, 2
_WARM_K, _WILD_K, _STEP_MAX_K, _BLOCKS_MIN = 10.0, 2.0, 1.0, 3
_NEWEST, _MANY, _FEW = 10, 3, 1
_LOOSE = Remedy(
    "The contact heats and calms down within a session: look for a loose pin or crimp, else change the connector.",
    "vehicle connector with cable",
    "CX018",
    "HighTemperature",
)

Notes = dict[str, list[int]]
"""By contact: 1 for each of the newest sessions in which it was restless, else 0; and ``loose`` before it: told."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """One contact in one session.

    Attributes:
        drive: What warms it, shape (n,), 1 Hz, no gaps.
        rise_k: Over the reference, less its sensor's offset, gaps as NaN.
        shown_c: What its sensor shows, Celsius, gaps as NaN; of any length.
    """

    drive: Floats
    rise_k: Floats
    shown_c: Floats


class ContactUnrest:
    """Contacts of one connector that carry the same current."""

    def __init__(self) -> None:
        self._newest: dict[str, list[int]] = {}
        self._loose: set[str] = set()

    def session(self, warmed: Mapping[str, Warmed], tau_s: float, at_s: int) -> Iterator[Finding]:
        """Take a session; tell who is loose, and who no more.

        Args:
            warmed: By contact; with siblings of another length they carried other currents.
            tau_s: Their time constant, s.
            at_s: UTC second of its end.
        """
        moved = unrest(warmed, tau_s)
        for name, value in moved.items():
            newest = self._newest[name] = [*self._newest.get(name, []), int(value > UNREST)][-_NEWEST:]
            before, count = name in self._loose, sum(newest)
            if count >= _MANY and not before:
                self._loose.add(name)
                yield _finding(name, at_s, Level.PLAN, value)
            elif count <= _FEW and before:
                self._loose.discard(name)
                yield _finding(name, at_s, Level.NONE, value)

    def note(self) -> Notes:
        """Give what has to be remembered."""
        return {**self._newest, **{f"loose {name}": [1] for name in sorted(self._loose)}}

    def recall(self, notes: Mapping[str, list[int]]) -> None:
        """Go on from there."""
        self._newest = {name: list(newest) for name, newest in notes.items() if not name.startswith("loose ")}
        self._loose = {name.removeprefix("loose ") for name in notes if name.startswith("loose ")}


def unrest(warmed: Mapping[str, Warmed], tau_s: float) -> dict[str, float]:
    """Give by contact how far it moved against its siblings, 0 for those that others moved against.

    Nothing where there are no siblings, too few warm pieces, or a sensor that stands or comes in coarse steps.
    """
    if len(warmed) < _HALVES or len({len(each.drive) for each in warmed.values()}) > 1:
        return {}
    if any(_is_coarse(each.shown_c) for each in warmed.values()):
        return {}
    towards = np.array([_towards(each.rise_k, tau_s) for each in warmed.values()])
    warm = (np.where(np.isfinite(towards), towards, -math.inf) >= _WARM_K).all(axis=0)
    if warm.sum() < _BLOCKS_MIN:
        return {}
    level = np.log(towards[:, warm])
    own = level - np.log([_blocks(each.drive).mean(axis=(1, 2))[warm] for each in warmed.values()])
    against = np.array([np.ptp(own[at] - np.median(np.delete(own, at, axis=0), axis=0)) for at in range(len(own))])
    restless = int(np.ptp(own, axis=1).argmax())
    return {name: float(against[at]) if at == restless else 0.0 for at, name in enumerate(warmed)}


def _blocks(values: Floats) -> NDArray[np.float64]:
    whole = len(values) // (_HALF_S * _HALVES)
    return values[: whole * _HALF_S * _HALVES].reshape(whole, _HALVES, _HALF_S)


def _towards(rise_k: Floats, tau_s: float) -> Floats:
    """Give what it warms towards by five minutes, K; NaN with a gap of half of that or more."""
    blocks = _blocks(rise_k)
    count = np.isfinite(blocks).sum(axis=2)
    middle = np.take_along_axis(np.sort(blocks, axis=2), (count // 2)[..., None] % _HALF_S, axis=2)  # gaps come last
    tame = np.clip(blocks, middle - _WILD_K, middle + _WILD_K)
    means = np.where(count > _HALF_S // 2, np.nansum(tame, axis=2) / np.maximum(count, 1), np.nan)
    return np.asarray(means.mean(axis=1) + tau_s * (means[:, 1] - means[:, 0]) / _HALF_S)


def _is_coarse(shown_c: Floats) -> bool:
    """Tell whether a sensor stands, or its least step is a coarse one."""
    steps = np.abs(np.diff(shown_c[np.isfinite(shown_c)]))
    steps = steps[steps > 0.01]  # noqa: PLR2004 - K; what rounding leaves
    return not len(steps) or float(steps.min()) > _STEP_MAX_K


def _finding(name: str, at_s: int, level: Level, value: float) -> Finding:
    owner = f"TemperatureSensor[{name}]"
    return Finding(f"contact_loose[{name}]", owner, at_s, level, _LOOSE, 100 * value, 100 * UNREST, "Percent")
