"""This file defines the InfluxDB link's table; it guards that each version has what it needs."""

from typing import Annotated, Literal

import msgspec

from isolane.core.failures import IsolaneError
from isolane.health.links.delivery import NAME
from isolane.health.links.target import HttpTargetSettings


class InfluxSettings(
    HttpTargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="influx"
):
    """A receiver of InfluxDB line protocol; `url` is the base address, the path of the version is added."""

    name: Annotated[str, NAME] = "influx"
    version: Annotated[
        Literal[1, 2], msgspec.Meta(description="1: /write with `database`; 2: /api/v2/write with `bucket` and `token`")
    ] = 2
    org: Annotated[str, msgspec.Meta(description="Organisation (version 2)")] = ""
    bucket: Annotated[str, msgspec.Meta(description="Bucket (version 2)")] = ""
    database: Annotated[str, msgspec.Meta(description="Database (version 1)")] = ""
    retention_policy: Annotated[str, msgspec.Meta(description="Retention policy (version 1); empty: its default")] = ""
    measurement: Annotated[
        str, msgspec.Meta(description="Name of the measurement", pattern="^[A-Za-z0-9_.-]{1,64}$")
    ] = "isolane"
    tags: Annotated[dict[str, str], msgspec.Meta(description="Further tags of every line")] = msgspec.field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        """Refuse a version without its place."""
        super().__post_init__()
        name = "bucket" if self.version == 2 else "database"  # noqa: PLR2004 - InfluxDB's own number
        if not getattr(self, name):
            raise IsolaneError(f"InfluxDB version {self.version} needs `{name}`", f"set `{name}` in the link's table")
