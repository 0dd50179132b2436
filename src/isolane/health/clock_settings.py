"""This file defines [health.clock]; it guards that when a clock is believed is a setting and no accident."""

from typing import Annotated

import msgspec


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the UTC clock is believed; docs/decisions/0020-a-clock-that-was-set.md."""

    set_s: Annotated[
        float,
        msgspec.Meta(
            description="The UTC clock counts as set when it is further than this from where the monotonic clock "
            "expects it, s, 1 to 3600; several small steps add up. Our choice: networks' delays are smaller, and so is "
            "what a restart of a time service corrects",
            ge=1,
            le=3600,
        ),
    ] = 10.0
    distrust_s: Annotated[
        float,
        msgspec.Meta(
            description="So long a clock that was set is not believed, whatever the kernel says, s, 0 to 86400, by the "
            "monotonic clock; 0: it is believed at once, and the event is told all the same. Our choice",
            ge=0,
            le=86_400,
        ),
    ] = 3600.0
