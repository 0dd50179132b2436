"""This file walks DER, the encoding of certificates.

It guards that the relay needs no certificate library to read one.

Layout of an element: tag (one byte), length (one byte, or 0x80 + n and n bytes, big-endian), contents. A constructed
element's contents are elements again. Tags of more than one byte do not occur in certificates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
UTC_TIME: Final = 0x17
SEQUENCE: Final = 0x30
VERSION: Final = 0xA0
"""[0] EXPLICIT, of a TBSCertificate."""
EXTENSIONS: Final = 0xA3
"""[3] EXPLICIT, of a TBSCertificate."""

_LONG = 0x80
_LENGTH_BYTES_MAX = 4


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag and its contents."""

    tag: int
    contents: bytes

    def children(self) -> tuple["Element", ...]:
        """Give the elements inside.

        Raises:
            ValueError: The contents are no whole elements.
        """
        return tuple(walk(self.contents))


def walk(der: bytes) -> Iterator[Element]:
    """Give one element after the other.

    Raises:
        ValueError: They are not whole.
    """
    at = 0
    while at < len(der):
        head = der[at : at + 2]
        at += 2
        size = head[-1] if len(head) > 1 else _LONG
        if size & _LONG:
            width = size & ~_LONG
            if not 0 < width <= _LENGTH_BYTES_MAX or len(der) < at + width:
                raise ValueError("not DER: a length is cut off")
            size = int.from_bytes(der[at : at + width], "big")
            at += width
        if len(der) < at + size:
            raise ValueError("not DER: contents are cut off")
        yield Element(head[0], der[at : at + size])
        at += size


def first(der: bytes) -> Element:
    """Give the first element.

    Raises:
        ValueError: There is none, or it is not whole.
    """
    for element in walk(der):
        return element
    raise ValueError("not DER: empty")
