"""This file declares the verb `telemetry.refine`; it guards that no command asks for more than a few hours."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration, TimeMs

SPAN_MS_MAX: Final = 6 * 3_600_000


class TelemetryRefineArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which time."""

    from_ms: Annotated[TimeMs, msgspec.Meta(description="From when, UTC, ms since 1970")]
    to_ms: Annotated[TimeMs, msgspec.Meta(description="Until before when; at most 6 h later")]

    def __post_init__(self) -> None:
        """Check both together.

        Raises:
            ValueError: It ends before it begins, or is longer than 6 h.
        """
        if not 0 < self.to_ms - self.from_ms <= SPAN_MS_MAX:
            raise ValueError("from_ms to to_ms is 1 ms to 6 h")


def _told(arguments: TelemetryRefineArguments) -> str:
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (arguments.from_ms, arguments.to_ms))
    return f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


TELEMETRY_REFINE: Final = Declaration(
    name="telemetry.refine",
    kind="R0",
    need=1,
    arguments=TelemetryRefineArguments,
    timeout_s=120.0,
    words="bring samples of a past time that were sent thinned to the center at full rate. It changes nothing else.",
    told=_told,
    result="`blocks` and `samples` that were put behind all others in the outbox; `left`, whether there was more",
)
