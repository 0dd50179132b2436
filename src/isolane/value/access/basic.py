"""This file reads and writes HTTP Basic credentials byte by byte; it guards that one credential has one spelling.

Taken is exactly ``Basic <base64>``: one space, canonical padded base64 of the standard alphabet, a colon. The user is
the charger's identity in ASCII. The password is bytes: OCPP 1.6 configures up to 20 of any value as 40 hex digits;
OCPP 2.0.1 has 16 to 40 characters of UTF-8. Neither is interpreted here, only compared.

Source: RFC 7617; OCPP-J 1.6 §6.2; OCPP 1.6 security whitepaper ed. 3, A00.FR.205; OCPP 2.0.1 part 2, A00.FR.205.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

PASSWORD_BYTES_MAX: Final = 160
"""40 characters of at most four bytes."""

_FIELD = re.compile(r"Basic ([A-Za-z0-9+/]+={0,2})")
_FIELD_CHARS_MAX = 512


@dataclass(frozen=True, slots=True)
class Credential:
    """User and password, as bytes. Its representation does not show the password."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        """Show the user only."""
        return f"Credential({self.user!r})"


def read_basic(field: str) -> Credential | None:
    """Read the value of Authorization; None if it is anything but one whole Basic credential."""
    match = _FIELD.fullmatch(field) if len(field) <= _FIELD_CHARS_MAX else None
    if match is None:
        return None
    try:
        raw = base64.b64decode(match[1], validate=True)
    except binascii.Error:
        return None
    user, colon, password = raw.partition(b":")
    if base64.b64encode(raw).decode() != match[1] or not (user and colon and 0 < len(password) <= PASSWORD_BYTES_MAX):
        return None
    return Credential(user, password)


def write_basic(user: str, password: bytes) -> str:
    """Write the value of Authorization."""
    return "Basic " + base64.b64encode(user.encode() + b":" + password).decode()
