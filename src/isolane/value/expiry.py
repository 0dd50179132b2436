"""This file reads when a certificate ends; it guards that the relay needs no certificate library to know it.

Layout walked, DER (RFC 5280 §4.1)::

    Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version (may be absent), serialNumber INTEGER,
        signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE { notBefore Time, notAfter Time }, ... } ... }
"""

import datetime as dt
import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from isolane.value import der

_log = logging.getLogger(__name__)

_END = "-----END CERTIFICATE-----"
_CENTURY = 50
"""RFC 5280 §4.1.2.5.1: a UTCTime year from 50 on is of the twentieth century."""
_BEFORE_VALIDITY = 3
"""serialNumber, signature, issuer."""


def first_certificate(pem: Path) -> bytes:
    """Give the first certificate of a PEM file, DER.

    Raises:
        ValueError: It holds none.
        OSError: It cannot be read.
    """
    text = pem.read_text(encoding="ascii")
    begin = text.find("-----BEGIN CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(text[begin : text.find(_END, begin) + len(_END)])


def not_after_utc(pem: Path) -> dt.datetime:
    """Give the end of the first certificate in a PEM file.

    Raises:
        ValueError: It holds no certificate of this layout.
        OSError: It cannot be read.
    """
    try:
        fields = [
            field
            for field in der.first(der.first(first_certificate(pem)).contents).children()
            if field.tag != der.VERSION
        ]
        _, end = fields[_BEFORE_VALIDITY].children()
    except IndexError as error:
        raise ValueError(f"{pem} holds no X.509 certificate") from error
    return _time(end.tag, end.contents.decode("ascii"))


class Expiries:
    """When the certificates in use end.

    Args:
        paths: Their PEM files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._ends: Mapping[str, float] = {}
        self.watch(paths)

    def watch(self, paths: Sequence[Path]) -> None:
        """Watch other files from now on."""
        self._paths = paths
        self.reload()

    def reload(self) -> None:
        """Read the files again; one that cannot be read has no end."""
        ends: dict[str, float] = {}
        for path in self._paths:
            try:
                ends[path.name] = not_after_utc(path).timestamp()
            except (ValueError, OSError) as error:
                _log.warning("certificate-expiry-unknown file=%s reason=%s", path.name, error)
        self._ends = ends

    def left_s(self) -> Mapping[str, float]:
        """Give seconds until each ends, by file name."""
        now = time.time()
        return {name: end - now for name, end in self._ends.items()}


def _time(tag: int, text: str) -> dt.datetime:
    if tag == der.UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY else "20") + text
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
