"""This file defines the HTTPS link's table; it guards that there is no setting without TLS."""

from typing import Annotated

import msgspec

from isolane.health.links.delivery import DeliverySettings


class HttpsSettings(
    DeliverySettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="https"
):
    """The center's own HTTPS ingest."""

    timeout_s: Annotated[
        float,
        msgspec.Meta(description="How long to wait for a connection or an answer, s, 0.1 to 300", ge=0.1, le=300),
    ] = 20.0
