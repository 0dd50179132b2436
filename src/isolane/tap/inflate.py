"""This file inflates compressed messages as the peers negotiated it; it guards that no message is guessed.

Pure. With context takeover a message can only be read by who has read every one before it, so from the first loss on
each later one is refused. Output is bounded while it is produced: a small message that inflates without end costs one
limit. Source: RFC 7692 §7.1 (parameters), §7.2.2 (decompression).
"""

import zlib
from typing import NamedTuple

WINDOW_BITS_MAX = 15

_EXTENSION = "permessage-deflate"
_WINDOW_BITS = frozenset(map(str, range(8, WINDOW_BITS_MAX + 1)))
_ZLIB_BITS_MIN = 9
"""zlib deflates with 9 bits where 8 were asked for; a larger window reads the same."""
_TAIL = b"\x00\x00\xff\xff"
_AFTER_FINAL_BLOCK = (b"", _TAIL, b"\x00" + _TAIL)
"""What may be left over behind a block that was marked as the last: the empty block a sender adds."""


class UnreadableError(Exception):
    """A message cannot be read; `reason` is one of `Unread`'s."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Way(NamedTuple):
    """How one direction is compressed: whether messages share their context, and the window, 8 to 15 bits."""

    takeover: bool
    window_bits: int


class Agreement(NamedTuple):
    """permessage-deflate as agreed, a `Way` for each direction."""

    from_charger: Way
    from_csms: Way


def agreement(extensions: str) -> Agreement | None:
    """Read the Sec-WebSocket-Extensions of an answer.

    Returns:
        What was agreed, or None where permessage-deflate was not. The charger is the client, the CSMS the server.
    """
    for extension in extensions.split(","):
        name, *parameters = (part.strip() for part in extension.split(";"))
        if name.lower() != _EXTENSION:
            continue
        given = {}
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            given[key.strip().lower()] = value.strip().strip('"')
        return Agreement(_way(given, "client"), _way(given, "server"))
    return None


def _way(given: dict[str, str], side: str) -> Way:
    bits = given.get(f"{side}_max_window_bits", "")
    known = bits in _WINDOW_BITS
    return Way(f"{side}_no_context_takeover" not in given, int(bits) if known else WINDOW_BITS_MAX)


class Inflater:
    """Inflates the messages of one direction, in order.

    Args:
        way: As agreed.
        size_bytes_max: Messages that inflate to more are refused.
    """

    __slots__ = ("_context", "_lost", "_size_bytes_max", "_way")

    def __init__(self, way: Way, size_bytes_max: int) -> None:
        self._way = way
        self._size_bytes_max = size_bytes_max
        self._context: zlib._Decompress | None = None
        self._lost = False

    def lose(self) -> None:
        """Say that bytes of this direction were not seen."""
        self._context = None
        self._lost = self._way.takeover

    def inflate(self, message: bytes | bytearray) -> bytes:
        """Inflate one whole message.

        Raises:
            UnreadableError: "compressed" where the context is lost or the bytes are no DEFLATE, "oversize" above the
                limit.
        """
        if self._lost:
            raise UnreadableError("compressed")
        context = self._context or zlib.decompressobj(-max(self._way.window_bits, _ZLIB_BITS_MIN))
        try:
            text = context.decompress(bytes(message) + _TAIL, self._size_bytes_max + 1)
        except zlib.error:
            self.lose()
            raise UnreadableError("compressed") from None
        if len(text) > self._size_bytes_max:
            self.lose()
            raise UnreadableError("oversize")
        if context.eof:
            self.lose()  # zlib cannot go on with the window behind a last block
            if context.unused_data not in _AFTER_FINAL_BLOCK:
                raise UnreadableError("compressed")
        elif self._way.takeover:
            self._context = context
        return text
