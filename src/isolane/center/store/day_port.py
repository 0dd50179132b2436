"""This file states how the lengths of stored days are asked for; it guards that what nobody computed is not there."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DayLength:
    """How long a port was not up on one day.

    Attributes:
        site: Site name.
        charger: Identity.
        port: Number of the port.
        day: Days since 1970, UTC.
        down_ms: Connected and not up.
        offline_ms: Known not to be connected.
        unknown_ms: Nobody knows.
    """

    site: str
    charger: str
    port: int
    day: int
    down_ms: int
    offline_ms: int
    unknown_ms: int

    @property
    def outage_ms(self) -> int:
        """The part of which it is known that it was not up."""
        return self.down_ms + self.offline_ms


class DayLengths(Protocol):
    """Lengths of days whose figures were computed."""

    async def lengths(self, first: int, last: int) -> list[DayLength]:
        """Give them for some days, both ends included, by place and day.

        Raises:
            OSError: The store cannot be read.
        """
        ...
