"""This file checks whom a charger's certificate names (security profile 3).

It guards that a certificate opens the door for one charger only.

OpenSSL has checked the chain, the validity, the purpose, the strength and the revocation before. Here: the CN is the
charger's (OCPP puts the serial number there; where that is not the identity, a table says which it is), the O is the
operator's, the certificate is no CA's, and no other identity has connected with the same certificate.

Source: OCPP 1.6 security whitepaper ed. 3 and OCPP 2.0.1 part 2, A00.FR.403 to 405 and 427.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from isolane.value import der
from isolane.value.failures import Refused

_BASIC_CONSTRAINTS: Final = bytes.fromhex("551d13")
_OWNERS_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate says.

    Attributes:
        names: The values of CN.
        organisations: The values of O.
        is_ca: Whether it may sign others.
        fingerprint: SHA-256 of its DER.
        issuer: Name of its issuer, DER.
        serial: Serial number, unique with the issuer.
    """

    names: tuple[str, ...]
    organisations: tuple[str, ...]
    is_ca: bool
    fingerprint: bytes
    issuer: bytes
    serial: int


def read_shown(facts: Mapping[str, Any], certificate: bytes) -> Shown:
    """Read a certificate.

    Args:
        facts: What `ssl.SSLSocket.getpeercert()` gives.
        certificate: What it gives with `binary_form`.

    Raises:
        ValueError: The certificate's layout is none of RFC 5280.
    """
    fields = der.first(der.first(certificate).contents).children()
    serial, _, issuer = [field for field in fields if field.tag != der.VERSION][:3]
    subject = [pair for part in facts.get("subject", ()) for pair in part]
    return Shown(
        names=tuple(value for name, value in subject if name == "commonName"),
        organisations=tuple(value for name, value in subject if name == "organizationName"),
        is_ca=_is_ca(fields),
        fingerprint=hashlib.sha256(certificate).digest(),
        issuer=issuer.contents,
        serial=int.from_bytes(serial.contents, "big", signed=True),
    )


class Certificates:
    """Which certificate belongs to which charger.

    Args:
        organisation: What O must be, None for anything.
        serials: CN by identity, where it is not the identity.
    """

    def __init__(self, organisation: str | None, serials: Mapping[str, str]) -> None:
        self._organisation = organisation
        self._serials = serials
        self._owners: OrderedDict[bytes, str] = OrderedDict()

    def check(self, shown: Shown, charger: str) -> None:
        """Let a charger pass.

        Raises:
            Refused: 403; the certificate is not this charger's.
        """
        problem = ""
        if shown.is_ca:
            problem = "a CA's certificate"
        elif shown.names != (self._serials.get(charger, charger),):
            problem = "another CN"
        elif self._organisation is not None and shown.organisations != (self._organisation,):
            problem = "another O"
        elif self._owners.get(shown.fingerprint, charger) != charger:
            problem = "the certificate of another identity"
        if problem:
            raise Refused(403, "certificate", detail=problem)

    def own(self, shown: Shown, charger: str) -> None:
        """Note who has connected with a certificate; call it when the CSMS has accepted the charger."""
        self._owners[shown.fingerprint] = charger
        self._owners.move_to_end(shown.fingerprint)
        if len(self._owners) > _OWNERS_MAX:
            self._owners.popitem(last=False)


def _is_ca(fields: Iterable[der.Element]) -> bool:
    """Look at basicConstraints: SEQUENCE { cA BOOLEAN DEFAULT FALSE, ... } (RFC 5280 §4.2.1.9)."""
    for field in fields:
        if field.tag != der.EXTENSIONS:
            continue
        for extension in der.first(field.contents).children():
            parts = extension.children()
            if parts[0].contents == _BASIC_CONSTRAINTS:
                constraints = der.first(parts[-1].contents).children()
                return bool(constraints) and constraints[0].tag == der.BOOLEAN and constraints[0].contents != b"\0"
    return False
