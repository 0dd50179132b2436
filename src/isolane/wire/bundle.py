"""This file puts several messages into one body; it guards that what comes out is what went in, in its order.

Over HTTPS a message of its own costs some 350 bytes of headers and a round trip. A bundle costs that once.

Layout: the four bytes ``ISU`` 0x01, then for each message four bytes, big-endian: its kind in the highest (0 block,
1 schema, 2 gap, 3 ledger, 4 paper), its length in bytes in the lower three; then its bytes.
"""

from collections.abc import Iterable

from isolane.core.ids import check_name
from isolane.wire.uplink import Up

KIND = "bundle"
"""The last step of the path it is posted to."""
MESSAGES_MAX = 256
"""What a center takes in one."""

_BEGINS = b"ISU\x01"
_HEAD_BYTES = 4
_KINDS = (Up.BLOCK, Up.SCHEMA, Up.GAP, Up.LEDGER, Up.PAPER)
_LENGTH_BITS = 24

Part = tuple[Up, bytes]
"""Kind and bytes of one message."""


def pack(parts: Iterable[Part]) -> bytes:
    """Give one body for several messages, each shorter than 16 MiB."""
    out = bytearray(_BEGINS)
    for kind, data in parts:
        out += (_KINDS.index(kind) << _LENGTH_BITS | len(data)).to_bytes(_HEAD_BYTES, "big")
        out += data
    return bytes(out)


def unpack(data: bytes) -> list[Part]:
    """Take a bundle apart.

    Raises:
        ValueError: It is none, of another version, cut, empty, or of more than `MESSAGES_MAX` messages.
    """
    if not data.startswith(_BEGINS):
        raise ValueError("no bundle, or one of another release")
    parts: list[Part] = []
    at = len(_BEGINS)
    while at < len(data):
        head = int.from_bytes(data[at : at + _HEAD_BYTES], "big")
        kind, length = head >> _LENGTH_BITS, head & ((1 << _LENGTH_BITS) - 1)
        begin, at = at + _HEAD_BYTES, at + _HEAD_BYTES + length
        if kind >= len(_KINDS) or at > len(data):
            raise ValueError("a bundle that is cut, or has a message of no kind known here")
        parts.append((_KINDS[kind], data[begin:at]))
        if len(parts) > MESSAGES_MAX:
            raise ValueError(f"a bundle of more than {MESSAGES_MAX} messages")
    if not parts:
        raise ValueError("an empty bundle")
    return parts


def bundle_path(site: str, gateway: str) -> str:
    """Give the path a bundle is posted to.

    Raises:
        IsolaneError: See `uplink.up_topic`.
    """
    return f"/ingest/v1/{check_name('site', site)}/{check_name('gateway', gateway)}/{KIND}"
