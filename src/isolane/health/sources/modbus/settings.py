"""This file defines a Modbus source's table; it guards that one source is one TCP connection."""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.config.values import Address


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device behind the connection: a unit id, its template, and where its signals belong."""

    charger: Annotated[
        str,
        msgspec.Meta(description="Identity of the charger it belongs to; empty for the gateway's own", max_length=48),
    ]
    template: Annotated[str, msgspec.Meta(description="Name of a built-in template, for example eastron_sdm630")] = ""
    template_file: Annotated[
        Path | None, msgspec.Meta(description="A template of your own, instead of `template`; relative to this file")
    ] = None
    unit: Annotated[int, msgspec.Meta(description="Modbus unit id, 0 to 255", ge=0, le=255)] = 1
    evse: Annotated[int, msgspec.Meta(description="EVSE its signals belong to, 0 to 999", ge=0, le=999)] = 1
    connector: Annotated[int, msgspec.Meta(description="Connector its signals belong to, 0 to 999", ge=0, le=999)] = 0
    instance: Annotated[
        str,
        msgspec.Meta(
            description="Added to each component as its instance, for example Meter gives ElectricalFeed[Meter]; "
            "tells two devices apart that measure the same",
            pattern=r"^[A-Za-z0-9_-]{0,32}$",
        ),
    ] = ""
    only: Annotated[
        tuple[str, ...], msgspec.Meta(description="Components or keys of the template to read; empty reads all")
    ] = ()
    without: Annotated[
        tuple[str, ...], msgspec.Meta(description="Components or keys of the template to leave out")
    ] = ()


class ModbusSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="modbus"
):
    """A Modbus TCP server: a meter, a charger, or a converter with several devices behind it."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    address: Annotated[Address, msgspec.Meta(description="host:port of the Modbus TCP server, port 502 by custom")]
    devices: Annotated[tuple[DeviceSettings, ...], msgspec.Meta(description="At least one device", min_length=1)]
    fast_s: Annotated[
        float, msgspec.Meta(description="Period of points in the poll group fast, s, 0.1 to 3600", ge=0.1, le=3600)
    ] = 1.0
    slow_s: Annotated[
        float, msgspec.Meta(description="Period of points in the poll group slow, s, 0.1 to 3600", ge=0.1, le=3600)
    ] = 10.0
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long to wait for a connection or an answer, s, 0.05 to 30", ge=0.05, le=30)
    ] = 0.8
    reconnect_s_max: Annotated[
        float,
        msgspec.Meta(description="Longest pause before the next attempt to connect, s, 0.1 to 600", ge=0.1, le=600),
    ] = 30.0
