"""This file defines the sampling table; it guards that how long a value is believed is the operator's to say."""

from typing import Annotated

import msgspec


class FastSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows beside the site's own, more often than those: a stream of its own for what is read that often."""

    step_ms: Annotated[
        int,
        msgspec.Meta(
            description="From row to row, ms, 10 to 999; a divisor of 1000 keeps rows on whole seconds", ge=10, le=999
        ),
    ] = 100
    grace_ms: Annotated[
        int,
        msgspec.Meta(
            description="How much later than its period a reading may come and still be GOOD, ms, 0 to 10000",
            ge=0,
            le=10_000,
        ),
    ] = 100
    hold_s: Annotated[
        float,
        msgspec.Meta(
            description="How old a value may be and still stand as STALE, s, 0 to 3600; never less than two periods",
            ge=0,
            le=3600,
        ),
    ] = 2.0
    block_rows: Annotated[
        int,
        msgspec.Meta(
            description="Rows packed into one block, 10 to 6000, fewer if they do not fit; 600 are a minute of 10 Hz",
            ge=10,
            le=6000,
        ),
    ] = 600


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
    fast: Annotated[
        FastSettings | None,
        msgspec.Meta(
            description="Rows of their own for signals that are read more often than every `step_ms`, and for bursts; "
            "absent: such signals stand in the site's rows like all others"
        ),
    ] = None
