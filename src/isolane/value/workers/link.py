"""This file joins a worker and the supervisor; it guards that nobody waits for one who is gone.

The layout of what travels is at the top of messages.py. The socket is one of a pair that the supervisor makes before
it starts a worker, so it has no path that anybody else could connect to, and its end of file tells either side that the
other's process is gone.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from isolane.value.workers.messages import Answer, Asked, Message

_log = logging.getLogger(__name__)

_LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A metrics page has some 10 kB, everything else some 100 bytes."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


class Link(asyncio.Protocol):
    """One end.

    Args:
        take: Called with each message that is no answer.
        ended: Called once, when the other end is gone.

    Attributes:
        gone: Whether it is.
    """

    def __init__(self, take: Callable[["Link", Message], None], ended: Callable[["Link"], None]) -> None:
        self._take = take
        self._ended = ended
        self._transport: asyncio.WriteTransport | None = None
        self._rest = b""
        self._last = 0
        self._asked: dict[int, asyncio.Future[Answer | None]] = {}
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the socket."""
        self._transport = transport  # type: ignore[assignment]  # a stream socket's transport writes

    def data_received(self, data: bytes) -> None:
        """Take whole lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._receive(line)
        if len(self._rest) > _LINE_BYTES_MAX:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer everybody who waits: nobody will."""
        if exc is not None:
            _log.warning("link-lost reason=%s", exc)
        self.gone = True
        for future in self._asked.values():
            if not future.done():
                future.set_result(None)
        self._ended(self)

    def send(self, message: Message) -> None:
        """Tell something; to one who is gone it does nothing."""
        if self._transport is not None and not self.gone:
            self._transport.write(_encode(message) + b"\n")

    def number(self) -> int:
        """Give a question number that this end has not used."""
        self._last += 1
        return self._last

    async def ask(self, message: Asked, wait_s: float | None = None) -> Answer | None:
        """Ask and wait for the answer.

        Args:
            message: Its `question` comes from `number`.
            wait_s: s to wait, None for ever.

        Returns:
            None when the other end is gone or the time is over.
        """
        if self.gone:
            return None
        future = asyncio.get_running_loop().create_future()
        self._asked[message.question] = future
        self.send(message)  # type: ignore[arg-type]  # every kind of Asked is a Message
        try:
            async with asyncio.timeout(wait_s):
                answer: Answer | None = await future
                return answer
        except TimeoutError:
            return None
        finally:
            del self._asked[message.question]

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.close()

    def _receive(self, line: bytes) -> None:
        message: Message = _decode(line)
        if not isinstance(message, Answer):
            self._take(self, message)
            return
        future = self._asked.get(message.question)
        if future is not None and not future.done():
            future.set_result(message)
