"""This file defines a CAN source's table; it guards that only interfaces that cannot hold up the loop are named."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.health.sources.points import PointSettings
from isolane.health.sources.rapid import RapidPeriod, RapidPoint, RapidWhen


class CanPointSettings(PointSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signal of a message."""

    message: Annotated[str, msgspec.Meta(description="Name of the message in the DBC file", min_length=1)]
    signal: Annotated[
        str,
        msgspec.Meta(description="Name of the signal in it; the file's factor and offset are applied", min_length=1),
    ]
    period_s: Annotated[
        float,
        msgspec.Meta(
            description="How often it is told, s, 0.1 to 3600; twice that without the message is a time-out",
            ge=0.1,
            le=3600,
        ),
    ] = 1.0
    rapid: RapidPoint = False


class CanSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="can"):
    """A CAN bus, listened to; needs the extra `can`."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    channel: Annotated[str, msgspec.Meta(description="Network interface, for example can0", min_length=1)]
    dbc: Annotated[Path, msgspec.Meta(description="DBC file that names messages and signals; relative to this file")]
    points: Annotated[tuple[CanPointSettings, ...], msgspec.Meta(description="At least one signal", min_length=1)]
    interface: Annotated[
        Literal["socketcan", "virtual"],
        msgspec.Meta(description="socketcan is Linux's; virtual is a bus inside this process, for trials"),
    ] = "socketcan"
    fd: Annotated[bool, msgspec.Meta(description="Whether the bus carries CAN FD frames")] = False
    rapid_s: RapidPeriod = 0.1
    rapid_when: RapidWhen = "always"
    frames_per_s_max: Annotated[
        int,
        msgspec.Meta(
            description="Frames looked at in a second, 50 to 20000; more are counted and lost", ge=50, le=20_000
        ),
    ] = 10_000
    reconnect_s_max: Annotated[
        float, msgspec.Meta(description="Longest pause before the bus is opened again, s, 0.1 to 600", ge=0.1, le=600)
    ] = 30.0
