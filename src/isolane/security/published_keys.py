"""This file knows private keys that are printed in a standard; it guards that none of them is anybody's identity here.

The keys of RFC 9500 exist so that software can tell them from real ones. A certificate for one of them proves nothing:
everybody holds its key. isolane itself ships no key at all.
"""

import ssl
from pathlib import Path
from typing import Final

_P521: Final = (
    "01d0fd7257a84c747f562575c07385dbebf2f52bea58083db82fdd1531d8aae3"
    "cc875ff02ff7fa2da260d8eb62d6d2f5d649278e321736a0628cbbb30308b6e618db"
)
_POINTS: Final = (
    "422548f88fb782ffb5eca3744452c72a1e558fbd6f73be5e48e93232cc45c5b1",
    "5b0901b88523296eb919d50ffa1a9cb374bc4d409586282bfeca11b1d95adbb54734af570bf82b7228cf226bcf4c25dd",
    _P521,
)
"""First coordinate of the public points of testECCP256, testECCP384 and testECCP521, RFC 9500 section 2.3."""
_KEYS: Final = tuple(bytes.fromhex(point) for point in _POINTS)
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


def is_published(chain: Path) -> bool:
    """Tell whether the first certificate of a PEM chain is for a published key.

    Args:
        chain: A readable file.
    """
    first, end, _ = chain.read_text(encoding="ascii", errors="replace").partition(_END)
    _, begin, body = first.partition(_BEGIN)
    return bool(begin and end) and any(key in ssl.PEM_cert_to_DER_cert(begin + body + end) for key in _KEYS)
