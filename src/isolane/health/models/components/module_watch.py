"""This file tells modules that fail their siblings; it guards that one which rests at little load is not taken for one.

A module trips when it tells a problem for 3 s, or gives nothing for 10 s (less than a twentieth of its power) while its
siblings carry more than half of theirs: no charger puts modules to rest then. What it does while they carry less is
not known. More than three trips within seven days are a work order; five minutes of such rows, all told, without its
share, and until one with it, mean that power is missing.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from isolane.health.models.components.held import Held
from isolane.health.models.measure import Finding, Level, Remedy
from isolane.health.models.window import Window

_LOADED, _DEAD = 0.5, 0.05
_TRIP_ROWS, _BACK_ROWS, _TOLD_ROWS, _OUT_ROWS = 10, 10, 3, 300
_TRIPS_MAX, _WEEK_S = 3, 7 * 86_400
_KEPT, _APART_S = 50, 60

Notes = dict[str, list[int]]
"""By ``what[module]``: a condition's state, or the seconds of its newest trips."""


class ModuleWatch:
    """Trips of power modules.

    Args:
        modules: Their names, with siblings.
        rated_w: Full power of one.
    """

    def __init__(self, modules: Sequence[str], rated_w: float) -> None:
        self._modules = modules
        self._rated_w = rated_w
        self._trips: dict[str, deque[int]] = {name: deque(maxlen=_KEPT) for name in modules}
        self._told = {name: Held(_TOLD_ROWS, _BACK_ROWS) for name in modules}
        self._still = {name: Held(_TRIP_ROWS, _BACK_ROWS) for name in modules}
        self._out = {name: Held(_OUT_ROWS, _BACK_ROWS) for name in modules}
        self._over: set[str] = set()

    def interval(self, window: Window) -> Iterator[Finding]:
        """Look at ten minutes.

        Args:
            window: Rows.
        """
        power = np.array([window[f"AcDcConverter[{name}]/Power"] for name in self._modules]) / self._rated_w
        is_loaded = bool((power > _LOADED).any())
        for place, name in enumerate(self._modules):
            if is_loaded:
                siblings = np.median(np.delete(power, place, axis=0), axis=0)
                dead = (siblings > _LOADED) & (power[place] < _DEAD)
                alive = (siblings > _LOADED) & (power[place] >= _DEAD)
                self._count(name, window, self._still[name].feed(dead, alive))
                for row, on in self._out[name].feed(dead, alive):
                    level, share = Level.PLAN if on else Level.NONE, 100 * float(power[place][row])
                    yield Finding(
                        f"module_out[{name}]", f"AcDcConverter[{name}]", window.start_s + row, level, _GONE, share,
                        100 * _DEAD, "Percent",
                    )  # fmt: skip
            if f"AcDcConverter[{name}]/Problem" in window:
                problem = window[f"AcDcConverter[{name}]/Problem"]
                self._count(name, window, self._told[name].feed(problem == 1, problem == 0))
            yield from self._often(name, window.end_s)

    def note(self) -> Notes:
        """Give what has to be remembered."""
        held = {"told": self._told, "still": self._still, "out": self._out}
        notes = {f"{what}[{name}]": each.note() for what, all_ in held.items() for name, each in all_.items()}
        notes |= {f"trips[{name}]": list(trips) for name, trips in self._trips.items()}
        return notes | {f"over[{name}]": [1] for name in sorted(self._over)}

    def recall(self, notes: Mapping[str, list[int]]) -> None:
        """Go on from there."""
        for name in self._modules:
            self._told[name].recall(notes.get(f"told[{name}]"))
            self._still[name].recall(notes.get(f"still[{name}]"))
            self._out[name].recall(notes.get(f"out[{name}]"))
            self._trips[name] = deque(notes.get(f"trips[{name}]", []), _KEPT)
        self._over = {name for name in self._modules if f"over[{name}]" in notes}

    def _count(self, name: str, window: Window, turns: Sequence[tuple[int, bool]]) -> None:
        """Keep when it tripped; what it tells and what is seen of one trip lie within a minute."""
        for row, on in turns:
            at_s, trips = window.start_s + row, self._trips[name]
            if on and (not trips or abs(at_s - trips[-1]) >= _APART_S):
                trips.append(at_s)

    def _often(self, name: str, now_s: int) -> Iterator[Finding]:
        """Tell too many within seven days, and when they are no more."""
        count = sum(at_s > now_s - _WEEK_S for at_s in self._trips[name])
        if (count > _TRIPS_MAX) != (name in self._over):
            self._over ^= {name}
            level = Level.DISPATCH if name in self._over else Level.NONE
            owner = f"AcDcConverter[{name}]"
            yield Finding(f"module_trips[{name}]", owner, now_s, level, _OFTEN, float(count), float(_TRIPS_MAX))


_GONE = Remedy(
    "This module gives nothing while its siblings do: power is missing; reset it, else change it.", "power module"
)
_OFTEN = Remedy(
    "This module trips again and again: clean and reseat it, look at its fan, else change it.", "power module"
)
