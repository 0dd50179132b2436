"""This file makes the fleet page's rows from the store's summaries; it guards that the worst stands first.

static/js/fleet.js writes new numbers into the same cells; which cells there are, in which order, is decided here.
"""

from dataclasses import dataclass
from typing import Final

from isolane.center.store.views import ChargerSummary, LedgerLine, SiteEntry

TONES: Final[dict[str, str]] = {
    "faulted": "fault",
    "offline": "fault",
    "unavailable": "warn",
    "unknown": "away",
    "charging": "busy",
    "suspended": "busy",
    "preparing": "busy",
    "finishing": "busy",
    "occupied": "busy",
    "reserved": "busy",
    "available": "good",
}
"""State to tone; each tone has a colour and each state an icon of its own name."""

_ORDER = tuple(TONES)
_HOT_C = 80.0
_WARM_C = 65.0


def state_of(charger: ChargerSummary) -> str:
    """Give the state to show: what the charger said last counts only while its data arrives."""
    if not charger.online:
        return "offline"
    return charger.state if charger.state in TONES else "unknown"


def heat_tone(temperature_c: float | None) -> str:
    """Give the tone of a temperature: contacts derate at 80 degC; from 65 degC on it is worth a look."""
    if temperature_c is None or temperature_c < _WARM_C:
        return ""
    return "fault" if temperature_c >= _HOT_C else "warn"


def severity(charger: ChargerSummary) -> tuple[int, int, float]:
    """Give a sort key, worst first: state, then hot, then how much of the data is missing."""
    hot = charger.temperature_max_c is not None and charger.temperature_max_c >= _HOT_C
    state = state_of(charger)
    missing = charger.bad_signals / charger.signals if charger.signals else 0.0
    rank = _ORDER.index("unavailable") if hot and state not in {"faulted", "offline"} else _ORDER.index(state)
    return rank, 0 if hot else 1, -missing


@dataclass(frozen=True, slots=True)
class SiteRows:
    """A site, its gateways and its chargers, worst first."""

    site: str
    gateways: list[str]
    chargers: list[ChargerSummary]

    @property
    def power_w(self) -> float | None:
        """Sum of what its chargers give now; None when none of them says."""
        return power_now_w(self.chargers)


@dataclass(frozen=True, slots=True)
class Totals:
    """The summary strip.

    Attributes:
        chargers: How many there are.
        online: How many of them send data.
        charging: How many deliver energy.
        faulted: How many report a fault.
        power_w: Sum over chargers; None when none says.
        hottest_c: Hottest sensor of all online chargers.
        produced: Samples the gateways say they produced.
        missing: Samples that are neither here nor explained; 0 is the promise.
    """

    chargers: int
    online: int
    charging: int
    faulted: int
    power_w: float | None
    hottest_c: float | None
    produced: int
    missing: int


def power_now_w(chargers: list[ChargerSummary]) -> float | None:
    """Add up the power of online chargers; None when none of them says."""
    known = [charger.power_w for charger in chargers if charger.online and charger.power_w is not None]
    return sum(known) if known else None


def by_site(chargers: list[ChargerSummary], sites: list[SiteEntry]) -> list[SiteRows]:
    """Group chargers by site. A site without chargers stands last, since nothing of it can be seen."""
    gateways = {entry.site: [gateway.gateway for gateway in entry.gateways] for entry in sites}
    names = dict.fromkeys([*(charger.site for charger in chargers), *gateways])
    rows = [
        SiteRows(name, gateways.get(name, []), sorted((c for c in chargers if c.site == name), key=_row_key))
        for name in names
    ]
    return sorted(rows, key=lambda row: (not row.chargers, _row_key(row.chargers[0]) if row.chargers else (), row.site))


def _row_key(charger: ChargerSummary) -> tuple[tuple[int, int, float], str]:
    return severity(charger), charger.charger


def totals(chargers: list[ChargerSummary], books: list[LedgerLine]) -> Totals:
    """Add up the fleet and its books."""
    online = [charger for charger in chargers if charger.online]
    return Totals(
        chargers=len(chargers),
        online=len(online),
        charging=sum(charger.state == "charging" for charger in online),
        faulted=sum(charger.state == "faulted" for charger in online),
        power_w=power_now_w(chargers),
        hottest_c=max((c.temperature_max_c for c in online if c.temperature_max_c is not None), default=None),
        produced=sum(line.produced for line in books),
        missing=sum(missing(line) for line in books),
    )


def missing(line: LedgerLine) -> int:
    """Count samples of one line of the books that are neither at the center, queued, thinned nor in a gap record."""
    explained = line.samples + line.queued + line.thinned + sum(gap.samples for gap in line.gaps)
    return max(0, line.produced - explained)
