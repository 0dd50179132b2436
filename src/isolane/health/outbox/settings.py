"""This file defines the outbox table.

It guards that the outbox has a bound in bytes and in age, whatever is written.
"""

from pathlib import Path
from typing import Annotated

import msgspec


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
