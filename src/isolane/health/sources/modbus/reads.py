"""This file says how a device is read whatever wire leads to it; it guards that a failed read is a reason."""

from collections import Counter
from typing import Protocol

from isolane.core.samples import Reason
from isolane.devices.point import BIT_TABLES
from isolane.health.sources.modbus.plan import Span

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""Function code that reads each table. Source: MODBUS Application Protocol V1.1b3, 6.1 to 6.4."""
EXCEPTION = 0x80
"""Added to the function code of an answer that says no."""
_GATEWAY_NO_ANSWER = 0x0B
"""A converter's word for a device behind it that did not answer."""


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


def data_bytes(span: Span) -> int:
    """Give how many bytes of data the answer to a read has."""
    return -(-span.words // 8) if span.table in BIT_TABLES else 2 * span.words


def refusal(code: int) -> ReadFailure:
    """Give what an exception code means for a reading."""
    return ReadFailure(Reason.TIMEOUT if code == _GATEWAY_NO_ANSWER else Reason.REFUSED)
