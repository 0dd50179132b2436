"""This file defines [health.commands.verbs]; it guards that what could do harm is off until a person names it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from isolane.config.values import Address

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\Z", description="Its name")]
_Window = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]\Z")]


class NetTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that `net.ping` and `net.trace` may ask for."""

    name: _Name
    host: Annotated[str, msgspec.Meta(description="Host name or address", min_length=1, max_length=253)]
    port: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None,
        msgspec.Meta(description="TCP port that is tried too; absent: none"),
    ] = None


class DisruptiveCharger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A charger that may be restarted while it is idle."""

    charger: Annotated[str, msgspec.Meta(description="Its identity")]
    evses: Annotated[
        int,
        msgspec.Meta(description="How many EVSEs it has, with OCPP 1.6 connectors; all must be free", ge=1, le=99),
    ]


class DisruptiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The site's limits on disruptive commands (class R2)."""

    chargers: Annotated[
        tuple[DisruptiveCharger, ...], msgspec.Meta(description="Chargers that may be restarted; none by default")
    ] = ()
    per_hour: Annotated[
        int, msgspec.Meta(description="Disruptive commands in any hour, at the whole site", ge=1, le=60)
    ] = 4
    windows: Annotated[
        tuple[_Window, ...],
        msgspec.Meta(description='When they may be, UTC, "HH:MM-HH:MM" each; none: at any time', max_length=16),
    ] = ()
    fresh_s: Annotated[
        float,
        msgspec.Meta(
            description="A charger that was not heard for so long is not known to be idle, s; more than its heartbeat",
            ge=5,
            le=3600,
        ),
    ] = 600.0


class UploadDoor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place where a charger may leave a log that it was asked for."""

    way: Annotated[
        Literal["http", "https", "ftp", "ftps"],
        msgspec.Meta(description="Protocol; ftps with TLS from the first byte on"),
    ]
    address: Annotated[
        Address, msgspec.Meta(description="Where it listens, while a log is waited for: in the network of the chargers")
    ]
    host: Annotated[
        Annotated[str, msgspec.Meta(max_length=253)] | None,
        msgspec.Meta(description="Name or address that chargers are told; absent: that of `address`"),
    ] = None
    data_ports: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1024, le=65_535)], ...],
        msgspec.Meta(description="Ports of FTP data connections; none: any that are free", max_length=16),
    ] = ()
    certificate: Annotated[
        Path | None, msgspec.Meta(description="PEM of certificate and chain; needed for https and ftps")
    ] = None
    key: Annotated[Path | None, msgspec.Meta(description="PEM of its key; needed for https and ftps")] = None

    def __post_init__(self) -> None:
        """Check that TLS has what it needs.

        Raises:
            ValueError: A certificate or key is missing, or would not be used, or the port is not said.
        """
        is_secure = self.way in {"https", "ftps"}
        if is_secure != (self.certificate is not None) or is_secure != (self.key is not None):
            raise ValueError(f"a door by {self.way} has {'both' if is_secure else 'no'} `certificate` and `key`")
        if not self.address.port:
            raise ValueError("a door needs its port: [value.own_calls] upload_to names it too")
        if self.data_ports and self.way not in {"ftp", "ftps"}:
            raise ValueError("`data_ports` are of ftp and ftps")


class UploadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How logs come from chargers; docs/reference/commands.md."""

    doors: Annotated[
        tuple[UploadDoor, ...],
        msgspec.Meta(description="Where, the preferred one first, one of each way", min_length=1, max_length=4),
    ]
    size_bytes_max: Annotated[
        int, msgspec.Meta(description="Of one log, bytes; a longer one is thrown away", ge=1024, le=16 << 20)
    ] = 8 << 20
    wait_s: Annotated[float, msgspec.Meta(description="For how long a log is waited for, s", ge=10, le=900)] = 600.0

    def __post_init__(self) -> None:
        """Check that no way is there twice.

        Raises:
            ValueError: One is.
        """
        if len({door.way for door in self.doors}) < len(self.doors):
            raise ValueError("two doors of one way")


class VerbSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What signed commands may reach at this site."""

    ask_chargers: Annotated[
        bool, msgspec.Meta(description="Whether there are verbs that ask chargers; needs [value.own_calls] too")
    ] = False
    targets: Annotated[
        tuple[NetTarget, ...],
        msgspec.Meta(description="What net.ping and net.trace may ask for; none: neither is there", max_length=64),
    ] = ()
    disruptive: DisruptiveSettings = DisruptiveSettings()
    uploads: Annotated[
        UploadSettings | None, msgspec.Meta(description="How logs come from chargers; absent: charger.get_log is not")
    ] = None
