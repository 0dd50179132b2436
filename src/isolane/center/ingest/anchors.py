"""This file keeps the anchor rows that gateways write their blocks against; it guards that no gateway fills the memory.

An anchor serves half a minute of blocks and is only kept in memory: one that is missing is asked for, and what needs it
comes again. What is stored needs no anchor any more.
"""

from collections import OrderedDict

from isolane.center.store.port import Origin
from isolane.wire.anchor import Anchor, decode_anchor

_ANCHORS_MAX = 64
"""Of one gateway: half an hour, or as many as a backfill can have under way."""
_BYTES_MAX = 256 << 20
"""Of all gateways together; beyond it those heard of longest ago are asked for again."""


class Anchors:
    """The anchors of all gateways; used by one thread."""

    def __init__(self) -> None:
        self._gateways: OrderedDict[str, OrderedDict[bytes, Anchor]] = OrderedDict()
        self._bytes = 0

    def learn(self, origin: Origin, data: bytes) -> None:
        """Take an anchor's JSON.

        Raises:
            ValueError: It is none.
        """
        identity, anchor = decode_anchor(data)
        known = self._gateways.setdefault(origin.gateway, OrderedDict())
        self._gateways.move_to_end(origin.gateway)
        if identity not in known:
            self._bytes += anchor.row.nbytes
        known[identity] = anchor
        known.move_to_end(identity)
        if len(known) > _ANCHORS_MAX:
            self._forget(known)
        while self._bytes > _BYTES_MAX:
            oldest = next(iter(self._gateways.values()))
            self._forget(oldest)
            if not oldest:
                self._gateways.popitem(last=False)

    def of(self, origin: Origin) -> OrderedDict[bytes, Anchor]:
        """Give a gateway's anchors by id."""
        return self._gateways.get(origin.gateway) or OrderedDict()

    def _forget(self, known: OrderedDict[bytes, Anchor]) -> None:
        _, anchor = known.popitem(last=False)
        self._bytes -= anchor.row.nbytes
