"""This file ends messages that never become whole.

It guards that a sender who trickles holds nothing open, and that the frames of the others pay nothing for that.

A message that is under way, from its first header byte to its last payload byte, fragments and the time between them
included, has `assembly_s` to become whole. One that takes longer may go on as long as it brings
`assembly_bytes_per_s` in each further such time: 8 MiB over a slow mobile network take an hour and are honest, a byte a
second is not. Progress is judged anew each time, so that bytes sent fast earn no rest. Time in which we do not read the
sender, because its peer does not read (see `stall_s`), is not the sender's.

No frame is timed. A sweep looks at every connection `_ROUNDS` times in `assembly_s`, some at a time, and notes which
message it finds under way; two looks that find the same message give its age, short by one round at most. So that a
message lives for `assembly_s` at most it is ended two rounds earlier, a tenth of the time.
"""

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Final

from isolane.value.registry import Registry
from isolane.value.settings import Limits

_ROUNDS: Final = 20
_AT_ONCE: Final = 200
"""Connections between two turns of the event loop; a tenth of a millisecond."""


class Assembly:
    """What the sweep knows of one direction of a connection."""

    __slots__ = ("_bytes", "_message", "_since_s")

    def __init__(self) -> None:
        self._message = 0
        self._since_s = 0.0
        self._bytes = 0

    def is_overdue(self, message: int, bytes_passed: int, now_s: float, limits: Limits) -> bool:
        """Tell whether a message has had its time and does not move.

        Args:
            message: Number of the message under way, 0 for none.
            bytes_passed: Bytes that have passed in this direction so far.
            now_s: Monotonic time, s.
            limits: `assembly_s` and `assembly_bytes_per_s` apply.
        """
        if not message or message != self._message:
            self._begin(message, bytes_passed, now_s)
            return False
        age_s = now_s - self._since_s
        if age_s < limits.assembly_s * (1 - 2 / _ROUNDS):
            return False
        moved = bytes_passed - self._bytes
        self._begin(message, bytes_passed, now_s)
        return moved < limits.assembly_bytes_per_s * age_s

    def _begin(self, message: int, bytes_passed: int, now_s: float) -> None:
        self._message, self._bytes, self._since_s = message, bytes_passed, now_s


async def sweep(registry: Registry, limits: Callable[[], Limits]) -> None:
    """Look at every living connection again and again; cancel it to end it.

    Args:
        registry: Whose connections.
        limits: Gives those of now; a connection is judged by its own.
    """
    loop = asyncio.get_running_loop()
    while True:
        round_s = limits().assembly_s / _ROUNDS
        connections = iter(list(registry.living.values()))
        began_s = loop.time()
        while some := list(islice(connections, _AT_ONCE)):
            for connection in some:
                connection.look(loop.time())
            await asyncio.sleep(0)
        await asyncio.sleep(max(0.0, round_s - (loop.time() - began_s)))
