"""This file reads the paths of an HTTP JSON table once; it guards that a wrong one is told before a start."""

from dataclasses import dataclass

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.sources import documents
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.points import signals_of


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point, its signal, and where it is."""

    point: JsonPointSettings
    signal: Signal
    path: documents.Path


def plan_points(settings: HttpJsonSettings) -> tuple[PlannedPoint, ...]:
    """Give the points in the table's order.

    Raises:
        IsolaneError: A key, unit or path cannot be, or the URL or the credentials are not as they should be.
    """
    scheme, _, rest = settings.url.partition("://")
    if scheme not in {"http", "https"} or not rest or "@" in rest.partition("/")[0]:
        raise IsolaneError(
            f"source {settings.name!r}: the url must be http:// or https:// and carry no credentials",
            "give them as `user` and `password`, or as `token`",
        )
    if bool(settings.user) != (settings.password is not None) or (settings.user and settings.token):
        raise IsolaneError(
            f"source {settings.name!r}: credentials are half or double", "give `user` and `password`, or `token`"
        )
    signals = signals_of(settings.name, settings.points)
    return tuple(
        PlannedPoint(point, signal, documents.parse(point.path))
        for point, signal in zip(settings.points, signals, strict=True)
    )
