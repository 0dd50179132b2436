"""This file defines the thinning table; it guards that every bound is stated in steps that the device really makes."""

from pathlib import Path
from typing import Annotated

import msgspec

Steps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


_KEPT_BYTES_MIN = 4 << 20


class KeptSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept on the gateway at full rate of what was thinned before it was sent."""

    bytes_max: Annotated[
        int,
        msgspec.Meta(
            description="Most bytes kept, 4 MiB to 1 TiB, or 0: nothing is kept. The default is a day and a half of "
            "ten chargers of 50 signals at 1 Hz. It is given up first when the disk is full",
            ge=0,
            le=1 << 40,
        ),
    ] = 32 << 20
    age_max_s: Annotated[
        int,
        msgspec.Meta(
            description="Oldest rows kept, s of this process's running time, 600 to 31536000, to within a file of up "
            "to 1 MiB; the default is two days",
            ge=600,
            le=31_536_000,
        ),
    ] = 172_800
    path: Annotated[
        Path | None,
        msgspec.Meta(description="The folder; absent: beside the outbox, named as it is and `.kept`"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a bound that would not hold one write.

        Raises:
            ValueError: It is neither 0 nor at least 4 MiB.
        """
        if 0 < self.bytes_max < _KEPT_BYTES_MIN:
            raise ValueError(
                f"bytes_max = {self.bytes_max} is too little to keep anything; at least {_KEPT_BYTES_MIN}, or 0"
            )

    def folder(self, outbox: Path) -> Path:
        """Give the folder, for the outbox at a path."""
        return self.path or outbox.with_name(f"{outbox.name}.kept")


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
    kept: KeptSettings = KeptSettings()
