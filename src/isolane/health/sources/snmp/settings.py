"""This file defines an SNMP source's table; it guards that a community or a key is a reference, never a text."""

from typing import Annotated, Literal

import msgspec

from isolane.config.values import Address, Secret
from isolane.health.sources.points import PointSettings


class ObjectSettings(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One object of the agent."""

    oid: Annotated[
        str,
        msgspec.Meta(description="Object identifier with its instance, in numbers", pattern=r"^\.?[0-9]+(\.[0-9]+)+$"),
    ]
    rate: Annotated[
        bool, msgspec.Meta(description="Whether the object is a counter whose growth per second is the value")
    ] = False


class UserSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user of SNMPv3."""

    name: Annotated[str, msgspec.Meta(description="User name", min_length=1, max_length=32)]
    auth: Annotated[
        Literal["none", "sha", "sha256", "sha512", "md5"], msgspec.Meta(description="How requests are signed")
    ] = "sha256"
    auth_password: Annotated[Secret | None, msgspec.Meta(description="Password for signing, from 8 characters")] = None
    privacy: Annotated[Literal["none", "aes", "aes256", "des"], msgspec.Meta(description="How they are encrypted")] = (
        "aes"
    )
    privacy_password: Annotated[
        Secret | None, msgspec.Meta(description="Password for encrypting, from 8 characters")
    ] = None


class SnmpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="snmp"):
    """An SNMP agent: a router, a switch, an uninterruptible power supply."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    address: Annotated[Address, msgspec.Meta(description="host:port of the agent, UDP port 161 by custom")]
    community: Annotated[Secret | None, msgspec.Meta(description="Community of SNMPv2c; or give `user`")] = None
    user: Annotated[UserSettings | None, msgspec.Meta(description="User of SNMPv3, instead of `community`")] = None
    presets: Annotated[
        tuple[Literal["ups-mib", "if-mib"], ...],
        msgspec.Meta(description="Ready tables: ups-mib (RFC 1628), if-mib (RFC 2863, for `interfaces`)"),
    ] = ()
    interfaces: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)], ...],
        msgspec.Meta(description="Numbers (ifIndex) of the interfaces that if-mib reads", max_length=64),
    ] = ()
    instance: Annotated[
        str,
        msgspec.Meta(
            description="Added to the components of the presets; tells two agents apart",
            pattern=r"^[A-Za-z0-9_-]{0,32}$",
        ),
    ] = ""
    points: Annotated[tuple[ObjectSettings, ...], msgspec.Meta(description="Further objects")] = ()
    period_s: Annotated[float, msgspec.Meta(description="How often it is read, s, 0.1 to 3600", ge=0.1, le=3600)] = 10.0
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long to wait for an answer, s, 0.05 to 30", ge=0.05, le=30)
    ] = 2.0
    objects_max: Annotated[
        int, msgspec.Meta(description="Most objects in one request, 1 to 60; small agents take few", ge=1, le=60)
    ] = 20
    reconnect_s_max: Annotated[
        float, msgspec.Meta(description="Longest pause after failures, s, 0.1 to 600", ge=0.1, le=600)
    ] = 30.0
