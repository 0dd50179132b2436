"""This file defines [center.store]; it guards that what the store may take of disk and memory is bounded by numbers."""

from typing import Annotated

import msgspec

from isolane.config.values import Secret


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are kept, how long and how much."""

    catalogue: Annotated[
        str | None,
        msgspec.Meta(
            description="Database of sites, chargers and the books: postgresql://USER@HOST:PORT/NAME, without a "
            "password; SQLite in the data folder if absent"
        ),
    ] = None
    catalogue_password: Annotated[
        Secret | None, msgspec.Meta(description="Password of `catalogue`'s user, file:PATH or env:NAME")
    ] = None
    hot_minutes: Annotated[
        int,
        msgspec.Meta(
            description="How long a block stays in the hot store before it moves to the lake, min", ge=1, le=1440
        ),
    ] = 60
    roll_interval_s: Annotated[
        float, msgspec.Meta(description="How often blocks move to the lake, s", ge=0.1, le=86_400)
    ] = 900.0
    raw_days: Annotated[
        int, msgspec.Meta(description="How long full-rate samples are kept, d; 0 for ever", ge=0, le=36_500)
    ] = 400
    minute_days: Annotated[
        int, msgspec.Meta(description="How long one-minute rollups are kept, d; 0 for ever", ge=0, le=36_500)
    ] = 3650
    cache_mb: Annotated[int, msgspec.Meta(description="Bound of decoded blocks in memory, MB", ge=1, le=65_536)] = 128
    query_memory_mb: Annotated[int, msgspec.Meta(description="Bound of DuckDB's memory, MB", ge=64, le=1_048_576)] = 512
    query_threads: Annotated[int, msgspec.Meta(description="Threads that DuckDB may use", ge=1, le=256)] = 2
    offline_after_s: Annotated[
        float,
        msgspec.Meta(description="A charger without a new block for so long is shown offline, s", ge=1, le=86_400),
    ] = 150.0
