"""This file defines the MQTT link's table; it guards that there is no setting without TLS."""

from typing import Annotated, Literal

import msgspec

from isolane.health.links.delivery import NAME, DeliverySettings


class MqttSettings(
    DeliverySettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mqtt"
):
    """A broker that the center listens to. The client id is the gateway's name."""

    name: Annotated[str, NAME] = "mqtt"
    host: Annotated[
        str, msgspec.Meta(description="Name or address; must stand in the broker's certificate", min_length=1)
    ]
    port: Annotated[int, msgspec.Meta(description="TCP port, 1 to 65535", ge=1, le=65_535)] = 8883
    window: Annotated[
        int, msgspec.Meta(description="Most messages in flight to the center, 1 to 1000", ge=1, le=1000)
    ] = 16
    keepalive_s: Annotated[
        int,
        msgspec.Meta(
            description="Ping after so long a silence, s, 5 to 3600; also bounds the TLS handshake", ge=5, le=3600
        ),
    ] = 20
    protocol: Annotated[
        Literal["auto", "5", "3.1.1"],
        msgspec.Meta(description="MQTT version; auto: 5, and 3.1.1 with a broker that says it does not know 5"),
    ] = "auto"
    expiry_s: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=31_536_000)] | None,
        msgspec.Meta(
            description="The broker may forget what the center has not fetched for so long, s, 1 to 31536000; it is "
            "sent again. MQTT 5 only"
        ),
    ] = 3600
