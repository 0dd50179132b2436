"""This file counts what the outbox costs the flash it is on; it guards that the kernel's count is shown, not a guess.

The kernel counts for each thread the bytes it has made the block layer write, whole pages, the journal of SQLite
included; the outbox has a thread of its own, which asks for its own count after each thing it does: nobody else may
(`/proc/self/task/N/io` is root's, since the process keeps its memory private). What a flash controller writes beyond
that nobody can see from here.
"""

import resource
from collections.abc import Callable
from typing import TypeVar

_BLOCK_BYTES = 512
"""What getrusage(2) counts output in."""
_Result = TypeVar("_Result")


class Wear:
    """Bytes written by one thread.

    Attributes:
        written_bytes: So far; None where none is counted.
    """

    def __init__(self) -> None:
        self.written_bytes: int | None = None

    def counted(self, function: Callable[[], _Result]) -> _Result:
        """Do something and take the count of the thread that calls this, which must be the same each time."""
        try:
            return function()
        finally:
            self.written_bytes = resource.getrusage(resource.RUSAGE_THREAD).ru_oublock * _BLOCK_BYTES

    def end(self) -> None:
        """Show no more; the thread has ended."""
        self.written_bytes = None
