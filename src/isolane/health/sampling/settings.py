"""This file defines the sampling table; it guards that how long a value is believed is the operator's to say."""

from typing import Annotated

import msgspec


class SamplingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How readings become rows."""

    step_ms: Annotated[
        int,
        msgspec.Meta(
            description="From row to row, ms, 100 to 60000; a divisor of 60000 keeps rows on whole minutes",
            ge=100,
            le=60_000,
        ),
    ] = 1000
    grace_ms: Annotated[
        int,
        msgspec.Meta(
            description="How much later than its period a reading may come and still be GOOD, ms, 0 to 60000; "
            "absorbs the jitter of polling",
            ge=0,
            le=60_000,
        ),
    ] = 400
    hold_s: Annotated[
        float,
        msgspec.Meta(
            description="How old a value may be and still stand as STALE, s, 0 to 86400; never less than two periods",
            ge=0,
            le=86_400,
        ),
    ] = 30.0
