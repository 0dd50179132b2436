"""This file defines the HTTPS link's table; it guards that there is no setting without TLS."""

from typing import Annotated

import msgspec

from isolane.health.links.delivery import NAME, DeliverySettings


class HttpsSettings(
    DeliverySettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="https"
):
    """The center's own HTTPS ingest."""

    name: Annotated[str, NAME] = "https"
    url: Annotated[
        str,
        msgspec.Meta(
            description="Base address, https://host[:port][/path]; the host must stand in the center's certificate",
            pattern=r"^https://[^/?#@\s]+(/[^?#\s]*)?$",
        ),
    ]
    window: Annotated[
        int,
        msgspec.Meta(
            description="Most messages in one POST and in flight to the center, 1 to 256; 1: each in a POST of its own",
            ge=1,
            le=256,
        ),
    ] = 32
    poll_s: Annotated[
        float,
        msgspec.Meta(
            description="How long a question for commands may wait at the center, s, 1 to 120; what stands between "
            "must bear so long a silence. Without [health.commands] nothing is asked",
            ge=1,
            le=120,
        ),
    ] = 100.0
    timeout_s: Annotated[
        float,
        msgspec.Meta(description="How long to wait for a connection or an answer, s, 0.1 to 300", ge=0.1, le=300),
    ] = 20.0
