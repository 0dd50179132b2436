"""This file plans subscriptions; it guards that a wrong filter or path is told before a start."""

from dataclasses import dataclass

import aiomqtt

from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.sources import documents
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.points import signals_of


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point, its signal, and where it is."""

    point: TopicPointSettings
    signal: Signal
    path: documents.Path
    time_path: documents.Path
    filter: aiomqtt.Wildcard


def plan_points(settings: MqttSourceSettings) -> tuple[PlannedPoint, ...]:
    """Give the points in the table's order.

    Raises:
        IsolaneError: A key, unit, path or topic filter cannot be.
    """
    return tuple(
        PlannedPoint(
            point,
            signal,
            documents.parse(point.path),
            documents.parse(point.time_path),
            _filter(settings.name, point.topic),
        )
        for point, signal in zip(settings.points, signals_of(settings.name, settings.points), strict=True)
    )


def _filter(source: str, topic: str) -> aiomqtt.Wildcard:
    try:
        return aiomqtt.Wildcard(topic)
    except (TypeError, ValueError) as error:
        raise IsolaneError(
            f"source {source!r}: {topic!r} is no topic filter", "+ stands for one level, # only at the end"
        ) from error
