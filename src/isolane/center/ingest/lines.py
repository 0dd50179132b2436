"""This file lets the broker's messages wait in a line for each gateway; it guards that no line hides another.

Operation: one session with the broker brings everybody's messages, and one that floods brings them faster than they can
be looked at. Each is put at the end of its own gateway's line; whoever takes one takes the first of the next line, so
that a message waits for its own gateway's and for one of each other's at most. A line is as long as a gateway may have
messages waiting, those that wait for their turn at its gate included; what comes then is not taken, and costs nothing
more than to be counted.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

import aiomqtt

from isolane.center.ingest.quota import Gates

_GATEWAY_LEVEL = 2
"""Of `isolane/<site>/<gateway>/up/<kind>`; what has another form waits in one line and is refused later."""


class _Line:
    """What waits of one gateway."""

    __slots__ = ("messages", "size_bytes")

    def __init__(self) -> None:
        self.messages: deque[aiomqtt.Message] = deque()
        self.size_bytes = 0


class _Waiting:
    """All lines, the one whose turn it is first."""

    def __init__(self) -> None:
        self.lines: OrderedDict[str, _Line] = OrderedDict()
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def put(self, message: aiomqtt.Message) -> None:
        line = self.lines.setdefault(gateway_of(message), _Line())
        line.messages.append(message)
        line.size_bytes += _size_bytes(message)
        self._number += 1

    def take(self) -> aiomqtt.Message:
        gateway, line = self.lines.popitem(last=False)
        message = line.messages.popleft()
        line.size_bytes -= _size_bytes(message)
        if line.messages:
            self.lines[gateway] = line
        self._number -= 1
        return message


class Lines(asyncio.Queue[aiomqtt.Message]):
    """The queue of a session with the broker.

    Args:
        maxsize: As the library asks for it; the lines have bounds of their own, so it is not heeded.
        gates: Know how much may wait.
        refused: Is told the gateway of a message that is not taken, and why.
    """

    def __init__(self, maxsize: int = 0, *, gates: Gates, refused: Callable[[str, str], None]) -> None:
        self._gates = gates
        self._refused = refused
        super().__init__(min(maxsize, 0))

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Take a message, or refuse it because its gateway's line is full; never raises."""
        gateway = gateway_of(item)
        line = self._queue.lines.get(gateway)
        here = (len(line.messages), line.size_bytes) if line is not None else (0, 0)
        why = self._gates.of(gateway).refusal(*here)
        if why:
            self._refused(gateway, why)
        else:
            super().put_nowait(item)

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - the signature of asyncio.Queue
        self._queue = _Waiting()

    def _put(self, item: aiomqtt.Message) -> None:
        self._queue.put(item)

    def _get(self) -> aiomqtt.Message:
        return self._queue.take()


def gateway_of(message: aiomqtt.Message) -> str:
    """Give the gateway that a message's topic names; "" where it names none."""
    levels = str(message.topic).split("/", _GATEWAY_LEVEL + 1)
    return levels[_GATEWAY_LEVEL] if len(levels) > _GATEWAY_LEVEL else ""


def _size_bytes(message: aiomqtt.Message) -> int:
    return len(message.payload)
