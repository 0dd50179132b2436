"""This file makes certificates for the keys that RFC 9500 prints, as somebody would who copied one from a page."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PRINTED: dict[str, tuple[ec.EllipticCurve, int]] = {
    "testECCP256": (ec.SECP256R1(), 0xE6CB5BDD80AA45AE9C95E8C15476679FFEC953C16851E711E743939589C64FC1),
    "testECCP384": (
        ec.SECP384R1(),
        0xE2563328DFABF68188606B91324281C1D58A4456431B09D510B35FECC9F307CA1822846FA2671371A9A81BAC0E35749D,
    ),
    "testECCP521": (
        ec.SECP521R1(),
        0x1D924DCCA0A887F8D99767A37D874E637A12CCB477D6E08665356694D68B7655E5069638FDE7B45C854013DC77A35B18655B84C966A60220D40F91ED9F5145802EA,
    ),
}


def write_identity(folder: Path, name: str) -> tuple[Path, Path]:
    """Write certificate and key of a printed key, for 127.0.0.1."""
    curve, number = PRINTED[name]
    key = ec.derive_private_key(number, curve)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    chain, file = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, file
