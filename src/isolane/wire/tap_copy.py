"""This file packs what the relay tells the tap; it guards that every loss on the way is told in-band.

Constraints: copies travel in SEQPACKET packets of at most 64 KiB, many in one so that neither side works once a frame;
    a packet is sent without waiting. What the socket refuses is lost and counted, and the count travels in the next
    packet that gets through. The relay never parses a payload, so the bytes are those of the connection, masked and
    compressed as they came.

Layout, little-endian. A packet is 8 bytes and then one or more copies; the last one ends where the packet ends::

    offset size field
    0      1    version      2
    1      3    reserved     0
    4      4    lost         copies that were lost since the last packet that got through

A copy is 36 bytes and then its payload::

    offset size field
    0      1    kind         1 OPEN, 2 DATA, 3 CLOSE
    1      1    direction    0 from the charger, 1 from the CSMS (DATA); which leg ended first (CLOSE)
    2      2    reserved     0
    4      4    size         bytes of the payload
    8      8    connection   number of the connection, unique while the relay process lives
    16     8    mono_ns      CLOCK_MONOTONIC of this machine when the bytes were read
    24     8    offset       DATA: position of the payload's first byte in its direction, counted from the upgrade
    32     4    boundary     DATA: index in the payload where a WebSocket frame begins, or 0xFFFFFFFF for none

Operation: copies stand in the order in which their bytes passed. OPEN precedes every other copy of its connection and
is told again for each living connection when the tap comes back. A reader that meets a gap in `offset` drops what it
has of that direction and starts again at a boundary.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec

VERSION = 2
_PACKET: Final = struct.Struct("<BxxxI")
_COPY: Final = struct.Struct("<BBxxIQQQI")
PACKET_HEADER_BYTES: Final = _PACKET.size
COPY_HEADER_BYTES: Final = _COPY.size
PACKET_BYTES_MAX: Final = 65_536
PAYLOAD_BYTES_MAX: Final = PACKET_BYTES_MAX - PACKET_HEADER_BYTES - COPY_HEADER_BYTES
"""The largest payload has a packet of its own."""
NO_BOUNDARY = 0xFFFF_FFFF
_LOST_MAX = 0xFFFF_FFFF

pack_copy_header: Final = _COPY.pack
"""Packs the 36 bytes before a payload: kind, direction, size, connection, mono_ns, offset, boundary (NO_BOUNDARY where
no frame begins). The relay calls it once a read, so it is the bound method and no function around it."""


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
    connection: int
    mono_ns: int
    offset: int
    boundary: int | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, unpacked. The fields are those of the layout."""

    lost: int
    copies: list[Copy]


def pack_packet_header(lost: int) -> bytes:
    """Pack the 8 bytes before the copies; a count that does not fit is told as the largest that does."""
    return _PACKET.pack(VERSION, min(lost, _LOST_MAX))


def unpack(packet: bytes) -> Packet:
    """Unpack one packet.

    Raises:
        ValueError: It is of another version, longer than allowed, or its copies are not what they say.
    """
    size = len(packet)
    if not PACKET_HEADER_BYTES < size <= PACKET_BYTES_MAX:
        raise ValueError(f"tap packet of {size} bytes")
    version, lost = _PACKET.unpack_from(packet)
    if version != VERSION:
        raise ValueError(f"tap packet version {version}; relay and tap are of different releases")
    copies = []
    at = PACKET_HEADER_BYTES
    while at < size:
        start = at + COPY_HEADER_BYTES
        if start > size:
            raise ValueError("tap packet ends within a header")
        kind, direction, length, connection, mono_ns, offset, boundary = _COPY.unpack_from(packet, at)
        at = start + length
        if at > size:
            raise ValueError("tap packet ends within a payload")
        copies.append(
            Copy(
                Kind(kind),
                Direction(direction),
                connection,
                mono_ns,
                offset,
                None if boundary == NO_BOUNDARY else boundary,
                packet[start:at],
            )
        )
    return Packet(lost, copies)
