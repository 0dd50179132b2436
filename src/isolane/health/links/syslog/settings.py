"""This file defines the syslog link's table; it guards that there is no setting without TLS."""

from typing import Annotated

import msgspec

from isolane.health.links.delivery import NAME
from isolane.health.links.target import TargetSettings


class SyslogSettings(
    TargetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="syslog"
):
    """A syslog server with TLS. It confirms nothing: a record counts as delivered when its machine's TCP has it."""

    name: Annotated[str, NAME] = "syslog"
    host: Annotated[
        str, msgspec.Meta(description="Name or address; must stand in the server's certificate", min_length=1)
    ]
    port: Annotated[int, msgspec.Meta(description="TCP port, 1 to 65535", ge=1, le=65_535)] = 6514
    facility: Annotated[
        int, msgspec.Meta(description="Syslog facility, 0 to 23; 16 is local0, 13 is audit", ge=0, le=23)
    ] = 16
    enterprise: Annotated[
        int,
        msgspec.Meta(
            description="Private enterprise number in the name of the structured data, isolane@number; the default is "
            "the one reserved for examples",
            ge=1,
            le=4_294_967_295,
        ),
    ] = 32_473
    settle_s: Annotated[
        float,
        msgspec.Meta(
            description="After a TLS handshake, how long the server may take to refuse our certificate, s, 0 to 30",
            ge=0,
            le=30,
        ),
    ] = 1.0
