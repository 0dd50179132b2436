"""This file defines the outbox table.

It guards that the outbox has a bound in bytes and in age, whatever is written.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.health.outbox.lanes import Lane

Age = Annotated[int, msgspec.Meta(ge=60, le=31_536_000)]
Size = Annotated[int, msgspec.Meta(ge=1 << 18, le=1 << 40)]


class LaneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of each lane is kept, and for how long, where that is not what `bytes_max` and `age_max_s` say."""

    alarm_age_max_s: Annotated[
        Age | None, msgspec.Meta(description="Oldest alarm kept, s, 60 to 31536000; absent: `age_max_s`")
    ] = None
    receipt_age_max_s: Annotated[
        Age | None, msgspec.Meta(description="Oldest receipt of a command kept, s; absent: `age_max_s`")
    ] = None
    snapshot_age_max_s: Annotated[
        Age | None, msgspec.Meta(description="Oldest part of a snapshot kept, s; absent: `age_max_s`")
    ] = None
    backfill_age_max_s: Annotated[
        Age | None,
        msgspec.Meta(description="Oldest samples kept that were not delivered while live, s; absent: `age_max_s`"),
    ] = None
    snapshot_bytes_max: Annotated[
        Size | None,
        msgspec.Meta(
            description="Most bytes of snapshots kept, 256 KiB to what `bytes_max` leaves beside the reserve; beyond "
            "it the oldest snapshots go. Absent: as much as there is room for"
        ),
    ] = None
    backfill_bytes_max: Annotated[
        Size | None,
        msgspec.Meta(
            description="Most bytes kept of samples that were not delivered while live, with the same range; beyond it "
            "the oldest go. Absent: as much as there is room for"
        ),
    ] = None

    @property
    def bytes_max(self) -> dict[Lane, int]:
        """The lanes that have a bound of their own, and it, bytes."""
        told = {Lane.SNAPSHOT: self.snapshot_bytes_max, Lane.BACKFILL: self.backfill_bytes_max}
        return {lane: own for lane, own in told.items() if own is not None}


class OutboxSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where undelivered telemetry waits, and how much of it."""

    path: Annotated[Path, msgspec.Meta(description="The SQLite file; its folder must exist and belong to this process")]
    bytes_max: Annotated[
        int,
        msgspec.Meta(
            description="Most bytes of blocks kept, 1 MiB to 1 TiB; 64 MiB are three days of ten chargers at 1 Hz. "
            "The file may become half as large again",
            ge=1 << 20,
            le=1 << 40,
        ),
    ] = 64 << 20
    reserve_bytes: Annotated[
        int,
        msgspec.Meta(
            description="Of bytes_max, kept free for alarms and receipts, 0 to 16777216; no more than half of it",
            ge=0,
            le=1 << 24,
        ),
    ] = 1 << 18
    age_max_s: Annotated[
        int,
        msgspec.Meta(
            description="Oldest block kept, s of this process's running time, 60 to 31536000; the default is 30 days",
            ge=60,
            le=31_536_000,
        ),
    ] = 2_592_000
    block_rows: Annotated[
        int,
        msgspec.Meta(
            description="Rows packed into one block, 1 to 600; 1 is live, 60 costs a third of the bytes of 1",
            ge=1,
            le=600,
        ),
    ] = 10
    backfill_after_s: Annotated[
        int,
        msgspec.Meta(
            description="A block undelivered for longer than this yields to live ones, s, 5 to 3600", ge=5, le=3600
        ),
    ] = 60
    lanes: Annotated[
        LaneSettings,
        msgspec.Meta(description="Bounds of single lanes, for example `lanes.backfill_age_max_s = 259200`"),
    ] = LaneSettings()

    def __post_init__(self) -> None:
        """Refuse a bound of a lane that could never be reached.

        Raises:
            ValueError: It is greater than what all lanes without a reserve may have together.
        """
        left = self.ordinary_bytes_max
        for lane, own in self.lanes.bytes_max.items():
            if own > left:
                raise ValueError(
                    f"lanes.{lane.name.lower()}_bytes_max = {own} is never reached: bytes_max = {self.bytes_max} less "
                    f"the reserve for alarms leaves {left}; lower it, or raise bytes_max"
                )

    @property
    def ordinary_bytes_max(self) -> int:
        """What all lanes but alarms and receipts may have together, bytes."""
        return self.bytes_max - min(self.reserve_bytes, self.bytes_max // 2)

    def age_max_ms(self, lane: Lane) -> int:
        """Give how old a block of a lane may become, ms."""
        own = {
            Lane.ALARM: self.lanes.alarm_age_max_s,
            Lane.RECEIPT: self.lanes.receipt_age_max_s,
            Lane.SNAPSHOT: self.lanes.snapshot_age_max_s,
            Lane.BACKFILL: self.lanes.backfill_age_max_s,
        }.get(lane)
        return 1000 * (self.age_max_s if own is None else own)
