"""This file packs what the relay tells the tap; it guards that every loss on the way is told in-band.

Constraints: one copy is one SEQPACKET packet of at most 64 KiB, sent without waiting; whatever the socket refuses is
    lost and counted, and the count travels in the next copy that gets through. The relay never parses a payload, so
    the bytes are those of the connection, masked and compressed as they came.

Layout, little-endian, 36 bytes, then the payload::

    offset size field
    0      1    version      1
    1      1    kind         1 OPEN, 2 DATA, 3 CLOSE
    2      1    direction    0 from the charger, 1 from the CSMS (DATA); which leg ended first (CLOSE)
    3      1    reserved     0
    4      4    lost         copies the socket refused since the last one that got through
    8      8    connection   number of the connection, unique while the relay process lives
    16     8    mono_ns      CLOCK_MONOTONIC of this machine when the bytes were read
    24     8    offset       DATA: position of the payload's first byte in its direction, counted from the upgrade
    32     4    boundary     DATA: index in the payload where a WebSocket frame begins, or 0xFFFFFFFF for none

Operation: OPEN precedes every other copy of its connection and is told again for each living connection when the tap
comes back. A reader that meets a gap in `offset` drops what it has of that direction and starts again at a boundary.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import msgspec

VERSION = 1
PAYLOAD_BYTES_MAX = 65_536 - 36
NO_BOUNDARY = 0xFFFF_FFFF

_HEADER = struct.Struct("<BBBBIQQQI")
HEADER_BYTES = _HEADER.size


class Kind(IntEnum):
    """What a copy tells."""

    OPEN = 1
    DATA = 2
    CLOSE = 3


class Direction(IntEnum):
    """Which way the bytes went."""

    FROM_CHARGER = 0
    FROM_CSMS = 1


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of OPEN, as JSON.

    Attributes:
        charger: Identity, percent-decoded.
        subprotocol: As the CSMS chose it, "" for none.
        extensions: Sec-WebSocket-Extensions of the CSMS's answer as it was passed to the charger, "" for none.
        opened_mono_ns: When the charger was answered.
        secure: Whether the charger's leg is TLS.
    """

    charger: str
    subprotocol: str
    extensions: str
    opened_mono_ns: int
    secure: bool


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of CLOSE, as JSON.

    Attributes:
        cause: "close-frame", "end-of-stream", "reset", "limit", "drain".
    """

    cause: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy, unpacked. The fields are those of the layout."""

    kind: Kind
    direction: Direction
    lost: int
    connection: int
    mono_ns: int
    offset: int
    boundary: int | None
    payload: bytes


def pack_header(  # noqa: PLR0917 - the relay calls this once a read: plain arguments, no object
    kind: int, direction: int, lost: int, connection: int, mono_ns: int, offset: int, boundary: int
) -> bytes:
    """Pack the 36 bytes that precede a payload. `boundary` is NO_BOUNDARY where no frame begins."""
    return _HEADER.pack(VERSION, kind, direction, 0, lost & 0xFFFF_FFFF, connection, mono_ns, offset, boundary)


def unpack(packet: bytes) -> Copy:
    """Unpack one packet.

    Raises:
        ValueError: It is shorter than its header, of another version or kind, or longer than allowed.
    """
    if not HEADER_BYTES <= len(packet) <= HEADER_BYTES + PAYLOAD_BYTES_MAX:
        raise ValueError(f"tap copy of {len(packet)} bytes")
    version, kind, direction, _, lost, connection, mono_ns, offset, boundary = _HEADER.unpack_from(packet)
    if version != VERSION:
        raise ValueError(f"tap copy version {version}; relay and tap are of different releases")
    return Copy(
        Kind(kind),
        Direction(direction),
        lost,
        connection,
        mono_ns,
        offset,
        None if boundary == NO_BOUNDARY else boundary,
        packet[HEADER_BYTES:],
    )
