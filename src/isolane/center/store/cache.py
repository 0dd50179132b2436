"""This file keeps decoded blocks at hand; it guards a bound in bytes, so that charts cannot eat all memory."""

import threading
from collections import OrderedDict

from isolane.wire.block import Block

_OVERHEAD_BYTES = 600
"""What the objects around a block's two arrays cost in CPython, measured."""


class BlockCache:
    """The most recently used decoded blocks, by their number in the hot store; any thread may ask.

    Args:
        size_bytes_max: Bound of what it holds.
    """

    def __init__(self, size_bytes_max: int) -> None:
        self._size_bytes_max = size_bytes_max
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def get(self, numbers: list[int]) -> dict[int, Block]:
        """Give those of the blocks that are here."""
        found = {}
        with self._lock:
            for number in numbers:
                block = self._blocks.get(number)
                if block is not None:
                    self._blocks.move_to_end(number)
                    found[number] = block
        return found

    def put(self, number: int, block: Block) -> None:
        """Keep a block; the longest unused ones make room."""
        with self._lock:
            if number not in self._blocks:
                self._blocks[number] = block
                self.size_bytes += _size_bytes(block)
            while self.size_bytes > self._size_bytes_max and self._blocks:
                _, oldest = self._blocks.popitem(last=False)
                self.size_bytes -= _size_bytes(oldest)

    def drop(self, numbers: list[int]) -> None:
        """Forget blocks that have left the hot store."""
        with self._lock:
            for number in numbers:
                block = self._blocks.pop(number, None)
                if block is not None:
                    self.size_bytes -= _size_bytes(block)


def _size_bytes(block: Block) -> int:
    return block.values.nbytes + block.codes.nbytes + _OVERHEAD_BYTES
