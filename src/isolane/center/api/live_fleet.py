"""This file tells the fleet's listeners what has changed; it guards that many who look at the same cost one answer.

All listeners share one question a second. What somebody looks at is a `View`; its first event holds all of it, each
further one what has changed since the one before. A listener that has missed an event gets all of it again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import msgspec

from isolane.center.store.port import Telemetry
from isolane.center.store.views import ChargerSummary
from isolane.center.store.worst_first import FleetCounts, Ranked, counted, fitting, page_of, power_now_w, ranked

FLEET_S = 1.0

_Name = tuple[str, str]
_HOUR = "power_recent_w"
_FIELDS = tuple(field.name for field in fields(ChargerSummary) if field.name not in {"site", "charger", _HOUR})


@dataclass(frozen=True, slots=True)
class View:
    """What somebody looks at.

    Attributes:
        sites: Of these sites, None for all.
        text: Of these those that fit the filter.
        page: Of these that page, worst first; None for all.
    """

    sites: frozenset[str] | None = None
    text: str = ""
    page: int | None = None


class FleetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a listener is told.

    Attributes:
        t_ms: The center's time.
        is_whole: Whether this is all of it; else what has changed since the event before.
        found: How many chargers fit the filter, on all pages.
        totals: Over all chargers of the sites, whether they fit or not.
        sites: Power by site of the chargers in view, over all chargers of that site, W; of an event that is not whole
            those that have changed.
        chargers: Those in view; of an event that is not whole, those that are new in it, and of those that were there
            `site`, `charger` and the fields that have changed. The hour of power comes anew when a minute is over.
        gone: Site and name of those that are no longer in view.
    """

    t_ms: int
    is_whole: bool
    found: int
    totals: FleetCounts
    sites: dict[str, float | None]
    chargers: Sequence[ChargerSummary | dict[str, object]]
    gone: Sequence[_Name] = ()


class _Shown:
    """A view at the time of its last change.

    Attributes:
        number: Question at which it has changed.
        before: Number of the state before; 0 if there was none.
        news: The event that leads from there to here.
    """

    def __init__(self, number: int, whole: FleetEvent, now: dict[_Name, ChargerSummary]) -> None:
        self.number, self.before, self.asked, self.news = number, 0, number, b""
        self.now = now
        self.state = whole

    def whole(self) -> bytes:
        """Give the event that holds all of it; it is large and seldom wanted, so that it is not kept."""
        return msgspec.json.encode(self.state)

    def follows(self, old: "_Shown") -> bool:
        """Compare with the state before; gives whether anything has changed, and makes the news if so."""
        whole, was = self.state, old.state
        chargers = [told for name, charger in self.now.items() if (told := _changes(old.now.get(name), charger))]
        gone = [name for name in old.now if name not in self.now]
        sites = {
            site: power for site, power in whole.sites.items() if site not in was.sites or was.sites[site] != power
        }
        if not (chargers or gone or sites) and (whole.found, whole.totals) == (was.found, was.totals):
            return False
        self.before = old.number
        news = msgspec.structs.replace(whole, is_whole=False, sites=sites, chargers=chargers, gone=gone)
        self.news = msgspec.json.encode(news)
        return True


class FleetNews:
    """What all listeners of the fleet share.

    Args:
        telemetry: Port of the store.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._changed = asyncio.Condition()
        self._number = 0
        self._t_ms = 0
        self._fleet: list[Ranked] = []
        self._powers: dict[str, float | None] = {}
        self._counts: dict[frozenset[str] | None, FleetCounts] = {}
        self._shown: dict[View, _Shown] = {}
        self._listeners: Counter[View] = Counter()
        self._asking: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    @contextmanager
    def listening(self, view: View) -> Iterator[Callable[[], Awaitable[tuple[int, bytes]]]]:
        """Give what waits for a view's next event and gives its number and data."""
        seen = asked = 0

        def is_due() -> bool:
            return self._number > asked

        async def news() -> tuple[int, bytes]:
            nonlocal seen, asked
            while True:
                async with self._changed:
                    await self._changed.wait_for(is_due)
                asked = self._number
                shown = self._look(view)
                if shown.number != seen:
                    data = shown.news if seen and shown.before == seen else shown.whole()
                    seen = shown.number
                    return seen, data

        self._listeners[view] += 1
        if self._asking is None or self._asking.done():
            asked = self._number  # what it was when somebody listened last is of no use
            self._asking = asyncio.create_task(self._ask())
        try:
            yield news
        finally:
            self._listeners[view] -= 1
            if not self._listeners[view]:
                del self._listeners[view]
                self._shown.pop(view, None)

    async def _ask(self) -> None:
        """Ask for the fleet once a second while anybody listens."""
        before: list[ChargerSummary] | None = None
        while self._listeners:
            chargers = await self._telemetry.fleet()
            if chargers != before:
                before = chargers
                async with self._changed:
                    self._take(chargers)
                    self._changed.notify_all()
            await asyncio.sleep(FLEET_S)

    def _take(self, chargers: list[ChargerSummary]) -> None:
        self._number, self._t_ms = self._number + 1, time.time_ns() // 1_000_000
        self._fleet = ranked(chargers)
        self._counts.clear()
        at_site: dict[str, list[ChargerSummary]] = {}
        for charger in chargers:
            at_site.setdefault(charger.site, []).append(charger)
        self._powers = {site: power_now_w(own) for site, own in at_site.items()}

    def _look(self, view: View) -> _Shown:
        """Give a view as it is now, made once for all who have it."""
        old = self._shown.get(view)
        if old is not None and old.asked == self._number:
            return old
        own = [one for one in self._fleet if view.sites is None or one.charger.site in view.sites]
        if view.sites not in self._counts:
            self._counts[view.sites] = counted([one.charger for one in own])
        found = fitting(own, view.text)
        chargers = found if view.page is None else page_of(found, view.page)[0]
        powers = {charger.site: self._powers[charger.site] for charger in chargers}
        whole = FleetEvent(
            t_ms=self._t_ms,
            is_whole=True,
            found=len(found),
            totals=self._counts[view.sites],
            sites=powers,
            chargers=chargers,
        )
        new = _Shown(self._number, whole, {(charger.site, charger.charger): charger for charger in chargers})
        if old is not None and not new.follows(old):
            old.asked = self._number
            return old
        self._shown[view] = new
        return new


def _changes(old: ChargerSummary | None, new: ChargerSummary) -> ChargerSummary | dict[str, object] | None:
    """Give what has changed of a charger, None for nothing."""
    if old is None or old is new:
        return None if old is new else new
    told = {name: value for name in _FIELDS if (value := getattr(new, name)) != getattr(old, name)}
    # The running minute changes with every row: it is told when it is over.
    if old.power_recent_w[:-1] != new.power_recent_w[:-1]:
        told[_HOUR] = new.power_recent_w
    return {"site": new.site, "charger": new.charger, **told} if told else None
