"""This file says how a device is read whatever wire leads to it; it guards that a failed read is a reason."""

from collections import Counter
from typing import Protocol

from isolane.core.samples import Reason
from isolane.health.sources.modbus.plan import Span


class ReadFailure(Exception):  # noqa: N818 - it is data on its way to a reading, not an error of this program
    """A read brought no registers; the reason goes into the readings."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Reads(Protocol):
    """A connection or line with any number of units behind it; reads come one after another."""

    counts: Counter[str]
    generation: int
    """Rises with every connection: what was learnt of a device on an older one may be wrong."""

    async def open(self) -> bool:
        """Connect if there is no connection and no pause to keep; tell whether there is one."""
        ...

    async def read(self, unit: int, span: Span, timeout_s: float) -> list[int]:
        """Read registers (or bits) of one unit within a time, s.

        Raises:
            ReadFailure: There is no connection, or no answer that can be used.
        """
        ...

    async def close(self) -> None:
        """End the connection."""
        ...
