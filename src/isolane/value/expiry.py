"""This file reads when a certificate ends; it guards that the relay needs no certificate library to know it.

Layout walked, DER (RFC 5280 §4.1)::

    Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version (may be absent), serialNumber INTEGER,
        signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE { notBefore Time, notAfter Time }, ... } ... }
"""

import datetime as dt
import ssl
from pathlib import Path

_VERSION = 0xA0
_UTC_TIME = 0x17
_LONG = 0x80
_END = "-----END CERTIFICATE-----"
_CENTURY = 50
"""RFC 5280 §4.1.2.5.1: a UTCTime year from 50 on is of the twentieth century."""


def not_after_utc(pem: Path) -> dt.datetime:
    """Give the end of the first certificate in a PEM file.

    Raises:
        ValueError: It holds no certificate of this layout.
        OSError: It cannot be read.
    """
    text = pem.read_text(encoding="ascii")
    begin = text.find("-----BEGIN CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(text[begin : text.find(_END, begin) + len(_END)])
    try:
        return _time(*_not_after(der))
    except IndexError as error:
        raise ValueError(f"{pem} holds no X.509 certificate") from error


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Give tag, start and end of the contents of the element at an index."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & _LONG:
        width = length & ~_LONG
        length = int.from_bytes(der[start : start + width], "big")
        start += width
    return tag, start, start + length


def _not_after(der: bytes) -> tuple[int, str]:
    _, at, _ = _element(der, 0)
    _, at, _ = _element(der, at)
    if der[at] == _VERSION:
        at = _element(der, at)[2]
    for _ in ("serialNumber", "signature", "issuer"):
        at = _element(der, at)[2]
    _, at, _ = _element(der, at)
    tag, start, end = _element(der, _element(der, at)[2])
    return tag, der[start:end].decode("ascii")


def _time(tag: int, text: str) -> dt.datetime:
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY else "20") + text
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
