"""This file puts what no gateway of ours would do into security events; it guards that each names a gateway.

The gateway is the one whose certificate was shown; whom a message claims to be from is part of the detail at most.
"""

from isolane.security.event_lines import EventLines, Kind
from isolane.wire.block import gateway_tag
from isolane.wire.uplink import Up

_MAGIC = b"ISB"
_TAG = slice(17, 21)


class Suspicions:
    """Tells of misuse.

    Args:
        events: Where it is told.
    """

    def __init__(self, events: EventLines) -> None:
        self._events = events

    def over_quota(self, gateway: str, why: str, peer: str = "") -> None:
        """A gateway sends more than its share."""
        self._events.report(Kind.QUOTA, gateway=gateway, peer=peer, detail=why)

    def refused(self, gateway: str, why: str, peer: str = "") -> None:
        """A gateway speaks for another, or for a site that is not its own."""
        self._events.report(Kind.IDENTITY, gateway=gateway, peer=peer, detail=why)

    def poison(self, sender: tuple[str, str], kind: Up, payload: bytes, why: str, *, peer: str = "") -> None:
        """A message was set aside; a whole block of another gateway is more than an unreadable one.

        Args:
            sender: Site and gateway, as the transport proved them.
            kind: From the topic or path.
            payload: The message.
            why: It was set aside.
            peer: Address, where it is known.
        """
        is_foreign = kind is Up.BLOCK and payload[:3] == _MAGIC and payload[_TAG] != gateway_tag(*sender)
        what = Kind.IDENTITY if is_foreign else Kind.UNREADABLE
        self._events.report(what, gateway=sender[1], peer=peer, detail=f"{kind}: {why}")
