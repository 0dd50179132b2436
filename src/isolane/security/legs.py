"""This file names the keys of a gateway; it guards that what one of them may do, none of the others may.

A gateway has a key for each leg, and a certificate for each key. Its common name is the gateway's name alone only for
Channel B's, since that is whom broker and center let in; the others have a colon, which no gateway's name has.
"""

from enum import StrEnum
from typing import Final

from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name

DOCUMENT_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""Source: RFC 9336."""
_CENTER: Final = "center"
_CENTERS: Final = (f"{_CENTER}-", "isolane-")
"""How names of the center's, and its client ids, may begin."""


class Leg(StrEnum):
    """What a key is for."""

    HEALTH = "health"
    """TLS of Channel B, to broker and center."""
    VALUE = "value"
    """TLS of Channel A's northern leg, to a CSMS that trusts these certificates."""
    RECEIPT = "receipt"
    """Signatures of receipts and statements; no TLS."""


PURPOSES: Final = {
    Leg.HEALTH: ExtendedKeyUsageOID.CLIENT_AUTH,
    Leg.VALUE: ExtendedKeyUsageOID.CLIENT_AUTH,
    Leg.RECEIPT: DOCUMENT_SIGNING,
}


def common_name(gateway: str, leg: Leg) -> str:
    """Give the CN of a leg's certificate."""
    return gateway if leg is Leg.HEALTH else f"{gateway}:{leg}"


def read_common_name(name: str) -> tuple[str, Leg]:
    """Give gateway and leg.

    Raises:
        ValueError: It is no leg's.
    """
    gateway, _, leg = name.partition(":")
    read = Leg(leg) if leg else Leg.HEALTH
    if common_name(gateway, read) != name or not gateway:
        raise ValueError(f"{name!r} is no name of a gateway's leg")
    return gateway, read


def check_gateway(name: str) -> str:
    """Return a gateway's name, or say why no gateway may have it.

    Raises:
        IsolaneError: It has another form, or is the center's own at a broker.
    """
    if check_name("gateway", name) == _CENTER or name.startswith(_CENTERS):
        raise IsolaneError(f"no gateway may be called {name!r}: that is the center's at the broker", "choose another")
    return name
