"""This file defines the recorder's table; it guards that a black box never takes more of a disk than it was given."""

from pathlib import Path
from typing import Annotated

import msgspec

_STOPS = (
    "EmergencyStop",
    "GroundFault",
    "HardReset",
    "ImmediateReset",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
)


class RingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last minutes of everything, on disk."""

    minutes: Annotated[
        int, msgspec.Meta(description="How much is kept, min of running time, 5 to 1440", ge=5, le=1440)
    ] = 60
    bytes_max: Annotated[
        int,
        msgspec.Meta(
            description="Most bytes kept, 4 MiB to 64 GiB; the oldest go first. The default is more than an hour of "
            "50 chargers of 50 signals at 1 Hz",
            ge=4 << 20,
            le=1 << 36,
        ),
    ] = 32 << 20
    flush_s: Annotated[
        float,
        msgspec.Meta(
            description="From one flush to the disk to the next, s, 1 to 60: so much a power cut may take; each flush "
            "wears flash",
            ge=1,
            le=60,
        ),
    ] = 5.0


class TriggerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a snapshot."""

    off: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Kinds of triggers that are not heeded, for example door; docs/reference/blackbox.md"),
    ] = ()
    hold_off_s: Annotated[
        float,
        msgspec.Meta(
            description="A trigger of the same kind and charger is not heeded again for so long, s, 0 to 86400",
            ge=0,
            le=86_400,
        ),
    ] = 600.0
    load_a: Annotated[
        float,
        msgspec.Meta(description="A contactor that opens with at least so much current opens under load, A", ge=0),
    ] = 10.0
    residual_sd: Annotated[
        float,
        msgspec.Meta(
            description="A model's residual of so many standard deviations is a trigger, 3 to 100", ge=3, le=100
        ),
    ] = 6.0
    tilt_deg: Annotated[
        float, msgspec.Meta(description="Tilted further than this from its mounting position, degrees", gt=0, le=180)
    ] = 10.0
    shock_n: Annotated[float, msgspec.Meta(description="A blow of at least so much, N", gt=0)] = 200.0
    stop_reasons: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Stop reasons of a transaction, as OCPP spells them, that nobody has wished"),
    ] = _STOPS
    fault_variables: Annotated[
        tuple[str, ...], msgspec.Meta(description="Variables of NotifyEvent that tell a fault when they become true")
    ] = ("Problem", "Tripped", "Overload")
    link_loss_s: Annotated[
        float,
        msgspec.Meta(
            description="A charger whose connection is gone for longer has lost it, s, 1 to 3600", ge=1, le=3600
        ),
    ] = 60.0
    burst_s: Annotated[
        float,
        msgspec.Meta(description="So long sources that can are read faster after a trigger, s; 0: not", ge=0, le=600),
    ] = 60.0


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The black box of a gateway; without this table there is none."""

    path: Annotated[
        Path | None,
        msgspec.Meta(description="The folder; absent: beside the outbox, named as it is and `.blackbox`"),
    ] = None
    before_s: Annotated[
        int, msgspec.Meta(description="A snapshot begins so long before its trigger, s, 10 to 3600", ge=10, le=3600)
    ] = 300
    after_s: Annotated[
        int, msgspec.Meta(description="and ends so long after its last one, s, 10 to 3600", ge=10, le=3600)
    ] = 120
    length_s_max: Annotated[
        int,
        msgspec.Meta(
            description="No snapshot goes on for longer after its first trigger, s, 10 to 7200", ge=10, le=7200
        ),
    ] = 900
    bytes_max: Annotated[
        int,
        msgspec.Meta(
            description="Most bytes of snapshots on the disk, 1 MiB to 64 GiB; beyond it the "
            "oldest go first, those of level 4 last",
            ge=1 << 20,
            le=1 << 36,
        ),
    ] = 64 << 20
    day_bytes_max: Annotated[
        int,
        msgspec.Meta(
            description="Most bytes of snapshots begun in 24 h of running time, 256 KiB to 64 GiB; beyond it only "
            "those of level 4 are made, up to as much again",
            ge=1 << 18,
            le=1 << 36,
        ),
    ] = 16 << 20
    age_max_days: Annotated[
        int, msgspec.Meta(description="Oldest snapshot kept, days since it was made, 1 to 3650", ge=1, le=3650)
    ] = 90
    key: Annotated[
        Path | None,
        msgspec.Meta(
            description="Private key that signs manifests, PEM, Ed25519 or EC P-256; absent: they are not signed, and "
            "say so"
        ),
    ] = None
    ring: RingSettings = RingSettings()
    triggers: TriggerSettings = TriggerSettings()

    def folder(self, outbox: Path) -> Path:
        """Give the folder, for the outbox at a path."""
        return self.path or outbox.with_name(f"{outbox.name}.blackbox")

    def __post_init__(self) -> None:
        """Refuse a window that the ring does not hold.

        Raises:
            ValueError: The ring keeps less than a snapshot begins with.
        """
        if self.ring.minutes * 60 < self.before_s + 60:
            raise ValueError(f"before_s = {self.before_s} is more than ring.minutes = {self.ring.minutes} keeps")
