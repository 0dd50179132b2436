"""This file defines a Modbus source's table; it guards that one source is one connection or line."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.config.values import Address
from isolane.health.sources.rapid import RapidPeriod, RapidWhen


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
    sunspec: Annotated[
        tuple[int, ...],
        msgspec.Meta(
            description="SunSpec models to find and read, instead of a template: 101-103 and 111-113 inverters, "
            "160 strings, 201-204 and 211-214 meters, 701 AC and 714 DC measurement, 702 ratings, 713 and 802 batteries"
        ),
    ] = ()
    ports: Annotated[
        int,
        msgspec.Meta(
            description="How many ports to read of the SunSpec models 160 and 714, 1 to 32; those that the device does "
            "not have are BAD NOT_IMPLEMENTED",
            ge=1,
            le=32,
        ),
    ] = 1
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
    rapid: Annotated[
        tuple[str, ...], msgspec.Meta(description="Components or keys of the template to read every `rapid_s`")
    ] = ()


class SerialSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A serial port with Modbus RTU devices on its bus; eight data bits, as RTU has them."""

    path: Annotated[Path, msgspec.Meta(description="The port, for example /dev/ttyUSB0")]
    baud: Annotated[int, msgspec.Meta(description="Bits per second, 300 to 921600", ge=300, le=921_600)] = 9600
    parity: Annotated[
        Literal["none", "even", "odd"], msgspec.Meta(description="The standard's is even; most meters come with none")
    ] = "none"
    stop_bits: Annotated[int, msgspec.Meta(description="Stop bits, 1 or 2", ge=1, le=2)] = 1

    @property
    def silence_ms(self) -> float:
        """Silence between frames, ms: 3.5 characters of 11 bits, and never less than 1.75 ms.

        Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, 2.5.1.1.
        """
        return max(3.5 * 11 * 1000 / self.baud, 1.75)


class ModbusSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="modbus"
):
    """A Modbus server or a serial line: a meter, a charger, or several devices behind a converter or on one bus."""

    name: Annotated[
        str, msgspec.Meta(description="Unique name; stands in metrics and logs", min_length=1, max_length=64)
    ]
    address: Annotated[
        Address | None, msgspec.Meta(description="host:port of the server, port 502 by custom; or give `serial`")
    ] = None
    serial: Annotated[SerialSettings | None, msgspec.Meta(description="A serial port instead of `address`")] = None
    framing: Annotated[
        Literal["tcp", "rtu"],
        msgspec.Meta(description="rtu for a serial device server that passes RTU frames through TCP; a port is rtu"),
    ] = "tcp"
    silence_ms: (
        Annotated[
            float,
            msgspec.Meta(
                description="How long an RTU line is silent between frames, ms, 0 to 1000; absent: the standard's 3.5 "
                "characters. More for devices that are slow to listen again",
                ge=0,
                le=1000,
            ),
        ]
        | None
    ) = None
    devices: Annotated[tuple[DeviceSettings, ...], msgspec.Meta(description="At least one device", min_length=1)]
    fast_s: Annotated[
        float, msgspec.Meta(description="Period of points in the poll group fast, s, 0.1 to 3600", ge=0.1, le=3600)
    ] = 1.0
    slow_s: Annotated[
        float, msgspec.Meta(description="Period of points in the poll group slow, s, 0.1 to 3600", ge=0.1, le=3600)
    ] = 10.0
    rapid_s: RapidPeriod = 0.1
    rapid_when: RapidWhen = "always"
    timeout_s: Annotated[
        float, msgspec.Meta(description="How long to wait for a connection or an answer, s, 0.05 to 30", ge=0.05, le=30)
    ] = 0.8
    reconnect_s_max: Annotated[
        float,
        msgspec.Meta(description="Longest pause before the next attempt to connect, s, 0.1 to 600", ge=0.1, le=600),
    ] = 30.0
