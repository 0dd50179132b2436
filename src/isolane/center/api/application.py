"""This file makes the HTTP application; it guards that its description needs no foreign server to be read."""

from fastapi import FastAPI

from isolane.center.api import problems
from isolane.center.api.live import LiveStreams
from isolane.center.api.routes import PREFIX, api_router
from isolane.center.store.port import Catalogue, Telemetry


def create_app(catalogue: Catalogue, telemetry: Telemetry, live: LiveStreams) -> FastAPI:
    """Make the application with the API's routes; pages can be added to it. Serve it behind `guard.Guard`."""
    app = FastAPI(
        title="isolane O&M center",
        description="Health of EV chargers: samples, ledgers, live values. Times are UTC in ms since 1970.",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    problems.install(app)
    app.include_router(api_router(catalogue, telemetry, live))
    return app
