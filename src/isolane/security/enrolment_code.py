"""This file makes and reads enrolment codes; it guards that a code says whom it may be shown to.

A code is 45 characters of Crockford's base 32, in groups of five: 10 bytes of secret, the first 16 bytes of the SHA-256
of the certificate (DER) of the listener that takes it, and 2 bytes that tell a mistyped code from a wrong one. Whoever
holds it looks at the listener's certificate before the secret leaves the box.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES: Final = str.maketrans("OIL", "011")
_SECRET_BYTES: Final = 10
"""80 bits: nobody guesses one within its life, so its hash needs no slow function."""
_PIN_BYTES: Final = 16
_CHECK_BYTES: Final = 2
_CHARS: Final = 45
_GROUP: Final = 5
_BITS: Final = 5


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A code, taken apart."""

    secret: bytes
    pin: bytes

    @classmethod
    def make(cls, listener: bytes) -> "EnrolmentCode":
        """Make one.

        Args:
            listener: The listener's certificate, DER.
        """
        return cls(secrets.token_bytes(_SECRET_BYTES), hashlib.sha256(listener).digest()[:_PIN_BYTES])

    @classmethod
    def parse(cls, text: str) -> "EnrolmentCode":
        """Read what a person has typed or pasted: any case, spaces and hyphens anywhere.

        Raises:
            ValueError: It is no code, or has a mistake.
        """
        plain = "".join(text.split()).replace("-", "").upper().translate(_LOOKALIKES)
        if len(plain) != _CHARS or set(plain) - set(_ALPHABET):
            raise ValueError(f"a code has {_CHARS} characters, digits and letters without U")
        number = 0
        for char in plain:
            number = number << _BITS | _ALPHABET.index(char)
        size = _SECRET_BYTES + _PIN_BYTES + _CHECK_BYTES
        if number >> 8 * size:
            raise ValueError("the code has a mistake")
        data = number.to_bytes(size, "big")
        code = cls(data[:_SECRET_BYTES], data[_SECRET_BYTES:-_CHECK_BYTES])
        if data[-_CHECK_BYTES:] != code._check():
            raise ValueError("the code has a mistake")
        return code

    def __str__(self) -> str:
        """Write it for a person."""
        number = int.from_bytes(self.secret + self.pin + self._check(), "big")
        chars = "".join(_ALPHABET[number >> _BITS * at & 31] for at in reversed(range(_CHARS)))
        return "-".join(chars[at : at + _GROUP] for at in range(0, _CHARS, _GROUP))

    def __repr__(self) -> str:
        """Hide the secret."""
        return f"EnrolmentCode(pin={self.pin.hex()})"

    def is_of(self, listener: bytes) -> bool:
        """Tell whether a listener's certificate (DER) is the one that this code is for."""
        return hmac.compare_digest(hashlib.sha256(listener).digest()[:_PIN_BYTES], self.pin)

    def _check(self) -> bytes:
        return hashlib.sha256(self.secret + self.pin).digest()[:_CHECK_BYTES]


def code_id(secret: bytes) -> bytes:
    """Give what is kept of a code at rest."""
    return hashlib.sha256(b"isolane enrolment code " + secret).digest()
