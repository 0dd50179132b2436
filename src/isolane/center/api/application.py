"""This file makes the HTTP application; it guards that its description needs no foreign server to be read."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts

from isolane.center.api import problems
from isolane.center.api.confirmed import confirmed
from isolane.center.api.description import SESSION_COOKIE, describe
from isolane.center.api.live import LiveStreams
from isolane.center.api.routes import PREFIX, api_router
from isolane.center.store.port import Catalogue, Telemetry

BODY_BYTES_MAX = 65_536


def create_app(
    catalogue: Catalogue,
    telemetry: Telemetry,
    live: LiveStreams,
    routers: Sequence[APIRouter] = (),
    *,
    session_cookie: str = SESSION_COOKIE,
) -> FastAPI:
    """Make the application with the API's routes; pages can be added to it.

    It answers nothing but what the gate of `center.people` has let through; serve it behind that and `guard.Guard`.

    Args:
        catalogue: Port of the store.
        telemetry: Port of the store.
        live: Live streams.
        routers: Further routes of the API.
        session_cookie: Name of the cookie that a log-in sets, for the description.
    """
    app = FastAPI(
        title="isolane O&M center",
        description="Health of EV chargers: samples, ledgers, live values. Times are UTC in ms since 1970.",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        dependencies=[Depends(confirmed)],
        max_body_size=BODY_BYTES_MAX,
    )
    problems.install(app)
    for router in routers:
        app.include_router(router)
    app.include_router(api_router(catalogue, telemetry, live))
    describe(app, session_cookie)
    return app


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Give method and path of every route; a folder of files is asked with GET and HEAD."""
    for route in iter_route_contexts(app.routes):
        for method in route.methods or {"GET", "HEAD"}:
            yield method, route.path or ""
