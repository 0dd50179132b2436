"""This file defines an HTTP JSON source's table; it guards that credentials are references, not in the URL."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Secret
from isolane.health.sources.points import PointSettings
from isolane.health.sources.rapid import RapidPeriod, RapidPoint, RapidWhen


class JsonPointSettings(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of the document."""

    path: Annotated[str, msgspec.Meta(description="Where it is in the JSON, for example outputs[0].volts")]
    rapid: RapidPoint = False


class HttpJsonSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="http_json"
):
    """A page that shows JSON, read by GET."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    url: Annotated[
        str, msgspec.Meta(description="http:// or https:// address of the page, without credentials", min_length=8)
    ]
    points: Annotated[tuple[JsonPointSettings, ...], msgspec.Meta(description="At least one value", min_length=1)]
    period_s: Annotated[float, msgspec.Meta(description="How often it is read, s, 0.1 to 3600", ge=0.1, le=3600)] = 5.0
    rapid_s: RapidPeriod = 0.1
    rapid_when: RapidWhen = "always"
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long the whole answer may take, s, 0.05 to 60", ge=0.05, le=60)
    ] = 3.0
    user: Annotated[str, msgspec.Meta(description="User name for Basic authentication; needs `password`")] = ""
    password: Annotated[Secret | None, msgspec.Meta(description="Password for Basic authentication")] = None
    token: Annotated[Secret | None, msgspec.Meta(description="Bearer token, instead of user and password")] = None
    ca: Annotated[
        Path | None, msgspec.Meta(description="PEM file of the CA that signed the server; absent: the system's")
    ] = None
    time_path: Annotated[
        str,
        msgspec.Meta(
            description="Where the document says when it was taken: seconds or milliseconds since 1970, or RFC 3339 "
            "text; empty: when it was read"
        ),
    ] = ""
    body_bytes_max: Annotated[
        int,
        msgspec.Meta(description="Largest body, bytes, 256 to 4194304; a larger one is malformed", ge=256, le=1 << 22),
    ] = 262_144
    reconnect_s_max: Annotated[
        float, msgspec.Meta(description="Longest pause after failures, s, 0.1 to 600", ge=0.1, le=600)
    ] = 30.0
