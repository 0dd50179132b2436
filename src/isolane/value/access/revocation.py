"""This file ends connections whose certificate was revoked since they began.

It guards that a stolen certificate is worth nothing from the reload on, even to one who is connected.

OpenSSL looks at the lists in each handshake; here they are read for those who have shaken hands already. Layout
walked, DER (RFC 5280 §5.1)::

    CertificateList ::= SEQUENCE { tbsCertList SEQUENCE { version INTEGER (may be absent), signature SEQUENCE,
        issuer SEQUENCE, thisUpdate Time, nextUpdate Time (may be absent), revokedCertificates SEQUENCE OF
        SEQUENCE { userCertificate INTEGER, ... } (may be absent), crlExtensions [0] (may be absent) }, ... }
"""

import asyncio
import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.value import der
from isolane.value.access.client_certificate import Shown
from isolane.value.registry import Registry
from isolane.value.security_events import Kind, SecurityEvents

_PEM = re.compile(r"-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----")
_WATCHED_MAX = 65_536

Revoked = frozenset[tuple[bytes, int]]
"""Issuer, DER, and serial number."""


def read_revoked(file: Path) -> Revoked:
    """Read the lists of a PEM file.

    Raises:
        IsolaneError: It cannot be read or holds something else.
    """
    revoked: set[tuple[bytes, int]] = set()
    try:
        for block in _PEM.findall(file.read_text(encoding="ascii")):
            fields = list(der.first(der.first(base64.b64decode(block)).contents).children())
            if fields[0].tag == der.INTEGER:
                fields.pop(0)
            issuer = fields[1].contents
            for field in fields[2:]:
                if field.tag == der.SEQUENCE:
                    revoked |= {(issuer, _number(entry.children()[0])) for entry in field.children()}
    except (OSError, ValueError, IndexError, binascii.Error) as error:
        raise IsolaneError(f"cannot read revocation lists from {file}: {error}", "give a file of PEM CRLs") from error
    return frozenset(revoked)


class Revocation:
    """Watches who is connected with which certificate.

    Args:
        lists: PEM files.
        registry: Who is connected.
        events: Who is told.
    """

    def __init__(self, lists: Sequence[Path], registry: Registry, events: SecurityEvents) -> None:
        self._lists = lists
        self._registry = registry
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._shown: OrderedDict[str, Shown] = OrderedDict()

    def watch(self, charger: str, shown: Shown | None) -> None:
        """Note what a charger has shown that the CSMS has accepted; None for no certificate."""
        self._shown.pop(charger, None)
        if shown is not None and self._lists:
            self._shown[charger] = shown
            if len(self._shown) > _WATCHED_MAX:
                self._shown.popitem(last=False)

    def reload(self) -> None:
        """Read the lists again and end who stands on one; from any thread.

        Raises:
            IsolaneError: See `read_revoked`; nobody is ended.
        """
        revoked = frozenset[tuple[bytes, int]]().union(*map(read_revoked, self._lists))
        self._loop.call_soon_threadsafe(self._end, revoked)

    def _end(self, revoked: Revoked) -> None:
        for charger, shown in list(self._shown.items()):
            connection = self._registry.holders.get(charger)
            if connection is None:
                del self._shown[charger]
            elif (shown.issuer, shown.serial) in revoked:
                del self._shown[charger]
                detail = "revoked while connected"
                self._events.report(Kind.CERTIFICATE, peer=connection.peer, charger=charger, detail=detail)
                connection.go_away()


def _number(element: der.Element) -> int:
    return int.from_bytes(element.contents, "big", signed=True)
