"""This file tells what changed since yesterday; it guards that a change is a fact of the store, with a link to it.

What only was so, and what nobody has recorded, is no change: a charger that came back is known from the alarm that its
silence had raised, and firmware from what people enter.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Response

from isolane.center.console import formats
from isolane.center.console.kpi_pages import port_link
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute
from isolane.center.store.alert_port import Alerts
from isolane.center.store.alert_views import Alert, AlertQuery
from isolane.center.store.day_port import DayLength, DayLengths
from isolane.center.store.kpi_port import Figures
from isolane.center.store.kpi_views import NameplateEntry
from isolane.center.store.people_views import caller, seen
from isolane.center.store.port import Catalogue, Telemetry
from isolane.center.store.views import ChargerEntry, ChargerSummary, LedgerLine

DAY_MS: Final = 86_400_000
SHOWN_MAX: Final = 50
"""Changes of one kind that the page lists, newest first; it counts all, up to `ALERTS_MAX` alarms."""
ALERTS_MAX: Final = 500
DROP_MS_MIN: Final = 864_000
"""How much longer a port must have been out than the day before: one percent of a day."""
_SILENT: Final = frozenset({"charger-silent", "gateway-silent", "site-silent"})
"""The rules whose end means that something came back; docs/reference/alerts.md has them."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what it is about, where to read on, what is to be said of it, and when it was (0: not known)."""

    subject: str
    href: str
    note: str
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """All changes of one kind, newest first.

    Attributes:
        name: Of the part of the page.
        title: Its heading.
        one: What one of them is called.
        many: What several are called.
        tone: Of its count.
        icon: Beside it.
        changes: At most `SHOWN_MAX`.
        count: How many there are.
        is_more: Whether there are more than were counted.
        nothing: What it means that there is none.
    """

    name: str
    title: str
    one: str
    many: str
    tone: str
    icon: str
    changes: list[Change]
    count: int
    is_more: bool
    nothing: str


def change_pages(
    catalogue: Catalogue, telemetry: Telemetry, alerts: Alerts, figures: Figures, days: DayLengths
) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    async def found(template: str) -> Response:
        now_ms = time.time_ns() // 1_000_000
        since_ms, today = now_ms - DAY_MS, now_ms // DAY_MS
        sites = caller().sites
        opened = await alerts.page(AlertQuery(sites=sites, opened_since_ms=since_ms, limit=ALERTS_MAX))
        closed = await alerts.page(AlertQuery(sites=sites, closed_since_ms=since_ms, limit=ALERTS_MAX))
        fleet = seen(await telemetry.fleet())
        kinds = [
            _alarms(opened.alerts, is_more=opened.before is not None),
            _ended(closed.alerts, is_more=closed.before is not None),
            silent(fleet, since_ms),
            back(closed.alerts, fleet),
            new(seen(await catalogue.chargers()), since_ms),
            fallen(seen(await days.lengths(today - 2, today - 1)), today - 1),
            firmware(await figures.nameplates(sites), since_ms, now_ms),
            holes(seen(await catalogue.ledger())),
        ]
        return render(template, nav="fleet", kinds=kinds, since_ms=since_ms)

    @router.get("/changes")
    async def changes_page() -> Response:
        return await found("changes.html")

    @router.get("/fragments/changes")
    async def changes_fragment() -> Response:
        return await found("changes_line.html")

    return router


def _kind(words: tuple[str, str, str, str], look: tuple[str, str], changes: Iterable[Change], nothing: str) -> Kind:
    ordered = sorted(changes, key=lambda one: (-one.at_ms, one.subject))
    return Kind(*words, *look, ordered[:SHOWN_MAX], len(ordered), is_more=False, nothing=nothing)


def _alarms(alerts: list[Alert], *, is_more: bool) -> Kind:
    changes = [Change(one.title, f"/alarms/{one.number}", _where(one), one.opened_ms) for one in alerts]
    words = ("alarms", "New alarms", "new alarm", "new alarms")
    kind = _kind(words, ("fault", "faulted"), changes, "No rule found any.")
    return _more(kind) if is_more else kind


def _ended(alerts: list[Alert], *, is_more: bool) -> Kind:
    changes = [
        Change(
            one.title,
            f"/alarms/{one.number}",
            f"{_where(one)}, closed by {one.closed_by or 'its rule'}",
            one.closed_ms or 0,
        )
        for one in alerts
    ]
    words = ("ended", "Ended alarms", "ended alarm", "ended alarms")
    kind = _kind(words, ("good", "balanced"), changes, "All that stood then stand now.")
    return _more(kind) if is_more else kind


def _more(kind: Kind) -> Kind:
    return Kind(
        kind.name, kind.title, kind.one, kind.many, kind.tone, kind.icon, kind.changes, kind.count, is_more=True,
        nothing=kind.nothing,
    )  # fmt: skip


def _where(alert: Alert) -> str:
    return " / ".join(part for part in (alert.site, alert.device) if part) or alert.subject


