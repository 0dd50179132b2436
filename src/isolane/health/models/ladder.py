"""This file holds levels against flapping; it guards that a level is neither given nor taken away by one feature.

A level is given when what speaks for it has lasted, and taken away when that has been gone for as long:

    L1 WATCH     2 features in a row
    L2 PLAN      3 features (sessions), or 24 h
    L3 DISPATCH  1 feature that is beyond by its own standard deviation
    L4 SAFETY    at once; findings only
"""

from dataclasses import dataclass, field

from isolane.health.models.measure import Level, Per

_DAY_S = 86_400
_FEATURES = {Level.WATCH: 2, Level.PLAN: 3, Level.DISPATCH: 1}
_RELEASE_FEATURES = 3
"""A dispatch needs one feature to be given and three to be taken back."""


@dataclass(slots=True)
class Rung:
    """One level of one measure.

    Attributes:
        held: Whether it is given.
        streak: Features in a row that speak otherwise than `held`.
        since_s: UTC second of the first of them.
    """

    held: bool = False
    streak: int = 0
    since_s: int = 0


@dataclass(slots=True)
class Ladder:
    """The levels of one measure.

    Attributes:
        rungs: By level.
    """

    rungs: dict[Level, Rung] = field(default_factory=lambda: {level: Rung() for level in _FEATURES})

    def take(self, speaks: dict[Level, bool], per: Per, at_s: int) -> Level:
        """Take what a feature, one of those that come per so long, speaks for; give the highest level held."""
        for level, rung in self.rungs.items():
            if speaks[level] == rung.held:
                rung.streak = 0
                continue
            if not rung.streak:
                rung.since_s = at_s
            rung.streak += 1
            if _lasted(level, rung, per, at_s):
                rung.held, rung.streak = not rung.held, 0
        return self.level

    @property
    def level(self) -> Level:
        """The highest level held."""
        return max((level for level, rung in self.rungs.items() if rung.held), default=Level.NONE)


def _lasted(level: Level, rung: Rung, per: Per, at_s: int) -> bool:
    if level is Level.PLAN and per is not Per.SESSION:
        return at_s - rung.since_s >= _DAY_S
    return rung.streak >= (_RELEASE_FEATURES if rung.held else _FEATURES[level])
