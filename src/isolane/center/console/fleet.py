"""This file makes the fleet page's rows from the store's summaries; it guards that the worst stands first.

A page has the worst of all chargers that fit the filter, then further pages the next; within it they stand by site.
static/js/fleet.js writes new numbers into the same cells; which cells there are, in which order, is decided here.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

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

ROWS_MAX: Final = 100
"""Chargers on a page: what is worth a person's eyes at once, and made in a tenth of the time of a thousand."""

_STATE = "state:"
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
    """A site on a page.

    Attributes:
        site: Its name.
        gateways: Its gateways; those of the chargers alone where others are on other pages.
        chargers: Those of its chargers that the page shows, worst first.
        count: How many chargers it has.
        power_w: Sum of what all its chargers give now; None when none of them says.
    """

    site: str
    gateways: list[str]
    chargers: list[ChargerSummary]
    count: int
    power_w: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one page shows of the fleet.

    Attributes:
        rows: Its sites and chargers; of equals the first by name.
        text: The filter as it was written.
        found: How many chargers fit it.
        number: Number of the page, from 1 on.
        pages: How many pages there are, at least 1.
    """

    rows: list[SiteRows]
    text: str
    found: int
    number: int
    pages: int

    @property
    def first(self) -> int:
        """Place of the page's first charger among those that fit, from 1 on."""
        return (self.number - 1) * ROWS_MAX + 1

    @property
    def last(self) -> int:
        """Place of its last charger."""
        return min(self.number * ROWS_MAX, self.found)

    def address(self, number: int) -> str:
        """Give the address of another page of the same filter."""
        words = {"q": self.text} if self.text else {}
        return f"/?{urlencode(words | {'page': str(number)})}"


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


def part(chargers: list[ChargerSummary], sites: list[SiteEntry], text: str = "", number: int = 1) -> Part:
    """Choose what a page shows.

    Args:
        chargers: All there are.
        sites: All there are. Those without chargers stand last, since nothing of them can be seen.
        text: Words that site, charger or state must have; see `fits`.
        number: Which page; the last one if there are not so many.
    """
    words = text.lower().split()
    found = sorted((c for c in chargers if fits(c, words)), key=lambda c: (severity(c), c.site, c.charger))
    pages = max(1, -(-len(found) // ROWS_MAX))
    number = min(number, pages)
    everybody: dict[str, list[ChargerSummary]] = {entry.site: [] for entry in sites}
    for charger in chargers:
        everybody.setdefault(charger.site, []).append(charger)
    shown: dict[str, list[ChargerSummary]] = {}
    for charger in found[(number - 1) * ROWS_MAX : number * ROWS_MAX]:
        shown.setdefault(charger.site, []).append(charger)
    if number == pages and not words:
        shown |= {site: [] for site, own in sorted(everybody.items()) if not own}
    gateways = {entry.site: [gateway.gateway for gateway in entry.gateways] for entry in sites}
    rows = [_site_rows(site, gateways.get(site, []), own, everybody[site]) for site, own in shown.items()]
    return Part(rows, text, len(found), number, pages)


def _site_rows(site: str, gateways: list[str], shown: list[ChargerSummary], own: list[ChargerSummary]) -> SiteRows:
    if len(shown) < len(own):
        gateways = sorted({charger.gateway for charger in shown})
    return SiteRows(site, gateways, shown, len(own), power_now_w(own))


def fits(charger: ChargerSummary, words: list[str]) -> bool:
    """Tell whether each of some words, in lower case, fits a charger.

    A word is in the site's or charger's name, or begins the state; ``state:faulted`` is the whole state and no name.
    """
    names, state = f"{charger.site} {charger.charger}".lower(), state_of(charger)
    return all(
        word.removeprefix(_STATE) == state if word.startswith(_STATE) else word in names or state.startswith(word)
        for word in words
    )


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
