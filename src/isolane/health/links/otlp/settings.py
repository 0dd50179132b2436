"""This file defines the OTLP link's table; it guards that one table serves both metrics and logs."""

from typing import Annotated

import msgspec

from isolane.health.links.delivery import NAME
from isolane.health.links.target import HttpTargetSettings


class OtlpSettings(
    HttpTargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="otlp"
):
    """An OTLP/HTTP receiver; `url` is the base address, /v1/metrics and /v1/logs are added."""

    name: Annotated[str, NAME] = "otlp"
    metrics: Annotated[bool, msgspec.Meta(description="Whether samples are sent")] = True
    logs: Annotated[
        bool, msgspec.Meta(description="Whether state changes, quality changes, gaps and books are sent as log records")
    ] = True
    attributes: Annotated[
        dict[str, str], msgspec.Meta(description="Further resource attributes, such as deployment.environment.name")
    ] = msgspec.field(default_factory=dict)
