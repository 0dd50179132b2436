"""This file orders and filters the fleet for somebody's eyes; it guards that pages and streams mean the same chargers.

The worst of all that fit stand first; a page of them has `ROWS_MAX`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from isolane.center.store.views import ChargerSummary

STATES: Final = (
    "faulted",
    "offline",
    "unavailable",
    "unknown",
    "charging",
    "suspended",
    "preparing",
    "finishing",
    "occupied",
    "reserved",
    "available",
)
"""What a charger is shown as, worst first."""

ROWS_MAX: Final = 100
"""Chargers on a page: what is worth a person's eyes at once, and made in a tenth of the time of a thousand."""

HOT_C: Final = 80.0
_STATE = "state:"
_RANK = {state: rank for rank, state in enumerate(STATES)}


def state_of(charger: ChargerSummary) -> str:
    """Give the state to show: what the charger said last counts only while its data arrives."""
    if not charger.online:
        return "offline"
    return charger.state if charger.state in _RANK else "unknown"


def severity(charger: ChargerSummary) -> tuple[int, int, float]:
    """Give a sort key, worst first: state, then hot, then how much of the data is missing."""
    hot = charger.temperature_max_c is not None and charger.temperature_max_c >= HOT_C
    state = state_of(charger)
    missing = charger.bad_signals / charger.signals if charger.signals else 0.0
    rank = _RANK["unavailable"] if hot and state not in {"faulted", "offline"} else _RANK[state]
    return rank, 0 if hot else 1, -missing


@dataclass(frozen=True, slots=True)
class Ranked:
    """A charger among the others, with what a filter looks at.

    Attributes:
        charger: The charger.
        names: Its site's and its own name in lower case.
        state: What it is shown as.
    """

    charger: ChargerSummary
    names: str
    state: str

    def fits(self, words: Iterable[str]) -> bool:
        """Tell whether each of some words, in lower case, fits.

        A word is in the site's or charger's name, or begins the state; ``state:faulted`` is the whole state and no
        name.
        """
        return all(
            word.removeprefix(_STATE) == self.state
            if word.startswith(_STATE)
            else word in self.names or self.state.startswith(word)
            for word in words
        )


def ranked(chargers: Iterable[ChargerSummary]) -> list[Ranked]:
    """Order chargers, worst first; of equals the first by name."""
    order = sorted(chargers, key=lambda c: (severity(c), c.site, c.charger))
    return [Ranked(charger, f"{charger.site} {charger.charger}".lower(), state_of(charger)) for charger in order]


def fitting(everybody: Iterable[Ranked], text: str) -> list[ChargerSummary]:
    """Give those that fit a filter, in their order.

    Args:
        everybody: Ranked.
        text: Words, see `Ranked.fits`; none fit all.
    """
    words = text.lower().split()
    return [one.charger for one in everybody if one.fits(words)]


def page_of(found: Sequence[ChargerSummary], number: int) -> tuple[Sequence[ChargerSummary], int, int]:
    """Give a page's chargers, its number and how many pages there are; the last one if there are not so many.

    Args:
        found: All that fit.
        number: Which page, from 1 on.
    """
    pages = max(1, -(-len(found) // ROWS_MAX))
    number = min(number, pages)
    return found[(number - 1) * ROWS_MAX : number * ROWS_MAX], number, pages


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """Some chargers, counted.

    Attributes:
        chargers: How many there are.
        online: How many of them send data.
        charging: How many deliver energy.
        faulted: How many report a fault.
        power_w: Sum over those that are online; None when none says.
        hottest_c: Hottest sensor of those that are online.
    """

    chargers: int
    online: int
    charging: int
    faulted: int
    power_w: float | None
    hottest_c: float | None


def counted(chargers: Sequence[ChargerSummary]) -> FleetCounts:
    """Count chargers."""
    online = [charger for charger in chargers if charger.online]
    return FleetCounts(
        chargers=len(chargers),
        online=len(online),
        charging=sum(charger.state == "charging" for charger in online),
        faulted=sum(charger.state == "faulted" for charger in online),
        power_w=power_now_w(online),
        hottest_c=max((c.temperature_max_c for c in online if c.temperature_max_c is not None), default=None),
    )


def power_now_w(chargers: Iterable[ChargerSummary]) -> float | None:
    """Add up the power of online chargers; None when none of them says."""
    known = [charger.power_w for charger in chargers if charger.online and charger.power_w is not None]
    return sum(known) if known else None
