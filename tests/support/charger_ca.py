"""This file is a CA for chargers that issues and revokes, made with another library than the one it judges."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class ChargerCa:
    """A CA for chargers.

    Args:
        folder: Where its files go.
        name: Its CN.

    Attributes:
        ca: Its certificate, PEM.
    """

    def __init__(self, folder: Path, name: str = "Chargers") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.folder = folder
        now = dt.datetime.now(dt.UTC)
        self.certificate = self._sign(self.name, self.key.public_key(), is_ca=True)
        self.ca = folder / "chargers.pem"
        self.ca.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.now = now

    def issue(self, name: str, organisation: str = "North", *, is_ca: bool = False) -> tuple[Path, Path, int]:
        """Give chain, key and serial number of a new client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
            ]
        )
        certificate = self._sign(subject, key.public_key(), is_ca=is_ca)
        chain, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
        return chain, key_file, certificate.serial_number

    def revoke(self, *serials: int, days: int = 7) -> Path:
        """Give a list of these, which lasts so many days."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        begin = self.now - dt.timedelta(days=30)
        builder = builder.last_update(begin).next_update(self.now + dt.timedelta(days=days))
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(begin).build()
            builder = builder.add_revoked_certificate(revoked)
        crl = self.folder / "crl.pem"
        crl.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return crl

    def sign(self, request: Path) -> Path:
        """Give the certificate for a request, beside it."""
        asked = x509.load_pem_x509_csr(request.read_bytes())
        key = asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        signed = request.with_suffix(".crt")
        certificate = self._sign(asked.subject, key, is_ca=False)
        signed.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return signed

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, is_ca: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        own, above = x509.SubjectKeyIdentifier.from_public_key, x509.AuthorityKeyIdentifier.from_issuer_public_key
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(_usage(is_ca=is_ca), critical=True)
            .add_extension(own(key), critical=False)
            .add_extension(above(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    """Give what a key may be used for; a strict reader wants it said."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
