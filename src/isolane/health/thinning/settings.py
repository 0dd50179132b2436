"""This file defines the thinning table; it guards that every bound is stated in steps that the device really makes."""

from typing import Annotated

import msgspec

Steps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class ThinningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be lost on each rung. States, counts (no unit) and floats (no resolution) come back exactly."""

    deadband_steps: Annotated[
        int,
        msgspec.Meta(
            description="Rung deadband: a value is sent when it has moved further than this from the last one sent, "
            "in steps of the signal's resolution, 0 to 10000",
            ge=0,
            le=10_000,
        ),
    ] = 2
    bound_steps: Annotated[
        int,
        msgspec.Meta(
            description="Rung bounded: greatest error of what a line through the values sent gives back, in steps of "
            "the signal's resolution, 0 to 10000",
            ge=0,
            le=10_000,
        ),
    ] = 5
    steps_by_unit: Annotated[
        dict[str, Steps],
        msgspec.Meta(description="Other steps for all signals of a unit, on both rungs, for example W = 50"),
    ] = {}
    block_rows: Annotated[
        int,
        msgspec.Meta(
            description="Rows of a block on these rungs, 3 to 600; the first value of each block is always sent",
            ge=3,
            le=600,
        ),
    ] = 60
