"""This file answers for the pages of figures; it guards that a figure is rounded against the charger, never for it.

Pages print: the style sheet leaves out what a screen needs and paper does not.
"""

import re
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Response

from isolane.center.console import formats
from isolane.center.console.markup import render, utc_ms
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.store.kpi_port import Figures
from isolane.center.store.kpi_views import Grouping
from isolane.center.store.people_views import caller
from isolane.center.store.response_port import Responses

VERDICTS: Final[dict[str, tuple[str, str, str]]] = {
    "met": ("good", "balanced", "Over 97 % in the last twelve months, whatever happened in the time nobody knows of."),
    "missed": ("fault", "faulted", "Not over 97 %, even if the time nobody knows of was up."),
    "not known": ("away", "unknown", "Too little is known of the last twelve months to tell."),
}
"""Verdict to its tone, its icon and the sentence that explains it."""
_MONTH = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")
_MONTHS: Final = 12


def kpi_pages(figures: Figures, responses: Responses) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    @router.get("/kpis")
    async def report_page(month: str = "", by: str = Grouping.PORT) -> Response:
        month = month or this_month()
        if not _MONTH.fullmatch(month) or by not in set(Grouping):
            return missing_page("There is no such month or grouping.")
        report = await figures.report(month, Grouping(by), caller().sites)
        return render(
            "kpis.html", nav="kpis", report=report, groupings=list(Grouping), around=around(month), verdicts=VERDICTS,
            percent=percent, hours=hours, port_link=port_link,
        )  # fmt: skip

    @router.get("/kpis/response")
    async def response_page(month: str = "") -> Response:
        month = month or this_month()
        if not _MONTH.fullmatch(month):
            return missing_page("There is no such month.")
        report = await responses.response(month, caller().sites)
        return render(
            "kpi_response.html", nav="kpis", report=report, around=around(month), percent=percent, minutes=minutes
        )

    @router.get("/kpis/port")
    async def port_page(month: str = "", site: str = "", charger: str = "", port: str = "") -> Response:
        if not _MONTH.fullmatch(month) or not port.isdecimal() or not caller().sees(site):
            return missing_page("There is no such port in that month.")
        found = await figures.evidence(month, site, charger, int(port[:4]))
        if found is None:
            return missing_page("There is no such port in that month.")
        return render(
            "kpi_port.html", int(HTTPStatus.OK), nav="kpis", found=found, line=found.line, month=month,
            verdicts=VERDICTS, percent=percent, hours=hours, entry_link=entry_link,
        )  # fmt: skip

    return router


def this_month() -> str:
    """Name the month of the center's clock, UTC."""
    return datetime.fromtimestamp(utc_ms() / 1000, UTC).strftime("%Y-%m")


def around(month: str) -> tuple[str, str]:
    """Give the month before and the month after."""
    year, number = (int(part) for part in month.split("-"))
    before = (year - 1, _MONTHS) if number == 1 else (year, number - 1)
    after = (year + 1, 1) if number == _MONTHS else (year, number + 1)
    return f"{before[0]}-{before[1]:02d}", f"{after[0]}-{after[1]:02d}"


def percent(value: float | None) -> str:
    """Write a percentage rounded down, so that "100 %" and "over 97 %" are only said of what is."""
    if value is None:
        return formats.NOTHING
    return f"{Decimal(str(value)).quantize(Decimal('0.01'), ROUND_FLOOR)}{formats.THIN}%"


def hours(value: float | None) -> str:
    """Write hours as a length of time."""
    return formats.NOTHING if value is None else formats.duration(value * 3600)


def minutes(value: float | None) -> str:
    """Write minutes as a length of time; "n/a" where nobody can know, for the page says why."""
    return "n/a" if value is None else formats.duration(value * 60)


def port_link(month: str, site: str, charger: str, port: int) -> str:
    """Give the address of a port's page."""
    return f"/kpis/port?month={month}&site={quote(site, safe='')}&charger={quote(charger, safe='')}&port={port}"


def entry_link(site: str, charger: str, port: int) -> str:
    """Give the address of the forms, filled in for a port."""
    return f"/kpis/entries?site={quote(site, safe='')}&charger={quote(charger, safe='')}&port={port}"