def silent(fleet: list[ChargerSummary], since_ms: int) -> Kind:
    """Find the chargers that sent data since yesterday and do so no more."""
    changes = [
        _charger(one.site, one.charger, "its last data came", one.last_seen_ms)
        for one in fleet
        if not one.online and one.last_seen_ms >= since_ms
    ]
    words = ("silent", "Went silent", "went silent", "went silent")
    return _kind(words, ("fault", "offline"), changes, "Whoever sent data yesterday does so now.")


def back(closed: list[Alert], fleet: list[ChargerSummary]) -> Kind:
    """Find the chargers that send data again, by the alarms of their silence that have ended."""
    online = {f"charger/{one.site}/{one.charger}": one for one in fleet if one.online}
    when: dict[str, int] = {}
    for alert in closed:
        if alert.rule in _SILENT:
            for subject in {alert.subject, *alert.grouped} & online.keys():
                when[subject] = max(when.get(subject, 0), alert.closed_ms or 0)
    changes = [
        _charger(online[subject].site, online[subject].charger, "sends again since", at_ms)
        for subject, at_ms in when.items()
    ]
    words = ("back", "Came back", "came back", "came back")
    return _kind(words, ("good", "live"), changes, "No alarm about a silence has ended.")


def new(chargers: list[ChargerEntry], since_ms: int) -> Kind:
    """Find the chargers that a gateway has named for the first time."""
    changes = [
        _charger(one.site, one.charger, f"named by {one.gateway}", one.first_seen_ms)
        for one in chargers
        if one.first_seen_ms >= since_ms
    ]
    words = ("new", "New chargers", "new charger", "new chargers")
    return _kind(words, ("busy", "available"), changes, "No gateway has named another one.")


def fallen(lengths: list[DayLength], day: int) -> Kind:
    """Find the ports that were out for longer on a day than on the day before; both must have been computed."""
    by_port: dict[tuple[str, str, int], dict[int, DayLength]] = {}
    for one in lengths:
        by_port.setdefault((one.site, one.charger, one.port), {})[one.day] = one
    name = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
    changes = []
    for (site, charger, port), days in by_port.items():
        if {day - 1, day} <= days.keys() and days[day].outage_ms - days[day - 1].outage_ms >= DROP_MS_MIN:
            out, before = (formats.duration(days[at].outage_ms / 1000) for at in (day, day - 1))
            note = f"out for {out}, {before} the day before"
            change = Change(f"{site} / {charger} / {port}", port_link(name[:7], site, charger, port), note)
            changes.append((days[day].outage_ms, change))
    ordered = [change for _, change in sorted(changes, key=lambda one: (-one[0], one[1].subject))]
    nothing = f"No port was out on {name} (UTC) for longer than the day before, as far as both days are computed."
    return Kind(
        "uptime", f"Uptime fell on {name} (UTC)", "port with less uptime", "ports with less uptime", "warn", "stale",
        ordered[:SHOWN_MAX], len(ordered), is_more=False, nothing=nothing,
    )  # fmt: skip


def firmware(plates: list[NameplateEntry], since_ms: int, now_ms: int) -> Kind:
    """Find the nameplates that hold since yesterday and say another model or firmware than the ones before."""
    changes = []
    for one in plates:
        if not since_ms <= max(one.from_ms, one.made_ms) <= now_ms or one.from_ms > now_ms:
            continue
        own = [plate for plate in plates if (plate.site, plate.charger) == (one.site, one.charger)]
        older = [plate for plate in own if (plate.from_ms, plate.number) < (one.from_ms, one.number)]
        before = max(older, key=lambda plate: (plate.from_ms, plate.number), default=None)
        if before is not None and (before.model, before.firmware) != (one.model, one.firmware):
            said = f"{_plate(before)} became {_plate(one)}, entered by {one.made_by}"
            changes.append(Change(f"{one.site} / {one.charger}", "/kpis/entries#nameplates", said, one.made_ms))
    words = ("firmware", "Model or firmware", "other firmware", "other firmware")
    nothing = "Nobody has entered another one. Gateways do not tell it: enter it as a nameplate."
    return _kind(words, ("busy", "unknown"), changes, nothing)


def _plate(one: NameplateEntry) -> str:
    return f"{one.model} {one.firmware}".strip()


def holes(books: list[LedgerLine]) -> Kind:
    """Find the books that lack blocks which nobody explains."""
    changes = []
    for line in books:
        if line.verdict == "hole":
            blocks = sum(hole.last - hole.first + 1 for hole in line.holes)
            word = "block" if blocks == 1 else "blocks"
            note = f"{formats.number(blocks)} {word} of stream {line.stream} missing; books of"
            changes.append(Change(f"{line.site} / {line.gateway}", "/ledger", note, line.stated_at_ms or 0))
    words = ("holes", "Holes in the ledger that stand", "ledger with a hole", "ledgers with a hole")
    return _kind(words, ("fault", "hole"), changes, "No book lacks blocks that nobody explains.")


def _charger(site: str, charger: str, note: str, at_ms: int) -> Change:
    return Change(f"{site} / {charger}", f"/chargers/{quote(site, safe='')}/{quote(charger, safe='')}", note, at_ms)
