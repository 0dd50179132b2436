"""This file answers for the comparison of a charger with its siblings; it guards that each of them is named."""

import time
from typing import Final

from fastapi import APIRouter, Response

from isolane.center.console.labels import label, outlets, place
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.console.siblings import (
    SIBLINGS_MAX,
    SIBLINGS_MIN,
    Moment,
    comparable,
    drawing,
    first_choice,
    model_of,
    moments,
)
from isolane.center.store.kpi_port import Figures
from isolane.center.store.people_views import caller
from isolane.center.store.port import Telemetry
from isolane.center.store.views import SeriesQuery, SignalNow, SignalSeries

SPAN_MS: Final = 86_400_000
_POINTS: Final = 48
_SIGNAL_CHARS_MAX: Final = 256


def sibling_pages(telemetry: Telemetry, figures: Figures) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    async def found(template: str, site: str, device: str, signal: str) -> Response:
        signals = comparable(await telemetry.signals(site, device))
        keys = {one.key: one for one in signals}
        if not signals or (signal and signal not in keys):
            return missing_page("There is no such signal of a charger of that name at this site.")
        chosen = keys[signal or first_choice(signals)]
        now_ms = time.time_ns() // 1_000_000
        plates = await figures.nameplates(caller().sites)
        model = model_of(plates, site, device, now_ms)
        others = [
            one.charger
            for one in sorted(await telemetry.fleet(site), key=lambda one: one.charger)
            if model and one.charger != device and model_of(plates, site, one.charger, now_ms) == model
        ]
        names, rows = await _compared(telemetry, (site, device, chosen.key), others[:SIBLINGS_MAX], now_ms)
        return render(
            template, nav="fleet", site=site, device=device, model=model, others=others, names=names, chosen=chosen,
            choices=_choices(signals), rows=rows, drawn=drawing(rows) if rows else None, least=SIBLINGS_MIN,
            above=sum(row.place == "above" for row in rows), below=sum(row.place == "below" for row in rows),
            known=sum(row.place != "" for row in rows),
        )  # fmt: skip

    @router.get("/chargers/{site}/{device}/siblings")
    async def siblings_page(site: str, device: str, signal: str = "") -> Response:
        return await found("siblings.html", site, device, signal[:_SIGNAL_CHARS_MAX])

    @router.get("/fragments/siblings/{site}/{device}")
    async def siblings_fragment(site: str, device: str, signal: str = "") -> Response:
        return await found("sibling_rows.html", site, device, signal[:_SIGNAL_CHARS_MAX])

    return router


async def _compared(
    telemetry: Telemetry, what: tuple[str, str, str], others: list[str], now_ms: int
) -> tuple[list[str], list[Moment]]:
    """Read a day of one signal of a charger and its siblings; gives those that have it, and no moments of few."""
    site, device, key = what
    if len(others) < SIBLINGS_MIN:
        return [], []

    async def day(charger: str) -> SignalSeries:
        query = SeriesQuery(site, charger, (key,), now_ms - SPAN_MS, now_ms, _POINTS)
        return (await telemetry.series(query)).signals[0]

    series = {charger: await day(charger) for charger in others}
    names = [charger for charger, one in series.items() if any(mean is not None for mean in one.mean)]
    if len(names) < SIBLINGS_MIN:
        return names, []
    return names, moments(await day(device), [series[name] for name in names])


def _choices(signals: list[SignalNow]) -> list[tuple[str, str]]:
    """Give the signals to choose from, by key and words."""
    count = outlets([one.key for one in signals])
    return [(one.key, " ".join(word for word in (label(one.key), place(one.key, count)) if word)) for one in signals]
