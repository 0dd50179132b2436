"""This file finds every page in the application's own route table; it guards that a new page cannot be forgotten.

A page is a route for GET that the API's description does not show, with no fragment among its steps. A parameter in its
path needs an example in `EXAMPLES`: without one there is no picture, and the command fails with the name of the route.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.screenshots.commands import COMMANDS
from bench.screenshots.scene import CHARGER, GATEWAY, SITE
from bench.screenshots.snapshots import AWAITED, SNAPSHOT
from starlette.routing import BaseRoute, Route

from isolane.core.failures import IsolaneError

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
EXAMPLES: dict[str, Sequence[dict[str, str]]] = {
    "/chargers/{site}/{device}": (
        {"site": SITE, "device": CHARGER},
        {"site": SITE, "device": f"gateway:{GATEWAY}"},
    ),
    "/chargers/{site}/{device}/siblings": ({"site": SITE, "device": CHARGER},),
    "/chargers/{site}/{device}/health": ({"site": SITE, "device": CHARGER},),
    "/alarms/{number}": ({"number": "1"},),
    "/commands/{jti}": COMMANDS,
    "/audits/{site}/{gateway}": ({"site": SITE, "gateway": GATEWAY},),
    "/snapshots/{id}": ({"id": SNAPSHOT}, {"id": AWAITED}),
    "/kpis/port": ({"?": f"month={time.strftime('%Y-%m')}&site={SITE}&charger={CHARGER}&port=1"},),
    "/{path:path}": ({"path": "nowhere"},),
    # No pages: they lead to the identity provider and back.
    "/login/provider": (),
    "/login/callback": (),
}
"""What stands for the parameters of a route and for its query, "?"; a page for each."""
_FRAGMENTS = "/fragments/"


@dataclass(frozen=True)
class Page:
    """A page: its address, and a name for a file."""

    name: str
    path: str


def pages(routes: Iterable[BaseRoute]) -> list[Page]:
    """List the pages of an application.

    Raises:
        IsolaneError: A route has a parameter and no example.
    """
    found: dict[str, Page] = {}
    for route in _flat(routes):
        if "GET" not in (route.methods or ()) or route.include_in_schema or _FRAGMENTS in route.path:
            continue
        if not _PARAMETER.search(route.path) and route.path not in EXAMPLES:
            found.setdefault(route.path, _page(route.path))
            continue
        if route.path not in EXAMPLES:
            raise IsolaneError(
                f"the page {route.path} has no example", "add one to EXAMPLES in bench/screenshots/pages.py"
            )
        for example in EXAMPLES[route.path]:
            path = _PARAMETER.sub(lambda match, words=example: words[match[1]], route.path)  # type: ignore[misc]
            found.setdefault(path, _page(path, example.get("?", "")))
    return list(found.values())


def _page(path: str, query: str = "") -> Page:
    name = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-").lower() or "fleet"
    return Page(name, f"{path}?{query}" if query else path)


def _flat(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _flat(inner.routes)
        elif isinstance(route, Route) and not route.path.startswith("/api/"):
            yield route
