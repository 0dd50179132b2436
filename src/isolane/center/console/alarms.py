"""This file answers for the pages about alerts; it guards that a form does one thing, in the name of who is logged in.

A page lists what stands, the worst first, and what was closed lately beneath. Texts of devices are escaped by the
templates, as all texts are.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from isolane.center.console.markup import render
from isolane.center.console.pages import broken_page, missing_page
from isolane.center.store.alert_port import Alerts, ClosedAlertError, NoSuchAlertError
from isolane.center.store.alert_views import Alert, AlertHistory, AlertQuery, AlertState, Silence
from isolane.center.store.people_views import Role, caller
from isolane.center.store.port import UnavailableError

STANDING_MAX = 200
CLOSED_MAX = 30
_LOCAL = "local"
_TEXT_CHARS_MAX = 2000
_HOUR_MS = 3_600_000

LEVELS: Final = (
    ("Info", "away", "unknown"),
    ("Watch", "busy", "pending"),
    ("Plan", "warn", "stale"),
    ("Dispatch", "fault", "faulted"),
    ("Safety", "fault", "bad"),
)
"""Of each level the word, the tone and the icon."""

SILENCE_HOURS: Final = (1, 4, 24, 168)
_STANDING = tuple(str(state) for state in AlertState if state is not AlertState.CLOSED)


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alert as a row."""

    alert: Alert
    word: str
    tone: str
    icon: str
    where: str


def row(alert: Alert) -> AlarmRow:
    """Make a row."""
    word, tone, icon = LEVELS[alert.level]
    if alert.state == AlertState.CLOSED:
        tone = "away"
    parts = [alert.site, alert.device.removeprefix("gateway:")]
    return AlarmRow(alert, word, tone, icon, " / ".join(part for part in parts if part) or alert.subject)


def worst_first(alerts: list[Alert]) -> list[AlarmRow]:
    """Put those that wait for somebody first, then by level, the newest first."""
    quiet = {AlertState.SILENCED: 2, AlertState.ASSIGNED: 1, AlertState.ACKNOWLEDGED: 1}
    ordered = sorted(alerts, key=lambda one: (quiet.get(AlertState(one.state), 0), -one.level, -one.number))
    return [row(one) for one in ordered]


def alarm_pages(alerts: Alerts) -> APIRouter:
    """Give the routes of these pages; include it before the console's own, which end every other path."""
    router = APIRouter(include_in_schema=False)

    @router.get("/alarms")
    async def alarms_page() -> Response:
        return await _listing(alerts, "alarms.html")

    @router.get("/fragments/alarms")
    async def alarms_fragment() -> Response:
        return await _listing(alerts, "alarm_rows.html")

    @router.get("/alarms/{number}")
    async def alarm_page(number: str) -> Response:
        return await _page(alerts, number)

    @router.post("/alarms/{number}")
    async def act(number: str, request: Request) -> Response:
        form = {key: values[-1] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        found = await _find(alerts, number)
        if found is None:
            return missing_page("There is no alarm of that number.")
        try:
            error = await _act(alerts, found.alert, form)
        except (ClosedAlertError, NoSuchAlertError) as refusal:
            error = str(refusal)
        except UnavailableError:
            return broken_page()
        if error:
            return await _page(alerts, number, error)
        return RedirectResponse(f"/alarms/{found.alert.number}", HTTPStatus.SEE_OTHER)

    return router


async def _listing(alerts: Alerts, template: str) -> Response:
    sites = caller().sites
    try:
        standing = await alerts.page(AlertQuery(sites=sites, states=_STANDING, limit=STANDING_MAX))
        closed = await alerts.page(AlertQuery(sites=sites, states=(str(AlertState.CLOSED),), limit=CLOSED_MAX))
        counts = await alerts.counts(sites)
    except UnavailableError:
        return broken_page()
    levels = [(count, *LEVELS[level]) for level, count in enumerate(counts.by_level)]
    return render(
        template,
        nav="alarms",
        rows=worst_first(standing.alerts),
        closed=[row(one) for one in closed.alerts],
        levels=levels[::-1],
        waiting=counts.waiting,
        more=standing.before is not None,
    )


async def _find(alerts: Alerts, number: str) -> AlertHistory | None:
    """Find an alert that the caller may know of."""
    if not (number.isascii() and number.isdigit() and len(number) <= len(str(2**53))):
        return None
    try:
        found = await alerts.history(int(number))
    except NoSuchAlertError:
        return None
    sites = caller().sites
    return found if sites is None or found.alert.site in sites else None


async def _page(alerts: Alerts, number: str, error: str = "") -> Response:
    try:
        found = await _find(alerts, number)
    except UnavailableError:
        return broken_page()
    if found is None:
        return missing_page("There is no alarm of that number.")
    return render(
        "alarm.html",
        HTTPStatus.CONFLICT if error else HTTPStatus.OK,
        nav="alarms",
        row=row(found.alert),
        events=found.events[::-1],
        may_act=caller().role not in {Role.VIEWER, None},
        me=caller().name or _LOCAL,
        hours=SILENCE_HOURS,
        error=error,
    )


async def _act(alerts: Alerts, alert: Alert, form: Mapping[str, str]) -> str:
    """Do what a form says; gives a sentence that says why it was not done, "" when it was."""
    who, text, now_ms = caller().name or _LOCAL, form.get("text", "")[:_TEXT_CHARS_MAX], _now_ms()
    match form.get("action"):
        case "ack":
            await alerts.acknowledge(alert.number, who, text, now_ms)
        case "comment":
            if not text.strip():
                return "A comment needs a text."
            await alerts.comment(alert.number, who, text, now_ms)
        case "assign":
            await alerts.assign(alert.number, who, form.get("assignee", "")[:64], now_ms)
        case "close":
            await alerts.close_by_hand(alert.number, who, text, now_ms)
        case "silence":
            hours = form.get("hours", "")
            if hours not in map(str, SILENCE_HOURS) or not text.strip():
                return "A silence needs a time and a reason."
            until_ms = now_ms + int(hours) * _HOUR_MS
            made = Silence(0, alert.rule, alert.site, "", alert.subject, text, who, now_ms, until_ms)
            await alerts.silence(made)
        case _:
            return "This form asks for nothing that can be done."
    return ""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
