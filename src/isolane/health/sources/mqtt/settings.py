"""This file defines an MQTT source's table; it guards that what is not named is not subscribed to."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.config.values import Address, Secret
from isolane.health.sources.points import PointSettings
from isolane.health.sources.rapid import RapidPeriod, RapidPoint, RapidWhen


class TopicPointSettings(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of the messages of a topic."""

    topic: Annotated[str, msgspec.Meta(description="Topic filter, + and # included", min_length=1, max_length=512)]
    path: Annotated[
        str, msgspec.Meta(description="Where it is in the JSON, as outputs[0].volts; empty: the payload is the value")
    ] = ""
    time_path: Annotated[
        str,
        msgspec.Meta(
            description="Where the message says when it was taken: seconds or milliseconds since 1970, or RFC 3339 "
            "text; empty: when it arrived, and then retained messages, whose age nobody knows, are not taken"
        ),
    ] = ""
    period_s: Annotated[
        float,
        msgspec.Meta(
            description="How often it is published, s, 0.1 to 86400; twice that in silence is a time-out",
            ge=0.1,
            le=86_400,
        ),
    ] = 10.0
    rapid: RapidPoint = False


class MqttSourceSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mqtt"
):
    """A broker on the site, subscribed to."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    address: Annotated[Address, msgspec.Meta(description="host:port of the broker, port 1883 or 8883 by custom")]
    points: Annotated[tuple[TopicPointSettings, ...], msgspec.Meta(description="At least one value", min_length=1)]
    version: Annotated[Literal["5", "3.1.1"], msgspec.Meta(description="MQTT version that the broker speaks")] = "5"
    client_id: Annotated[str, msgspec.Meta(description="Empty lets the library choose one", max_length=64)] = ""
    user: Annotated[str, msgspec.Meta(description="User name, if the broker asks for one", max_length=128)] = ""
    password: Annotated[Secret | None, msgspec.Meta(description="Password of `user`")] = None
    tls: Annotated[
        bool, msgspec.Meta(description="Whether to use TLS; the broker's certificate is always verified")
    ] = False
    ca: Annotated[Path | None, msgspec.Meta(description="PEM file of the broker's CA; absent: the system's")] = None
    certificate: Annotated[Path | None, msgspec.Meta(description="PEM chain of a client certificate")] = None
    key: Annotated[Path | None, msgspec.Meta(description="PEM key of `certificate`")] = None
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long connecting may take, s, 0.1 to 30", ge=0.1, le=30)
    ] = 5.0
    keepalive_s: Annotated[int, msgspec.Meta(description="MQTT keep-alive, s, 5 to 3600", ge=5, le=3600)] = 30
    rapid_s: RapidPeriod = 0.1
    rapid_when: RapidWhen = "always"
    payload_bytes_max: Annotated[
        int, msgspec.Meta(description="Largest message that is read, bytes, 16 to 1048576", ge=16, le=1 << 20)
    ] = 65_536
    messages_per_s_max: Annotated[
        int,
        msgspec.Meta(description="Messages read in a second, 1 to 10000; more are counted and lost", ge=1, le=10_000),
    ] = 200
    reconnect_s_max: Annotated[
        float,
        msgspec.Meta(description="Longest pause before the next attempt to connect, s, 0.1 to 600", ge=0.1, le=600),
    ] = 30.0
