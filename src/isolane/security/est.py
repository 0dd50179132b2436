"""This file writes and reads the messages of EST; it guards that only a request whose sender has the key is read.

Both directions are base64 of DER: a request is PKCS #10, an answer PKCS #7 with certificates and nothing signed.

Source: RFC 7030, 4.1.3, 4.2.1 and 4.2.3; RFC 8951, 3.1 and 3.2.
"""

import base64
import binascii
import warnings
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

REQUEST_BYTES_MAX: Final = 16_384
ANSWER_BYTES_MAX: Final = 262_144
REQUEST_TYPE: Final = "application/pkcs10"
ANSWER_TYPE: Final = "application/pkcs7-mime; smime-type=certs-only"
PATH: Final = "/.well-known/est"
_CERTIFICATES_MAX: Final = 16
_RSA_BITS_MIN, _RSA_BITS_MAX = 2048, 4096

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def write_request(request: x509.CertificateSigningRequest) -> bytes:
    """Write a request."""
    return base64.encodebytes(request.public_bytes(Encoding.DER))


def read_request(data: bytes) -> tuple[x509.CertificateSigningRequest, PublicKey]:
    """Read a request and the key it is for.

    Raises:
        ValueError: It is none, its sender does not have the key, or the key is of a kind nobody here uses.
    """
    request = x509.load_der_x509_csr(_decode(data, REQUEST_BYTES_MAX))
    key = request.public_key()
    is_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    is_rsa = isinstance(key, rsa.RSAPublicKey) and _RSA_BITS_MIN <= key.key_size <= _RSA_BITS_MAX
    if not (is_curve or is_rsa) or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("the key is neither P-256, P-384 nor RSA of 2048 to 4096 bits")
    if not request.is_signature_valid:
        raise ValueError("the request is not signed with its own key")
    return request, key


def write_certificates(certificates: Sequence[x509.Certificate]) -> bytes:
    """Write an answer."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(certificates), Encoding.DER))


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Read an answer.

    Raises:
        ValueError: It is none, or has no certificate or too many.
    """
    der = _decode(data, ANSWER_BYTES_MAX)
    with warnings.catch_warnings():
        # Many servers, OpenSSL's own tools among them, do not sort the set of certificates as DER would.
        warnings.simplefilter("ignore", UserWarning)
        found = pkcs7.load_der_pkcs7_certificates(der)
    if not 0 < len(found) <= _CERTIFICATES_MAX:
        raise ValueError(f"{len(found)} certificates")
    return found


def _decode(data: bytes, bytes_max: int) -> bytes:
    if len(data) > bytes_max:
        raise ValueError(f"more than {bytes_max} bytes")
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
