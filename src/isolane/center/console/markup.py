"""This file turns models into HTML; it guards that every text is escaped.

Autoescaping is on for every template and a missing variable is an error. Pages hold no inline script, no inline style
and no foreign address, so that the center's content security policy (`default-src 'self'`) can forbid all three.
"""

import time
from pathlib import Path

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse

import isolane
from isolane.center.console import STATIC, formats, sparkline
from isolane.center.console.fleet import TONES, heat_tone
from isolane.center.store.people_views import caller_or_none
from isolane.center.store.worst_first import state_of
from isolane.core.clock import NS_PER_MS

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(
    formats=formats,
    sparkline=sparkline,
    state_of=state_of,
    heat_tone=heat_tone,
    tones=TONES,
    version=isolane.__version__,
)


def utc_ms() -> int:
    """Give the time of the center's clock, ms; it only labels and shows ages."""
    return time.time_ns() // NS_PER_MS


def utc_text(t_ms: int) -> str:
    """Write a time as it stands until the page's script knows the zone, for example ``2026-01-31 14:05:09 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(t_ms // 1000))


def utc_iso(t_ms: int) -> str:
    """Write a time for ``<time datetime>``."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(t_ms // 1000))}.{t_ms % 1000:03d}Z"


_ENVIRONMENT.globals.update(utc_text=utc_text, utc_iso=utc_iso)


def render(template: str, status: int = 200, **model: object) -> Response:
    """Render a page or a fragment.

    Args:
        template: File in ``templates``.
        status: HTTP status.
        model: What the template names.
    """
    has_charts = (STATIC / "vendor/uplot/uPlot.esm.js").is_file()
    has_htmx = (STATIC / "vendor/htmx.org/htmx.min.js").is_file()
    html = _ENVIRONMENT.get_template(template).render(
        now_ms=utc_ms(), has_charts=has_charts, has_htmx=has_htmx, caller=caller_or_none(), **model
    )
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})
