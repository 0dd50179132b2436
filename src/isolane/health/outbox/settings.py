"""This file defines the outbox table.

It guards that the outbox has a bound in bytes and in age, whatever is written.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from isolane.health.outbox.lanes import Lane

Age = Annotated[int, msgspec.Meta(ge=60, le=31_536_000)]


class LaneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each lane is kept, where that is not `age_max_s`, from when a block was made on."""

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
        LaneSettings, msgspec.Meta(description="Ages of single lanes, for example `lanes.backfill_age_max_s = 259200`")
    ] = LaneSettings()

    def age_max_ms(self, lane: Lane) -> int:
        """Give how old a block of a lane may become, ms."""
        own = {
            Lane.ALARM: self.lanes.alarm_age_max_s,
            Lane.RECEIPT: self.lanes.receipt_age_max_s,
            Lane.SNAPSHOT: self.lanes.snapshot_age_max_s,
            Lane.BACKFILL: self.lanes.backfill_age_max_s,
        }.get(lane)
        return 1000 * (self.age_max_s if own is None else own)
