"""This file makes the fleet page's rows from the store's summaries; it guards that the worst stands first.

A page has the worst of all chargers that fit the filter, then further pages the next; within it they stand by site.
static/js/fleet.js writes new numbers into the same cells; which cells there are, in which order, is decided here.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from isolane.center.store import worst_first
from isolane.center.store.views import ChargerSummary, LedgerLine, SiteEntry
from isolane.center.store.worst_first import HOT_C, counted, fitting, page_of, power_now_w, ranked

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

_WARM_C = 65.0


def heat_tone(temperature_c: float | None) -> str:
    """Give the tone of a temperature: contacts derate at 80 degC; from 65 degC on it is worth a look."""
    if temperature_c is None or temperature_c < _WARM_C:
        return ""
    return "fault" if temperature_c >= HOT_C else "warn"


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
        return (self.number - 1) * worst_first.ROWS_MAX + 1

    @property
    def last(self) -> int:
        """Place of its last charger."""
        return min(self.number * worst_first.ROWS_MAX, self.found)

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


def part(chargers: list[ChargerSummary], sites: list[SiteEntry], text: str = "", number: int = 1) -> Part:
    """Choose what a page shows.

    Args:
        chargers: All there are.
        sites: All there are. Those without chargers stand last, since nothing of them can be seen.
        text: Words that site, charger or state must have; see `Ranked.fits`.
        number: Which page; the last one if there are not so many.
    """
    found = fitting(ranked(chargers), text)
    page, number, pages = page_of(found, number)
    everybody: dict[str, list[ChargerSummary]] = {entry.site: [] for entry in sites}
    for charger in chargers:
        everybody.setdefault(charger.site, []).append(charger)
    shown: dict[str, list[ChargerSummary]] = {}
    for charger in page:
        shown.setdefault(charger.site, []).append(charger)
    if number == pages and not text.split():
        shown |= {site: [] for site, own in sorted(everybody.items()) if not own}
    gateways = {entry.site: [gateway.gateway for gateway in entry.gateways] for entry in sites}
    rows = [_site_rows(site, gateways.get(site, []), own, everybody[site]) for site, own in shown.items()]
    return Part(rows, text, len(found), number, pages)


def _site_rows(site: str, gateways: list[str], shown: list[ChargerSummary], own: list[ChargerSummary]) -> SiteRows:
    if len(shown) < len(own):
        gateways = sorted({charger.gateway for charger in shown})
    return SiteRows(site, gateways, shown, len(own), power_now_w(own))


def totals(chargers: list[ChargerSummary], books: list[LedgerLine]) -> Totals:
    """Add up the fleet and its books."""
    counts = counted(chargers)
    return Totals(
        chargers=counts.chargers,
        online=counts.online,
        charging=counts.charging,
        faulted=counts.faulted,
        power_w=counts.power_w,
        hottest_c=counts.hottest_c,
        produced=sum(line.produced for line in books),
        missing=sum(missing(line) for line in books),
    )


def missing(line: LedgerLine) -> int:
    """Count samples of one line of the books that are neither at the center, queued, thinned nor in a gap record."""
    explained = line.samples + line.queued + line.thinned + sum(gap.samples for gap in line.gaps)
    return max(0, line.produced - explained)
